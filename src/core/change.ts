/**
 * A change of cluster state, as data. The same value is written to the store, applied in memory, shown as an event and read by a replay.
 * Only `apply` in cluster.ts acts on it.
 */
import type { AccessToken } from "./access.ts";
import type { Decision } from "./decision.ts";
import type { Job, Slot } from "./job.ts";
import type { Node } from "./node.ts";
import type { Task } from "./task.ts";

/** Whole records: a put replaces the record of that key, a remove takes it away. */
export type Change =
  | { readonly kind: "job.put"; readonly job: Job }
  | { readonly kind: "job.remove"; readonly jobId: string }
  | { readonly kind: "slot.put"; readonly slot: Slot }
  | { readonly kind: "slot.remove"; readonly key: string }
  | { readonly kind: "task.put"; readonly task: Task }
  | { readonly kind: "task.remove"; readonly taskId: string }
  | { readonly kind: "node.put"; readonly node: Node }
  | { readonly kind: "node.remove"; readonly nodeId: string }
  | { readonly kind: "decision.put"; readonly decision: Decision }
  | { readonly kind: "decision.remove"; readonly taskId: string }
  | { readonly kind: "request.put"; readonly request: HandledRequest }
  | { readonly kind: "request.remove"; readonly key: string }
  | { readonly kind: "access.put"; readonly access: AccessToken }
  | { readonly kind: "access.remove"; readonly name: string };

/** The remembered answer to a request with an idempotency key: the same key gets the same answer, once done. */
export interface HandledRequest {
  /** Actor and idempotency key, joined by a slash. */
  readonly key: string;
  /** Digest of the command, so that a key used again for something else is refused. */
  readonly digest: string;
  readonly jobId: string;
  readonly atMs: number;
}

/** A durable change with its place in history. */
export interface LoggedChange {
  /** Rises by one with every change of the cluster, without gaps. */
  readonly revision: number;
  /** Wall clock, ms since 1970. */
  readonly atMs: number;
  /** Who caused it: `scheduler`, `worker:<node>`, or the actor of a command. */
  readonly actor: string;
  /** One line for people; "" for changes that no one needs to see. */
  readonly text: string;
  readonly change: Change;
}
