/**
 * A question about a cluster as it could be, and its answer: plain data between whoever asks (`cube sim`) and whoever works it out on the real manager
 * (sim/what-if.ts). Types alone, so that neither side has to know the other.
 */
import type { Refusal } from "./decision.ts";
import type { Job, Slot } from "./job.ts";
import type { Node, NodeMetrics } from "./node.ts";
import type { SchedulerName } from "./scheduler.ts";
import type { JobSpec, Resources } from "./spec.ts";
import type { Task } from "./task.ts";

/** A cluster's records at one moment, as far as a manager has to know them to go on. */
export interface ClusterPicture {
  readonly clusterId: string;
  readonly scheduler: SchedulerName;
  /** Wall clock, ms since 1970. */
  readonly nowMs: number;
  readonly nodes: readonly Node[];
  readonly jobs: readonly Job[];
  readonly slots: readonly Slot[];
  /** In the order in which they were made. */
  readonly tasks: readonly Task[];
  /** Newest samples by node's id; a node without one has none that is fresh. */
  readonly metrics: ReadonlyMap<string, NodeMetrics>;
}

/** What is asked. In this order: new nodes join, nodes go away, jobs are submitted, and then it is counted how many more fit. */
export interface WhatIfQuestion {
  readonly picture: ClusterPicture;
  /** Ids of nodes; one more like each of them joins, idle. */
  readonly join: readonly string[];
  /** Ids of nodes that die, all at once. */
  readonly without: readonly string[];
  readonly add: readonly JobSpec[];
  readonly howMany: JobSpec | null;
}

/** What is held on a node. */
export interface NodeLoadFigures {
  readonly tasks: number;
  readonly reserved: Resources;
}

/** A node before and after. */
export interface NodeOutlook {
  readonly id: string;
  readonly name: string;
  /** `new` joins, `gone` dies, `out` was out of reach before anything was asked. */
  readonly fate: "stays" | "new" | "gone" | "out";
  readonly allocatable: Resources;
  readonly before: NodeLoadFigures;
  readonly after: NodeLoadFigures;
}

/**
 * What becomes of a slot that does not simply stay where it is. `moves`: it is replaced on another node; `starts`: it had no node and gets one; `waits`: it is
 * pending; `stays`: it is bound to a node that is gone, and down until that is back; `ends`: it is given up; `undecided`: nothing was done about it for as long as was looked.
 */
export interface TaskOutlook {
  readonly name: string;
  readonly jobId: string;
  readonly service: string;
  readonly slot: number;
  readonly outcome: "moves" | "starts" | "waits" | "stays" | "ends" | "undecided";
  /** Name of the node before; "" for none. */
  readonly from: string;
  /** Name of the node after; "" for none. */
  readonly to: string;
  /** True for one that waits now already. */
  readonly already: boolean;
  /** Why, in words; of the placed and the waiting in the scheduler's. */
  readonly reason: string;
  /** Why not on each node, for one that waits. */
  readonly refusals: readonly Refusal[];
}

/** How many more copies of a job fit. */
export interface Headroom {
  readonly name: string;
  readonly copies: number;
  /** True when it was counted no further than this. */
  readonly atLeast: boolean;
  /** Tasks of the copies by node. */
  readonly nodes: readonly { readonly name: string; readonly tasks: number }[];
  /** Why the next one does not fit; "" when counting ended before. */
  readonly reason: string;
  readonly refusals: readonly Refusal[];
}

export interface WhatIfAnswer {
  /** In the order of their names. */
  readonly nodes: readonly NodeOutlook[];
  readonly tasks: readonly TaskOutlook[];
  readonly howMany: Headroom | null;
  /** What else has to be known to read this rightly, a sentence each. */
  readonly notes: readonly string[];
  /** False when something would be pending that is not now, or down, or given up, or when not one more fits. */
  readonly fits: boolean;
}
