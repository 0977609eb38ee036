/**
 * Drives the worker's machine on a virtual clock against a scripted engine: performs its effects in order, keeps the journal, and can stop anywhere,
 * as a crash does. The engine's instances live on after a crash; what was not yet performed does not.
 */
import type { Failure } from "../../src/core/failure.ts";
import type { NodeFacts } from "../../src/core/node.ts";
import { DEFAULT_TASK, type TaskSpec } from "../../src/core/spec.ts";
import type { TaskFact } from "../../src/core/task.ts";
import type { Time } from "../../src/core/time.ts";
import type { Assignment, ManagerIdentity, WorkerMessage } from "../../src/protocol/messages.ts";
import type { JournalRecord, WorkerEffect, WorkerEvent } from "../../src/worker/effects.ts";
import { WorkerMachine } from "../../src/worker/machine.ts";
import { ScriptedEngine } from "./scripted-engine.ts";

export { ScriptedEngine };

export const MANAGER: ManagerIdentity = { clusterId: "c1", instanceId: "m1", term: 1, lineage: "l1", revision: 10 };

export const FACTS: NodeFacts = {
  id: "n1",
  name: "node",
  machineId: "machine",
  address: "127.0.0.1",
  os: "linux",
  arch: "x64",
  version: "0",
  labels: {},
  capacity: { cpuMillis: 4000, memoryBytes: 8e9, diskBytes: 1e11 },
  reserved: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
  runtimes: [{ kind: "docker", version: "1", problem: "" }],
  local: true,
};

export function assignment(taskId: string, spec: Partial<TaskSpec> = {}, more: Partial<Assignment> = {}): Assignment {
  const task = { ...DEFAULT_TASK, image: "web:1", ...spec };
  return {
    taskId,
    jobId: "j",
    name: taskId,
    service: "s",
    slot: 0,
    attempt: 1,
    spec: task,
    desired: "run",
    restartSerial: 0,
    ...more,
  };
}

/** Thrown when the crash point of a sweep is reached. */
export class Crash extends Error {}

interface DriverOptions {
  readonly engine?: ScriptedEngine;
  readonly journal?: readonly JournalRecord[];
  readonly startsAtATime?: number;
  readonly facts?: NodeFacts;
  /** The monotonic clock at the start. */
  readonly monoMs?: number;
}

export class Driver {
  readonly engine: ScriptedEngine;
  machine: WorkerMachine;
  /** What is on disk. */
  journal: JournalRecord[];
  readonly sent: WorkerMessage[] = [];
  readonly effects: WorkerEffect[] = [];
  readonly logs: string[] = [];
  /** What a probe answers; null healthy. */
  probe: Failure | null = null;
  /** Acknowledge reports at once. */
  acks = true;
  monoMs: number;
  /** Effects left until the crash; null for none. */
  fuse: number | null = null;
  crashed = false;
  /** Called after every effect. */
  check: () => void = () => {};
  /** Answers of the engine and writes of the journal wait for `deliver` and `write`. */
  slow = false;
  /** Answers on their way. */
  readonly answers: WorkerEvent[] = [];
  /** Writes, and what must not overtake them. */
  readonly lane: WorkerEffect[] = [];
  #settling = false;
  #set = 0;
  readonly #queue: WorkerEvent[] = [];

  constructor(options: DriverOptions = {}) {
    this.engine = options.engine ?? new ScriptedEngine();
    this.journal = [...(options.journal ?? [])];
    this.monoMs = options.monoMs ?? 1_000;
    this.machine = new WorkerMachine({
      facts: options.facts ?? FACTS,
      startsAtATime: options.startsAtATime ?? 4,
      seed: 7,
    });
    this.machine.restore(this.journal, this.time());
  }

  time(): Time {
    return { monoMs: this.monoMs, wallMs: 1_700_000_000_000 + this.monoMs, bootId: "boot" };
  }

  /** Feeds one event and everything that follows from it without time passing. */
  feed(event: WorkerEvent): this {
    this.#queue.push(event);
    return this.#settle();
  }

