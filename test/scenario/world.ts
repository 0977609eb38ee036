/**
 * Both machines on one virtual clock: the real manager, the real worker, a scripted engine, a store and a journal that survive crashes.
 * The thinnest host there can be; every message and every effect is delivered in order, one at a time.
 */
import type { LoggedChange } from "../../src/core/change.ts";
import { apply, type Cluster, emptyCluster } from "../../src/core/cluster.ts";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import { type Adopted, Adoption } from "../../src/manager/adoption.ts";
import type { Command, CommandResult } from "../../src/manager/commands.ts";
import { ManagerMachine } from "../../src/manager/machine.ts";
import type { ManagerMessage, WorkerMessage } from "../../src/protocol/messages.ts";
import type { JournalRecord, WorkerEffect, WorkerEvent } from "../../src/worker/effects.ts";
import { WorkerMachine } from "../../src/worker/machine.ts";
import { FACTS } from "../worker/driver.ts";
import { ScriptedEngine } from "../worker/scripted-engine.ts";

const MANAGER = {
  identity: { clusterId: "c1", instanceId: "m1", term: 1, lineage: "l1" },
  scheduler: SCHEDULERS.epvm,
  heartbeatMs: 2_000,
  keepLocalWorker: false,
};

const ADOPTION = {
  clusterId: "c1",
  actor: "operator",
  localWorker: true,
  remoteWorkers: false,
  keepLocalWorker: false,
};

export class World {
  readonly engine = new ScriptedEngine();
  /** Lines that a person saw. */
  readonly events: string[] = [];
  monoMs = 1_000;
  #rows: Cluster = emptyCluster();
  #revision = 0;
  #lineage = "l1";
  #lineages = 1;
  /** Everything that was ever committed to the present store, and under which term. */
  #history: (LoggedChange & { readonly term: number })[] = [];
  /** Revisions at the ends of commits: a store is never seen in between. */
  #commits: number[] = [];
  #journal: JournalRecord[] = [];
  #term = 0;
  #link = 0;
  #manager: ManagerMachine;
  #worker: WorkerMachine;
  #toWorker: ManagerMessage[] = [];
  #toManager: WorkerMessage[] = [];
  #workerEvents: WorkerEvent[] = [];
  #reply: CommandResult | undefined;

  constructor() {
    this.#manager = this.#newManager();
    this.#worker = this.#newWorker();
    this.#connect();
  }

