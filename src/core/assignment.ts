/** A task as its node gets it. */
import type { TaskSpec } from "./spec.ts";
import type { DesiredState, TaskFact } from "./task.ts";

/** A task as handed to a worker: all that it needs, also without a manager. */
export interface Assignment {
  readonly taskId: string;
  readonly jobId: string;
  /** For people; part of the container's name. */
  readonly name: string;
  readonly service: string;
  readonly slot: number;
  readonly attempt: number;
  /** When its job was submitted, ms since 1970: part of the task's id. Left out by managers whose ids do not have it. */
  readonly jobCreatedMs?: number;
  /** The same for the opening of the store in which the task was made. */
  readonly opening?: string;
  readonly spec: TaskSpec;
  readonly desired: DesiredState;
  /** A worker starts a new incarnation when it sees a higher one than it has answered. */
  readonly restartSerial: number;
  /** The newest facts that the manager has, when it has any: what a worker that lost its journal goes on from. */
  readonly known?: TaskFact;
}