  #settle(): this {
    if (this.#settling) return this;
    this.#settling = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      for (const effect of this.machine.handle(next, this.time())) this.#perform(effect);
    }
    this.#settling = false;
    return this;
  }

  /** As a host begins: a tick, then a link. */
  begin(): this {
    return this.feed({ kind: "tick" }).feed({ kind: "linked" });
  }

  welcome(manager: ManagerIdentity = MANAGER): this {
    return this.feed({ kind: "message", message: { kind: "welcome", manager, protocol: 1, heartbeatMs: 1000 } });
  }

  /** A whole set. */
  assign(...put: readonly Assignment[]): this {
    return this.set({ put });
  }

  set(set: {
    put?: readonly Assignment[];
    remove?: readonly string[];
    base?: number;
    number?: number;
    manager?: ManagerIdentity;
  }): this {
    const number = set.number ?? this.#set + 1;
    this.#set = Math.max(number, this.#set);
    const { put = [], remove = [], base = 0, manager = MANAGER } = set;
    return this.feed({ kind: "message", message: { kind: "assignments", manager, number, base, put, remove } });
  }

  /** Lets time pass, with every tick that the machine asks for. */
  pass(ms: number): this {
    const end = this.monoMs + ms;
    for (let wakes = 0; ; wakes++) {
      if (wakes > 100_000) throw new Error("the machine asks for ticks without end");
      const wake = this.machine.nextWakeMs();
      if (wake === null || wake > end) break;
      this.monoMs = Math.max(wake, this.monoMs);
      this.feed({ kind: "tick" });
      if ((this.machine.nextWakeMs() ?? Number.POSITIVE_INFINITY) <= this.monoMs) {
        throw new Error("the machine asks for a tick in the past");
      }
    }
    this.monoMs = end;
    return this;
  }

  /** The instance of a task ends and the engine says so. */
  die(taskId: string, exitCode: number | null): this {
    const incarnation = this.engine.die(taskId, exitCode);
    return this.feed({
      kind: "died",
      of: incarnation,
      runtime: "docker",
      instanceId: `${taskId}-${incarnation.incarnation}`,
    });
  }

  fact(taskId: string): TaskFact {
    const fact = this.machine.tasks().find((one) => one.taskId === taskId);
    if (fact === undefined) throw new Error(`${taskId} is not known`);
    return fact;
  }

  /** "incarnation:state" of a task. */
  at(taskId: string): string {
    const { incarnation, state } = this.fact(taskId);
    return `${incarnation}:${state}`;
  }

  /** The states that a task was reported in, in order, without repetitions. */
  reported(taskId: string): string[] {
    const states = this.reports()
      .flatMap((report) => report.facts)
      .filter((fact) => fact.taskId === taskId)
      .map((fact) => `${fact.incarnation}:${fact.state}`);
    return states.filter((state, at) => state !== states[at - 1]);
  }

  reports(): Extract<WorkerMessage, { kind: "report" }>[] {
    return this.sent.filter((message) => message.kind === "report");
  }

  kinds(): string[] {
    return this.effects.map((effect) => effect.kind);
  }

  /** The same worker after a crash: journal and engine are what they were, everything else is new. */
  reborn(): Driver {
    return new Driver({ engine: this.engine, journal: this.journal, monoMs: 500 });
  }

  #perform(effect: WorkerEffect): void {
    if (this.fuse !== null) {
      if (this.fuse === 0) {
        this.crashed = true;
        throw new Crash();
      }
      this.fuse -= 1;
    }
    this.effects.push(effect);
    if (this.slow && (effect.kind === "journal" || effect.kind === "compact" || effect.kind === "send")) {
      this.lane.push(effect);
      if (this.lane.every((one) => one.kind === "send")) this.write();
      return;
    }
    const event = this.#answer(effect);
    this.check();
    if (event === null) return;
    if (this.slow) this.answers.push(event);
    else this.#queue.push(event);
  }

  /** One of the answers on their way arrives. */
  deliver(at: number): this {
    const [event] = this.answers.splice(at, 1);
    return event === undefined ? this : this.feed(event);
  }

  /** The oldest write is on disk, and what waited for it goes. */
  write(): this {
    for (let effect = this.lane.shift(); effect !== undefined; effect = this.lane.shift()) {
      const event = this.#answer(effect);
      if (event !== null) this.#queue.push(event);
      if (this.lane[0]?.kind === "journal" || this.lane[0]?.kind === "compact") break;
    }
    return this.#settle();
  }

  #answer(effect: WorkerEffect): WorkerEvent | null {
    switch (effect.kind) {
      case "journal":
        if (this.engine.silent.has("journal")) return null;
        this.journal.push(...(JSON.parse(JSON.stringify(effect.records)) as JournalRecord[]));
        return { kind: "journaled", number: effect.number };
      case "compact":
        this.journal = JSON.parse(JSON.stringify(effect.records)) as JournalRecord[];
        return null;
      case "send":
        this.sent.push(effect.message);
        if (effect.message.kind !== "report" || !this.acks) return null;
        return { kind: "message", message: { kind: "ack", number: effect.message.number } };
      case "log":
        this.logs.push(`${effect.level}: ${effect.text}`);
        return null;
      case "probe":
        return this.engine.silent.has("probe") ? null : { kind: "probed", of: effect.of, failure: this.probe };
      default:
        return this.engine.perform(effect);
    }
  }
}
