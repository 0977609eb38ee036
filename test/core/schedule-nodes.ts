/** Nodes and needs for tests of the scheduler: whole ones, of which a test changes what it is about. */
import type { Need, NodeView } from "../../src/core/schedule.ts";

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** An idle node of 4 cores, 8 GiB and 100 GiB with fresh metrics, the `n`-th to join. */
export function node(n: number, changes: Partial<NodeView> = {}): NodeView {
  return {
    id: `n${n}`,
    name: `n${n}`,
    joinedMs: n,
    labels: {},
    os: "linux",
    arch: "x64",
    runtimes: ["docker"],
    refusal: "",
    allocatable: { cpuMillis: 4_000, memoryBytes: 8 * GIB, diskBytes: 100 * GIB },
    measured: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
    measuredTasks: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
    ...changes,
  };
}

/** A docker task of a tenth of a core and 64 MiB, what a task counts for that says nothing. */
export function need(changes: Partial<Need> = {}): Need {
  return {
    runtime: "docker",
    resources: { cpuMillis: 100, memoryBytes: 64 * MIB, diskBytes: 0 },
    hostPorts: [],
    constraints: [],
    ...changes,
  };
}

/** A need of these figures. */
export function demand(cpuMillis: number, memoryBytes: number, diskBytes = 0): Need {
  return need({ resources: { cpuMillis, memoryBytes, diskBytes } });
}
