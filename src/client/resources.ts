/**
 * The resources of the versioned API (/v1) as TypeScript sees them: what UI and CLI show and what the HTTP API answers. Plain types, so that pure code can use
 * them; schemas.ts holds the matching schemas. Times are milliseconds since 1970, CPU is in thousandths of a core, memory and disk in bytes.
 */
import type { AccessRole, AccessToken } from "../core/access.ts";
import type { Decision } from "../core/decision.ts";
import type { JobDesired } from "../core/job.ts";
import type { Availability, NodeRuntime, NodeState } from "../core/node.ts";
import type { PortMapping, Resources, RuntimeKind, ServiceSpec } from "../core/spec.ts";
import type { DesiredState, Health, TaskExit, TaskState } from "../core/task.ts";

export interface JobResource {
  readonly id: string;
  readonly name: string;
  readonly kind: "service" | "batch";
  readonly version: number;
  readonly desired: JobDesired;
  readonly services: readonly ServiceSpec[];
  readonly labels: Readonly<Record<string, string>>;
  /** Newest attempts by state; states that none is in are absent. */
  readonly states: Readonly<Partial<Record<TaskState, number>>>;
  readonly actor: string;
  readonly createdMs: number;
  readonly updatedMs: number;
}

export interface TaskResource {
  readonly id: string;
  readonly jobId: string;
  /** For people: the job's name for a lone task, else job.service.slot. */
  readonly name: string;
  readonly service: string;
  readonly slot: number;
  readonly attempt: number;
  /** True for the newest attempt of its slot; the others are history. */
  readonly current: boolean;
  /** "" until placed. */
  readonly nodeId: string;
  readonly nodeName: string;
  readonly runtime: RuntimeKind;
  readonly image: string;
  readonly command: readonly string[];
  readonly reserved: Resources;
  /** True where `reserved` is assumed because the specification says nothing. */
  readonly assumed: boolean;
  readonly desired: DesiredState;
  readonly state: TaskState;
  readonly health: Health;
  readonly incarnation: number;
  readonly restarts: number;
  readonly containerId: string;
  /** The container's name on its engine; "" while there is none, and for a process. */
  readonly containerName: string;
  readonly ports: readonly PortMapping[];
  /** Why it is as it is, in words: the last error, a wait, a pull's progress. */
  readonly message: string;
  /** Why it is pending or where it was placed, in the scheduler's words. */
  readonly reason: string;
  readonly restartInMs: number | null;
  readonly exits: readonly TaskExit[];
  readonly createdMs: number;
  readonly updatedMs: number;
  /** 0 for not yet. */
  readonly startedMs: number;
  readonly finishedMs: number;
}

export interface NodeResource {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly local: boolean;
  readonly os: string;
  readonly arch: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: Resources;
  readonly allocatable: Resources;
  readonly allocated: Resources;
  readonly tasks: number;
  readonly runtimes: readonly NodeRuntime[];
  readonly state: NodeState;
  readonly availability: Availability;
  readonly reason: string;
  readonly joinedMs: number;
  readonly stateSinceMs: number;
  /** Who dialled its link; left out, like the next three, for a node without one. */
  readonly dialledBy?: "manager" | "worker";
  /** Left out before the first answer to a ping. */
  readonly roundTripMs?: number;
  /** Version of the protocol that its link speaks. */
  readonly protocol?: number;
  readonly linkedSinceMs?: number;
  /** How long ago its last heartbeat came; left out for one that the manager has not heard of since its start. */
  readonly heartbeatAgeMs?: number;
  /** True for one that is ready by the store alone: the manager has not heard of it since its start. Left out otherwise. */
  readonly awaited?: boolean;
  /** Addresses at which the manager found it, by its own dial; left out for none. */
  readonly dialledAt?: readonly string[];
}

/** What changes about a node's link without an event. */
export type LinkFacts = Pick<NodeResource, "address" | "dialledBy" | "roundTripMs" | "protocol" | "linkedSinceMs">;

