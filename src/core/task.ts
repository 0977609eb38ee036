/**
 * A task: one attempt to fill a slot of a service on one node, and the states it goes through.
 * The transition table is a constant here; whoever changes a state goes through it, so no state ever falls.
 */
import type { PortMapping } from "./spec.ts";

/** Observed states in rising order; the last five are terminal. */
export const TASK_STATES = [
  "pending",
  "assigned",
  "accepted",
  "pulling",
  "ready",
  "starting",
  "running",
  "stopping",
  "complete",
  "failed",
  "rejected",
  "stopped",
  "lost",
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** What the manager wants, in rising order; it never goes back. */
export const DESIRED_STATES = ["ready", "run", "stop", "remove"] as const;
export type DesiredState = (typeof DESIRED_STATES)[number];

export type Health = "unknown" | "healthy" | "unhealthy";

/** Who may take a task out of a state. */
export type Owner = "manager" | "worker";

const ENDS = ["complete", "failed", "rejected", "stopped"] as const;

/** For each source state its owner and the states it may rise to within one incarnation. `lost` is the manager's from every non-terminal state. */
export const TRANSITIONS: Readonly<Record<TaskState, { readonly owner: Owner; readonly to: readonly TaskState[] }>> = {
  // A slot whose job is stopped before it was placed ends without any worker having seen it.
  pending: { owner: "manager", to: ["assigned", "stopped"] },
  assigned: { owner: "worker", to: ["accepted", "pulling", "ready", "starting", "running", "stopping", ...ENDS] },
  accepted: { owner: "worker", to: ["pulling", "ready", "starting", "running", "stopping", ...ENDS] },
  pulling: { owner: "worker", to: ["ready", "starting", "running", "stopping", ...ENDS] },
  ready: { owner: "worker", to: ["starting", "running", "stopping", ...ENDS] },
  starting: { owner: "worker", to: ["running", "stopping", ...ENDS] },
  running: { owner: "worker", to: ["stopping", ...ENDS] },
  stopping: { owner: "worker", to: [...ENDS] },
  complete: { owner: "manager", to: [] },
  failed: { owner: "manager", to: [] },
  rejected: { owner: "manager", to: [] },
  stopped: { owner: "manager", to: [] },
  lost: { owner: "manager", to: [] },
};

const RANK: Readonly<Record<TaskState, number>> = Object.fromEntries(TASK_STATES.map((s, i) => [s, i])) as Record<
  TaskState,
  number
>;

/** Position in the rising order. All terminal states share the highest rank but `lost`, which only the manager writes. */
export function rank(state: TaskState): number {
  return isTerminal(state) ? RANK.complete : RANK[state];
}

/** True for the five states that a task never leaves. */
export function isTerminal(state: TaskState): boolean {
  return RANK[state] >= RANK.complete;
}

/** True when `next` may follow `current`: a higher incarnation, or the same one at a higher rank. Terminal is final. */
export function supersedes(next: FactPosition, current: FactPosition): boolean {
  if (isTerminal(current.state)) return false;
  if (next.incarnation !== current.incarnation) return next.incarnation > current.incarnation;
  return rank(next.state) > rank(current.state);
}

/** Where a task's facts stand in their order. */
export interface FactPosition {
  readonly incarnation: number;
  readonly state: TaskState;
}

/** How one incarnation ended. */
export interface TaskExit {
  readonly incarnation: number;
  /** null when no exit code is known (never started, or its record was lost). */
  readonly code: number | null;
  readonly oomKilled: boolean;
  /** Why, in words, for people. */
  readonly reason: string;
  readonly atMs: number;
}

/** What a worker says of one task. Facts of the same position replace each other (health, message); a higher position always wins. */
export interface TaskFact extends FactPosition {
  readonly taskId: string;
  readonly health: Health;
  /** The engine's id; "" before there is one. */
  readonly containerId: string;
  /** Ports as bound on the node, with the engine's choices filled in. */
  readonly ports: readonly PortMapping[];
  /** Why it is as it is: a pull's progress, the last error, the reason for a wait. */
  readonly message: string;
  /** Milliseconds until the next start, at the time of the report; null when none is planned. */
  readonly restartInMs: number | null;
  /** Restarts so far, by the worker and on command. */
  readonly restarts: number;
  /** Wall clock, ms since 1970, of the present incarnation; 0 for not yet. Display only. */
  readonly startedMs: number;
  readonly finishedMs: number;
  /** Newest last, at most EXIT_HISTORY. */
  readonly exits: readonly TaskExit[];
}

/** Exits kept for each task; the oldest is dropped first. */
export const EXIT_HISTORY = 10;

/** One attempt to fill a slot. Its specification is its job's, at `jobVersion`. */
export interface Task {
  readonly id: string;
  readonly jobId: string;
  readonly jobVersion: number;
  readonly service: string;
  readonly slot: number;
  readonly attempt: number;
  /** Mark of the store's opening in which it was made: part of its id. Left out by managers whose ids do not have it. */
  readonly opening?: string;
  /** null until placed. */
  readonly nodeId: string | null;
  readonly desired: DesiredState;
  /** Raised by an operator's restart; the worker starts a new incarnation when it sees a higher one. */
  readonly restartSerial: number;
  /** The newest facts; `pending` and `assigned` are the manager's own, all later ones come from the worker. */
  readonly fact: TaskFact;
  /** A lost task of which its node may still hold a container: it keeps its room until the node says that nothing is left. */
  readonly lingers?: boolean;
  /** Why it is pending, or why it was placed again: the scheduler's summary in words. */
  readonly reason: string;
  /** Wall clock, ms since 1970. Display only. */
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** True when a container of the ended task may be left on its node. */
export function mayBeLeft(task: Task): boolean {
  return task.fact.containerId !== "" || task.lingers === true;
}

/** The task without anything left on its node. */
export function withNothingLeft({ lingers, ...task }: Task): Task {
  return { ...task, fact: { ...task.fact, containerId: "" } };
}

/** Facts of a task that no worker has seen. */
export function unseen(taskId: string, state: "pending" | "assigned" = "pending"): TaskFact {
  return {
    taskId,
    incarnation: 0,
    state,
    health: "unknown",
    containerId: "",
    ports: [],
    message: "",
    restartInMs: null,
    restarts: 0,
    startedMs: 0,
    finishedMs: 0,
    exits: [],
  };
}
