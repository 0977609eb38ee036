/** What people ask of the manager, and its answers: plain data between the machine and whoever stands in front of it (API, UI, CLI). */

import type { AccessRole } from "../core/access.ts";
import type { LoggedChange } from "../core/change.ts";
import type { Cluster } from "../core/cluster.ts";
import type { Availability, NodeMetrics } from "../core/node.ts";
import type { JobSpec } from "../core/spec.ts";
import type { TaskProgress } from "../protocol/messages.ts";

/** Commands are idempotent: repeated, they change nothing more (a restart excepted, which each time restarts). */
export type Command =
  | {
      readonly kind: "job.submit";
      /** The user's id or "" for a derived one. A known id changes nothing. */
      readonly id: string;
      readonly spec: JobSpec;
      /** "" for none. The same key of the same actor gets the same job back. */
      readonly idempotencyKey: string;
    }
  | { readonly kind: "job.stop"; readonly jobId: string }
  | { readonly kind: "job.start"; readonly jobId: string }
  | { readonly kind: "job.remove"; readonly jobId: string }
  | { readonly kind: "job.restart"; readonly jobId: string }
  | { readonly kind: "task.restart"; readonly taskId: string }
  | { readonly kind: "node.availability"; readonly nodeId: string; readonly availability: Availability }
  /** Takes a node's record away, and with it what ran there. Refused while the node is there or holds tasks, unless `force`. */
  | { readonly kind: "node.remove"; readonly nodeId: string; readonly force: boolean }
  /** The nodes that are out now are really gone: their tasks are to be replaced. Refused while none is. */
  | { readonly kind: "nodes.trust-loss" }
  /** Leaves a line among the events: something was done that is no record of the cluster. */
  | { readonly kind: "note"; readonly text: string }
  /** `hash` is the secret's SHA-256 in base64url; the secret stays with whoever asks. */
  | { readonly kind: "access.create"; readonly name: string; readonly role: AccessRole; readonly hash: string }
  | { readonly kind: "access.revoke"; readonly name: string };

/** Durable once it is given. */
export type CommandResult =
  | { readonly ok: true; readonly jobId: string; readonly created: boolean; readonly revision: number }
  | {
      readonly ok: false;
      readonly code: "not_found" | "conflict" | "invalid" | "read_only" | "unavailable";
      readonly message: string;
      readonly hint: string;
    };

/** In memory only: a node's newest sample and its tasks' progress. */
export interface Observation {
  readonly metrics: NodeMetrics | null;
  readonly progress: readonly TaskProgress[];
  /** Monotonic ms of the last heartbeat. */
  readonly seenMonoMs: number;
}

/** How the manager itself is. */
export interface ManagerStatus {
  readonly clusterId: string;
  readonly scheduler: string;
  readonly revision: number;
  readonly health: "ok" | "read-only" | "recovering";
  /** Why not ok, in words that name the way out; "" when ok. */
  readonly problem: string;
  /** Why absent nodes are not acted on just now, or which nodes do not follow it, in words; "" for neither. */
  readonly caution: string;
  /** What was done to the store to open it that people should know, such as a repair; "" for nothing. */
  readonly notice: string;
}

/** What ClusterClient and API stand on. The manager's host offers it; reads see durable state only. */
export interface ManagerAccess {
  /** Resolves once all that is in memory is durable; the cluster is to be read in the same turn, and not kept. */
  read(): Promise<Cluster>;
  status(): ManagerStatus;
  observations(): ReadonlyMap<string, Observation>;
  /** Resolves when the command is durable or refused. `actor` is who asks. */
  execute(command: Command, actor: string): Promise<CommandResult>;
  /** Logged changes above `after`, oldest first; null when some are no longer kept. */
  log(after: number, limit: number): Promise<readonly LoggedChange[] | null>;
  /** Calls back with each durable batch, in order, and with each change of status; the cluster then shows exactly that batch. */
  subscribe(listener: (event: ManagerNews) => void): Disposable;
}

export type ManagerNews =
  | { readonly kind: "committed"; readonly changes: readonly LoggedChange[]; readonly cluster: Cluster }
  | { readonly kind: "status" }
  /** The state was thrown away and loaded anew: mirrors must start over. */
  | { readonly kind: "reloaded" };
