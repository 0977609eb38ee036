/**
 * The manager's asynchronous half: it owns the store, the links and one timer, feeds the machine, and releases effects once what justifies them is durable.
 * It decides nothing. After a failed or unknown commit the machine is thrown away and made anew from the store: the same path as a crash.
 */
import type { Double } from "../core/adopt-task.ts";
import { apply, type Cluster, emptyCluster } from "../core/cluster.ts";
import { ok, type Result } from "../core/failure.ts";
import type { Node } from "../core/node.ts";
import type { Scheduler } from "../core/schedule.ts";
import type { ManagerIdentity } from "../protocol/messages.ts";
import type { Command, CommandResult, ManagerAccess, ManagerNews, ManagerStatus, Observation } from "./commands.ts";
import { LONGEST_TIMER_MS, MAX_RECOVERY_DELAY_MS, RECOVERY_DELAY_MS } from "./host-limits.ts";
import { ManagerMachine, type Tick } from "./machine.ts";
import type { Clock, Log, Store, StoreContents, TakeOver, WorkerLinks } from "./ports.ts";
import type { ManagerEffect } from "./sessions.ts";

export interface ManagerHostOptions {
  readonly store: Store;
  readonly links: WorkerLinks;
  readonly clock: Clock;
  readonly log: Log;
  readonly scheduler: Scheduler;
  readonly clusterId: string;
  /** Of this process, new at each start. */
  readonly instanceId: string;
  /** Milliseconds between heartbeats. */
  readonly heartbeatMs: number;
  /** Whether the manager's own worker goes on taking tasks once a node has joined from elsewhere. */
  readonly keepLocalWorker: boolean;
  /** After an adoption: how the store is loaded the first time, and what people should know of it. */
  readonly takeOver?: TakeOver & { readonly notice: string; readonly doubles: readonly Double[] };
}

const ENDING: CommandResult = {
  ok: false,
  code: "unavailable",
  message: "the manager is ending",
  hint: "start it again: cube",
};

/** `reason`: what the store said. */
function unknown(reason: string): CommandResult {
  const message = `it is not known whether this was kept: ${reason}`;
  return { ok: false, code: "unavailable", message, hint: "look before you repeat it" };
}

/** A running manager. Made by `openManager`. */
export class ManagerHost implements ManagerAccess {
  readonly #options: ManagerHostOptions;
  readonly #listeners = new Set<(news: ManagerNews) => void>();
  readonly #replies = new Map<number, (result: CommandResult) => void>();
  readonly #linkIds = new Set<string>();
  #machine: ManagerMachine;
  #status: ManagerStatus;
  #tickets = 0;
  #scheduled = false;
  #committing: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #recovery: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #caution = "";
  #links: Disposable | undefined;

  constructor(options: ManagerHostOptions, contents: StoreContents) {
    this.#options = options;
    this.#machine = this.#takeOver(contents);
    this.#status = this.#statusOf(contents);
    if (contents.retry) this.#recoverLater(RECOVERY_DELAY_MS);
  }