  /** Asks the manager for something and lets everything follow that needs no time. */
  command(command: Command): CommandResult {
    this.#manager.receive({ kind: "command", ticket: 1, command, actor: "test" }, this.#time());
    this.settle();
    if (!this.#reply) throw new Error("no answer");
    return this.#reply;
  }

  /** The manager's process dies: what was durable is all that the next one knows. */
  crashManager(): void {
    this.#toWorker = [];
    this.#toManager = [];
    this.#workerEvents.push({ kind: "unlinked" });
    this.#drainWorker();
    this.#manager = this.#newManager();
    this.#connect();
  }

  /** The worker's process dies; its containers live on. */
  crashWorker(): void {
    this.#manager.receive({ kind: "closed", linkId: this.#linkId() }, this.#time());
    this.#toWorker = [];
    this.#toManager = [];
    this.#workerEvents = [];
    this.#worker = this.#newWorker();
    this.#connect();
  }

  /** Both, as when `cube` itself is killed. */
  crash(): void {
    this.#toWorker = [];
    this.#toManager = [];
    this.#workerEvents = [];
    this.#manager = this.#newManager();
    this.#worker = this.#newWorker();
    this.#connect();
  }

  /** The newest revision that is durable. */
  get revision(): number {
    return this.#revision;
  }

  /** `cube` is stopped, its store is deleted but its keys are kept, and it is started again. */
  emptyStore(): void {
    this.#history = [];
    this.#term = 0;
    this.#lineage = `l${++this.#lineages}`;
    this.#replay();
    this.crash();
  }

  /** The same with a copy of the store from when it was at that revision, or at the end of the commit before. */
  rollBack(revision: number): void {
    const end = Math.max(0, ...this.#commits.filter((commit) => commit <= revision));
    this.#commits = this.#commits.filter((commit) => commit <= end);
    this.#history = this.#history.filter((logged) => logged.revision <= end);
    this.#term = this.#history.at(-1)?.term ?? 1;
    this.#replay();
    this.crash();
  }

  /** Somebody starts a copy of the data directory beside this manager, and the worker comes to speak to that one. */
  startCopy(): void {
    this.#toWorker = [];
    this.#toManager = [];
    this.#workerEvents.push({ kind: "unlinked" });
    this.#drainWorker();
    this.#term--;
    this.#manager = this.#newManager("copy");
    this.#connect();
  }

  /** Starts `cube` with --adopt. */
  adopt(): Adopted {
    const adoption = new Adoption(this.#stored(), ADOPTION);
    this.#toWorker = [];
    this.#toManager = [];
    this.#workerEvents = [{ kind: "tick" }, { kind: "linked" }];
    this.#worker = this.#newWorker();
    for (let round = 0; !adoption.isComplete; round++) {
      if (round > 100) throw new Error("the worker does not answer");
      this.#drainWorker();
      for (const message of this.#toManager.splice(0)) {
        for (const effect of adoption.receive("adopting", message)) {
          if (effect.kind === "send") this.#toWorker.push(effect.message);
        }
      }
    }
    const adopted = adoption.finish(this.#time().wallMs);
    for (const draft of adopted.drafts) this.#commit({ revision: this.#revision + 1, atMs: 0, ...draft });
    this.#term = Math.max(this.#term, adopted.aboveTerm);
    this.#lineage = `l${++this.#lineages}`;
    this.crash();
    return adopted;
  }

  /** Why absent or unwilling nodes are not acted on. */
  get caution(): string {
    return this.#manager.caution;
  }

  /** A container ends by itself and the engine says so. */
  die(taskId: string, exitCode: number): void {
    const of = this.engine.die(taskId, exitCode);
    this.#workerEvents.push({ kind: "died", of, runtime: "docker", instanceId: `${taskId}-${of.incarnation}` });
    this.settle();
  }

  /** Lets time pass, stopping at every deadline of either machine. */
  pass(ms: number): void {
    const end = this.monoMs + ms;
    for (;;) {
      const beat = this.monoMs + MANAGER.heartbeatMs;
      const next = Math.min(this.#manager.nextWakeMs() ?? end, this.#worker.nextWakeMs() ?? end, beat, end);
      this.monoMs = Math.max(next, this.monoMs + 1);
      this.#toManager.push({ kind: "heartbeat", metrics: null, progress: [] });
      this.#workerEvents.push({ kind: "tick" });
      this.settle();
      if (this.monoMs >= end) return;
    }
  }

  /** Newest attempts, in words: name, attempt, incarnation, state. */
  get tasks(): string[] {
    const { jobs, slots, tasks } = this.#manager.cluster;
    return [...slots.values()].map((slot) => {
      const task = tasks.get(slot.taskId);
      return `${jobs.get(slot.jobId)?.spec.name} #${slot.attempt} ${task?.fact.incarnation}:${task?.fact.state}`;
    });
  }

  /** Id of the only task, or of the newest attempt in the first slot. */
  get taskId(): string {
    const [slot] = this.#manager.cluster.slots.values();
    if (!slot) throw new Error("no slot");
    return slot.taskId;
  }

  get cluster(): Cluster {
    return this.#manager.cluster;
  }

  settle(): void {
    for (let round = 0; round < 10_000; round++) {
      this.#tickManager();
      this.#drainWorker();
      const quiet = this.#toManager.length + this.#toWorker.length + this.#workerEvents.length === 0;
      if (quiet && !this.#manager.hasWork) return;
    }
    throw new Error("the machines never come to rest");
  }

  #newManager(kind = "m"): ManagerMachine {
    this.#term++;
    const lineage = this.#lineage;
    const identity = { ...MANAGER.identity, lineage, term: this.#term, instanceId: `${kind}${this.#term}-${lineage}` };
    return new ManagerMachine(this.#stored(), { ...MANAGER, identity, revision: this.#revision, time: this.#time() });
  }

  #stored(): Cluster {
    const cluster = emptyCluster();
    for (const job of this.#rows.jobs.values()) apply(cluster, { kind: "job.put", job });
    for (const slot of this.#rows.slots.values()) apply(cluster, { kind: "slot.put", slot });
    for (const task of this.#rows.tasks.values()) apply(cluster, { kind: "task.put", task });
    for (const node of this.#rows.nodes.values()) apply(cluster, { kind: "node.put", node });
    return cluster;
  }

  #replay(): void {
    this.#rows = emptyCluster();
    for (const logged of this.#history) apply(this.#rows, logged.change);
    this.#revision = this.#history.at(-1)?.revision ?? 0;
  }

  #commit(logged: LoggedChange): void {
    const durable: LoggedChange = JSON.parse(JSON.stringify(logged));
    this.#history.push({ ...durable, term: this.#term });
    apply(this.#rows, durable.change);
    this.#revision = logged.revision;
    if (logged.text !== "") this.events.push(logged.text);
  }

  #newWorker(): WorkerMachine {
    const worker = new WorkerMachine({ facts: FACTS, startsAtATime: 4, seed: 7 });
    worker.restore(this.#journal, this.#time());
    return worker;
  }

  #connect(): void {
    this.#link++;
    this.#workerEvents.push({ kind: "tick" }, { kind: "linked" });
    this.settle();
  }

  #tickManager(): void {
    for (const message of this.#toManager.splice(0)) {
      this.#manager.receive({ kind: "message", linkId: this.#linkId(), message }, this.#time());
    }
    const tick = this.#manager.tick(this.#time());
    for (const logged of tick.changes) this.#commit(logged);
    this.#commits.push(this.#revision);
    for (const effect of tick.effects) {
      if (effect.kind === "reply") this.#reply = effect.result;
      else if (effect.kind === "send" && effect.linkId === this.#linkId()) this.#toWorker.push(effect.message);
    }
  }

  #drainWorker(): void {
    for (const message of this.#toWorker.splice(0)) this.#workerEvents.push({ kind: "message", message });
    for (let event = this.#workerEvents.shift(); event; event = this.#workerEvents.shift()) {
      for (const effect of this.#worker.handle(event, this.#time())) this.#perform(effect);
    }
  }

  #perform(effect: WorkerEffect): void {
    if (effect.kind === "send") this.#toManager.push(effect.message);
    else if (effect.kind === "compact") this.#journal = JSON.parse(JSON.stringify(effect.records));
    else if (effect.kind === "journal") {
      this.#journal.push(...JSON.parse(JSON.stringify(effect.records)));
      this.#workerEvents.push({ kind: "journaled", number: effect.number });
    } else if (effect.kind === "probe") {
      this.#workerEvents.push({ kind: "probed", of: effect.of, failure: this.unwell });
    } else {
      const event = this.engine.perform(effect);
      if (event) this.#workerEvents.push(event);
    }
  }

  /** What every probe finds; null for health. */
  unwell: { kind: "transient"; message: string } | null = null;

  #linkId(): string {
    return `link-${this.#link}`;
  }

  #time() {
    return { monoMs: this.monoMs, wallMs: 1_700_000_000_000 + this.monoMs, bootId: "boot" };
  }
}
