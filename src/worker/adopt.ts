/**
 * Takes in a list of what a runtime has: after a start, after an interruption, and now and then. What runs is adopted, never started again;
 * what is missing is gone; what no task knows is held until a manager has spoken.
 */

import { isLocalTask } from "../core/local-task.ts";
import type { RuntimeKind } from "../core/spec.ts";
import { isTerminal } from "../core/task.ts";
import type { Instance, WorkerEvent } from "./effects.ts";
import type { Listings } from "./listings.ts";
import { doubt, see } from "./outcomes.ts";
import { amend, beginIncarnation, newRun, rise, type TaskRun } from "./task-run.ts";
import type { Turn } from "./turn.ts";

/** What a worker knows before a runtime answers. */
interface Known {
  readonly runs: Map<string, TaskRun>;
  readonly listings: Listings;
  /** A whole set has come from a manager: what is not in it is not wanted. */
  readonly managerHasSpoken: boolean;
}

/** A runtime's answer, and since when it holds. */
interface Listing {
  readonly runtime: RuntimeKind;
  readonly instances: readonly Instance[];
  /** In the machine's own sequence: what was touched later is newer than the list. */
  readonly askedAt: number;
  readonly managerHasSpoken: boolean;
}

/** Takes in what a runtime answers to the question what it has. True when its first list shows the journal to be behind. */
export function takeAnswer(
  { runs, listings, managerHasSpoken }: Known,
  { runtime, result }: Extract<WorkerEvent, { readonly kind: "listed" }>,
  turn: Turn,
): boolean {
  const before = listings.problemOf(runtime);
  const problem = result.ok ? null : result.failure.message;
  const isFirst = listings.answered(runtime, problem, turn.time.monoMs);
  if (problem !== null && before === "") turn.log("warn", `${runtime} does not answer: ${problem}`);
  const { askedAt } = listings;
  const knowsMore =
    result.ok && takeListing(runs, { runtime, instances: result.value, askedAt, managerHasSpoken }, turn);
  showAway(runs.values(), runtime, { before, now: listings.problemOf(runtime) });
  return isFirst && knowsMore;
}

/** Brings `runs` in line with the list. True when the runtime has what the journal should know and does not. */
function takeListing(runs: Map<string, TaskRun>, listing: Listing, turn: Turn): boolean {
  const byTask = new Map<string, Instance[]>();
  for (const instance of listing.instances) {
    const of = byTask.get(instance.taskId) ?? [];
    of.push(instance);
    byTask.set(instance.taskId, of);
  }
  let knowsMore = false;
  for (const run of runs.values()) {
    if (runtimeOf(run) !== listing.runtime) continue;
    const seen = byTask.get(run.taskId) ?? [];
    if (run.op !== null || run.touched > listing.askedAt) suspect(run, seen);
    else if (settle(run, seen, turn)) knowsMore = true;
    // Nothing is known of a stray but that it was here.
    if (run.assignment === null && run.instances.size === 0) runs.delete(run.taskId);
  }
  for (const [taskId, seen] of byTask) {
    if (runs.has(taskId)) continue;
    runs.set(taskId, stray(taskId, seen, listing, turn));
    knowsMore = true;
  }
  return knowsMore;
}

/** The runtime that a task belongs to; by what was found of it when no assignment says. */
export function runtimeOf(run: TaskRun): RuntimeKind | null {
  if (run.assignment !== null) return run.assignment.spec.runtime;
  const first = run.instances.values().next().value;
  return first?.runtime ?? null;
}

/** Whether it is known what there is of the task: its runtime has said so, or the task was rejected where there is no such runtime, and nothing was made of it. */
export function isLookedFor(run: TaskRun, listings: Pick<Listings, "has" | "isListed">): boolean {
  const runtime = runtimeOf(run) ?? "docker";
  return listings.isListed(runtime) || (run.fact.state === "rejected" && !listings.has(runtime));
}

/** The list is older than what is known of this task: a difference is a reason to look again, no more. */
function suspect(run: TaskRun, seen: readonly Instance[]): void {
  if (seen.some((one) => !run.instances.has(one.incarnation))) run.needsList = true;
  for (const known of run.instances.values()) {
    const same = seen.some((one) => one.incarnation === known.incarnation && one.status === known.status);
    if (!same) doubt(run, known.incarnation);
  }
}

/** True when the labels know more than the journal, which has lost its end. */
function settle(run: TaskRun, seen: readonly Instance[], turn: Turn): boolean {
  run.needsList = false;
  const found = new Set(seen.map((instance) => instance.incarnation));
  for (const incarnation of [...run.instances.keys()]) if (!found.has(incarnation)) run.instances.delete(incarnation);
  for (const instance of seen) see(run, instance);
  const newest = Math.max(0, ...found);
  if (newest <= run.fact.incarnation || isTerminal(run.fact.state)) return false;
  turn.log("warn", `task ${run.taskId}: incarnation ${newest} is here, the journal knows ${run.fact.incarnation}`);
  beginIncarnation(run, { incarnation: newest, message: "" });
  for (const instance of seen) see(run, instance);
  return true;
}

function stray(taskId: string, seen: readonly Instance[], listing: Listing, turn: Turn): TaskRun {
  const run = newRun(taskId, null);
  const newest = Math.max(...seen.map((instance) => instance.incarnation));
  run.fact = { ...run.fact, incarnation: newest };
  for (const instance of seen) see(run, instance);
  const current = run.instances.get(newest);
  if (current?.status === "running") {
    rise(run, "running", { containerId: current.instanceId, ports: current.ports, startedMs: current.startedMs });
  }
  const unwanted = listing.managerHasSpoken && !isLocalTask(taskId);
  if (unwanted) run.desired = "remove";
  const what = unwanted
    ? "it is not wanted and goes"
    : isLocalTask(taskId)
      ? "it was posted to this node and is left alone"
      : "it is left alone until a manager speaks";
  turn.log("warn", `found task ${taskId}, incarnation ${newest}, that this worker's journal does not know: ${what}`);
  return run;
}

/** Tasks of a runtime that does not answer stay as they are, and say so until it does. */
function showAway(
  runs: Iterable<TaskRun>,
  runtime: RuntimeKind,
  problem: { readonly before: string; readonly now: string },
): void {
  if (problem.before === problem.now) return;
  for (const run of runs) {
    if (runtimeOf(run) !== runtime || isTerminal(run.fact.state)) continue;
    if (problem.now !== "") amend(run, { message: awayText(runtime, problem.now) });
    else if (run.fact.message === awayText(runtime, problem.before)) amend(run, { message: "" });
  }
}

function awayText(runtime: RuntimeKind, problem: string): string {
  return `${runtime} does not answer: ${problem}`;
}
