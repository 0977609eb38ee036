/**
 * What manager and worker say to each other: plain types, versioned, with their limits. The only place where the two meet.
 * Level-triggered: an assignment set says all that a worker should run, not what to do next; a report says how things are.
 */
import type { Assignment } from "../core/assignment.ts";
import type { NodeFacts, NodeMetrics } from "../core/node.ts";
import type { TaskFact } from "../core/task.ts";

export type { Assignment };

/** Range of protocol versions that this build speaks. */
export const PROTOCOL = { min: 1, max: 1 } as const;

/** Who the manager is: what a worker compares before it obeys. */
export interface ManagerIdentity {
  readonly clusterId: string;
  readonly instanceId: string;
  readonly term: number;
  /** The store's own id; a restored or emptied store has another, or a lower revision. */
  readonly lineage: string;
  readonly revision: number;
}

/** From worker to manager. */
export type WorkerMessage =
  | {
      readonly kind: "hello";
      readonly protocol: { readonly min: number; readonly max: number };
      readonly facts: NodeFacts;
      readonly bootId: string;
      /** Number of the assignment set that it holds; 0 for none. */
      readonly setNumber: number;
    }
  | {
      readonly kind: "report";
      /** Rises by one; the manager's ack names the highest durable one. */
      readonly number: number;
      /** True when `facts` names every task that the worker knows. */
      readonly full: boolean;
      readonly facts: readonly TaskFact[];
      /** Tasks that it has removed with everything that belonged to them. */
      readonly removed: readonly string[];
    }
  | { readonly kind: "heartbeat"; readonly metrics: NodeMetrics | null; readonly progress: readonly TaskProgress[] }
  | { readonly kind: "facts"; readonly facts: NodeFacts };

/** What is worth seeing but not worth keeping, such as a pull's progress. Never durable. */
export interface TaskProgress {
  readonly taskId: string;
  readonly text: string;
}

/** From manager to worker. */
export type ManagerMessage =
  | { readonly kind: "welcome"; readonly manager: ManagerIdentity; readonly protocol: number; readonly heartbeatMs: number }
  | { readonly kind: "refused"; readonly reason: string }
  | {
      readonly kind: "assignments";
      readonly manager: ManagerIdentity;
      /** Rises by one with each message of this manager instance. */
      readonly number: number;
      /** The set that this one changes; 0 means that it is whole: what is not in it is to be stopped and removed. */
      readonly base: number;
      readonly put: readonly Assignment[];
      readonly remove: readonly string[];
    }
  | { readonly kind: "ack"; readonly number: number };

/** Bytes of one message on the control link. */
export const MAX_MESSAGE_BYTES = 1 << 20;
