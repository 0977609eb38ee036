/**
 * A worker's host in a run: the real machine, with a simulated journal, engine and link. The counterpart of worker/host.ts, which keeps the same order
 * (worker/order.ts).
 */
import type { NodeFacts, NodeMetrics } from "../core/node.ts";
import type { ManagerMessage, WorkerMessage } from "../protocol/messages.ts";
import type { WorkerEffect, WorkerEvent } from "../worker/effects.ts";
import { CALL_MS, LOOK_MS, RUNTIME_PROBE_MS, SAMPLE_MS, startsAtATime } from "../worker/host-limits.ts";
import { WorkerMachine } from "../worker/machine.ts";
import { shareOut } from "../worker/order.ts";
import type { SimJournal } from "./disk.ts";
import type { SimEngine } from "./engine.ts";
import { type EngineCall, type EngineEffect, failed } from "./engine-answers.ts";
import type { MachineClock } from "./machine-clock.ts";
import type { SimProcess, Timer } from "./process.ts";
import type { Container, SimEvent } from "./trace.ts";
import { SimWriteQueue } from "./write-queue.ts";

/** What a node says of its use when that runs on it; `atMs` is its wall clock, ms since 1970. */
export type Measure = (facts: NodeFacts, live: readonly Container[], atMs: number) => NodeMetrics;

/** The link of a worker, as its host sees it. */
export interface WorkerLink {
  send(message: WorkerMessage): void;
  begin(): void;
}

export interface WorkerParts {
  readonly name: string;
  readonly facts: NodeFacts;
  readonly process: SimProcess;
  readonly clock: MachineClock;
  readonly journal: SimJournal;
  readonly engine: SimEngine;
  readonly seed: number;
  /** `plainUse` when left out. */
  readonly measure?: Measure;
  readonly tell: (event: SimEvent) => void;
  /** Called before and after each effect: a crash may come of it. */
  readonly onEffect: (phase: "before" | "after") => void;
}

export class WorkerProcess {
  parts: WorkerParts;
  link: WorkerLink | null = null;
  #machine: WorkerMachine | null = null;
  #writes: SimWriteQueue | null = null;
  #wake: Timer | null = null;
  #beat: Timer | null = null;
  #beatMs = SAMPLE_MS;
  #linked = false;
  #inbox: WorkerEvent[] = [];
  #turning = false;
  /** Calls to the engine that are under way, without probes and pulls. */
  #calls = 0;
  constructor(parts: WorkerParts) {
    this.parts = parts;
  }

  /** The machine has another size from now on; the next start tells it. */
  resize(cpuMillis: number): void {
    this.#facts = { ...this.#facts, capacity: capacityOf(cpuMillis) };
  }

  relabel(zone: string): void {
    this.#facts = { ...this.#facts, labels: { ...this.#facts.labels, zone } };
  }

  /** Whether it waits for its engine, which may never answer. */
  get isWaiting(): boolean {
    return this.#calls > 0;
  }

  get isLinked(): boolean {
    return this.#linked;
  }

