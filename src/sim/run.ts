/**
 * One run of a plan: first faults, with every invariant checked after each step; then all is healed, and the cluster has to come to what was asked for and
 * then to rest.
 */
import type { Change } from "../core/change.ts";
import { emptyCluster, specOf } from "../core/cluster.ts";
import type { TaskSpec } from "../core/spec.ts";
import { type Checker, RECOUNT_STEPS, type Violation } from "./checker.ts";
import { lastTries } from "./checks/tries.ts";
import { CHECKERS } from "./checks.ts";
import { Coverage, type Mark } from "./coverage.ts";
import { goneNodes, type Plan } from "./faults.ts";
import { neverRests, unfinished } from "./goal.ts";
import { Injector } from "./inject.ts";
import { Operator } from "./operator.ts";
import { Simulation } from "./simulation.ts";
import { lineOf, type SimEvent, type Traced } from "./trace.ts";
import { User } from "./user.ts";

/** How a run ended. `crashed`: a machine has thrown; `safety`, `liveness`: an invariant does not hold. */
export type Verdict = "passed" | "crashed" | "safety" | "liveness";

/** Exit codes of whoever runs seeds, so that scripts can tell them apart. */
export const EXIT_CODES: Readonly<Record<Verdict, number>> = { passed: 0, crashed: 3, safety: 4, liveness: 5 };

export interface Outcome {
  readonly plan: Plan;
  readonly verdict: Verdict;
  readonly violation: Violation | null;
  /** Of everything that happened, as unsigned 32 bits. */
  readonly hash: number;
  readonly steps: number;
  readonly virtualMs: number;
  /** Commands of users that were answered. */
  readonly commands: number;
  /** Marks of coverage that it has hit. */
  readonly marks: ReadonlySet<Mark>;
  /** The last events, oldest first. */
  readonly trace: readonly Traced[];
}

/**
 * Longest time to come to what was asked for once all is healed, in ms. Of its parts the slot's back-off (10 min, 25 % jitter), the worker's patience without a
 * manager (5 min), the calls that never come back (2 min) and lost_after (5 min) are the largest.
 */
const CONVERGE_MS = 30 * 60_000;
/** Time in which nothing may change once all is as it should be, in ms: ten of the longest timers of a cluster at rest. */
const QUIET_MS = 10 * 60_000;
const LOOK_MS = 5_000;
/** Times that a worker asks its engine in the quiet time what there is: once a minute, and once more at its edge. */
const MOST_LISTS = QUIET_MS / 60_000 + 1;
/** So many looks in a row have to find all as it should be: after the last call's end its report is still on its way, and an engine may tell of a death 20 s late. */
const CALM_LOOKS = 5;
/** With fewer commands that were answered people come back, if more was planned: a schedule that was shortened or written by hand is left as it is. */
const FEW_COMMANDS = 110;
/** Time for the last of those to be asked again, in ms. */
const CATCH_UP_MS = 60_000;
/** How often it is looked at the end, at most: a slot that had no room when all was as it should be has its longest back-off, with jitter, until it is tried again. */
const LAST_LOOKS = 180;

export interface RunOptions {
  /** All of them when left out. */
  readonly checkers?: readonly Checker[];
}

/** Runs a plan to its end, or to the first violation. Never throws for what the machines do. */
export function run(plan: Plan, options: RunOptions = {}): Outcome {
  return new Run(plan, options).toEnd();
}

class Run {
  readonly #plan: Plan;
  readonly #sim: Simulation;
  readonly #injector: Injector;
  readonly #user: User;
  readonly #coverage = new Coverage();
  readonly #recounts: (() => void)[] = [];
  #violation: Violation | null = null;
  /** Changes that are durable so far, in phases where there should be none. */
  #changes = 0;

