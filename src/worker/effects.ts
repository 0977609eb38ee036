/** What the worker's machine asks of its host, and what the host tells it: plain data, shared by machine, host and the Runtime port. */
import type { Failure, Result } from "../core/failure.ts";
import type { NodeFacts } from "../core/node.ts";
import type { PortMapping, RuntimeKind, TaskSpec } from "../core/spec.ts";
import type { Assignment, ManagerMessage, WorkerMessage } from "../protocol/messages.ts";

/** Identity of one start: a task and its incarnation. At most one instance of it may ever live. */
export interface Incarnation {
  readonly taskId: string;
  readonly incarnation: number;
}

/** An instance (container or process) as its runtime sees it. */
export interface Instance extends Incarnation {
  /** The runtime's own id. */
  readonly instanceId: string;
  readonly runtime: RuntimeKind;
  readonly status: "created" | "running" | "exited";
  /** Digest of the specification that it was made from. */
  readonly specHash: string;
  /** null while it lives, or when its code is not known. */
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** The runtime's own word on a failed start; "" for none. */
  readonly error: string;
  /** Ports as bound, with the engine's choices filled in. */
  readonly ports: readonly PortMapping[];
  /** Address inside the container's network for probes without a published port; "" when there is none. */
  readonly address: string;
  /** Wall clock, ms since 1970; 0 for not yet. */
  readonly startedMs: number;
  readonly finishedMs: number;
}

/** All that is needed to create an instance. */
export interface CreateRequest extends Incarnation {
  readonly jobId: string;
  /** Readable part of the name. */
  readonly name: string;
  readonly service: string;
  readonly slot: number;
  readonly spec: TaskSpec;
  readonly specHash: string;
}

/** What the machine asks its host to do. */
export type WorkerEffect =
  /** Append records and sync; the host answers `journaled` with the same number. Everything after it in the list waits for that. */
  | { readonly kind: "journal"; readonly number: number; readonly records: readonly JournalRecord[] }
  /** Replace the journal by a snapshot of these records (it has grown past its bound). */
  | { readonly kind: "compact"; readonly records: readonly JournalRecord[] }
  | { readonly kind: "send"; readonly message: WorkerMessage }
  | { readonly kind: "list" }
  | { readonly kind: "pull"; readonly request: CreateRequest }
  | { readonly kind: "create"; readonly request: CreateRequest }
  | { readonly kind: "start"; readonly of: Incarnation; readonly runtime: RuntimeKind; readonly instanceId: string }
  | {
      readonly kind: "stop";
      readonly of: Incarnation;
      readonly runtime: RuntimeKind;
      readonly instanceId: string;
      readonly signal: string;
      readonly graceMs: number;
    }
  | { readonly kind: "remove"; readonly of: Incarnation; readonly runtime: RuntimeKind; readonly instanceId: string }
  | { readonly kind: "inspect"; readonly of: Incarnation; readonly runtime: RuntimeKind; readonly instanceId: string }
  | { readonly kind: "abort"; readonly of: Incarnation }
  | { readonly kind: "probe"; readonly of: Incarnation; readonly instance: Instance; readonly spec: TaskSpec }
  | { readonly kind: "log"; readonly level: "info" | "warn" | "error"; readonly text: string };

/** What the host tells the machine. */
export type WorkerEvent =
  | { readonly kind: "message"; readonly message: ManagerMessage }
  | { readonly kind: "linked" }
  | { readonly kind: "unlinked" }
  | { readonly kind: "journaled"; readonly number: number }
  | { readonly kind: "listed"; readonly runtime: RuntimeKind; readonly result: Result<readonly Instance[]> }
  | { readonly kind: "pulled"; readonly of: Incarnation; readonly result: Result<null> }
  | { readonly kind: "progress"; readonly of: Incarnation; readonly text: string }
  | { readonly kind: "created"; readonly of: Incarnation; readonly result: Result<{ readonly instanceId: string }> }
  | { readonly kind: "started"; readonly of: Incarnation; readonly result: Result<Instance> }
  | { readonly kind: "stopped"; readonly of: Incarnation; readonly result: Result<null> }
  | { readonly kind: "removed"; readonly of: Incarnation; readonly result: Result<null> }
  | { readonly kind: "inspected"; readonly of: Incarnation; readonly result: Result<Instance> }
  /** An instance died, as its runtime's event stream says; the machine asks for an inspection. */
  | { readonly kind: "died"; readonly of: Incarnation; readonly runtime: RuntimeKind; readonly instanceId: string }
  /** The runtime's event stream was interrupted, or the runtime is back: anything may have happened. */
  | { readonly kind: "resync"; readonly runtime: RuntimeKind }
  | { readonly kind: "probed"; readonly of: Incarnation; readonly failure: Failure | null }
  /** What the node offers has changed: a runtime came, broke or works again. */
  | { readonly kind: "facts"; readonly facts: NodeFacts }
  /** A task of this node's own, or a higher desired state of one that is here; see local-set.ts. */
  | { readonly kind: "local"; readonly assignment: Assignment }
  | { readonly kind: "tick" };

/** What a worker must not forget. The journal is a list of these; the last one of a key counts. */
export type JournalRecord =
  | { readonly kind: "task"; readonly taskId: string; readonly value: unknown }
  | { readonly kind: "forget"; readonly taskId: string }
  | { readonly kind: "manager"; readonly value: unknown };
