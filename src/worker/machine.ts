/**
 * The worker's machine: events in, effects out, nothing else. Level-triggered: an event only changes what is known, then every task
 * concerned is driven as far as it goes, and at the end of the turn what must be kept is journaled and what changed is reported.
 * It never waits, never reads a clock, and never believes an outcome that it has not seen.
 */
import { unreachable } from "../core/assert.ts";
import { type Draw, seededDraw } from "../core/jitter.ts";
import { isLocalTask } from "../core/local-task.ts";
import type { NodeFacts } from "../core/node.ts";
import type { RuntimeKind } from "../core/spec.ts";
import type { TaskFact } from "../core/task.ts";
import type { Time } from "../core/time.ts";
import {
  type Assignment,
  type ManagerMessage,
  PROTOCOL,
  type TaskProgress,
  type WorkerMessage,
} from "../protocol/messages.ts";
import { isLookedFor, runtimeOf, takeAnswer } from "./adopt.ts";
import { Solitude, stopWhatIsAlone } from "./alone.ts";
import { type Holdings, takeAssignments } from "./assignments.ts";
import { nextDeadline } from "./deadlines.ts";
import { Disclosure } from "./disclosure.ts";
import { type Desk, drive } from "./drive.ts";
import type { Incarnation, JournalRecord, WorkerEffect, WorkerEvent } from "./effects.ts";
import { FirstOrders } from "./first-orders.ts";
import { ProbesAway, takeProbe } from "./health.ts";
import { everything, JournalKeeper } from "./journal-keeper.ts";
import { type ManagerRecord, restoreRecords } from "./journal-records.ts";
import { Listings } from "./listings.ts";
import { Offer, takeLocal } from "./local-set.ts";
import type { WorkerMachineOptions } from "./machine-options.ts";
import { Obedience } from "./obedience.ts";
import { inOrder } from "./order.ts";
import { doubt, type Outcome, takeOutcome } from "./outcomes.ts";
import { Permits } from "./permits.ts";
import { factOf, Reporter } from "./report.ts";
import type { TaskRun } from "./task-run.ts";

