/** A node: a machine with a worker on it, what it offers and how it is. Metrics are observations: in memory only, never in the store. */
import type { Resources, RuntimeKind } from "./spec.ts";

/** `lost` is final, and part of what is stored and told; so far nothing makes a node lost, it stays `disconnected` until it is back or removed. */
export type NodeState = "ready" | "disconnected" | "lost";
export type Availability = "eligible" | "cordoned" | "draining";

/** A runtime that a node offers. */
export interface NodeRuntime {
  readonly kind: RuntimeKind;
  readonly version: string;
  /** "" when it works; otherwise why it does not, in words. */
  readonly problem: string;
}

/** What a node says of itself when it joins. */
export interface NodeFacts {
  readonly id: string;
  readonly name: string;
  /** The machine under it: two nodes with one id on two machines are a clone. */
  readonly machineId: string;
  readonly address: string;
  readonly os: string;
  readonly arch: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: Resources;
  /** Kept back for the system; allocatable = capacity − reserved. */
  readonly reserved: Resources;
  readonly runtimes: readonly NodeRuntime[];
  /** True for the worker inside the manager's own process. */
  readonly local: boolean;
}

/** A node as stored. */
export interface Node extends NodeFacts {
  readonly state: NodeState;
  readonly availability: Availability;
  /** Why it is cordoned or disconnected, or does not follow its manager; "" otherwise. */
  readonly reason: string;
  /** Wall clock, ms since 1970. Display only. */
  readonly joinedMs: number;
  readonly stateSinceMs: number;
}

/** Use of one task on its node. */
export interface TaskUsage {
  readonly taskId: string;
  /** Thousandths of a core over the last sample. */
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/** One sample of a node, about once a second. */
export interface NodeMetrics {
  /** Busy share of all cores in thousandths of a core, over the last sample. */
  readonly cpuMillis: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly diskUsedBytes: number;
  readonly diskTotalBytes: number;
  /** Load averages over 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number];
  readonly tasks: readonly TaskUsage[];
  /** Wall clock of the sample, ms since 1970. */
  readonly atMs: number;
  /** The book's Stats object (/proc figures), as its worker API shows it; null where not asked for. */
  readonly book: BookStats | null;
}

/** The figures of /proc under the book's names; parts that cannot be read are empty. See api/book.ts. */
export interface BookStats {
  readonly MemStats: Readonly<Record<string, number>>;
  readonly DiskStats: Readonly<Record<string, number>>;
  readonly CpuStats: Readonly<Record<string, number | string>>;
  readonly LoadStats: Readonly<Record<string, number>>;
}

/** What may be given to tasks: capacity less the system's reserve, never below zero. */
export function allocatable(node: Pick<NodeFacts, "capacity" | "reserved">): Resources {
  const { capacity, reserved } = node;
  return {
    cpuMillis: Math.max(0, capacity.cpuMillis - reserved.cpuMillis),
    memoryBytes: Math.max(0, capacity.memoryBytes - reserved.memoryBytes),
    diskBytes: Math.max(0, capacity.diskBytes - reserved.diskBytes),
  };
}
