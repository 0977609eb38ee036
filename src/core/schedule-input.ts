/**
 * What the scheduler is told: the nodes as it sees them, and what a task needs of one.
 * It sits apart so that filters, scores and the index share these shapes; it holds no rule of its own.
 */
import type { Node, NodeMetrics } from "./node.ts";
import { allocatable } from "./node.ts";
import type { Constraint, Resources, RuntimeKind, TaskSpec } from "./spec.ts";
import { reservation } from "./spec.ts";

/** A node as the scheduler sees it. */
export interface NodeView {
  readonly id: string;
  readonly name: string;
  /** Wall clock of its joining, ms since 1970. Only the order counts: it breaks ties, and ids break the ties of that. */
  readonly joinedMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly os: string;
  readonly arch: string;
  /** Those that work. */
  readonly runtimes: readonly RuntimeKind[];
  /** "" when it may get tasks, else why not, as the rest of a sentence that begins with its name: `is draining`. */
  readonly refusal: string;
  readonly allocatable: Resources;
  /** What is in use by anything on that machine that is no task of the cluster, from fresh metrics; null when there are none. */
  readonly measured: Resources | null;
  /** What its tasks use together, from the same metrics. */
  readonly measuredTasks: Resources;
}

/** A port of the node that the task must have. */
export interface HostPort {
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  /** Address on the node; "" means all of them. */
  readonly hostIp: string;
}

/** What a task needs of a node. Tasks with equal needs form one class: they are scored once. */
export interface Need {
  readonly runtime: RuntimeKind;
  /** What is reserved, with the assumed figures filled in. */
  readonly resources: Resources;
  readonly hostPorts: readonly HostPort[];
  readonly constraints: readonly Constraint[];
}

/** What this task needs: its reservation, its fixed host ports, its runtime and constraints. Pure. */
export function readNeed(spec: TaskSpec): Need {
  const fixed = spec.ports.filter((mapping) => mapping.hostPort !== 0);
  return {
    runtime: spec.runtime,
    resources: reservation(spec),
    hostPorts: fixed.map(({ hostPort, protocol, hostIp }) => ({ port: hostPort, protocol, hostIp })),
    constraints: spec.constraints,
  };
}

/** Text that is equal exactly for needs that are equal. Pure. */
export function needKey(need: Need): string {
  const { runtime, resources, hostPorts, constraints } = need;
  return JSON.stringify([
    runtime,
    resources.cpuMillis,
    resources.memoryBytes,
    resources.diskBytes,
    hostPorts.map((p) => [p.port, p.protocol, p.hostIp]),
    constraints.map((c) => [c.key, c.operator, c.value]),
  ]);
}

/** A stored node and its metrics as the scheduler sees them. `metrics` is null when there are none that are fresh. Pure. */
export function viewNode(node: Node, metrics: NodeMetrics | null): NodeView {
  const tasks = usedByTasks(metrics);
  return {
    id: node.id,
    name: node.name,
    joinedMs: node.joinedMs,
    labels: node.labels,
    os: node.os,
    arch: node.arch,
    runtimes: node.runtimes.filter((runtime) => runtime.problem === "").map((runtime) => runtime.kind),
    refusal: refusalOf(node),
    allocatable: allocatable(node),
    measured: metrics && {
      cpuMillis: Math.max(0, metrics.cpuMillis - tasks.cpuMillis),
      memoryBytes: Math.max(0, metrics.memoryUsedBytes - tasks.memoryBytes),
      diskBytes: metrics.diskUsedBytes,
    },
    measuredTasks: tasks,
  };
}

function usedByTasks(metrics: NodeMetrics | null): Resources {
  let [cpuMillis, memoryBytes] = [0, 0];
  for (const task of metrics?.tasks ?? []) {
    cpuMillis += task.cpuMillis;
    memoryBytes += task.memoryBytes;
  }
  return { cpuMillis, memoryBytes, diskBytes: 0 };
}

function refusalOf(node: Node): string {
  if (node.state !== "ready") return `is ${node.state}`;
  return node.availability === "eligible" ? "" : `is ${node.availability}`;
}
