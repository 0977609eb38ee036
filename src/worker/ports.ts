/** What the worker's host needs from the outside. Runtime, Journal and NodeMetrics are implemented by the shells of those names. */
import type { Result } from "../core/failure.ts";
import type { NodeFacts, NodeMetrics, NodeRuntime } from "../core/node.ts";
import type { RuntimeKind, TaskSpec } from "../core/spec.ts";
import type { Time } from "../core/time.ts";
import type { ManagerMessage, WorkerMessage } from "../protocol/messages.ts";
import type { CreateRequest, Incarnation, Instance, JournalRecord } from "./effects.ts";

/** One line or piece of a task's output. */
export interface LogChunk {
  readonly stream: "stdout" | "stderr";
  /** Wall clock, ms since 1970. */
  readonly atMs: number;
  readonly text: string;
}

/** Which output to read. */
export interface LogQuery {
  readonly follow: boolean;
  /** Lines from the end; null for all. */
  readonly tail: number | null;
  /** Only what came after; ms since 1970, null for all. */
  readonly sinceMs: number | null;
}

/** A command to run inside a running task. */
export interface ExecRequest {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** Both ends of a command's terminal or pipes. Without a tty the streams come apart. */
export interface ExecSession {
  /** Ends when the command has ended. */
  readonly output: AsyncIterable<{ readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }>;
  /** Takes the data at once, and resolves when more may be written or nothing is taken any more; whoever writes without end awaits it. Never rejects. */
  write(data: Uint8Array): Promise<void>;
  /** End of the command's standard input. */
  closeInput(): void;
  resize(columns: number, rows: number): void;
  /** Resolves with the exit code once the output has ended; null when it is not known. */
  readonly exitCode: Promise<number | null>;
  /** Ends the session and lets go of everything. */
  close(): void;
}

/** What a runtime tells unasked. */
export type RuntimeEvent =
  | { readonly kind: "died"; readonly of: Incarnation; readonly instanceId: string }
  /** The event stream broke or came back: list everything anew. */
  | { readonly kind: "resync" };

/**
 * Runs instances. No method throws for an operating error: all give a Result. Every instance carries node id, task, incarnation and spec hash, so that it can
 * be found again; instances of other nodes and foreign ones are neither listed nor touched. Calls may overlap.
 */
export interface Runtime {
  readonly kind: RuntimeKind;
  /** Version and, when it does not work, why. Cheap enough to be asked every few seconds. */
  probe(): Promise<NodeRuntime>;
  /** All instances of this node, of any status. */
  list(): Promise<Result<readonly Instance[]>>;
  /** Makes the image available by the task's pull policy; a no-op for processes. Aborts with `aborted`. */
  pull(spec: TaskSpec, progress: (text: string) => void, signal: AbortSignal): Promise<Result<null>>;
  /** Creates but does not start. The same incarnation created before is adopted: its id comes back. Policy is checked here, on the final body. */
  create(request: CreateRequest): Promise<Result<{ readonly instanceId: string }>>;
  /** Starts and inspects. One that runs already is a success. */
  start(instanceId: string): Promise<Result<Instance>>;
  /** Signal ("" for the image's own), grace, then SIGKILL; resolves when it is dead. One that is dead or gone is a success. */
  stop(instanceId: string, options: { readonly signal: string; readonly graceMs: number }): Promise<Result<null>>;
  /** Removes a dead or created instance with its anonymous volumes and output. One that is gone is a success. */
  remove(instanceId: string): Promise<Result<null>>;
  inspect(instanceId: string): Promise<Result<Instance>>;
  /** The engine's own inspect object, for the book's worker API. */
  inspectRaw(instanceId: string): Promise<Result<unknown>>;
  logs(instanceId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk>;
  exec(instanceId: string, request: ExecRequest): Promise<Result<ExecSession>>;
  /** CPU (thousandths of a core since the last call) and memory (bytes) of running instances; those it cannot read are left out. */
  usage(
    instances: readonly Instance[],
  ): Promise<ReadonlyMap<string, { readonly cpuMillis: number; readonly memoryBytes: number }>>;
  /** Calls back until disposed; reconnects by itself. */
  watch(onEvent: (event: RuntimeEvent) => void): Disposable;
  close(): Promise<void>;
}

/** The worker's memory across crashes: append-only, synced. */
export interface Journal {
  /** Everything still there, oldest first, and what was wrong with it ("" for nothing): a torn tail is dropped silently, damage is named. */
  load(): Promise<{ readonly records: readonly JournalRecord[]; readonly problem: string }>;
  /** Resolves when the records are on disk; rejects when they may not be. */
  append(records: readonly JournalRecord[]): Promise<void>;
  /** Replaces everything, by a new file, fsync and rename. */
  compact(records: readonly JournalRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** How the node is. */
export interface NodeMetricsSource {
  /** Static facts, read once at start. */
  facts(): Promise<Pick<NodeFacts, "name" | "machineId" | "os" | "arch" | "capacity">>;
  /** One sample; `cpuMillis` covers the time since the previous call. */
  sample(): Promise<Omit<NodeMetrics, "tasks">>;
}

/** The worker's side of a link to a manager. Messages arrive in order; a lost link says so. */
export interface ManagerLink {
  send(message: WorkerMessage): void;
  open(handlers: {
    readonly onMessage: (message: ManagerMessage) => void;
    readonly onLinked: () => void;
    readonly onUnlinked: () => void;
  }): Disposable;
}

/** The host's clocks. */
export interface Clock {
  now(): Time;
}

/** Where the host writes what no user asked for. Never the screen. */
export interface Log {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}
