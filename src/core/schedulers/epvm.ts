/**
 * E-PVM: the node with the least marginal cost, after Amir, Awerbuch, Barak, Borgstrom and Keren, "An Opportunity Cost Approach
 * for Job Assignment in a Scalable Computing Cluster", IEEE TPDS 11(7):760–768, 2000, doi 10.1109/71.877834.
 * A machine costs Σ n^(load/capacity) over its resources; convex, so it spreads and leaves headroom for spikes.
 */
import { NATURE_FILTERS } from "../filters.ts";
import type { Scheduler } from "../scheduler.ts";
import type { NodeLoad, Scoring } from "../scores.ts";
import { share } from "../scores.ts";
import type { Resources } from "../spec.ts";
import { ASSUMED } from "../spec.ts";

const METRIC_STEPS = 64;
/** A machine counts as loaded by half as much again as it has, at most: what is reserved there makes a difference even where others use all of it. */
const MOST_USE = 1.5;

/**
 * H = Σ n^u·(n^(d/c) − 1) over CPU, memory and disk, with u = (max(reserved, tasks) + others)/c, where tasks and others are measured. Others come on top:
 * were they weighed against what is reserved, a busy machine would hide its reservations, and equally busy ones would all look empty. Measured use is
 * rounded to 1/64 of the capacity, so that noise re-scores nothing; a demand counts at least the assumed figures, so that tiny tasks spread as well.
 */
const marginalCost: Scoring = {
  width: 3,
  describeNode(load, out, at) {
    const { clusterSize } = load;
    out[at] = clusterSize ** use("cpuMillis", load);
    out[at + 1] = clusterSize ** use("memoryBytes", load);
    out[at + 2] = clusterSize ** use("diskBytes", load);
  },
  describeDemand({ resources, allocatable, clusterSize }, out, at) {
    out[at] = clusterSize ** demanded("cpuMillis", resources, allocatable) - 1;
    out[at + 1] = clusterSize ** demanded("memoryBytes", resources, allocatable) - 1;
    out[at + 2] = clusterSize ** demanded("diskBytes", resources, allocatable) - 1;
  },
  cost(nodes, node, demands, demand) {
    return (
      (nodes[node] as number) * (demands[demand] as number) +
      (nodes[node + 1] as number) * (demands[demand + 1] as number) +
      (nodes[node + 2] as number) * (demands[demand + 2] as number)
    );
  },
  parts(nodes, node, demands, demand) {
    return ["cpu", "memory", "disk"].map((name, i) => ({ name, value: product(nodes, node + i, demands, demand + i) }));
  },
};

function product(nodes: Float64Array, node: number, demands: Float64Array, demand: number): number {
  return (nodes[node] as number) * (demands[demand] as number);
}

function use(of: keyof Resources, { allocatable, allocated, measured, measuredTasks }: NodeLoad): number {
  const capacity = allocatable[of];
  const others = measured === null ? 0 : measuredShare(measured[of], capacity);
  const own = Math.max(share(allocated[of], capacity), measuredShare(measuredTasks[of], capacity));
  return Math.min(MOST_USE, own + others);
}

/** Measured use as the scheduler sees it: in 64ths of the capacity, at most all of it. */
function measuredShare(measured: number, capacity: number): number {
  const steps = Math.round(share(measured, capacity) * METRIC_STEPS);
  // A figure that is no number would make every comparison false and win: it counts as nothing measured.
  return steps >= 0 ? Math.min(1, steps / METRIC_STEPS) : 0;
}

function demanded(of: keyof Resources, resources: Resources, capacity: Resources): number {
  // A demand above the capacity fits nowhere; the limit keeps its power finite.
  return Math.min(1, share(Math.max(resources[of], ASSUMED[of]), capacity[of]));
}

/** The default scheduler. */
export const EPVM: Scheduler = {
  name: "epvm",
  feasibility: NATURE_FILTERS,
  scoring: marginalCost,
  picking: "first",
};