/** An address that the manager dials. */
export interface DialledResource {
  readonly address: string;
  /** The node that was found there; "" before its first link. */
  readonly nodeId: string;
  readonly linked: boolean;
  /** Why there is no link; "" for none or not yet. */
  readonly problem: string;
  /** True for one of --workers: forgotten, it comes back with the manager's next start. */
  readonly configured: boolean;
}

/** What a new node needs. */
export interface JoinResource {
  readonly token: string;
  /** HOST:PORT of the manager as other machines find it; none while it listens on loopback. */
  readonly addresses: readonly string[];
}

/** A node's newest sample, with the use of its tasks. */
export interface MetricsResource {
  readonly nodeId: string;
  readonly atMs: number;
  readonly cpuMillis: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly diskUsedBytes: number;
  readonly diskTotalBytes: number;
  readonly load: readonly [number, number, number];
  readonly tasks: readonly { readonly taskId: string; readonly cpuMillis: number; readonly memoryBytes: number }[];
  /** What is worth seeing but not kept, such as a pull's progress. */
  readonly progress: readonly { readonly taskId: string; readonly text: string }[];
  /** When the last heartbeat came; ms since 1970. */
  readonly seenMs?: number;
  /** Left out for a node without a link, and for the worker in the manager's process. */
  readonly link?: LinkFacts;
}

export type DecisionResource = Decision;

/** What changed, in words and as the resource that came of it. A job's states and a node's allocations follow from tasks and have no events of their own: the last event of a commit that touches them carries them too. */
export interface EventResource {
  readonly revision: number;
  readonly atMs: number;
  readonly actor: string;
  /** One line for people; "" for changes that only keep a mirror in step. */
  readonly text: string;
  /** Kind of the change, such as `task.put`. */
  readonly kind: string;
  readonly jobId: string;
  readonly taskId: string;
  readonly nodeId: string;
  /** The resource after the change, by its kind; all absent for a removal. */
  readonly job?: JobResource;
  readonly task?: TaskResource;
  readonly node?: NodeResource;
  readonly decision?: DecisionResource;
}

/** Which manager this is and how it is. */
export interface ManagerResource {
  readonly clusterId: string;
  readonly name: string;
  readonly version: string;
  readonly commit: string;
  readonly pid: number;
  readonly scheduler: string;
  readonly revision: number;
  readonly startedMs: number;
  readonly dataDir: string;
  readonly health: "ok" | "read-only" | "recovering";
  /** Why it is not ok, in words that name the way out; "" when it is. */
  readonly problem: string;
  /** Why absent nodes are not acted on just now; left out when they are. */
  readonly caution?: string;
  /** What was done to the store to open it, such as a repair; left out for nothing. */
  readonly notice?: string;
  /** Why the worker in the manager's process does not do all that it should; left out when it does. */
  readonly workerProblem?: string;
  /** Addresses that are dialled and give no link; left out for none. */
  readonly unlinked?: readonly DialledResource[];
}

/** A named token of the API; never its secret. */
export interface TokenResource extends Omit<AccessToken, "hash"> {
  /** 0 for not since the manager was started. */
  readonly lastUsedMs: number;
}

/** A token that was just made. */
export interface CreatedToken {
  readonly token: TokenResource;
  /** Given here once, and kept nowhere. */
  readonly secret: string;
}

/** What is asked for with a new token. */
export interface TokenRequest {
  readonly name: string;
  readonly role: AccessRole;
}

/** What a watch delivers, in order. */
export type WatchItem =
  /** Everything at `revision`; also after a gap, and then it replaces all that came before. */
  | {
      readonly kind: "snapshot";
      readonly manager: ManagerResource;
      readonly revision: number;
      readonly jobs: readonly JobResource[];
      readonly tasks: readonly TaskResource[];
      readonly nodes: readonly NodeResource[];
      /** The newest events, oldest first. */
      readonly events: readonly EventResource[];
    }
  | { readonly kind: "event"; readonly event: EventResource }
  | { readonly kind: "metrics"; readonly metrics: readonly MetricsResource[] }
  | { readonly kind: "manager"; readonly manager: ManagerResource }
  /** The manager is out of reach; the watch goes on trying and then delivers a snapshot. */
  | { readonly kind: "down"; readonly reason: string };

/** An API error's body. */
export interface ErrorResource {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}
