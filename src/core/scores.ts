/**
 * What scoring promises to the scheduler's index, and the arithmetic that all scores share.
 * A score is a cost: the lowest wins. It is compared as an integer only, since engines differ in the last bits of Math.pow.
 */
import type { ScorePart } from "./decision.ts";
import type { Resources } from "./spec.ts";

/** A node's load, as scoring sees it. */
export interface NodeLoad {
  readonly allocatable: Resources;
  readonly allocated: Resources;
  /** Use by whatever is no task; null without fresh metrics. */
  readonly measured: Resources | null;
  /** Use by tasks. */
  readonly measuredTasks: Resources;
  /** Ready nodes in the cluster, at least 2, rounded up to a power of two. */
  readonly clusterSize: number;
}

/** A task's demand on nodes of one capacity. */
export interface Demand {
  readonly resources: Resources;
  readonly allocatable: Resources;
  readonly clusterSize: number;
}

/**
 * The second phase of a scheduler. A cost is split so that no power is taken for each pair of node and task: `width` numbers
 * for the node, `width` numbers for the demand on nodes of that capacity, and a cheap `cost` of both. All functions are pure
 * but for `out`, which they fill from `at` on. Costs lie in 0 … 10^9.
 */
export interface Scoring {
  readonly width: number;
  describeNode(load: NodeLoad, out: Float64Array, at: number): void;
  describeDemand(demand: Demand, out: Float64Array, at: number): void;
  cost(nodes: Float64Array, node: number, demands: Float64Array, demand: number): number;
  /** The summands of the same cost, by name. */
  parts(nodes: Float64Array, node: number, demands: Float64Array, demand: number): readonly ScorePart[];
}

/** Beyond this many nodes the base of E-PVM rises no more: 3·n^2.5 stays below every penalty. */
const MAX_CLUSTER_SIZE = 2_048;

/** Added to the cost of a node without fresh metrics: it is taken only when no node with metrics fits. */
export const NO_METRICS = 1_000_000_000;

/** Added to the cost of a node where the last attempts failed: it is taken only when no other fits. */
export const FAILED_HERE = 2_000_000_000;

const QUANTUM = 2 ** 20;

/** A score as an integer, in 2^-20ths: what is compared. Pure. */
export function quantise(score: number): number {
  // Math.round does the same and takes several times as long on JavaScriptCore, which the full scan feels.
  return Math.floor(score * QUANTUM + 0.5);
}

/** The score of a quantised one. Pure. */
export function unquantise(quantised: number): number {
  return quantised / QUANTUM;
}

/** `part` of `whole`, 0 when the whole is nothing. Pure. */
export function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

/** Nodes for the base of E-PVM: at least 2, rounded up to a power of two so that one join does not re-score everything. Pure. */
export function roundClusterSize(readyNodes: number): number {
  let size = 2;
  while (size < readyNodes && size < MAX_CLUSTER_SIZE) size *= 2;
  return size;
}
