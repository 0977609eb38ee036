/**
 * The worker's asynchronous half: it owns timers, runtimes, journal and link, feeds the machine, performs its effects in order, and samples the node.
 * It decides nothing. Closing it leaves every task as it is.
 */
import { fail, type Result, wordsOf } from "../core/failure.ts";
import type { NodeFacts, NodeMetrics, NodeRuntime } from "../core/node.ts";
import { isTerminal, type TaskFact } from "../core/task.ts";
import type { Assignment } from "../protocol/messages.ts";
import { Calls } from "./calls.ts";
import type { Instance, WorkerEffect, WorkerEvent } from "./effects.ts";
import { type OutputSource, taskOutput } from "./follow.ts";
import { RUNTIME_PROBE_MS, SAMPLE_MS, startsAtATime } from "./host-limits.ts";
import { type Holding, holdingsOf, livingInstances } from "./local-set.ts";
import { WorkerMachine } from "./machine.ts";
import { shareOut } from "./order.ts";
import type {
  Clock,
  ExecRequest,
  ExecSession,
  Journal,
  Log,
  LogChunk,
  LogQuery,
  ManagerLink,
  NodeMetricsSource,
  Runtime,
} from "./ports.ts";
import { Repeat } from "./repeat.ts";
import { newestInstance } from "./task-run.ts";
import { WriteQueue } from "./write-queue.ts";

/** Who the node is, as far as its worker is told; the rest is measured. */
export type NodeIdentity = Pick<NodeFacts, "id" | "address" | "version" | "labels" | "reserved" | "local"> & {
  /** Instead of the host's own name. */
  readonly name?: string;
};

export interface WorkerHostOptions {
  readonly node: NodeIdentity;
  readonly runtimes: readonly Runtime[];
  readonly journal: Journal;
  readonly link: ManagerLink;
  readonly metrics: NodeMetricsSource;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the machine's jitter: 32 bits, different on each node. */
  readonly seed: number;
  /** Creates and starts in flight at a time; four times the cores when left out. */
  readonly startsAtATime?: number;
  readonly probesAtATime?: number;
  /** Milliseconds between samples and heartbeats, for a remote node until its manager says otherwise; 1,000 when left out. */
  readonly sampleMs?: number;
  /** Milliseconds between looks at whether the runtimes work; 3,000 when left out. */
  readonly runtimeProbeMs?: number;
  /** False refuses commands in tasks, whoever asks. */
  readonly exec?: boolean;
}

const NO_EXEC = "commands in tasks are switched off on this node: start its worker without --no-exec";
const KEPT_WITHIN_MS = 5_000;

/** A worker on this node. `start` once, then `close` once. The runtimes and the journal stay the caller's to close. */
export class WorkerHost {
  readonly #options: WorkerHostOptions;
  readonly #calls: Calls;
  readonly #writes: WriteQueue;
  readonly #opened: Disposable[] = [];
  #wake: ReturnType<typeof setTimeout> | undefined;
  readonly #waiting = new Set<() => void>();
  #machine: WorkerMachine | null = null;
  #facts: NodeFacts | null = null;
  #stats: NodeMetrics | null = null;
  #measuring: Promise<void> | null = null;
  /** Why the last measurement failed; "" when it did not. */
  #unmeasured = "";
  readonly #inbox: WorkerEvent[] = [];
  #turning = false;
  #linked = false;
  #closed = false;

