/**
 * Asks a running instance how it is: HTTP, TCP or a command inside it. Always answers, within the check's own timeout, and lets go of everything.
 * A runtime that does not answer is no fault of the task and says `unavailable`.
 */
import { request } from "node:http";
import { connect } from "node:net";
import type { Failure } from "../core/failure.ts";
import type { HealthProbe, TaskSpec } from "../core/spec.ts";
import type { Instance } from "./effects.ts";
import type { Runtime } from "./ports.ts";

/** Where a probe connects to. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
}

/** null: healthy. Never rejects. */
export async function runProbe(runtime: Runtime, instance: Instance, spec: TaskSpec): Promise<Failure | null> {
  const check = spec.health;
  if (check === null) return null;
  const ended = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<Failure>((resolve) => {
    timer = setTimeout(() => resolve(bad(`no answer within ${check.timeoutMs} ms`)), check.timeoutMs);
  });
  try {
    return await Promise.race([probe(check.probe, { runtime, instance, spec, signal: ended.signal }), timeout]);
  } catch (error) {
    return bad(connectionWords(error));
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}

interface ProbeContext {
  readonly runtime: Runtime;
  readonly instance: Instance;
  readonly spec: TaskSpec;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
}

async function probe(how: HealthProbe, context: ProbeContext): Promise<Failure | null> {
  if (how.kind === "exec") return probeByCommand(how.command, context);
  const target = targetOf(how.port, context.instance, context.spec);
  if (target === null) return bad("it has no port that can be reached for a health check");
  return how.kind === "http" ? probeHttp(target, how.path, context.signal) : probeTcp(target, context.signal);
}

/** The published port on this node, or the port at the instance's own address; null when there is neither. Pure. */
export function targetOf(port: number, instance: Instance, spec: TaskSpec): ProbeTarget | null {
  const tcp = instance.ports.filter((one) => one.protocol === "tcp" && one.hostPort !== 0);
  const wanted = port === 0 ? (tcp[0]?.containerPort ?? spec.ports[0]?.containerPort ?? 0) : port;
  const published = tcp.find((one) => one.containerPort === wanted);
  if (published !== undefined) return { host: dialable(published.hostIp), port: published.hostPort };
  if (wanted === 0) return null;
  if (instance.address !== "") return { host: instance.address, port: wanted };
  const shared = instance.runtime === "process" || spec.privileges.network === "host";
  return shared ? { host: "127.0.0.1", port: wanted } : null;
}

function dialable(hostIp: string): string {
  if (hostIp === "" || hostIp === "0.0.0.0") return "127.0.0.1";
  return hostIp === "::" ? "::1" : hostIp;
}

function probeHttp(target: ProbeTarget, path: string, signal: AbortSignal): Promise<Failure | null> {
  const from = path.startsWith("/") ? path : `/${path}`;
  const where = `GET ${urlHost(target)}${from}`;
  return new Promise((resolve) => {
    const options = { host: target.host, port: target.port, path: from, agent: false as const, signal };
    const asked = request({ ...options, headers: { connection: "close", "user-agent": "cube-health" } }, (response) => {
      resolve(response.statusCode === 200 ? null : bad(`${where}: status ${response.statusCode}`));
      response.destroy();
    });
    asked.on("error", (error) => resolve(bad(`${where}: ${connectionWords(error)}`)));
    asked.end();
  });
}

function probeTcp(target: ProbeTarget, signal: AbortSignal): Promise<Failure | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.host, port: target.port });
    const finish = (failure: Failure | null): void => {
      socket.destroy();
      resolve(failure);
    };
    socket.on("connect", () => finish(null));
    socket.on("error", (error) => finish(bad(`connection to ${urlHost(target)}: ${connectionWords(error)}`)));
    signal.addEventListener("abort", () => socket.destroy(), { once: true });
  });
}

async function probeByCommand(command: readonly string[], context: ProbeContext): Promise<Failure | null> {
  const options = { command, tty: false, stdin: false, columns: 80, rows: 24 };
  const opened = await context.runtime.exec(context.instance.instanceId, options);
  if (!opened.ok) return opened.failure;
  const session = opened.value;
  if (context.signal.aborted) session.close();
  context.signal.addEventListener("abort", () => session.close(), { once: true });
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of session.output) said = (said + decoder.decode(chunk.data)).slice(-MAX_SAID);
  const code = await session.exitCode;
  session.close();
  if (code === 0) return null;
  const how = code === null ? "ended with an unknown exit code" : `exit code ${code}`;
  return bad([`${command.join(" ")}: ${how}`, lastLine(said)].filter((part) => part !== "").join(": "));
}

/** Characters of a command's output that are kept for the message. */
const MAX_SAID = 500;

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.trim() ?? "";
}

function urlHost({ host, port }: ProbeTarget): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function bad(message: string): Failure {
  return { kind: "transient", message };
}

function connectionWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return CODES[code] ?? error.message;
}

const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ConnectionRefused: "connection refused",
  ECONNRESET: "connection closed without an answer",
  EHOSTUNREACH: "host unreachable",
};
