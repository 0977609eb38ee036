/**
 * The whole of a run: machines, network, disks, engines, managers and workers, wired together on one queue. It has no opinion on what is right; whoever
 * checks listens to what happens.
 */
import type { NodeFacts } from "../core/node.ts";
import type { SchedulerName } from "../core/scheduler.ts";
import { SimJournal, SimStore, type StoreImage } from "./disk.ts";
import { SimEngine } from "./engine.ts";
import type { NodePlan, Plan } from "./faults.ts";
import { SimManagerLinks, SimWorkerLink } from "./links.ts";
import { LocalLink, withLocal } from "./local-link.ts";
import { BEGIN_MS, MachineClock } from "./machine-clock.ts";
import { ManagerProcess } from "./manager-process.ts";
import { Network } from "./network.ts";
import { SimProcess } from "./process.ts";
import { EventQueue } from "./queue.ts";
import { hashText, Streams } from "./random.ts";
import { lineOf, type SimEvent, type Traced } from "./trace.ts";
import { capacityOf, type Measure, WorkerProcess } from "./worker-process.ts";

/** The machine and the name of the first manager; also the id of the cluster, whose key it has. */
export const MANAGER = "m1";
/** The machine of a manager that is started by mistake on a copy of the first one's data. */
export const SECOND = "m2";
export const CLUSTER = "cluster";

/** Events that are remembered for a report. */
const REMEMBERED = 4_000;
const OPEN_CAPACITY = 4_096;

/** A machine with a worker. */
export interface SimNode {
  readonly plan: NodePlan;
  readonly clock: MachineClock;
  readonly engine: SimEngine;
  readonly journal: SimJournal;
  readonly worker: WorkerProcess;
}

export interface ManagerSide {
  readonly clock: MachineClock;
  readonly store: SimStore;
  readonly manager: ManagerProcess;
}

/** What machines look like beyond their plan, for people to see; without it they are as plain as can be. */
export interface Stage {
  readonly facts: (node: NodePlan) => Partial<NodeFacts>;
  readonly measure: Measure;
}

/** Hears everything that happens, at once. */
export type Watcher = (event: SimEvent, atMs: number) => void;

export class Simulation {
  readonly plan: Plan;
  readonly queue = new EventQueue();
  readonly streams: Streams;
  readonly network: Network;
  readonly nodes = new Map<string, SimNode>();
  readonly managers = new Map<string, ManagerSide>();
  /** Effects of each process so far: the places where a sweep may crash it. */
  readonly effects = new Map<string, number>();
  readonly #stage: Stage | null;
  readonly #clones = new Map<string, WorkerProcess>();
  readonly #watchers: Watcher[] = [];
  readonly #onEffect: ((who: string, phase: "before" | "after") => void)[] = [];
  readonly #ring: Traced[] = [];
  #ringAt = 0;
  #hash = 0x811c9dc5;
  #steps = 0;

