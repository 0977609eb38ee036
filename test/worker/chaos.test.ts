/**
 * The worker's machine under random faults: answers late and out of order, lost and failing calls, an engine that goes away, zombies, crashes at any moment.
 * After every effect the safety invariants hold; once the faults end, everything is as the manager wants it.
 */
import { expect, test } from "bun:test";
import type { FailureKind } from "../../src/core/failure.ts";
import { seededDraw } from "../../src/core/jitter.ts";
import { DEFAULT_RESTART } from "../../src/core/spec.ts";
import { DESIRED_STATES, isTerminal, type TaskFact } from "../../src/core/task.ts";
import type { Assignment } from "../../src/protocol/messages.ts";
import { assignment, Driver } from "./driver.ts";
import type { ScriptedEngine } from "./scripted-engine.ts";

const SEEDS = 150;
const STEPS = 120;
const OPERATIONS = ["list", "pull", "create", "start", "stop", "remove", "inspect"];
const KINDS: readonly FailureKind[] = ["unavailable", "transient", "port_taken"];

const health = {
  probe: { kind: "tcp", port: 1 } as const,
  intervalMs: 2_000,
  timeoutMs: 500,
  retries: 2,
  startPeriodMs: 0,
};

class Chaos {
  readonly #draw: () => number;
  #driver = new Driver();
  /** What the manager wants. */
  readonly #wanted = new Map<string, Assignment>();
  readonly #position = new Map<string, TaskFact>();
  readonly #running = new Set<string>();
  #linked = true;
  #reported = 0;
  #unhealthy = 0;