  /** Opens the links and begins to turn. */
  start(): void {
    this.#links = this.#options.links.open({
      onMessage: (linkId, message) => {
        this.#linkIds.add(linkId);
        this.#receive({ kind: "message", linkId, message });
      },
      onClosed: (linkId) => {
        this.#linkIds.delete(linkId);
        this.#receive({ kind: "closed", linkId });
      },
    });
    this.#wake();
  }

  async read(): Promise<Cluster> {
    while (this.#committing !== undefined) await this.#committing;
    return this.#machine.cluster;
  }

  status(): ManagerStatus {
    return { ...this.#status, revision: this.#machine.revision, caution: this.#machine.caution };
  }

  /** Who this manager is just now; null while its store takes no commits. */
  identity(): ManagerIdentity | null {
    return this.#status.health === "ok" ? this.#machine.identity : null;
  }

  /** A node's record, for links that come in: whether it has joined, and as which machine. */
  node(nodeId: string): Node | undefined {
    return this.#machine.cluster.nodes.get(nodeId);
  }

  observations(): ReadonlyMap<string, Observation> {
    return this.#machine.observations;
  }

  execute(command: Command, actor: string): Promise<CommandResult> {
    if (this.#closed) return Promise.resolve(ENDING);
    if (this.#status.health !== "ok") return Promise.resolve(this.#refusal());
    return new Promise((resolve) => {
      const ticket = ++this.#tickets;
      this.#replies.set(ticket, resolve);
      this.#receive({ kind: "command", ticket, command, actor });
    });
  }

  log(after: number, limit: number): ReturnType<Store["log"]> {
    return this.#options.store.log(after, limit);
  }

  subscribe(listener: (news: ManagerNews) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Lets the commit under way finish, then closes the store. Commands without an answer are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#recovery);
    this.#links?.[Symbol.dispose]();
    while (this.#committing !== undefined) await this.#committing;
    this.#refuseAll(ENDING);
    await this.#options.store.close();
  }

  #receive(input: Parameters<ManagerMachine["receive"]>[0]): void {
    if (this.#closed) return;
    // A heartbeat only moves deadlines away: it is no reason for a turn by itself, and there are many of them.
    const isHeartbeat = input.kind === "message" && input.message.kind === "heartbeat";
    // Nothing else would be looked at: once the store is open again every worker says all that it knows over a new link.
    if (!isHeartbeat && this.#status.health !== "ok") return;
    this.#machine.receive(input, this.#options.clock.now());
    if (!isHeartbeat || this.#machine.hasWork) this.#wake();
  }

  #wake(): void {
    if (this.#scheduled || this.#committing || this.#closed || this.#status.health !== "ok") return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#closed || this.#committing || this.#status.health !== "ok") return;
    const tick = this.#machine.tick(this.#options.clock.now());
    this.#noteCaution();
    if (tick.changes.length === 0) {
      this.#release(tick.effects);
      this.#rest();
      return;
    }
    this.#committing = this.#commit(tick).finally(() => {
      this.#committing = undefined;
      this.#rest();
    });
  }

  /** Whoever has only the log must find there that the manager slept, was cut off or is not followed, and when that was over. */
  #noteCaution(): void {
    const { caution } = this.#machine;
    if (caution === this.#caution) return;
    this.#caution = caution;
    if (caution === "") this.#options.log.info("absences of nodes are acted on again");
    else if (caution.startsWith("settling")) this.#options.log.info(caution);
    else this.#options.log.warn(caution);
  }

  /** Turns again at once while there is work, else when the next deadline comes. */
  #rest(): void {
    clearTimeout(this.#timer);
    if (this.#machine.hasWork) {
      this.#wake();
      return;
    }
    const atMs = this.#machine.nextWakeMs();
    if (atMs === null || this.#closed || this.#status.health !== "ok") return;
    const inMs = Math.max(1, atMs - this.#options.clock.now().monoMs);
    this.#timer = setTimeout(() => this.#wake(), Math.min(inMs, LONGEST_TIMER_MS));
  }

  async #commit(tick: Tick): Promise<void> {
    const outcome = await this.#options.store.commit({ changes: tick.changes });
    if (outcome.kind === "committed") {
      this.#release(tick.effects);
      this.#publish({ kind: "committed", changes: tick.changes, cluster: this.#machine.cluster });
      return;
    }
    for (const change of tick.undo) apply(this.#machine.cluster, change);
    this.#options.log.error(`commit ${outcome.kind}: ${outcome.reason}`);
    const fenced = outcome.kind === "fenced";
    this.#setStatus(fenced ? "read-only" : "recovering", outcome.reason);
    if (outcome.kind === "unknown") this.#leaveOpen(tick.effects, outcome.reason);
    this.#refuseAll(this.#refusal());
    if (!fenced) this.#recoverLater(RECOVERY_DELAY_MS);
  }

  #release(effects: readonly ManagerEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "send") this.#options.links.send(effect.linkId, effect.message);
      else if (effect.kind === "close") this.#options.links.close(effect.linkId);
      else this.#reply(effect.ticket, effect.result);
    }
  }

  #reply(ticket: number, result: CommandResult): void {
    this.#replies.get(ticket)?.(result);
    this.#replies.delete(ticket);
  }

  #refuseAll(result: CommandResult): void {
    for (const ticket of [...this.#replies.keys()]) this.#reply(ticket, result);
  }

  /** What the batch was to answer may be on disk, and then counts once the store is open again. */
  #leaveOpen(effects: readonly ManagerEffect[], reason: string): void {
    for (const effect of effects)
      if (effect.kind === "reply") this.#reply(effect.ticket, effect.result.ok ? unknown(reason) : effect.result);
  }

  #recoverLater(delayMs: number): void {
    this.#recovery = setTimeout(() => void this.#recover(delayMs), delayMs);
  }

  async #recover(delayMs: number): Promise<void> {
    if (this.#closed) return;
    const loaded = await this.#options.store.load();
    if (this.#closed) return;
    if (!loaded.ok) {
      this.#setStatus("recovering", loaded.failure.message);
      this.#recoverLater(Math.min(MAX_RECOVERY_DELAY_MS, delayMs * 2));
      return;
    }
    if (loaded.value.retry) {
      this.#setStatus("recovering", loaded.value.problem);
      this.#recoverLater(Math.min(MAX_RECOVERY_DELAY_MS, delayMs * 2));
      return;
    }
    this.#machine = this.#takeOver(loaded.value);
    // What was done when the process started is still to be known.
    this.#status = { ...this.#statusOf(loaded.value), notice: loaded.value.notice || this.#status.notice };
    this.#options.log.info(`the store is open again at revision ${loaded.value.revision}`);
    this.#publish({ kind: "reloaded" });
    // Each worker says hello anew and reports all that it knows: nothing that was said meanwhile is missed.
    for (const linkId of [...this.#linkIds]) this.#options.links.close(linkId);
    this.#wake();
  }

  #takeOver(contents: StoreContents): ManagerMachine {
    if (contents.problem !== "") this.#options.log.error(contents.problem);
    if (contents.notice) this.#options.log.warn(contents.notice);
    const cluster = emptyCluster();
    for (const change of contents.records) apply(cluster, change);
    const { clusterId, instanceId, scheduler, heartbeatMs, keepLocalWorker, clock, takeOver } = this.#options;
    return new ManagerMachine(cluster, {
      identity: { clusterId, instanceId, term: contents.term, lineage: contents.lineage, ...markOf(contents) },
      past: contents.past ?? [],
      scheduler,
      heartbeatMs,
      keepLocalWorker,
      doubles: takeOver?.doubles ?? [],
      revision: contents.revision,
      time: clock.now(),
    });
  }

  #statusOf(contents: StoreContents): ManagerStatus {
    const broken = contents.retry ? "recovering" : "read-only";
    const health = contents.problem === "" ? "ok" : broken;
    return {
      clusterId: this.#options.clusterId,
      scheduler: this.#options.scheduler.name,
      revision: contents.revision,
      health,
      problem: contents.problem,
      caution: "",
      notice: contents.notice ?? "",
    };
  }

  #setStatus(health: ManagerStatus["health"], problem: string): void {
    this.#status = { ...this.#status, health, problem };
    this.#publish({ kind: "status" });
  }

  #refusal(): CommandResult {
    const { problem } = this.#status;
    return {
      ok: false,
      code: "read_only",
      message: `nothing can be changed now: ${problem}`,
      hint: "tasks go on as they are",
    };
  }

  #publish(news: ManagerNews): void {
    for (const listener of this.#listeners) listener(news);
  }
}

function markOf({ past }: StoreContents): { readonly mark?: string } {
  const mark = past?.at(-1)?.mark;
  return mark === undefined ? {} : { mark };
}

/** Loads the store and makes a manager of it; the failure is the store's own, `conflict` when another process has it. */
export async function openManager(options: ManagerHostOptions): Promise<Result<ManagerHost>> {
  const { store, takeOver } = options;
  const loaded = await store.load(takeOver);
  if (!loaded.ok) return loaded;
  const notice = [loaded.value.notice ?? "", takeOver?.notice ?? ""].filter((text) => text !== "").join(". ");
  return ok(new ManagerHost(options, { ...loaded.value, notice }));
}