  constructor(plan: Plan, stage: Stage | null = null) {
    this.plan = plan;
    this.#stage = stage;
    this.streams = new Streams(plan.seed);
    const { minDelayMs, meanDelayMs } = plan.network;
    const traits = { minDelayMs, meanDelayMs, capacity: OPEN_CAPACITY, garbagePerMille: 0 };
    this.network = new Network(this.queue, this.streams, traits);
    const { manager } = this.#makeManager(MANAGER, plan.manager);
    for (const node of plan.nodes)
      this.nodes.set(node.name, node.local ? this.#makeLocal(node, manager) : this.#makeNode(node));
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  get manager(): ManagerSide {
    return this.#manager(MANAGER);
  }

  /** Of everything that has happened, in order: the same plan and code give the same number anywhere. */
  get hash(): number {
    return this.#hash >>> 0;
  }

  get steps(): number {
    return this.#steps;
  }

  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
  }

  onEffect(listener: (who: string, phase: "before" | "after") => void): void {
    this.#onEffect.push(listener);
  }

  /** Starts everything. */
  begin(): void {
    this.manager.manager.start();
    for (const { plan, worker } of this.nodes.values()) if (!plan.local) worker.start();
  }

  /** Lets everything happen up to that moment of the run, or until `isOver` says that it has seen enough. */
  runUntil(ms: number, isOver: () => boolean = () => false): void {
    while (!isOver() && this.queue.step(ms)) this.#steps++;
  }

  /** The last events, oldest first. */
  remembered(): readonly Traced[] {
    return [...this.#ring.slice(this.#ringAt), ...this.#ring.slice(0, this.#ringAt)];
  }

  /** The process of that name, with how it dies and starts. */
  process(who: string): { readonly process: SimProcess; die(): void; start(): void; isWriting(): boolean } {
    const node = this.nodes.get(who);
    if (node?.plan.local) return this.process(MANAGER);
    if (node !== undefined) {
      const { worker, journal } = node;
      return {
        process: worker.parts.process,
        die: () => this.#end(worker.parts.process, () => worker.die()),
        start: () => worker.start(),
        isWriting: () => journal.isWriting,
      };
    }
    const clone = this.#clones.get(who);
    if (clone !== undefined) {
      const { process, journal } = clone.parts;
      // Nobody starts it again.
      return {
        process,
        die: () => this.#end(process, () => clone.die()),
        start: () => {},
        isWriting: () => journal.isWriting,
      };
    }
    const { manager, store } = this.#manager(who);
    return {
      process: manager.parts.process,
      die: () => this.#end(manager.parts.process, () => manager.die()),
      start: () => manager.start(),
      isWriting: () => store.isWriting,
    };
  }

  clockOf(machine: string): MachineClock {
    return this.nodes.get(machine)?.clock ?? this.#manager(machine).clock;
  }

  /** A second manager with a copy of what the first one's store holds now; it is started by the caller. */
  copyManager(image: StoreImage): ManagerSide {
    const side = this.managers.get(SECOND) ?? this.#makeManager(SECOND, { driftPpm: 0, skewMs: 0 });
    side.store.replace(image);
    return side;
  }

  /** A worker on another machine that shows that node's key, with nothing but the key; it is started by the caller. */
  clone(name: string): WorkerProcess {
    const original = this.nodes.get(name);
    if (original === undefined) throw new Error(`there is no ${name} in this run`);
    const machine = cloneOf(name);
    const known = this.#clones.get(machine);
    if (known !== undefined) return known;
    const plan = { ...original.plan, name: machine, dialledBy: "worker" as const };
    const facts = { ...factsOf(original.plan), machineId: `machine-${machine}` };
    const { worker } = this.#makeNode(plan, facts);
    this.#clones.set(machine, worker);
    return worker;
  }

  /** Something happens. */
  tell(event: SimEvent): void {
    const atMs = this.queue.nowMs;
    this.#hash = hashText(`${atMs} ${lineOf(event)}`, this.#hash);
    this.#ring[this.#ringAt] = { atMs, event };
    this.#ringAt = (this.#ringAt + 1) % REMEMBERED;
    for (const watcher of this.#watchers) watcher(event, atMs);
  }

  #manager(name: string): ManagerSide {
    const side = this.managers.get(name);
    if (side === undefined) throw new Error(`there is no ${name} in this run`);
    return side;
  }

  #end(process: SimProcess, die: () => void): void {
    if (!process.alive) return;
    this.network.hangUpAll(process);
    die();
  }

  #makeNode(plan: NodePlan, facts = factsOf(plan)): SimNode {
    const clock = new MachineClock(this.queue, plan);
    const node = this.#makeWorker({ plan, facts, clock, process: new SimProcess(this.queue, clock) });
    node.worker.link = new SimWorkerLink({
      machine: plan.name,
      network: this.network,
      dice: this.streams.of(`link/${plan.name}`),
      keyOf,
      tell: (event) => this.tell(event),
      worker: node.worker,
      joins: plan.dialledBy === "worker" ? MANAGER : null,
    });
    return node;
  }

