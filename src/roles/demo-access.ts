/**
 * The manager of a simulated cluster as UI and CLI see any manager: durable state, commands, the log of changes. What is asked of it is lived through at once,
 * however slowly the cluster's time passes. It keeps the log that a real one has in its store.
 */
import type { LoggedChange } from "../core/change.ts";
import type { Cluster } from "../core/cluster.ts";
import type {
  Command,
  CommandResult,
  ManagerAccess,
  ManagerNews,
  ManagerStatus,
  Observation,
} from "../manager/commands.ts";
import type { DemoCluster } from "../sim/demo.ts";
import { CLUSTER, MANAGER } from "../sim/simulation.ts";
import type { SimEvent } from "../sim/trace.ts";

/** Changes that are kept; the oldest go first. */
const CHANGES_KEPT = 100_000;

export class DemoAccess implements ManagerAccess {
  readonly #demo: DemoCluster;
  readonly #listeners = new Set<(news: ManagerNews) => void>();
  readonly #waiting = new Set<(result: CommandResult) => void>();
  #log: LoggedChange[] = [];
  #revision = 0;
  #caution = "";

  /** Hears all that happens from now on; what happened before is in the log that is given. */
  constructor(demo: DemoCluster) {
    this.#demo = demo;
    this.#keep(demo.changes);
    demo.sim.watch((event) => this.#hear(event));
  }

  /** Why nobody can ask the manager anything just now; "" when somebody can. */
  get away(): string {
    const { process } = this.#manager.parts;
    if (!process.alive) return "it was killed in this demo, and is back in a moment";
    return process.stopped ? "its laptop sleeps, in this demo" : "";
  }

  async read(): Promise<Cluster> {
    const { machine } = this.#manager;
    if (this.away !== "" || machine === null) throw new Error(this.away || "the manager is on its way up");
    return machine.cluster;
  }

  status(): ManagerStatus {
    const { machine, isOk } = this.#manager;
    return {
      clusterId: CLUSTER,
      scheduler: this.#demo.sim.plan.manager.scheduler,
      revision: machine?.revision ?? this.#revision,
      health: isOk ? "ok" : "recovering",
      problem: this.away,
      caution: machine?.caution ?? "",
      notice: "",
    };
  }

  /** With the moments of this machine's monotonic clock. */
  observations(): ReadonlyMap<string, Observation> {
    const { machine, parts } = this.#manager;
    const offsetMs = performance.now() - parts.clock.monoMs;
    return new Map(
      [...(machine?.observations ?? [])].map(([node, seen]) => [
        node,
        { ...seen, seenMonoMs: seen.seenMonoMs + offsetMs },
      ]),
    );
  }

  execute(command: Command, actor: string): Promise<CommandResult> {
    if (this.away !== "") return Promise.resolve(this.#refusal());
    return new Promise((resolve) => {
      const answer = (result: CommandResult): void => {
        if (this.#waiting.delete(answer)) resolve(result);
      };
      this.#waiting.add(answer);
      this.#manager.execute(command, answer, actor);
      this.#demo.settle(() => !this.#waiting.has(answer) && !this.#manager.isCommitting);
    });
  }

  async log(after: number, limit: number): Promise<readonly LoggedChange[] | null> {
    const first = this.#log[0]?.revision;
    if (first === undefined || after < first - 1) return null;
    // Revisions have no gaps.
    return this.#log.slice(after + 1 - first, after + 1 - first + limit);
  }

  subscribe(listener: (event: ManagerNews) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Says so when the manager has begun or ceased to be cautious: no change of a record tells that. */
  look(): void {
    const caution = this.#manager.machine?.caution ?? "";
    if (caution === this.#caution) return;
    this.#caution = caution;
    this.#publish({ kind: "status" });
  }

  /** Says that the manager is away, or there again: mirrors start over. */
  startOver(): void {
    this.#publish({ kind: "reloaded" });
  }

  get #manager() {
    return this.#demo.sim.manager.manager;
  }

  #hear(event: SimEvent): void {
    if (event.kind === "durable" && event.manager === MANAGER) this.#durable(event.changes);
    else if (event.kind === "took-over" && event.manager === MANAGER) this.startOver();
    else if (event.kind === "process" && event.who === MANAGER && event.what === "dies") this.#died();
  }

  #durable(changes: readonly LoggedChange[]): void {
    this.#keep(changes);
    const cluster = this.#manager.machine?.cluster;
    if (cluster !== undefined) this.#publish({ kind: "committed", changes, cluster });
  }

  #died(): void {
    for (const answer of [...this.#waiting]) answer(this.#refusal());
    this.startOver();
  }

  #keep(changes: readonly LoggedChange[]): void {
    this.#log.push(...changes);
    if (this.#log.length > 2 * CHANGES_KEPT) this.#log = this.#log.slice(-CHANGES_KEPT);
    this.#revision = changes.at(-1)?.revision ?? this.#revision;
  }

  #refusal(): CommandResult {
    return { ok: false, code: "unavailable", message: `the manager is away: ${this.away}`, hint: "ask again then" };
  }

  #publish(news: ManagerNews): void {
    for (const listener of this.#listeners) listener(news);
  }
}
