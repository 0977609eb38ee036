/**
 * Takes in what a manager wants: a numbered set, whole or as a change of the one before. Says nothing about how it is done.
 * Desired states only rise; what a whole set leaves out is stopped and removed.
 */
import { isLocalTask } from "../core/local-task.ts";
import { type DesiredState, isTerminal, supersedes, type TaskFact } from "../core/task.ts";
import type { Assignment, ManagerMessage } from "../protocol/messages.ts";
import { finish } from "./conclude.ts";
import { restartWaiting } from "./drive.ts";
import type { Listings } from "./listings.ts";
import { mark, newRun, rise, type TaskRun } from "./task-run.ts";
import { nameOf, type Turn } from "./turn.ts";

type AssignmentSet = Extract<ManagerMessage, { readonly kind: "assignments" }>;

/** What the sets act on. */
export interface Holdings {
  readonly runs: Map<string, TaskRun>;
  /** Once a runtime has said what there is, what is not known is not here; nor is anything of a runtime that the node has not. */
  readonly listings: Pick<Listings, "has" | "isListed">;
  /** Called for a task that is to go and of which nothing is here. */
  nothingLeft(taskId: string): void;
}

/** Applies a set that has been found worth obeying. */
export function takeAssignments(holdings: Holdings, set: AssignmentSet, turn: Turn): void {
  for (const assignment of set.put) putAssignment(holdings, assignment, turn);
  const wanted = new Set(set.put.map((assignment) => assignment.taskId));
  const held = [...holdings.runs.keys()].filter((id) => !isLocalTask(id));
  const unwanted = set.base === 0 ? held.filter((id) => !wanted.has(id)) : set.remove;
  for (const taskId of unwanted) removeTask(holdings, taskId, turn);
}

/**
 * How many tasks run here, or may do so, and how many of them a whole set leaves out. What it names as to go it has not forgotten; and what a journal that is behind
 * says of tasks of which nothing is here is no news to anybody.
 */
export function runningLeftOut(
  runs: Iterable<TaskRun>,
  set: AssignmentSet,
  journalIsBehind: boolean,
): { readonly total: number; readonly missing: number } {
  const named = new Set([...set.put.map((assignment) => assignment.taskId), ...set.remove]);
  let total = 0;
  let missing = 0;
  for (const run of runs) {
    if (isLocalTask(run.taskId) || !mayRun(run) || (journalIsBehind && run.instances.size === 0)) continue;
    total += 1;
    if (!named.has(run.taskId)) missing += 1;
  }
  return { total, missing };
}

/** What the runtime shows; before its first list the journal counts, which is written when a start is near: a manager may speak sooner than the runtimes answer. */
function mayRun(run: TaskRun): boolean {
  if (run.instances.size === 0) return run.fact.incarnation > 0 && !isTerminal(run.fact.state);
  return [...run.instances.values()].some((one) => one.status === "running");
}

/** Takes one assignment in; what is here already is only wanted less from then on, never more. */
export function putAssignment(holdings: Holdings, given: Assignment, turn: Turn): void {
  // What the manager knows is for this moment; kept in the journal it would only grow old.
  const { known, ...assignment } = given;
  const run = holdings.runs.get(assignment.taskId);
  if (run === undefined) {
    accept(holdings, assignment, { known, turn });
    return;
  }
  if (run.assignment === null) attach(run, assignment);
  catchUp(run, known);
  // The manager had not given the task to this node when it was told of it: a copy of its store had, and has gone.
  if (known !== undefined && supersedes(run.fact, known)) run.unreported = true;
  const desired = higher(run.desired, assignment.desired);
  const changed = desired !== run.desired || assignment.restartSerial !== run.assignment?.restartSerial;
  if (!changed) return;
  run.desired = desired;
  run.assignment = { ...assignment, desired };
  mark(run, "sync");
  restartWaiting(run, turn);
}

function accept(
  holdings: Holdings,
  assignment: Assignment,
  { known, turn }: { readonly known: TaskFact | undefined; readonly turn: Turn },
): void {
  const { runtime } = assignment.spec;
  const isKnown = holdings.listings.isListed(runtime) || !holdings.listings.has(runtime);
  if (assignment.desired === "remove" && isKnown) {
    holdings.nothingLeft(assignment.taskId);
    return;
  }
  const run = newRun(assignment.taskId, assignment);
  holdings.runs.set(run.taskId, run);
  catchUp(run, known);
  // What it goes on from is not its own step; the engine's list will tell how things are.
  if (run.fact.incarnation > 0) return;
  if (assignment.desired === "stop" || assignment.desired === "remove") {
    finish(run, "stopped", "", turn);
    return;
  }
  run.fact = { ...run.fact, incarnation: 1 };
  if (holdings.listings.has(runtime)) acceptRun(run);
  else finish(run, "rejected", `this node has no runtime "${runtime}"`, turn);
}

/** Accepted is said, and started, only what is on disk. */
function acceptRun(run: TaskRun): void {
  rise(run, "accepted");
  mark(run, "sync");
}

/** What the manager knows and this worker does not was in a journal that is lost: an end stays an end, and no incarnation is used twice. */
function catchUp(run: TaskRun, known: TaskFact | undefined): void {
  if (known === undefined || known.incarnation === 0) return;
  if (isTerminal(run.fact.state)) {
    catchUpEnd(run, known);
    return;
  }
  // A journal that went back may have made another incarnation of what had ended.
  if (!isTerminal(known.state) && !supersedes(known, run.fact)) return;
  // Not a step of this worker but the memory of one, so it does not go by the table.
  const incarnation = Math.max(known.incarnation, run.fact.incarnation);
  run.fact = { ...known, incarnation, restartInMs: null };
  run.restartAtMs = null;
  if (known.state === "stopping") endOnItsOwn(run);
  mark(run, "sync");
}

/** What ended by a journal that went back, or in a history that the manager's store has not seen, had gone on by what it knows: the end is of that incarnation. */
function catchUpEnd(run: TaskRun, known: TaskFact): void {
  if (known.incarnation <= run.fact.incarnation) return;
  run.fact = { ...run.fact, incarnation: known.incarnation };
  mark(run, "sync");
}

/** Nothing but an end is followed by that state: whoever was wanted to run all the same had been alone for too long, and goes on ending. */
function endOnItsOwn(run: TaskRun): void {
  run.desired = higher(run.desired, "stop");
  if (run.assignment !== null) run.assignment = { ...run.assignment, desired: run.desired };
}

/** A task found by its labels is known from now on; it goes on from the incarnation that was found. */
function attach(run: TaskRun, assignment: Assignment): void {
  run.assignment = assignment;
  run.answeredSerial = assignment.restartSerial;
  if (run.fact.state === "assigned") rise(run, "accepted");
  mark(run, "sync");
}

/** From now on nothing of the task is to be here. */
export function removeTask(holdings: Holdings, taskId: string, turn: Turn): void {
  const run = holdings.runs.get(taskId);
  if (run === undefined) {
    holdings.nothingLeft(taskId);
    return;
  }
  if (run.desired === "remove") return;
  run.desired = "remove";
  if (run.assignment !== null) run.assignment = { ...run.assignment, desired: "remove" };
  mark(run, "sync");
  if (!isTerminal(run.fact.state)) turn.log("info", `${nameOf(run)}: not wanted any more`);
}

const ORDER: readonly DesiredState[] = ["ready", "run", "stop", "remove"];

function higher(a: DesiredState | "hold", b: DesiredState): DesiredState {
  if (a === "hold") return b;
  return ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b;
}