  get #facts(): NodeFacts {
    return this.parts.facts;
  }

  set #facts(facts: NodeFacts) {
    this.parts = { ...this.parts, facts };
  }

  /** null while the process is dead. */
  get machine(): WorkerMachine | null {
    return this.#machine;
  }

  start(): void {
    const { process, journal, clock, seed, engine, name, tell } = this.parts;
    if (!this.#facts.local) process.begin();
    tell({ kind: "process", who: name, what: "starts" });
    this.#facts = { ...this.#facts, runtimes: [engine.probe()] };
    const facts = this.#facts;
    this.#linked = false;
    this.#inbox = [];
    this.#turning = false;
    this.#calls = 0;
    this.#beatMs = SAMPLE_MS;
    this.#writes = new SimWriteQueue({
      journal,
      process,
      perform: (effect) => this.#perform(effect),
      onWritten: (number) => this.feed({ kind: "journaled", number }),
    });
    this.#machine = new WorkerMachine({ facts, startsAtATime: startsAtATime(facts.capacity), seed });
    this.#machine.restore(journal.load(), clock.now());
    this.feed({ kind: "tick" });
    if (!process.alive) return;
    const life = process.life;
    engine.watch((event) => {
      if (process.life === life) process.act(() => this.feed(event));
    });
    this.link?.begin();
    this.#armBeat();
    this.#lookAtEngine();
  }

  /** The last that a process does which ends in order; whoever calls it ends it then. */
  remember(): void {
    const { journal, clock } = this.parts;
    if (this.#machine !== null) journal.end(this.#machine.records(clock.now()));
  }

  /** The process is gone, with everything that it only had in mind. */
  die(): void {
    const { process, journal, engine, name, tell } = this.parts;
    if (!process.alive) return;
    if (!this.#facts.local) process.die();
    engine.watch(null);
    journal.crash();
    this.#machine = null;
    tell({ kind: "process", who: name, what: "dies" });
  }

  setLinked(linked: boolean): void {
    this.#linked = linked;
    this.#writes?.dropSends();
    this.feed({ kind: linked ? "linked" : "unlinked" });
  }

  hear(message: ManagerMessage): void {
    if (message.kind === "assignments") {
      const { manager, base } = message;
      this.parts.tell({ kind: "ordered", node: this.parts.name, from: manager, base, set: message });
    }
    this.feed({ kind: "message", message });
    if (message.kind !== "welcome") return;
    if (!this.#facts.local) this.#beatMs = message.heartbeatMs;
    this.#sendBeat();
  }

  /** One event after the other: an effect may bring the next event before its own turn is over. */
  feed(event: WorkerEvent): void {
    this.#inbox.push(event);
    if (this.#turning) return;
    this.#turning = true;
    const { process, clock } = this.parts;
    const life = process.life;
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      if (this.#machine === null) break;
      this.#release(this.#machine.handle(next, clock.now()));
      if (!process.alive || process.life !== life) return;
    }
    this.#turning = false;
    this.#arm();
  }

  #release(effects: readonly WorkerEffect[]): void {
    const writes = this.#writes;
    if (writes === null) return;
    const { now, later } = shareOut(effects, !writes.idle);
    for (const effect of now) {
      this.#perform(effect);
      if (!this.parts.process.alive) return;
    }
    if (later.length > 0) writes.push(later);
  }

  #perform(effect: WorkerEffect): void {
    const { name, tell, onEffect, process } = this.parts;
    const { life } = process;
    onEffect("before");
    if (!process.alive || process.life !== life) return;
    if (effect.kind === "send") this.link?.send(effect.message);
    else {
      tell({ kind: "effect", node: name, effect });
      if (effect.kind === "journal" || effect.kind === "compact") this.#writes?.push([effect]);
      else if (effect.kind !== "log") this.#call(effect);
    }
    if (process.alive && process.life === life) onEffect("after");
  }

  /** A call that does not come back in time counts as unavailable: its outcome is unknown. */
  #call(effect: EngineEffect): void {
    const { engine, process } = this.parts;
    if (effect.kind === "abort") {
      engine.perform(effect, () => {});
      return;
    }
    let isOver = false;
    const counts = effect.kind !== "probe" && effect.kind !== "pull";
    if (counts) this.#calls++;
    const answer = (event: WorkerEvent): void => {
      if (isOver) return;
      isOver = true;
      if (counts) this.#calls--;
      if (timer !== null) timer.isOff = true;
      this.feed(event);
    };
    const limitMs = limitOf(effect);
    const timer = limitMs === null ? null : process.after(limitMs, () => answer(lateAnswer(effect)));
    const { life } = process;
    engine.perform(effect, (event) => {
      if (process.life === life) process.act(() => answer(event));
    });
  }

  #arm(): void {
    const { process, clock } = this.parts;
    if (this.#wake !== null) this.#wake.isOff = true;
    const wakeMs = this.#machine?.nextWakeMs() ?? null;
    if (wakeMs === null || !process.alive) return;
    this.#wake = process.after(Math.max(0, Math.ceil(wakeMs - clock.monoMs)), () => this.feed({ kind: "tick" }));
  }

  /** The counterpart of the host's looks at whether its runtimes work. */
  #lookAtEngine(): void {
    const { process, engine } = this.parts;
    process.after(RUNTIME_PROBE_MS, () => this.#lookAtEngine());
    const found = engine.probe();
    if (found.problem === this.#facts.runtimes[0]?.problem) return;
    this.#facts = { ...this.#facts, runtimes: [found] };
    this.feed({ kind: "facts", facts: this.#facts });
  }

  #armBeat(): void {
    if (this.#beat !== null) this.#beat.isOff = true;
    this.#beat = this.parts.process.after(this.#beatMs, () => this.#sendBeat());
  }

  #sendBeat(): void {
    const { clock, engine, measure = plainUse } = this.parts;
    if (this.#linked && this.#machine !== null) {
      // A measurement that hangs is not waited for.
      const metrics = engine.trouble.hung ? null : measure(this.#facts, engine.live(), clock.now().wallMs);
      this.link?.send({ kind: "heartbeat", metrics, progress: this.#machine.progress() });
    }
    this.#armBeat();
  }
}

/** A little more with each container. */
function plainUse({ capacity }: NodeFacts, live: readonly Container[], atMs: number): NodeMetrics {
  return {
    cpuMillis: Math.min(capacity.cpuMillis, 50 + 20 * live.length),
    memoryUsedBytes: Math.min(capacity.memoryBytes, (64 + 32 * live.length) << 20),
    memoryTotalBytes: capacity.memoryBytes,
    diskUsedBytes: 0,
    diskTotalBytes: capacity.diskBytes,
    load: [0, 0, 0],
    tasks: [],
    atMs,
    book: null,
  };
}

function limitOf(effect: EngineCall): number | null {
  switch (effect.kind) {
    case "pull":
      return null;
    case "list":
    case "inspect":
      return LOOK_MS;
    case "stop":
      return effect.graceMs + CALL_MS;
    case "probe":
      return effect.spec.health?.timeoutMs ?? LOOK_MS;
    default:
      return CALL_MS;
  }
}

/** What a call counts as that does not come back; a probe blames the task. */
function lateAnswer(effect: EngineCall): WorkerEvent {
  const kind = effect.kind === "probe" ? "transient" : "unavailable";
  return failed(effect, { kind, message: "no answer in time" });
}

/** A machine of so many cores has memory and disk to match. */
export function capacityOf(cpuMillis: number): NodeFacts["capacity"] {
  return { cpuMillis, memoryBytes: cpuMillis * 1_048_576 * 2, diskBytes: 1e11 };
}