export class WorkerMachine {
  readonly #runs = new Map<string, TaskRun>();
  /** All tasks as they stand. */
  readonly runs: ReadonlyMap<string, TaskRun> = this.#runs;
  readonly #holdings: Holdings;
  readonly #offer = new Offer();
  readonly #draw: Draw;
  readonly #starts: Permits;
  readonly #pulls: Permits;
  readonly #probing: ProbesAway;
  readonly #reporter = new Reporter();
  readonly #disclosure = new Disclosure();
  readonly #journal = new JournalKeeper();
  readonly #obedience = new Obedience({
    change: (isNew) => this.#journal.managerChanged(isNew, this.#obedience.isCopy),
    refusal: (reason) => this.#log("error", `orders refused: ${reason}`),
    machineId: () => this.#facts.machineId,
  });
  readonly #listings: Listings;
  readonly #progress = new Map<string, string>();
  readonly #concerned = new Set<TaskRun>();
  #facts: NodeFacts;
  #linked = false;
  readonly #solitude = new Solitude();
  readonly firstOrders = new FirstOrders((text) => this.#log("error", text));
  #sequence = 0;
  #wakeMs: number | null = null;
  readonly #asked: WorkerEffect[] = [];
  readonly #sends: WorkerEffect[] = [];
  #time: Time = { monoMs: 0, wallMs: 0, bootId: "" };

  constructor(options: WorkerMachineOptions) {
    this.#facts = options.facts;
    this.#listings = new Listings(options.facts.runtimes.map((runtime) => runtime.kind));
    const nothingLeft = (taskId: string): void => this.#reporter.removed(taskId);
    this.#holdings = { runs: this.#runs, listings: this.#listings, nothingLeft };
    this.#draw = seededDraw(options.seed);
    this.#starts = new Permits(options.startsAtATime);
    this.#pulls = new Permits(Math.max(16, 4 * options.startsAtATime));
    this.#probing = new ProbesAway(options.probesAtATime);
  }

  /** Takes in what a journal held, before the first event. Returns how many records it could not read. */
  restore(records: readonly JournalRecord[], time: Time): number {
    const restored = restoreRecords(records, time.monoMs);
    this.#journal.restored(records.length);
    this.#obedience.restore(restored.manager);
    this.#solitude.restore(restored.aloneSinceMs, time);
    if (restored.manager !== null) this.firstOrders.remembered(time.monoMs);
    if (this.#obedience.isCopy) this.#journal.isOfAnother(restored.runs.keys());
    else for (const [taskId, run] of restored.runs) this.#runs.set(taskId, run);
    return restored.unreadable;
  }

  /** Handles one event; the effects are to be performed in order. */
  handle(event: WorkerEvent, time: Time): WorkerEffect[] {
    this.#time = time;
    if (this.#solitude.begin(time)) this.#keepSolitude();
    // Whatever comes after a deadline is its tick too: the host's timer may be late, and was armed for this moment.
    const isDue = this.#wakeMs !== null && this.#wakeMs <= time.monoMs;
    this.#take(event);
    if (isDue && event.kind !== "tick") this.#tick();
    this.#driveAll();
    const effects = this.#collect();
    this.#wakeMs = this.#nextDeadline();
    return effects;
  }

  /** Monotonic time of the next `tick` that is needed; null while only events matter. */
  nextWakeMs(): number | null {
    return this.#wakeMs;
  }

  /** Everything that is to be remembered, as of now: for a last snapshot before the process ends. null when the journal is to stay as it is. */
  records(time: Time): readonly JournalRecord[] | null {
    return this.#journal.mayCompact ? everything(this.#runs, this.#manager, time.monoMs) : null;
  }

  /** Facts of all tasks, as of now. */
  tasks(): readonly TaskFact[] {
    return [...this.#runs.values()].map((run) => factOf(run, this.#time.monoMs));
  }

  /** All tasks with what was asked of them; null for one that was only found. */
  holdings(): readonly { readonly assignment: Assignment | null; readonly fact: TaskFact }[] {
    return [...this.#runs.values()].map((run) => ({
      assignment: run.assignment,
      fact: factOf(run, this.#time.monoMs),
    }));
  }

  /** True once all that is known of a task is on disk. */
  isKept(taskId: string): boolean {
    const run = this.#runs.get(taskId);
    return run !== undefined && this.#journal.isDurable(run);
  }

  /** What is worth a look but not worth keeping: goes with the heartbeat. */
  progress(): readonly TaskProgress[] {
    return [...this.#progress].map(([taskId, text]) => ({ taskId, text }));
  }

  /** Why the linked manager is not obeyed; "" when it is. */
  refused(): string {
    return this.#obedience.refused;
  }

  #take(event: WorkerEvent): void {
    switch (event.kind) {
      case "message":
        this.#message(event.message);
        return;
      case "linked":
        this.#link();
        return;
      case "unlinked":
        this.#linked = false;
        if (this.#solitude.left(this.#time)) this.#keepSolitude();
        return;
      case "journaled":
        if (this.#journal.confirmed(event.number)) this.#concernAll();
        return;
      case "listed":
        this.#listed(event);
        return;
      case "pulled":
      case "created":
      case "started":
      case "stopped":
      case "removed":
      case "inspected":
        this.#outcome(event);
        return;
      case "progress":
        if (this.#run(event.of)?.op?.kind === "pull") this.#progress.set(event.of.taskId, event.text);
        return;
      case "died":
        this.#died(event.of);
        return;
      case "resync":
        this.#resync(event.runtime);
        return;
      case "probed":
        this.#probed(event);
        return;
      case "facts":
        this.#newFacts(event.facts);
        return;
      case "local":
        takeLocal(this.#holdings, event.assignment, this.#desk());
        this.#concernAll();
        return;
      case "tick":
        this.#tick();
        return;
      default:
        unreachable(event);
    }
  }

  #message(message: ManagerMessage): void {
    switch (message.kind) {
      case "welcome":
        if (!this.#obedience.greet(message.manager, message.past)) this.#disclosure.judged(this.#obedience.refused);
        return;
      case "refused":
        this.#log("warn", `the manager refuses this node: ${message.reason}`);
        return;
      case "assignments":
        this.#assignments(message);
        return;
      case "ack":
        this.#reporter.acked(message.number);
        return;
      case "tell":
        this.#disclosure.asked();
        return;
      default:
        unreachable(message);
    }
  }

  #link(): void {
    this.#linked = true;
    this.#hello();
  }

  /** To whoever is greeted everything is said anew. */
  #hello(): void {
    this.#obedience.said();
    this.#disclosure.greeted();
    this.#reporter.wantFull();
    const { setNumber, seen } = this.#obedience;
    const facts = this.#offer.tell(this.#facts, this.#runs);
    this.#send({ kind: "hello", protocol: PROTOCOL, facts, bootId: this.#time.bootId, setNumber, seen });
  }

  #assignments(set: Extract<ManagerMessage, { readonly kind: "assignments" }>): void {
    const verdict = this.#obedience.takeSet(set, this.#runs, this.firstOrders.problem !== "");
    if (verdict !== "ask_again") this.#disclosure.judged(this.#obedience.refused);
    if (verdict === "ask_again") this.#hello();
    if (verdict !== "take") return;
    this.firstOrders.arrived();
    if (this.#solitude.answered()) this.#keepSolitude();
    takeAssignments(this.#holdings, set, this.#desk());
    this.#concernAll();
  }

  #listed(event: Extract<WorkerEvent, { readonly kind: "listed" }>): void {
    const known = { runs: this.#runs, listings: this.#listings, managerHasSpoken: this.#obedience.setNumber > 0 };
    if (takeAnswer(known, event, this.#desk())) this.firstOrders.journalIsBehind();
    this.#concernAll();
  }

  #outcome(event: Outcome): void {
    const run = this.#run(event.of);
    if (run === undefined) return;
    if (event.kind === "pulled") this.#progress.delete(run.taskId);
    if (takeOutcome(run, event, this.#desk())) this.#concerned.add(run);
  }

  #died(of: Incarnation): void {
    const run = this.#run(of);
    if (run === undefined) return;
    // Of an instance that is not known yet a list will tell; it must not be taken for older than this event.
    if (!run.instances.has(of.incarnation)) this.#listings.want();
    else {
      run.touched = ++this.#sequence;
      doubt(run, of.incarnation);
      this.#concerned.add(run);
    }
  }

  #resync(runtime: RuntimeKind): void {
    this.#listings.want();
    for (const run of this.#runs.values()) {
      if (runtimeOf(run) !== runtime) continue;
      run.retries.clear();
      this.#concerned.add(run);
    }
  }

  #probed(event: Extract<WorkerEvent, { readonly kind: "probed" }>): void {
    this.#probing.back(event.of);
    const run = this.#run(event.of);
    if (run === undefined || run.fact.incarnation !== event.of.incarnation || !run.probes.probing) return;
    takeProbe(run, event.failure, this.#desk());
    this.#concerned.add(run);
  }

  #newFacts(facts: NodeFacts): void {
    const problems = new Map(this.#facts.runtimes.map((runtime) => [runtime.kind, runtime.problem]));
    this.#facts = facts;
    for (const { kind, problem } of facts.runtimes) if (problem === "" && problems.get(kind) !== "") this.#resync(kind);
  }

  #tick(): void {
    stopWhatIsAlone(this.#runs.values(), this.#solitude.sinceMs, this.#desk());
    const impatientAtMs = this.#reporter.impatientAtMs();
    if (this.#linked && impatientAtMs !== null && impatientAtMs <= this.#time.monoMs) this.#reporter.wantFull();
    this.#concernAll();
  }

  /** The manager, as it is kept. */
  get #manager(): ManagerRecord | null {
    const { manager } = this.#obedience;
    return manager === null ? null : { ...manager, ...this.#solitude.kept() };
  }

  #keepSolitude(): void {
    const { manager, isCopy } = this.#obedience;
    if (manager !== null && !isCopy) this.#journal.managerChanged(false, isCopy);
  }

  #nextDeadline(): number | null {
    const impatient = this.#linked ? this.#reporter.impatientAtMs() : null;
    const others = [this.#listings.wakeMs(), this.#journal.wakeMs(), this.firstOrders.untilMs, impatient];
    const alone = { unansweredSinceMs: this.#solitude.sinceMs, mayProbe: this.#probing.hasRoom };
    return nextDeadline(this.#runs.values(), { ...alone, monoMs: this.#time.monoMs, others });
  }

  #run(of: Incarnation): TaskRun | undefined {
    return this.#runs.get(of.taskId);
  }

  #concernAll(): void {
    for (const run of this.#runs.values()) this.#concerned.add(run);
  }

  #driveAll(): void {
    if (!this.#journal.mayObey()) return;
    const desk = this.#desk();
    for (const run of this.#concerned) drive(run, desk);
    this.#concerned.clear();
    for (;;) {
      const run = this.#runs.get(this.#starts.next() ?? this.#pulls.next() ?? "");
      if (run === undefined) break;
      drive(run, desk);
    }
    this.#probing.send(this.#runs.values(), desk);
  }

  /** What the turn is to end with: the question to the runtimes, what is to be kept, and what is to be told. */
  #collect(): WorkerEffect[] {
    const { monoMs } = this.#time;
    const offer = this.#linked ? this.#offer.news(this.#facts, this.#runs) : null;
    if (offer !== null) this.#send({ kind: "facts", facts: offer });
    if (this.#listings.ask(monoMs, ++this.#sequence)) this.#asked.push({ kind: "list" });
    const append = this.#journal.take(this.#runs, this.#manager, monoMs);
    const mayReport = this.#linked && this.#listings.complete && (append !== null || this.#journal.mayReport());
    const report = mayReport ? this.#reporter.take(this.#runs, monoMs) : null;
    if (report !== null) this.#send(report);
    for (const message of this.#disclosure.take(this.#runs, { mayTell: mayReport, monoMs })) this.#send(message);
    const snapshot = this.#journal.snapshot(this.#runs, this.#manager, monoMs);
    return inOrder({ asked: this.#asked.splice(0), append, sends: this.#sends.splice(0), snapshot });
  }

  #send(message: WorkerMessage): void {
    this.#sends.push({ kind: "send", message });
  }

  #log(level: "info" | "warn" | "error", text: string): void {
    this.#asked.push({ kind: "log", level, text });
  }

  #forget(run: TaskRun): void {
    this.#runs.delete(run.taskId);
    this.#progress.delete(run.taskId);
    this.#starts.drop(run.taskId);
    this.#pulls.drop(run.taskId);
    this.#journal.forget(run.taskId);
    this.#reporter.removed(run.taskId);
  }

  #desk(): Desk {
    return {
      time: this.#time,
      draw: this.#draw,
      linked: this.#linked && this.#obedience.refused === "",
      starts: this.#starts,
      pulls: this.#pulls,
      emit: (effect) => this.#asked.push(effect),
      touch: (run) => (run.touched = ++this.#sequence),
      log: (level, text) => this.#log(level, text),
      isDurable: (run) => this.#journal.isDurable(run),
      mayMake: (run) => isLocalTask(run.taskId) || !this.firstOrders.holdBack(run, this.#time.monoMs),
      isListed: (run) => isLookedFor(run, this.#listings),
      wantList: (run) => this.#listings.wantNewerThan(run.touched),
      forget: (run) => this.#forget(run),
    };
  }
}