  /** In the manager's process, which starts and ends it. */
  #makeLocal(plan: NodePlan, manager: ManagerProcess): SimNode {
    const node = this.#makeWorker({ plan, facts: factsOf(plan), ...manager.parts });
    const link = new LocalLink({ manager, worker: node.worker, tell: (event) => this.tell(event) });
    node.worker.link = link;
    manager.guest = node.worker;
    if (manager.links !== null) manager.links = withLocal(manager.links, link);
    return node;
  }

  #makeWorker(of: {
    readonly plan: NodePlan;
    readonly facts: NodeFacts;
    readonly clock: MachineClock;
    readonly process: SimProcess;
  }): SimNode {
    const { plan, facts, clock, process } = of;
    const { name } = plan;
    const engine = new SimEngine(name, this.queue, this.streams, (event) => this.tell(event));
    if (this.#stage !== null) engine.wallAt = (ms) => BEGIN_MS + ms + plan.skewMs;
    const journal = new SimJournal(
      this.queue,
      this.streams.of(`disk/${name}`),
      (records, isWhole) => this.tell({ kind: "journaled", node: name, records, isWhole }),
      (phase) => this.#effect(name, phase),
    );
    const worker = new WorkerProcess({
      name,
      facts: { ...facts, ...this.#stage?.facts(plan) },
      ...(this.#stage && { measure: this.#stage.measure }),
      process,
      clock,
      journal,
      engine,
      seed: this.streams.of(`seed/${name}`).seed(),
      tell: (event) => this.tell(event),
      onEffect: (phase) => this.#effect(name, phase),
    });
    return { plan, clock, engine, journal, worker };
  }

  #makeManager(name: string, traits: { readonly driftPpm: number; readonly skewMs: number }): ManagerSide {
    const clock = new MachineClock(this.queue, traits);
    const store = new SimStore(
      this.queue,
      this.streams.of(`disk/${name}`),
      (changes) => this.tell({ kind: "durable", manager: name, changes }),
      (phase) => this.#effect(name, phase),
    );
    const manager = new ManagerProcess({
      name,
      clusterId: CLUSTER,
      scheduler: this.plan.manager.scheduler as SchedulerName,
      process: new SimProcess(this.queue, clock),
      clock,
      store,
      tell: (event) => this.tell(event),
      onEffect: (phase) => this.#effect(name, phase),
    });
    const remote = this.plan.nodes.filter((node) => node.local !== true);
    const dialled = remote.filter((node) => node.dialledBy === "manager").map((node) => node.name);
    manager.links = new SimManagerLinks({
      machine: name,
      network: this.network,
      dice: this.streams.of(`link/${name}`),
      keyOf,
      tell: (event) => this.tell(event),
      manager,
      dials: name === MANAGER ? dialled : remote.map((node) => node.name),
    });
    const side = { clock, store, manager };
    this.managers.set(name, side);
    return side;
  }

  #effect(who: string, phase: "before" | "after"): void {
    if (phase === "before") this.effects.set(who, (this.effects.get(who) ?? 0) + 1);
    for (const listener of this.#onEffect) listener(who, phase);
  }
}

/** Behind the name of a node's clone. */
const CLONE_MARK = "'";

/** The machine of that node's clone. */
export function cloneOf(node: string): string {
  return `${node}${CLONE_MARK}`;
}

/** Managers show the cluster's key, nodes their own, clones their original's. */
function keyOf(machine: string): string {
  if (machine === MANAGER || machine === SECOND) return CLUSTER;
  return machine.endsWith(CLONE_MARK) ? machine.slice(0, -1) : machine;
}

function factsOf({ name, cpuMillis, zone, local }: NodePlan): NodeFacts {
  return {
    id: name,
    name,
    machineId: `machine-${name}`,
    address: name,
    os: "linux",
    arch: "x64",
    version: "0",
    labels: zone === undefined ? {} : { zone },
    capacity: capacityOf(cpuMillis),
    reserved: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
    runtimes: [{ kind: "docker", version: "20.10", problem: "" }],
    local: local === true,
  };
}
