/**
 * The way to a container engine: where it is, and calls to its HTTP API. Short calls go through fetch (a quarter of dockerode's CPU for each, and CPU
 * is what limits parallel starts); what streams (pull, logs, exec, events, stats) goes through dockerode with an agent of its own, so that neither can
 * starve the other. Never judges an answer: docker-errors.ts does.
 */
import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { isLoopback } from "../core/address.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import { unreachable } from "./docker-errors.ts";

/** Certificates for an engine on TCP, as DOCKER_CERT_PATH holds them. */
interface EngineTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Where an engine listens. */
export type EngineAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls: EngineTls | null };

/** What the engine said: its status and its body, parsed when it is JSON, text otherwise. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** How to make a call; `timeoutMs` 0 waits for ever. */
export interface CallOptions {
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Long enough for a busy engine, short enough to notice a dead one. */
const CALL_TIMEOUT_MS = 60_000;

/** Reads `unix:///path`, `tcp://host:port` or a bare path; "" looks for the usual sockets. Fails as `invalid` with what it would take. */
export function engineAddress(host: string, env: Readonly<Record<string, string | undefined>>): Result<EngineAddress> {
  if (host === "") return ok({ kind: "unix", path: defaultSocket(env) });
  if (host.startsWith("/")) return ok({ kind: "unix", path: host });
  if (host.startsWith("unix://")) return ok({ kind: "unix", path: host.slice("unix://".length) || defaultSocket(env) });
  const match = /^(?:tcp|https?):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(host);
  if (match === null) return fail("invalid", `DOCKER_HOST is ${host}: use unix:///path or tcp://host:port`);
  const secure = env.DOCKER_TLS_VERIFY === "1" || host.startsWith("https:") || match[2] === "2376";
  return tcpAddress(match[1] ?? "", Number(match[2] ?? (secure ? 2376 : 2375)), secure ? certificates(env) : null);
}

function tcpAddress(host: string, port: number, tls: Result<EngineTls> | null): Result<EngineAddress> {
  if (tls === null) return ok({ kind: "tcp", host, port, tls: null });
  return tls.ok ? ok({ kind: "tcp", host, port, tls: tls.value }) : tls;
}

function certificates(env: Readonly<Record<string, string | undefined>>): Result<EngineTls> {
  const directory = env.DOCKER_CERT_PATH || join(env.HOME ?? homedir(), ".docker");
  try {
    const read = (name: string) => readFileSync(join(directory, name), "utf8");
    return ok({ ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") });
  } catch {
    return fail("invalid", `no ca.pem, cert.pem and key.pem in ${directory}: set DOCKER_CERT_PATH to their directory`);
  }
}

/** The first usual socket that exists: Docker's, then those of rootless Docker, Docker Desktop and podman. */
function defaultSocket(env: Readonly<Record<string, string | undefined>>): string {
  const runtimeDir = env.XDG_RUNTIME_DIR ?? "/nonexistent";
  const candidates = [
    "/var/run/docker.sock",
    join(runtimeDir, "docker.sock"),
    join(env.HOME ?? homedir(), ".docker/run/docker.sock"),
    "/run/podman/podman.sock",
    join(runtimeDir, "podman/podman.sock"),
  ];
  return candidates.find((path) => existsSync(path)) ?? "/var/run/docker.sock";
}

/** One engine. Calls may overlap; each has its own time limit. */
export class Engine {
  readonly address: EngineAddress;
  readonly #base: string;
  readonly #agent: http.Agent;
  #docker: Docker | null = null;

  constructor(address: EngineAddress) {
    this.address = address;
    const secure = address.kind === "tcp" && address.tls !== null;
    this.#base =
      address.kind === "unix" ? "http://engine" : `http${secure ? "s" : ""}://${address.host}:${address.port}`;
    // A stream holds its socket as long as it lives, and never gives it back: keeping sockets alive would only collect them.
    this.#agent = secure ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false });
  }

  /** For what streams. Made at its first use, because it reads the environment by itself and throws when that makes no sense. */
  get docker(): Docker {
    this.#docker ??= new Docker(dockerodeOptions(this.address, this.#agent));
    return this.#docker;
  }

  /** The engine's place in words, for messages. */
  get place(): string {
    return this.address.kind === "unix" ? this.address.path : `${this.address.host}:${this.address.port}`;
  }

  /** True when paths on this machine and paths of the engine are the same. */
  get local(): boolean {
    return this.address.kind === "unix" || isLoopback(this.address.host);
  }

  /** One call. Fails with `unavailable` when no answer came, `aborted` when the signal said so; any status is an answer. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Result<Answer>> {
    const { timeoutMs = CALL_TIMEOUT_MS, signal } = options;
    const abort = new AbortController();
    const onAbort = () => abort.abort();
    // Not AbortSignal.timeout: its timers would pile up long after the answers have come.
    const timer =
      timeoutMs > 0 ? setTimeout(() => abort.abort(new DOMException("late", "TimeoutError")), timeoutMs) : null;
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      const response = await fetch(this.#base + path, this.#request(method, options.body, abort.signal));
      return ok({ status: response.status, body: await parsedBody(response) });
    } catch (error) {
      if (signal?.aborted) return fail("aborted", "stopped on request");
      return { ok: false, failure: unreachable(this.place, error) };
    } finally {
      if (timer) clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #request(method: string, body: unknown, signal: AbortSignal): BunFetchRequestInit {
    return {
      method,
      signal,
      // An engine is never behind the proxy that the environment names for the web.
      proxy: false,
      // A stop with a long grace is silent for longer than fetch waits by itself; the limit of a call is its own.
      ...{ timeout: false },
      ...(this.address.kind === "unix" ? { unix: this.address.path } : {}),
      ...(this.address.kind === "tcp" && this.address.tls ? { tls: { ...this.address.tls } } : {}),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    };
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function parsedBody(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return text === "" ? null : (JSON.parse(text) as unknown);
  } catch {
    return text;
  }
}

/** `agent` is docker-modem's option; the published types leave it out. A host that the environment names must not win over this address. */
function dockerodeOptions(address: EngineAddress, agent: http.Agent): Docker.DockerOptions {
  const options =
    address.kind === "unix"
      ? { host: undefined, socketPath: address.path, agent }
      : {
          host: address.host,
          port: address.port,
          agent,
          protocol: address.tls ? "https" : "http",
          ...(address.tls ?? {}),
        };
  return options as Docker.DockerOptions;
}
