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
  /** Of this opening of the store: another one of the same term has another. Left out by stores that make none. */
  readonly mark?: string;
}

/** One opening of a store: its term, the revision that the store had then, and its mark. */
export interface Opening {
  readonly term: number;
  readonly revision: number;
  readonly mark: string;
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
      /** The highest manager that it has obeyed; null for none yet. */
      readonly seen: ManagerIdentity | null;
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
  | { readonly kind: "facts"; readonly facts: NodeFacts }
  /** Why the manager's orders are not followed; "" once they are again. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The answer to `tell`, in pieces; the last one says so. */
  | {
      readonly kind: "held";
      readonly held: readonly Held[];
      /** Tasks that run here without anybody knowing what they are: their assignments were lost with a journal. */
      readonly strays: readonly TaskFact[];
      readonly last: boolean;
    };

/** What a worker holds of a task: all that a manager needs to know it again. */
export interface Held {
  readonly assignment: Assignment;
  readonly fact: TaskFact;
}

/** What is worth seeing but not worth keeping, such as a pull's progress. Never durable. */
export interface TaskProgress {
  readonly taskId: string;
  readonly text: string;
}

/** From manager to worker. */
export type ManagerMessage =
  | {
      readonly kind: "welcome";
      readonly manager: ManagerIdentity;
      /** The newest openings of its store in rising order, the present one last; left out where none are kept. */
      readonly past?: readonly Opening[];
      readonly protocol: number;
      readonly heartbeatMs: number;
    }
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
  | { readonly kind: "ack"; readonly number: number }
  /** Asks what the worker holds. Answered also to a manager whose orders are refused, and no order by itself. */
  | { readonly kind: "tell" };

/** Milliseconds that it may take two sides that are there to find each other again: two heartbeats, the longest back-off (8 s) and a hello (5 s). */
export const RETURN_MS = 15_000;

/** Bytes of one message on the control link. */
export const MAX_MESSAGE_BYTES = 1 << 20;

/** Bytes of one frame before the session is up: whoever is not known yet may not make the other side hold more. */
export const MAX_GREETING_BYTES = 256 * 1024;

/** Bytes of a message that goes in several pieces, such as the whole set of a large node. */
export const MAX_WHOLE_BYTES = 32 << 20;

/**
 * The greeting of a worker over a fresh link, before its hello. Who it is, its key says; what is here cannot be told from a key. Fields that a later version
 * adds to either `open` are ignored by an older one, so that any two versions can find out that they do not fit; all other messages are strict.
 */
export interface WorkerOpen {
  readonly kind: "open";
  readonly from: "worker";
  readonly protocol: { readonly min: number; readonly max: number };
  /** 32 random bytes in hexadecimal, new for each link. */
  readonly nonce: string;
  /** Of the machine and of this run of the program: by them a copied key is told from a worker that comes back. */
  readonly machineId: string;
  readonly processId: string;
}

/** The greeting of a manager. */
export interface ManagerOpen {
  readonly kind: "open";
  readonly from: "manager";
  readonly protocol: { readonly min: number; readonly max: number };
  readonly nonce: string;
  /** The manager does not know this worker's key: a proof of the join token is needed. */
  readonly enrol: boolean;
  /** What the worker compares with the managers that it has seen; null while the manager cannot say. */
  readonly manager: ManagerIdentity | null;
}

/** What goes over a link beside the messages of manager and worker. */
export type SessionMessage =
  | WorkerOpen
  | ManagerOpen
  /**
   * HMAC-SHA256 in hexadecimal; see transport/join-token.ts. `mac`: of the join token, or without one of the membership. `membership`: of what the node was given
   * when it had joined this manager before; left out for nothing.
   */
  | { readonly kind: "proof"; readonly mac: string; readonly membership?: string }
  /** From the manager: the session is up, and this version is spoken. `membership`: by it the node can prove later that it had joined; see transport/membership.ts. */
  | { readonly kind: "joined"; readonly protocol: number; readonly membership?: string }
  | { readonly kind: "refused"; readonly reason: string }
  /** A bulk socket is wanted (from the manager), or may be opened (from the worker). The nonce serves once. */
  | { readonly kind: "bulk"; readonly nonce: string };
