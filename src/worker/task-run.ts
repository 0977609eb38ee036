/**
 * What a worker knows of one task: its assignment, its facts, the instances it has seen, and the one operation in flight.
 * Facts change only through `rise`, `amend` and `beginIncarnation`, so that no state ever falls and every change is reported and journaled.
 */
import { assert } from "../core/assert.ts";
import type { Failure } from "../core/failure.ts";
import { isLocalTask } from "../core/local-task.ts";
import { NO_RESTARTS, type RestartHistory } from "../core/restart.ts";
import {
  type DesiredState,
  EXIT_HISTORY,
  isTerminal,
  supersedes,
  type TaskExit,
  type TaskFact,
  type TaskState,
  TRANSITIONS,
  unseen,
} from "../core/task.ts";
import type { Assignment } from "../protocol/messages.ts";
import type { Incarnation, Instance } from "./effects.ts";

/** The calls to a runtime; at most one of a task is in flight. */
export type OperationKind = "pull" | "create" | "start" | "stop" | "remove" | "inspect";

/** An instance as last seen. `doubt`: something happened since, so it is inspected before anything is done with it. */
export interface KnownInstance extends Instance {
  readonly doubt: boolean;
}

/** The rhythm of a running task's probes; monotonic ms. */
export interface ProbeState {
  /** null when no probe is planned. */
  nextAtMs: number | null;
  probing: boolean;
  /** False until the watch over this incarnation has begun in this process. */
  begun: boolean;
  failures: number;
  /** When this incarnation was first seen running by this process. */
  runningSinceMs: number;
  /** Since when it has been without fault: running, and healthy where that is asked; null while it is not. */
  wellSinceMs: number | null;
}

/** When a failed operation may be tried again. */
export interface Retry {
  readonly atMs: number;
  readonly delayMs: number;
}

export interface TaskRun {
  readonly taskId: string;
  /** null for an instance found on the node whose task no manager has named. */
  assignment: Assignment | null;
  /** `hold`: the task is unknown and no manager has spoken, so it is left alone. */
  desired: DesiredState | "hold";
  fact: TaskFact;
  /** The highest restart command that has been answered. */
  answeredSerial: number;
  history: RestartHistory;
  /** Monotonic ms of the next start; null when none is waited for. */
  restartAtMs: number | null;
  /** By incarnation. */
  readonly instances: Map<number, KnownInstance>;
  /** `doubt`: something happened to the instance meanwhile, which the outcome may be too old to show. */
  op: { readonly kind: OperationKind; readonly of: Incarnation; readonly doubt?: true } | null;
  readonly retries: Map<OperationKind, Retry>;
  /** The running incarnation is to be ended and followed by the next. */
  endIsPlanned: boolean;
  /** A start that was refused; what came of it is seen by an inspection. */
  startFailure: Failure | null;
  /** An operation may have left something behind that only a list can show. */
  needsList: boolean;
  pulled: boolean;
  imageTries: number;
  /** Stops that the runtime confirmed although the instance lives on. */
  stopTries: number;
  readonly probes: ProbeState;
  /** `sync`: must be on disk before the next start or report; `lazy`: soon will do; null: it is as on disk. */
  dirty: "sync" | "lazy" | null;
  /** The journal batch that holds its newest state. */
  recordNumber: number;
  /** When it was last acted upon, in the machine's own sequence; a list from before says nothing about it. */
  touched: number;
  unreported: boolean;
}

/** A run that nothing is known of yet but what the assignment says. */
export function newRun(taskId: string, assignment: Assignment | null): TaskRun {
  return {
    taskId,
    assignment,
    desired: assignment?.desired ?? "hold",
    fact: unseen(taskId, "assigned"),
    answeredSerial: assignment?.restartSerial ?? 0,
    history: NO_RESTARTS,
    restartAtMs: null,
    instances: new Map(),
    op: null,
    retries: new Map(),
    endIsPlanned: false,
    startFailure: null,
    needsList: false,
    pulled: false,
    imageTries: 0,
    stopTries: 0,
    probes: { nextAtMs: null, probing: false, begun: false, failures: 0, runningSinceMs: 0, wellSinceMs: null },
    dirty: null,
    recordNumber: 0,
    touched: 0,
    unreported: false,
  };
}

