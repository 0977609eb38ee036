/**
 * The port through which UI and CLI see a cluster, the same in-process and over HTTP. Nothing else reaches them: what is not here, they cannot do.
 * Reads show durable state only. A refused request rejects with ClientError; nothing else is thrown on purpose.
 */

import type { Availability } from "../core/node.ts";
import type { JobSpec } from "../core/spec.ts";
import type {
  CreatedToken,
  DecisionResource,
  DialledResource,
  EventResource,
  JobResource,
  JoinResource,
  ManagerResource,
  MetricsResource,
  NodeResource,
  TaskResource,
  TokenRequest,
  TokenResource,
  WatchItem,
} from "./resources.ts";

/** `code` is stable and machine-readable (`not_found`, `conflict`, `invalid`, `unauthorized`, `forbidden`, `read_only`, `unavailable`, `unknown_host`, `wrong_host` …); `hint` names the way out. */
export class ClientError extends Error {
  readonly code: string;
  readonly hint: string;
  constructor(code: string, message: string, hint = "", cause?: unknown) {
    super(message, { cause });
    this.name = "ClientError";
    this.code = code;
    this.hint = hint;
  }
}

/** A page of a list. `cursor` is "" on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor: string;
  readonly revision: number;
}

/** Which part of a list. Filters are exact; `state` and the like are left out when undefined. */
export interface ListQuery {
  readonly limit?: number;
  readonly cursor?: string;
  readonly job?: string;
  readonly node?: string;
  readonly state?: string;
  /** True for old attempts too. */
  readonly history?: boolean;
}

/** A log line of a task. */
export interface LogLine {
  readonly stream: "stdout" | "stderr";
  readonly atMs: number;
  readonly text: string;
}

export interface LogOptions {
  readonly follow: boolean;
  /** Lines from the end; null for all. */
  readonly tail: number | null;
  readonly sinceMs: number | null;
}

export interface ExecOptions {
  /** Empty for a shell: /bin/sh. */
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** A running command in a task. */
export interface ExecStream {
  readonly output: AsyncIterable<{ readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }>;
  /** Takes the data at once, and resolves when more may be written or nothing is taken any more; whoever writes without end awaits it. Never rejects. */
  write(data: Uint8Array): Promise<void>;
  closeInput(): void;
  resize(columns: number, rows: number): void;
  readonly exitCode: Promise<number | null>;
  close(): void;
}

/** What came of a submission. */
export interface Submitted {
  readonly job: JobResource;
  /** False when the same request had been handled before (same id or idempotency key). */
  readonly created: boolean;
}

/** Tasks and jobs are found by full id, a unique prefix of an id (4 characters or more), or a job's name. */
export interface ClusterClient {
  manager(): Promise<ManagerResource>;
  jobs(query?: ListQuery): Promise<Page<JobResource>>;
  job(ref: string): Promise<JobResource>;
  tasks(query?: ListQuery): Promise<Page<TaskResource>>;
  task(ref: string): Promise<TaskResource>;
  nodes(query?: ListQuery): Promise<Page<NodeResource>>;
  node(ref: string): Promise<NodeResource>;
  metrics(): Promise<readonly MetricsResource[]>;
  /** The newest decision on a task. */
  decision(ref: string): Promise<DecisionResource>;
  decisions(query?: ListQuery): Promise<Page<DecisionResource>>;
  events(query: { readonly since?: number; readonly limit?: number }): Promise<{
    readonly items: readonly EventResource[];
    readonly revision: number;
    /** True when events between `since` and the first item are no longer kept. */
    readonly gap: boolean;
  }>;

  /** `id` is the user's own (a UUID); the same id again changes nothing. */
  submit(spec: JobSpec, options?: { readonly id?: string; readonly idempotencyKey?: string }): Promise<Submitted>;
  /** Ends the job's tasks; its records stay. */
  stop(ref: string): Promise<JobResource>;
  /** Starts a stopped or ended job again: a new attempt in each slot. */
  start(ref: string): Promise<JobResource>;
  /** Restarts every task of a job, or one task when `ref` is a task's id. */
  restart(ref: string): Promise<JobResource>;
  /** Stops the job and removes its records. */
  remove(ref: string): Promise<void>;
  setAvailability(node: string, availability: Availability): Promise<NodeResource>;
  /** Takes a node's record away; what ran there is lost and replaced. Refused while it is there or tasks are bound to it, unless `force`. */
  removeNode(ref: string, options: { readonly force: boolean }): Promise<void>;
  /** Says that the nodes that are out are really gone, so that their tasks are replaced. */
  trustLoss(): Promise<void>;

  /** What a new node has to show, and where it finds the manager. */
  joinToken(): Promise<JoinResource>;
  /** Another join token: those handed out before are void, nodes that have joined stay. */
  renewJoinToken(): Promise<JoinResource>;
  /** Addresses of workers that the manager dials, by address. */
  dialled(): Promise<readonly DialledResource[]>;
  /** Dials HOST:PORT from now on, also after a restart. */
  addNode(address: string): Promise<DialledResource>;
  /** Dials it no more, and gives it as it was; a node that was found there stays in the cluster. */
  forgetAddress(address: string): Promise<DialledResource>;

  /** Tokens of the API, by name. */
  tokens(): Promise<readonly TokenResource[]>;
  createToken(request: TokenRequest): Promise<CreatedToken>;
  /** Whoever holds it is out at once, running streams included. */
  revokeToken(name: string): Promise<void>;

  logs(ref: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine>;
  exec(ref: string, options: ExecOptions): Promise<ExecStream>;

  /** Delivers a snapshot, then everything that changes, until disposed; metrics about once a second. */
  watch(onItem: (item: WatchItem) => void): Disposable;
  /** Asks the manager to end, with its in-process worker; tasks stay as they are. */
  shutdown(): Promise<void>;
  close(): Promise<void>;
}
