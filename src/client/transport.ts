/**
 * Requests to a manager over a unix socket, loopback TCP or TLS, and its errors as ClientErrors. Built on fetch: node:http would cost each short command 15 ms of
 * start. In clear nothing leaves this machine.
 */
import { addressText, isLoopback } from "../core/address.ts";
import type { Target } from "../core/target.ts";
import { ClientError } from "./cluster-client.ts";
import { bypassProxy } from "./proxy.ts";

/** What to ask. */
export interface ApiRequest {
  readonly method?: "GET" | "POST" | "DELETE";
  /** Begins with a slash; with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** For people: where the manager is looked for. */
export function nameOf(target: Target): string {
  return target.kind === "unix" ? target.path : addressText(target);
}

/** The address of a path at the target. */
export function urlOf(target: Target, path: string): string {
  if (target.kind === "unix") return `http://localhost${path}`;
  const scheme = target.kind === "tls" ? "https" : "http";
  return `${scheme}://${addressText(target)}${path}`;
}

/** The token as a header; none on a unix socket. */
export function authorization(target: Target): Record<string, string> {
  return target.kind !== "unix" && target.token !== "" ? { authorization: `Bearer ${target.token}` } : {};
}

/** Answers of status 2xx. Everything else rejects with ClientError: the manager's own, or `unavailable` when none answers. */
export async function send(target: Target, request: ApiRequest): Promise<Response> {
  const response = await reach(target, request);
  if (response.ok) return response;
  throw await errorOf(response);
}

/** Milliseconds that a whole answer may take which is no stream. */
const ANSWER_MS = 30_000;

/** The JSON of an answer. Rejects as `send` does, and with ClientError `timeout` for a manager that hangs. */
export function ask<T>(target: Target, request: Omit<ApiRequest, "signal">, answerMs: number = ANSWER_MS): Promise<T> {
  return inTime(target, request, { answerMs, read: (response) => response.json() as Promise<T> });
}

/** The same where the answer says nothing but that it is done. */
export function tell(target: Target, request: Omit<ApiRequest, "signal">): Promise<void> {
  return inTime(target, request, { answerMs: ANSWER_MS, read: async () => undefined });
}

async function inTime<T>(
  target: Target,
  request: ApiRequest,
  { answerMs, read }: { readonly answerMs: number; readonly read: (response: Response) => Promise<T> },
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), answerMs);
  try {
    return await read(await send(target, { ...request, signal: late.signal }));
  } catch (error) {
    if (late.signal.aborted) throw silent(target, answerMs, error);
    if (error instanceof ClientError) throw error;
    throw new ClientError("unavailable", "the manager's answer broke off", "try again", error);
  } finally {
    clearTimeout(timer);
  }
}

function silent(target: Target, answerMs: number, cause: unknown): ClientError {
  return new ClientError(
    "timeout",
    `the manager at ${nameOf(target)} has not answered within ${answerMs / 1_000} s`,
    "it may be done all the same; if it stays so, see the manager's log, and start it again",
    cause,
  );
}

/** What rejects when nobody answers. */
export function unreachable(target: Target, cause?: unknown): ClientError {
  const hint =
    target.kind === "unix" ? "start one with `cube`" : "start one with `cube`, or name another with --manager";
  return new ClientError("unavailable", `no manager answers at ${nameOf(target)}`, hint, cause);
}

/** Throws ClientError for a target that would carry a token in clear beyond this machine. */
function refuseClear(target: Target): void {
  if (target.kind !== "tcp" || isLoopback(target.host)) return;
  throw new ClientError(
    "invalid",
    `${nameOf(target)} is not this machine, and in clear everybody on the way could read the token`,
    `let it speak TLS: cube login ${nameOf(target)}`,
  );
}

/** What a request at the target needs to trust the other end: its certificate, once it is known to be the right one. */
export async function trustOf(target: Target): Promise<{ readonly ca: string; readonly serverName: string } | null> {
  refuseClear(target);
  if (target.kind !== "tls") return null;
  // Loaded only when it is needed: a short command on the socket must not pay for TLS.
  const { pinnedCertificate, SERVER_NAME } = await import("./pin.ts");
  return { ca: await pinnedCertificate(target), serverName: SERVER_NAME };
}

async function reach(target: Target, request: ApiRequest): Promise<Response> {
  try {
    return await fetchFrom(target, request);
  } catch (error) {
    if (target.kind !== "tls" || !isForeignCertificate(error)) throw error;
    // The handshake failed, so nothing was sent: either a new certificate over the same key, or another key, which the second look finds out.
    (await import("./pin.ts")).forgetCertificate(target);
    return await fetchFrom(target, request);
  }
}

async function fetchFrom(target: Target, request: ApiRequest): Promise<Response> {
  if (target.kind !== "unix") bypassProxy(target.host);
  const tls = await trustOf(target);
  const { method = "GET", path, body, headers = {}, signal } = request;
  try {
    return await fetch(urlOf(target, path), {
      method,
      headers: {
        ...authorization(target),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
      ...(target.kind === "unix" && { unix: target.path }),
      ...(tls && { tls: { ...tls, rejectUnauthorized: true } }),
      redirect: "error",
      // A stream may be silent for longer than fetch waits by itself.
      ...{ timeout: false },
    });
  } catch (error) {
    if (signal?.aborted) throw new ClientError("aborted", "the request was given up", "", error);
    throw unreachable(target, error);
  }
}

function isForeignCertificate(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly code?: string } };
  return /CERT|SELF_SIGNED|VERIFY/.test(cause?.code ?? "");
}

async function errorOf(response: Response): Promise<ClientError> {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; hint: string } };
    return new ClientError(error.code, error.message, error.hint);
  } catch {
    return new ClientError(
      "unavailable",
      `the answer has status ${response.status} and is not a manager's`,
      "is it Cube that listens there?",
    );
  }
}