/** Takes the facts to a higher state of the same incarnation, with what else changed. */
export function rise(
  run: TaskRun,
  state: TaskState,
  change: Partial<Omit<TaskFact, "taskId" | "state" | "incarnation">> = {},
): void {
  const from = run.fact.state;
  assert(
    TRANSITIONS[from].owner === "worker" && TRANSITIONS[from].to.includes(state),
    `task ${run.taskId}: ${from} to ${state} is no step of a worker`,
  );
  run.fact = { ...run.fact, ...change, state };
  mark(run, isTerminal(state) ? "sync" : "lazy");
}

/** Changes what is beside the position: health, message, ports. The same values are no change. */
export function amend(run: TaskRun, change: Partial<Omit<TaskFact, "taskId" | "state" | "incarnation">>): void {
  const keys = Object.keys(change) as (keyof typeof change)[];
  if (keys.every((key) => run.fact[key] === change[key])) return;
  run.fact = { ...run.fact, ...change };
  mark(run, "lazy");
}

/** Takes the facts to the next incarnation, not yet created. */
export function beginIncarnation(run: TaskRun, next: { readonly incarnation: number; readonly message: string }): void {
  const fact: TaskFact = {
    ...run.fact,
    incarnation: next.incarnation,
    state: "accepted",
    health: "unknown",
    containerId: "",
    ports: [],
    message: next.message,
    restartInMs: null,
    restarts: run.fact.restarts + 1,
    startedMs: 0,
    finishedMs: 0,
  };
  assert(
    supersedes(fact, run.fact),
    `task ${run.taskId}: incarnation ${next.incarnation} does not follow ${run.fact.incarnation}`,
  );
  run.fact = fact;
  run.restartAtMs = null;
  run.endIsPlanned = false;
  run.startFailure = null;
  run.pulled = false;
  run.imageTries = 0;
  run.stopTries = 0;
  run.retries.clear();
  resetProbes(run.probes);
  mark(run, "sync");
}

/** Adds an exit to the history; the oldest falls out at the bound. */
export function recordExit(run: TaskRun, exit: TaskExit): void {
  run.fact = { ...run.fact, exits: [...run.fact.exits, exit].slice(-EXIT_HISTORY) };
  mark(run, "sync");
}

/** Notes that the run differs from what is on disk and from what was reported. */
export function mark(run: TaskRun, how: "sync" | "lazy"): void {
  run.unreported = true;
  if (run.dirty !== "sync") run.dirty = how;
}

/** Stops all probing. */
export function resetProbes(probes: ProbeState): void {
  probes.nextAtMs = null;
  probes.probing = false;
  probes.begun = false;
  probes.failures = 0;
  probes.runningSinceMs = 0;
  probes.wellSinceMs = null;
}

/** The instance of the present incarnation, if it has been seen. */
export function currentInstance(run: TaskRun): KnownInstance | null {
  return run.instances.get(run.fact.incarnation) ?? null;
}

/** True when nothing of the task is to run any more. */
export function isEnding(run: TaskRun): boolean {
  return run.desired === "stop" || run.desired === "remove" || isTerminal(run.fact.state);
}

/** Identity of the present incarnation. */
export function identity(run: TaskRun): Incarnation {
  return { taskId: run.taskId, incarnation: run.fact.incarnation };
}

/** Where a task's newest output is: its present instance, or the last dead one; null when it has none. */
export function newestInstance(run: TaskRun): KnownInstance | null {
  const newestFirst = [...run.instances.values()].sort((a, b) => b.incarnation - a.incarnation);
  return newestFirst.find((one) => one.status !== "created") ?? newestFirst[0] ?? null;
}

/** An incarnation as a key. */
export function keyOf(of: Incarnation): string {
  return `${of.taskId}/${of.incarnation}`;
}

/** The runs that managers have a say in. */
export function managed(runs: ReadonlyMap<string, TaskRun>): TaskRun[] {
  return [...runs.values()].filter((run) => !isLocalTask(run.taskId));
}