  constructor(options: WorkerHostOptions) {
    this.#options = options;
    this.#calls = new Calls(options.runtimes, (event) => this.#feed(event));
    this.#writes = new WriteQueue({
      journal: options.journal,
      perform: (effect) => this.#perform(effect),
      onWritten: (number) => this.#feed({ kind: "journaled", number }),
      onProblem: (text) =>
        text === "" ? options.log.info("the journal can be written again") : options.log.error(text),
    });
  }

  /** Reads journal and node, adopts what runs, and opens the link. Rejects when the node's facts or the journal cannot be read at all. */
  async start(): Promise<void> {
    const { journal, runtimes, metrics, link } = this.#options;
    const probes = Promise.all(runtimes.map((runtime) => this.#probeRuntime(runtime)));
    const [loaded, measured, offered] = await Promise.all([journal.load(), metrics.facts(), probes]);
    if (loaded.problem !== "")
      this.#options.log.error(`the worker's journal is damaged: ${loaded.problem}; labels tell the rest`);
    const facts: NodeFacts = { ...measured, ...this.#options.node, runtimes: offered };
    this.#facts = facts;
    this.#machine = this.#makeMachine(facts);
    const unreadable = this.#machine.restore(loaded.records, this.#options.clock.now());
    if (unreadable > 0)
      this.#options.log.error(`${unreadable} records of the worker's journal cannot be read and are left out`);
    this.#feed({ kind: "tick" });
    for (const runtime of runtimes) this.#watch(runtime);
    const beats = new Repeat(this.#options.sampleMs ?? SAMPLE_MS, () => this.#beat());
    this.#opened.push(
      link.open({
        onMessage: (message) => {
          this.#feed({ kind: "message", message });
          if (message.kind !== "welcome") return;
          if (!facts.local) beats.every(message.heartbeatMs);
          // The scheduler wants figures before it places: it is not to wait a whole beat for the first ones.
          void this.#beat();
        },
        onLinked: () => this.#setLinked(true),
        onUnlinked: () => this.#setLinked(false),
      }),
    );
    void this.#beat();
    const looks = new Repeat(this.#options.runtimeProbeMs ?? RUNTIME_PROBE_MS, () => this.#lookAtRuntimes());
    this.#opened.push(looks, beats);
  }

  /** Lets go of everything and leaves the tasks running; what is being written is written first. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#wake);
    for (const opened of this.#opened.reverse()) opened[Symbol.dispose]();
    this.#calls.close();
    this.#changed();
    await this.#writes.close();
    await this.#remember();
  }

  /** What the node says of itself; null before the start. */
  facts(): NodeFacts | null {
    return this.#facts;
  }

  /** Facts of all tasks of this node, as of now. */
  tasks(): readonly TaskFact[] {
    return this.#machine?.tasks() ?? [];
  }

  /** All tasks with what was asked of them, those of the local set among them. */
  holdings(): readonly Holding[] {
    return holdingsOf(this.#machine?.runs ?? new Map(), this.#options.clock.now().monoMs);
  }

  /** A task of this node's own comes, or is wanted less than before; see local-set.ts. True once it is on disk, false when that takes too long. */
  async local(assignment: Assignment): Promise<boolean> {
    this.#feed({ kind: "local", assignment });
    const late = AbortSignal.timeout(KEPT_WITHIN_MS);
    const isKept = (): boolean => this.#machine?.isKept(assignment.taskId) === true;
    while (!isKept() && !late.aborted && !this.#closed) await this.#nextChange(late);
    return isKept();
  }

  /** The newest sample; null before the first. */
  stats(): NodeMetrics | null {
    return this.#stats;
  }

  /** Why this worker does not do all that it should, in words: a manager that it must not obey, a journal that is behind or cannot be written; "" for nothing. */
  problem(): string {
    return this.#machine?.refused() || this.#machine?.firstOrders.problem || this.#writes.problem;
  }

  /** A task's output; see follow.ts. */
  logs(taskId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk> {
    const source: OutputSource = {
      newest: () => this.#instanceOf(taskId),
      runtime: (kind) => this.#calls.runtime(kind),
      isOver: () => this.#isOver(taskId),
      nextChange: (until) => this.#nextChange(until),
    };
    return taskOutput(source, query, signal);
  }

  /** Runs a command inside a running task. `not_found` when it does not run here. */
  async exec(taskId: string, request: ExecRequest): Promise<Result<ExecSession>> {
    if (this.#options.exec === false) return fail("denied", NO_EXEC);
    const found = this.#find(taskId);
    if (found?.instance.status !== "running") return fail("not_found", `task ${taskId} does not run on this node`);
    return found.runtime.exec(found.instance.instanceId, request);
  }

  /** The engine's own inspect object of a task's newest instance. */
  async inspectRaw(taskId: string): Promise<Result<unknown>> {
    const found = this.#find(taskId);
    if (found === null) return fail("not_found", `task ${taskId} has no container on this node`);
    return found.runtime.inspectRaw(found.instance.instanceId);
  }

  /** Waits and budgets as they stand now; without it they would resume from when they were last written. */
  async #remember(): Promise<void> {
    const records = this.#machine?.records(this.#options.clock.now()) ?? null;
    if (records === null) return;
    try {
      await this.#options.journal.compact(records);
    } catch (error) {
      this.#options.log.warn(`the journal keeps what it had: ${wordsOf(error)}`);
    }
  }

  #makeMachine(facts: NodeFacts): WorkerMachine {
    const { seed, probesAtATime } = this.#options;
    const starts = this.#options.startsAtATime ?? startsAtATime(facts.capacity);
    const probes = probesAtATime === undefined ? {} : { probesAtATime };
    return new WorkerMachine({ facts, startsAtATime: starts, seed, ...probes });
  }

  /** One event after the other: an effect may bring the next event before its own turn is over. */
  #feed(event: WorkerEvent): void {
    this.#inbox.push(event);
    if (this.#turning) return;
    this.#turning = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) this.#turn(next);
    } finally {
      this.#turning = false;
    }
  }

  #turn(event: WorkerEvent): void {
    if (this.#closed || this.#machine === null) return;
    this.#release(this.#machine.handle(event, this.#options.clock.now()));
    this.#arm();
    this.#changed();
  }

  #release(effects: readonly WorkerEffect[]): void {
    const { now, later } = shareOut(effects, !this.#writes.idle);
    for (const effect of now) this.#perform(effect);
    if (later.length > 0) this.#writes.push(later);
  }

  #perform(effect: WorkerEffect): void {
    switch (effect.kind) {
      case "send":
        this.#options.link.send(effect.message);
        return;
      case "log":
        this.#options.log[effect.level](effect.text);
        return;
      case "journal":
      case "compact":
        this.#writes.push([effect]);
        return;
      default:
        this.#calls.perform(effect);
    }
  }

  #arm(): void {
    clearTimeout(this.#wake);
    const wakeMs = this.#machine?.nextWakeMs() ?? null;
    if (wakeMs === null) return;
    const inMs = Math.max(0, Math.ceil(wakeMs - this.#options.clock.now().monoMs));
    this.#wake = setTimeout(() => this.#feed({ kind: "tick" }), Math.min(inMs, LONGEST_TIMER_MS));
  }

  #setLinked(linked: boolean): void {
    this.#linked = linked;
    // What waits was for the link that has ended; over the next one everything is said anew.
    this.#writes.dropSends();
    this.#feed({ kind: linked ? "linked" : "unlinked" });
  }

  #watch(runtime: Runtime): void {
    this.#opened.push(
      runtime.watch((event) => {
        if (event.kind === "resync") this.#feed({ kind: "resync", runtime: runtime.kind });
        else this.#feed({ ...event, runtime: runtime.kind });
      }),
    );
  }

  /** A heartbeat never waits for a measurement that hangs: then it goes without one. */
  async #beat(): Promise<void> {
    const everyMs = this.#options.sampleMs ?? SAMPLE_MS;
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = null;
    });
    const fresh = await Promise.race([this.#measuring.then(() => true), pause(everyMs / 2)]);
    if (!this.#linked || this.#closed || this.#machine === null) return;
    const metrics = fresh ? this.#stats : null;
    this.#options.link.send({ kind: "heartbeat", metrics, progress: this.#machine.progress() });
  }

  async #measure(): Promise<void> {
    try {
      const [sample, tasks] = await Promise.all([this.#options.metrics.sample(), this.#usage()]);
      this.#stats = { ...sample, tasks };
      this.#unmeasured = "";
    } catch (error) {
      this.#stats = null;
      const problem = wordsOf(error);
      if (problem !== this.#unmeasured) this.#options.log.warn(`the node cannot be measured: ${problem}`);
      this.#unmeasured = problem;
    }
  }

  async #usage(): Promise<NodeMetrics["tasks"]> {
    const running = livingInstances(this.#machine?.runs ?? new Map());
    const perRuntime = this.#options.runtimes.map(async (runtime) => {
      const own = running.filter((instance) => instance.runtime === runtime.kind);
      if (own.length === 0) return [];
      const usage = await runtime.usage(own);
      return own.flatMap(({ taskId, instanceId }) => {
        const use = usage.get(instanceId);
        return use === undefined ? [] : [{ taskId, ...use }];
      });
    });
    return (await Promise.all(perRuntime)).flat();
  }

  async #lookAtRuntimes(): Promise<void> {
    const runtimes = await Promise.all(this.#options.runtimes.map((runtime) => this.#probeRuntime(runtime)));
    if (this.#closed || this.#facts === null || JSON.stringify(runtimes) === JSON.stringify(this.#facts.runtimes))
      return;
    this.#facts = { ...this.#facts, runtimes };
    this.#feed({ kind: "facts", facts: this.#facts });
  }

  async #probeRuntime(runtime: Runtime): Promise<NodeRuntime> {
    try {
      return await runtime.probe();
    } catch (error) {
      return { kind: runtime.kind, version: "", problem: wordsOf(error) };
    }
  }

  /** Where a task's newest output is: its present instance, or the last dead one. */
  #instanceOf(taskId: string): Instance | null {
    const run = this.#machine?.runs.get(taskId);
    return run === undefined ? null : newestInstance(run);
  }

  #find(taskId: string): { readonly runtime: Runtime; readonly instance: Instance } | null {
    const instance = this.#instanceOf(taskId);
    const runtime = instance === null ? undefined : this.#calls.runtime(instance.runtime);
    return instance === null || runtime === undefined ? null : { runtime, instance };
  }

  #isOver(taskId: string): boolean {
    const run = this.#machine?.runs.get(taskId);
    return this.#closed || run === undefined || isTerminal(run.fact.state);
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  #changed(): void {
    for (const resume of [...this.#waiting]) resume();
  }
}

/** Of its own timer, since beats may overlap; it keeps no process alive. */
function pause(ms: number): Promise<false> {
  return new Promise((resolve) => void setTimeout(() => resolve(false), ms).unref());
}

/** Timers take no more than 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