  constructor(plan: Plan, options: RunOptions) {
    this.#plan = plan;
    this.#sim = new Simulation(plan);
    for (const checker of options.checkers ?? CHECKERS) this.#listen(checker);
    lastTries(this.#sim);
    this.#coverage.listen(this.#sim);
    this.#injector = new Injector(this.#sim);
    this.#user = new User(this.#sim);
  }

  toEnd(): Outcome {
    try {
      this.#sim.begin();
      this.#advance(this.#plan.durationMs);
      if (this.#violation !== null) return this.#outcome(verdictOf(this.#violation));
      return this.#outcome(this.#live());
    } catch (error) {
      const facts =
        error instanceof Error ? [error.message, ...(error.stack ?? "").split("\n").slice(1, 6)] : [String(error)];
      this.#violation = { id: "crash", atMs: this.#sim.nowMs, facts };
      return this.#outcome("crashed");
    }
  }

  #listen(checker: Checker): void {
    const { onEvent, recount } = checker.begin(this.#sim, (...facts) => {
      this.#violation ??= { id: checker.id, atMs: this.#sim.nowMs, facts };
    });
    this.#sim.watch(onEvent);
    if (recount !== undefined) this.#recounts.push(recount);
  }

  /** Goes on to that moment, or to the first violation. */
  #advance(ms: number): void {
    let nextRecount = this.#sim.steps + RECOUNT_STEPS;
    this.#sim.runUntil(ms, () => {
      if (this.#sim.steps >= nextRecount) {
        nextRecount += RECOUNT_STEPS;
        for (const recount of this.#recounts) recount();
      }
      return this.#violation !== null;
    });
    for (const recount of this.#recounts) recount();
  }

  #live(): Verdict {
    this.#injector.stop();
    const operator = new Operator(this.#sim);
    if (this.#plan.steps.length >= FEW_COMMANDS && this.#user.commands < FEW_COMMANDS) this.#catchUp(operator);
    if (this.#violation !== null) return verdictOf(this.#violation);
    this.#user.stop();
    const limitMs = this.#sim.nowMs + CONVERGE_MS;
    let problem = "it has only just been healed";
    for (let calm = 0; calm < CALM_LOOKS && this.#sim.nowMs < limitMs && this.#violation === null; ) {
      this.#advance(this.#sim.nowMs + LOOK_MS);
      this.#operate(operator);
      problem = unfinished(this.#sim);
      calm = problem === "" ? calm + 1 : 0;
    }
    if (this.#violation !== null) return verdictOf(this.#violation);
    if (problem !== "") return this.#late("L1", problem, `${CONVERGE_MS / 1000} s after all faults ended`);
    return this.#rests();
  }

  /** A run in which nobody was there to ask for most of the time says little: people come back once all is healed. */
  #catchUp(operator: Operator): void {
    const endMs = this.#sim.nowMs + this.#user.comeBack() + CATCH_UP_MS;
    while (this.#sim.nowMs < endMs && this.#violation === null) {
      this.#advance(this.#sim.nowMs + LOOK_MS);
      this.#operate(operator);
    }
  }

  #operate(operator: Operator): void {
    const problem = operator.look();
    if (problem !== "") this.#late("L1", "an operator was needed", problem);
  }

  #rests(): Verdict {
    let first = "";
    const restless = new Restless(this.#sim);
    this.#sim.watch((event) => {
      if (!restless.isUnasked(event)) return;
      this.#changes++;
      first ||= `${this.#sim.nowMs}: ${lineOf(event)}`;
    });
    this.#advance(this.#sim.nowMs + QUIET_MS);
    if (this.#violation !== null) return verdictOf(this.#violation);
    if (this.#changes > 0) return this.#late("L6", `${this.#changes} changes while nothing was asked for`, first);
    // A look may fall amid a call or a commit.
    let problem = unfinished(this.#sim);
    for (let looks = 0; problem !== "" && looks < LAST_LOOKS; looks++) {
      this.#advance(this.#sim.nowMs + LOOK_MS);
      problem = unfinished(this.#sim);
    }
    return problem === "" ? "passed" : this.#late("L6", problem, "after it had been as asked for");
  }

  #late(id: string, ...facts: readonly string[]): Verdict {
    this.#violation ??= { id, atMs: this.#sim.nowMs, facts };
    return "liveness";
  }

  #outcome(verdict: Verdict): Outcome {
    const { hash, steps, nowMs } = this.#sim;
    const [plan, violation, commands] = [this.#plan, this.#violation, this.#user.commands];
    const [marks, trace] = [this.#coverage.hit, this.#sim.remembered()];
    return { plan, verdict, violation, hash, steps, virtualMs: nowMs, commands, marks, trace };
  }
}

function verdictOf({ id }: Violation): Verdict {
  return id.startsWith("L") ? "liveness" : "safety";
}

/** Services that never rest, and tasks that wait for room which those may give back: their changes are no unrest of the cluster. */
class Restless {
  readonly #sim: Simulation;
  readonly #gone: ReadonlySet<string>;
  /** As they were when the cluster came to rest. */
  readonly #waiting = new Set<string>();
  /** How often each worker has asked its engine what there is. */
  readonly #lists = new Map<string, number>();

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#gone = goneNodes(sim.plan);
    const { jobs, tasks } = sim.manager.manager.machine?.cluster ?? emptyCluster();
    const services = [...jobs.values()].flatMap(({ id, spec }) => spec.services.map((service) => ({ id, ...service })));
    const restless = services.filter(({ task }) => neverRests(sim, task));
    if (restless.length === 0) return;
    // What could not rest where it was may find a place where it can.
    for (const { id, name } of restless) this.#waiting.add(`${id}/${name}`);
    for (const task of tasks.values())
      if (task.fact.state === "pending") this.#waiting.add(`${task.jobId}/${task.service}`);
  }

  /** Whether it is a change, an order or a deed of which a cluster at rest has none. */
  isUnasked(event: SimEvent): boolean {
    if (event.kind === "durable") return event.changes.some(({ change }) => this.#isOfResting(change));
    // Those that never rest may report more than a link's small inbox takes: it is closed, and the next one begins with a whole set.
    if (event.kind === "ordered" && event.base === 0) return this.#waiting.size === 0;
    if (event.kind === "ordered") return event.set.put.some(({ taskId }) => this.#mustRest(taskId));
    if (event.kind === "effect") return !this.#gone.has(event.node) && this.#isUnaskedEffect(event);
    if (event.kind !== "started" && event.kind !== "died") return false;
    const { node, isForeign, jobId, service, spec } = event.container;
    return !isForeign && !this.#gone.has(node) && !this.#isExcused(jobId, service, spec);
  }

  /** Probes go on, and journals are made smaller; each engine is asked for its list once a minute, and for more only by those who are tried again. */
  #isUnaskedEffect({ node, effect }: Extract<SimEvent, { kind: "effect" }>): boolean {
    if (effect.kind === "list") {
      const lists = (this.#lists.get(node) ?? 0) + 1;
      this.#lists.set(node, lists);
      return this.#waiting.size === 0 && lists > MOST_LISTS;
    }
    if ("request" in effect) return this.#mustRest(effect.request.taskId);
    return effect.kind !== "probe" && "of" in effect && this.#mustRest(effect.of.taskId);
  }

  #mustRest(taskId: string): boolean {
    const cluster = this.#sim.manager.manager.machine?.cluster;
    const task = cluster?.tasks.get(taskId);
    const spec = cluster && task && specOf(cluster, task);
    return task !== undefined && spec !== undefined && !this.#isExcused(task.jobId, task.service, spec);
  }

  #isOfResting(change: Change): boolean {
    if (change.kind === "job.put" || change.kind === "node.put" || change.kind === "node.remove") return true;
    if (change.kind !== "task.put" && change.kind !== "slot.put") return false;
    const { jobId, service } = change.kind === "task.put" ? change.task : change.slot;
    const job = this.#sim.manager.manager.machine?.cluster.jobs.get(jobId);
    const spec = job?.spec.services.find((one) => one.name === service)?.task;
    return spec === undefined || !this.#isExcused(jobId, service, spec);
  }

  #isExcused(jobId: string, service: string, spec: TaskSpec): boolean {
    return this.#waiting.has(`${jobId}/${service}`) || neverRests(this.#sim, spec);
  }
}
