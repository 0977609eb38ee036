/**
 * What a scheduler is: three phases in one small value. Adding one means adding a file under schedulers/ and a line in schedule.ts.
 * No scheduler decides about room: CPU, memory, disk and host ports are asked by the index itself, so none can over-commit a node.
 */
import type { Filter } from "./filters.ts";
import type { Picking } from "./pick.ts";
import type { Scoring } from "./scores.ts";

export type SchedulerName = "epvm" | "roundrobin" | "pack";

/** A scheduler as data. */
export interface Scheduler {
  readonly name: SchedulerName;
  /** Filters of a node's nature: they may read everything of its view but `measured`. */
  readonly feasibility: readonly Filter[];
  readonly scoring: Scoring;
  readonly picking: Picking;
}
