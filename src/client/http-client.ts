/**
 * ClusterClient over HTTP: how commands and an attached UI see a manager in another process. It knows paths and nothing of their meaning. Loads neither the server's
 * framework nor the schemas, so that a short command starts fast.
 */
import type { Availability } from "../core/node.ts";
import type { JobSpec } from "../core/spec.ts";
import type { Target } from "../core/target.ts";
import {
  ClientError,
  type ClusterClient,
  type ExecOptions,
  type ExecStream,
  type ListQuery,
  type LogLine,
  type LogOptions,
  type Page,
  type Submitted,
} from "./cluster-client.ts";
import { watchOverHttp } from "./http-watch.ts";
import { linesOf } from "./lines.ts";
import type {
  CreatedToken,
  DecisionResource,
  DialledResource,
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
import { ask, send, tell, unreachable } from "./transport.ts";

/** A client of the manager at the target. It connects at each request, so making one never fails. */
export function createHttpClient(options: { readonly target: Target }): ClusterClient {
  return new HttpClient(options.target);
}

class HttpClient implements ClusterClient {
  readonly #target: Target;
  /** Ends the streams of this client when it is closed. */
  readonly #closed = new AbortController();

  constructor(target: Target) {
    this.#target = target;
  }

  manager(): Promise<ManagerResource> {
    return this.#get("/v1/manager");
  }

  jobs(query: ListQuery = {}): Promise<Page<JobResource>> {
    return this.#get(`/v1/jobs${queryOf(query)}`);
  }

  async job(ref: string): Promise<JobResource> {
    return this.#get(`/v1/jobs/${part(ref)}`);
  }

  tasks(query: ListQuery = {}): Promise<Page<TaskResource>> {
    return this.#get(`/v1/tasks${queryOf(query)}`);
  }

  async task(ref: string): Promise<TaskResource> {
    return this.#get(`/v1/tasks/${part(ref)}`);
  }

  nodes(query: ListQuery = {}): Promise<Page<NodeResource>> {
    return this.#get(`/v1/nodes${queryOf(query)}`);
  }

  async node(ref: string): Promise<NodeResource> {
    return this.#get(`/v1/nodes/${part(ref)}`);
  }

  metrics(): Promise<readonly MetricsResource[]> {
    return this.#get("/v1/metrics");
  }

  async decision(ref: string): Promise<DecisionResource> {
    return this.#get(`/v1/decisions/${part(ref)}`);
  }

  decisions(query: ListQuery = {}): Promise<Page<DecisionResource>> {
    return this.#get(`/v1/decisions${queryOf(query)}`);
  }

  events(query: { readonly since?: number; readonly limit?: number }): ReturnType<ClusterClient["events"]> {
    return this.#get(`/v1/events${queryOf(query)}`);
  }

  submit(spec: JobSpec, options: { readonly id?: string; readonly idempotencyKey?: string } = {}): Promise<Submitted> {
    const { id, idempotencyKey } = options;
    return ask(this.#target, {
      method: "POST",
      path: "/v1/jobs",
      body: { ...spec, ...(id && { id }) },
      headers: idempotencyKey ? { "idempotency-key": idempotencyKey } : {},
    });
  }

  async stop(ref: string): Promise<JobResource> {
    return this.#post(`/v1/jobs/${part(ref)}/stop`);
  }

  async start(ref: string): Promise<JobResource> {
    return this.#post(`/v1/jobs/${part(ref)}/start`);
  }

  async restart(ref: string): Promise<JobResource> {
    return this.#post(`/v1/jobs/${part(ref)}/restart`);
  }

  async remove(ref: string): Promise<void> {
    await tell(this.#target, { method: "DELETE", path: `/v1/jobs/${part(ref)}` });
  }

  async setAvailability(ref: string, availability: Availability): Promise<NodeResource> {
    return this.#post(`/v1/nodes/${part(ref)}/${AVAILABILITY_ACTIONS[availability]}`);
  }

  async removeNode(ref: string, { force }: { readonly force: boolean }): Promise<void> {
    await tell(this.#target, { method: "DELETE", path: `/v1/nodes/${part(ref)}${force ? "?force=1" : ""}` });
  }

  async trustLoss(): Promise<void> {
    await tell(this.#target, { method: "POST", path: "/v1/nodes/trust-loss" });
  }

  joinToken(): Promise<JoinResource> {
    return this.#get("/v1/join-token");
  }

  renewJoinToken(): Promise<JoinResource> {
    return ask(this.#target, { method: "POST", path: "/v1/join-token" });
  }

  dialled(): Promise<readonly DialledResource[]> {
    return this.#get("/v1/node-addresses");
  }

  addNode(address: string): Promise<DialledResource> {
    return ask(this.#target, { method: "POST", path: "/v1/node-addresses", body: { address } });
  }

  forgetAddress(address: string): Promise<DialledResource> {
    return ask(this.#target, { method: "DELETE", path: `/v1/node-addresses/${part(address)}` });
  }

  tokens(): Promise<readonly TokenResource[]> {
    return this.#get("/v1/tokens");
  }

  createToken(request: TokenRequest): Promise<CreatedToken> {
    return ask(this.#target, { method: "POST", path: "/v1/tokens", body: request });
  }

  async revokeToken(name: string): Promise<void> {
    await tell(this.#target, { method: "DELETE", path: `/v1/tokens/${part(name)}` });
  }

  async *logs(ref: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine> {
    const query = queryOf({
      follow: options.follow,
      tail: options.tail ?? undefined,
      since: options.sinceMs ?? undefined,
    });
    const ended = AbortSignal.any([signal, this.#closed.signal]);
    try {
      const { body } = await send(this.#target, {
        path: `/v1/tasks/${part(ref)}/logs${query}`,
        headers: { accept: "application/x-ndjson" },
        signal: ended,
      });
      if (body) for await (const line of linesOf(body)) yield logLine(line);
    } catch (error) {
      if (ended.aborted) return;
      throw error instanceof ClientError ? error : unreachable(this.#target, error);
    }
  }

  /** Loaded only when it is used: the WebSocket library would slow every other command down. */
  async exec(ref: string, options: ExecOptions): Promise<ExecStream> {
    const { execOverHttp } = await import("./http-exec.ts");
    return execOverHttp(this.#target, ref, options);
  }

  watch(onItem: (item: WatchItem) => void): Disposable {
    const watch = watchOverHttp(this.#target, onItem);
    this.#closed.signal.addEventListener("abort", () => watch[Symbol.dispose](), { once: true });
    return watch;
  }

  async shutdown(): Promise<void> {
    await tell(this.#target, { method: "POST", path: "/v1/shutdown" });
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  #get<T>(path: string): Promise<T> {
    return ask<T>(this.#target, { path });
  }

  #post<T>(path: string): Promise<T> {
    return ask<T>(this.#target, { method: "POST", path });
  }
}

const AVAILABILITY_ACTIONS: Readonly<Record<Availability, string>> = {
  eligible: "uncordon",
  cordoned: "cordon",
  draining: "drain",
};

/** A reference as one part of a path; those that an address cannot carry name nothing anyway. */
function part(ref: string): string {
  if (["", ".", ".."].includes(ref)) throw new ClientError("not_found", `nothing is named "${ref}"`);
  return encodeURIComponent(ref);
}

function queryOf(query: object): string {
  const given = Object.entries(query as Record<string, unknown>).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([key, value]): [string, string] => [key, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}

/** A line, or the error that ended the output after it had begun. */
function logLine(text: string): LogLine {
  const line = JSON.parse(text) as LogLine | { readonly error: { code: string; message: string; hint: string } };
  if ("error" in line) throw new ClientError(line.error.code, line.error.message, line.error.hint);
  return line;
}