  constructor(seed: number) {
    this.#draw = seededDraw(seed);
    this.#arm(this.#driver);
    this.#driver.begin().welcome();
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) {
      this.#act();
      this.#checkReports();
    }
    this.#heal();
  }

  get #engine(): ScriptedEngine {
    return this.#driver.engine;
  }

  #arm(driver: Driver): void {
    driver.slow = true;
    driver.check = () => this.#checkEngine();
  }

  #act(): void {
    const choice = this.#below(17);
    if (choice < 4) this.#driver.deliver(this.#below(Math.max(1, this.#driver.answers.length)));
    else if (choice < 6) this.#driver.write();
    else if (choice < 8) this.#driver.pass(this.#below(5_000));
    else if (choice === 8) this.#change();
    else if (choice === 9) this.#end();
    else if (choice === 10) this.#fail();
    else if (choice === 11) this.#engine.down = this.#chance(0.3);
    else if (choice === 12) this.#disturb();
    else if (choice === 13) this.#relink();
    else if (choice === 14) this.#vanish();
    // A timer that is late: time goes on and no tick comes.
    else if (choice === 15) this.#driver.monoMs += this.#below(5_000);
    else this.#crash();
  }

  #change(): void {
    const id = `t${this.#below(4)}`;
    const old = this.#wanted.get(id);
    if (old === undefined) this.#wanted.set(id, this.#fresh(id));
    else if (this.#chance(0.5)) this.#wanted.set(id, { ...old, restartSerial: old.restartSerial + 1 });
    else if (this.#chance(0.3)) this.#wanted.set(id, { ...old, desired: this.#higher(old) });
    this.#tell();
  }

  #fresh(id: string): Assignment {
    const condition = this.#chance(0.2) ? ("on-failure" as const) : ("always" as const);
    const restart = { ...DEFAULT_RESTART, condition, attempts: 1_000_000 };
    return assignment(id, { restart, health: this.#chance(0.3) ? health : null });
  }

  #higher({ desired }: Assignment): Assignment["desired"] {
    return DESIRED_STATES[Math.min(DESIRED_STATES.length - 1, DESIRED_STATES.indexOf(desired) + 1)] ?? "remove";
  }

  #tell(): void {
    if (!this.#linked) return;
    const put = [...this.#wanted.values()].map((one) => {
      const known = this.#position.get(one.taskId);
      return known === undefined ? one : { ...one, known };
    });
    this.#driver.assign(...put);
  }

  #end(): void {
    const live = this.#engine.live();
    const one = live[this.#below(Math.max(1, live.length))];
    if (one === undefined) return;
    this.#engine.die(one.of.taskId, this.#chance(0.3) ? 0 : 1);
    const { of, instanceId } = one;
    // Engines forget to tell, and tell twice.
    for (let told = this.#below(3); told > 0; told--) {
      this.#driver.answers.push({ kind: "died", of, runtime: "docker", instanceId });
    }
  }

  /** Somebody removes a container by hand. */
  #vanish(): void {
    const ids = [...this.#engine.made.keys()];
    const id = ids[this.#below(Math.max(1, ids.length))];
    if (id === undefined || this.#chance(0.5)) return;
    this.#engine.made.delete(id);
    this.#engine.starts.delete(id);
    this.#running.delete(id);
  }

  #fail(): void {
    const operation = OPERATIONS[this.#below(OPERATIONS.length)] ?? "list";
    const kind = KINDS[this.#below(KINDS.length)] ?? "transient";
    // What succeeded after all may be told as unknown, never as a definite refusal.
    const done = this.#chance(0.5) && (kind === "unavailable" || kind === "transient");
    if (kind === "port_taken" && operation !== "start") return;
    this.#engine.failNext(operation, { kind, message: `${operation} fails` }, done);
  }

  #disturb(): void {
    this.#engine.zombies = this.#chance(0.2);
    this.#driver.probe = this.#chance(0.3) ? { kind: "transient", message: "refused" } : null;
    if (this.#driver.probe !== null) this.#unhealthy += 1;
    if (this.#chance(0.3)) this.#driver.answers.push({ kind: "resync", runtime: "docker" });
  }

  #relink(): void {
    this.#linked = !this.#linked;
    this.#driver.feed({ kind: this.#linked ? "linked" : "unlinked" });
    if (this.#linked) this.#driver.welcome();
    this.#tell();
  }

  #crash(): void {
    const { probe } = this.#driver;
    this.#checkReports();
    if (this.#chance(0.1)) this.#driver.journal = [];
    this.#driver = this.#driver.reborn();
    this.#reported = 0;
    this.#driver.probe = probe;
    this.#arm(this.#driver);
    this.#linked = true;
    this.#driver.begin().welcome();
    this.#tell();
  }

  /** S3 and S4, and that nothing is started twice. */
  #checkEngine(): void {
    const live = this.#engine.live().map((one) => one.of.taskId);
    if (new Set(live).size !== live.length) throw new Error(`two live instances of one task: ${live.join(", ")}`);
    for (const [id, count] of this.#engine.starts) if (count > 1) throw new Error(`${id} was started ${count} times`);
    this.#checkStops(new Set(this.#engine.live().map((one) => one.instanceId)));
  }

  /** Nothing that runs is ended by the worker without a reason: an order, or a failed check. */
  #checkStops(live: ReadonlySet<string>): void {
    const last = this.#driver.effects.at(-1);
    if (last?.kind === "stop" && this.#running.has(last.instanceId) && !live.has(last.instanceId)) {
      const wanted = this.#wanted.get(last.of.taskId);
      const ordered = wanted === undefined || wanted.desired !== "run" || wanted.restartSerial > 0;
      if (!ordered && (wanted.spec.health === null || this.#unhealthy === 0))
        throw new Error(`${last.instanceId} was stopped without a reason`);
    }
    this.#running.clear();
    for (const id of live) this.#running.add(id);
  }

  /** S9 as a manager sees it: no incarnation falls, and an end stays an end. */
  #checkReports(): void {
    const reports = this.#driver.reports();
    for (const report of reports.slice(this.#reported)) {
      for (const id of report.removed) this.#position.delete(id);
      for (const fact of report.facts) {
        const { taskId, incarnation, state } = fact;
        const before = this.#position.get(taskId);
        if (before !== undefined && incarnation < before.incarnation)
          throw new Error(`${taskId} falls to incarnation ${incarnation}`);
        if (before !== undefined && isTerminal(before.state) && state !== before.state) {
          throw new Error(`${taskId} was ${before.state} and is ${state}`);
        }
        this.#position.set(taskId, fact);
      }
    }
    this.#reported = reports.length;
  }

  #heal(): void {
    const driver = this.#driver;
    this.#engine.heal();
    driver.probe = null;
    for (let round = 0; round < 400; round++) {
      while (driver.answers.length > 0 || driver.lane.length > 0) driver.write().deliver(0);
      driver.pass(5_000);
      if (round === 0 && !this.#linked) this.#relink();
      if (round === 1) this.#tell();
    }
    this.#checkReports();
    for (const wanted of this.#wanted.values()) this.#checkEnd(wanted);
    for (const one of this.#engine.live()) {
      if (!this.#wanted.has(one.of.taskId)) throw new Error(`${one.instanceId} runs and nobody wants it`);
    }
  }

  #checkEnd({ taskId, desired }: Assignment): void {
    const known = this.#driver.machine.tasks().find((fact) => fact.taskId === taskId);
    const live = this.#engine.live(taskId).length;
    const at = `${taskId} (wanted: ${desired}) ends at ${known?.state ?? "nothing"} with ${live} live`;
    if (desired === "run" && !isTerminal(known?.state ?? "pending") && (known?.state !== "running" || live !== 1))
      throw new Error(at);
    if (desired === "run" && isTerminal(known?.state ?? "pending") && live !== 0) throw new Error(at);
    if (desired === "stop" && (!isTerminal(known?.state ?? "pending") || live !== 0)) throw new Error(at);
    if (desired === "remove" && (known !== undefined || this.#engine.of(taskId).length > 0)) throw new Error(at);
    if (known !== undefined && this.#engine.of(taskId).length > 3)
      throw new Error(`${at}: too many dead ones are kept`);
  }

  #below(limit: number): number {
    return Math.floor(this.#draw() * limit);
  }

  #chance(share: number): boolean {
    return this.#draw() < share;
  }
}

test("chaos: under random faults nothing lives twice or falls, and afterwards all is as it is wanted", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      new Chaos(seed).run();
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
  expect(SEEDS).toBeGreaterThan(0);
});
