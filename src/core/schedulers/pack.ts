/**
 * Pack: best fit less an imbalance term, for few full nodes and whole empty ones.
 * Best fit is Nomad's (BestFit v3, after Google's work on Borg): 20 − (10^free cpu + 10^free memory). The imbalance term keeps a
 * node from being left with much of one resource and none of the other. Only reservations count: a node that is
 * busy otherwise must not look like a better fit.
 */
import { NATURE_FILTERS } from "../filters.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Scoring } from "../scores.ts";
import { share } from "../scores.ts";

const BEST = 18;

/**
 * Cost = 1 − clamp(20 − 10^f₁ − 10^f₂, 0, 18)/18 + (max f − min f), with f the free share after placement. Disk counts for the
 * imbalance only when the task asks for some: otherwise every node that fills up would look unbalanced.
 * Per node: free shares of CPU, memory, disk, then 10^ of the first two. Per demand: their shares, then 10^− of the first two.
 */
const bestFit: Scoring = {
  width: 5,
  describeNode({ allocatable, allocated }, out, at) {
    const cpu = share(allocatable.cpuMillis - allocated.cpuMillis, allocatable.cpuMillis);
    const memory = share(allocatable.memoryBytes - allocated.memoryBytes, allocatable.memoryBytes);
    out[at] = cpu;
    out[at + 1] = memory;
    out[at + 2] = share(allocatable.diskBytes - allocated.diskBytes, allocatable.diskBytes);
    out[at + 3] = 10 ** cpu;
    out[at + 4] = 10 ** memory;
  },
  describeDemand({ resources, allocatable }, out, at) {
    const cpu = share(resources.cpuMillis, allocatable.cpuMillis);
    const memory = share(resources.memoryBytes, allocatable.memoryBytes);
    out[at] = cpu;
    out[at + 1] = memory;
    out[at + 2] = share(resources.diskBytes, allocatable.diskBytes);
    out[at + 3] = 10 ** -cpu;
    out[at + 4] = 10 ** -memory;
  },
  cost(nodes, node, demands, demand) {
    return looseness(nodes, node, demands, demand) + imbalance(nodes, node, demands, demand);
  },
  parts(nodes, node, demands, demand) {
    return [
      { name: "looseness", value: looseness(nodes, node, demands, demand) },
      { name: "imbalance", value: imbalance(nodes, node, demands, demand) },
    ];
  },
};

/** 0 for a node that the task fills to the brim, 1 for an empty one. */
function looseness(nodes: Float64Array, node: number, demands: Float64Array, demand: number): number {
  const cpu = (nodes[node + 3] as number) * (demands[demand + 3] as number);
  const memory = (nodes[node + 4] as number) * (demands[demand + 4] as number);
  return 1 - Math.min(BEST, Math.max(0, 20 - cpu - memory)) / BEST;
}

function imbalance(nodes: Float64Array, node: number, demands: Float64Array, demand: number): number {
  const cpu = (nodes[node] as number) - (demands[demand] as number);
  const memory = (nodes[node + 1] as number) - (demands[demand + 1] as number);
  const wanted = demands[demand + 2] as number;
  if (wanted === 0) return Math.abs(cpu - memory);
  const disk = (nodes[node + 2] as number) - wanted;
  return Math.max(cpu, memory, disk) - Math.min(cpu, memory, disk);
}

/** Few full nodes, for clusters that are paid by the node. */
export const PACK: Scheduler = { name: "pack", feasibility: NATURE_FILTERS, scoring: bestFit, picking: "first" };
