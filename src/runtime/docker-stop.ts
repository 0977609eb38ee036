/**
 * Stops a container and makes sure that it is dead: signal, grace, SIGKILL, look. Never says "stopped" of something that still runs: a process that
 * survives SIGKILL (stuck in the kernel) is a failure with a clear message, and its task stays `stopping`.
 */
import { fail, ok, type Result } from "../core/failure.ts";
import type { Engine } from "./docker-engine.ts";
import { refused } from "./docker-errors.ts";
import { inspected, toInstance } from "./docker-instance.ts";

/** Waits between the attempts to kill, ms; past the last one it gives up. */
const KILL_WAITS_MS = [250, 500, 1_000, 2_000, 4_000] as const;
/** What an engine may take beyond the grace it was given. */
const STOP_SLACK_MS = 30_000;

/** Which container, and how. */
export interface StopRequest {
  readonly instanceId: string;
  readonly nodeId: string;
  readonly signal: string;
  readonly graceMs: number;
  /** Waits between attempts to kill; tests shorten them. */
  readonly killWaitsMs?: readonly number[];
}

/** Resolves when the container is dead or gone. */
export async function stopContainer(engine: Engine, request: StopRequest): Promise<Result<null>> {
  const asked = request.signal === "" ? await engineStop(engine, request) : await signalAndWait(engine, request);
  if (asked.ok) return asked;
  // A grace that the engine did not keep, or an answer that got lost: what counts is whether it is dead.
  return asked.failure.kind === "unavailable" || asked.failure.kind === "invalid"
    ? asked
    : killUntilDead(engine, request);
}

/** The engine's own stop: the image's signal, whole seconds of grace, SIGKILL. */
async function engineStop(engine: Engine, { instanceId, graceMs }: StopRequest): Promise<Result<null>> {
  const path = `/containers/${instanceId}/stop?t=${Math.ceil(graceMs / 1_000)}`;
  return accepted(instanceId, await engine.call("POST", path, { timeoutMs: graceMs + STOP_SLACK_MS }));
}

/** Engines before API 1.42 cannot stop with another signal than the container's own. */
async function signalAndWait(engine: Engine, { instanceId, signal, graceMs }: StopRequest): Promise<Result<null>> {
  const killed = await engine.call("POST", `/containers/${instanceId}/kill?signal=${encodeURIComponent(signal)}`);
  if (killed.ok && (killed.value.status === 404 || isNotRunning(killed.value))) return ok(null);
  const sent = accepted(instanceId, killed);
  if (!sent.ok) return sent;
  if (graceMs > 0 && (await waited(engine, instanceId, graceMs))) return ok(null);
  return fail("transient", `container ${short(instanceId)}: its grace is over`);
}

async function killUntilDead(
  engine: Engine,
  { instanceId, nodeId, killWaitsMs = KILL_WAITS_MS }: StopRequest,
): Promise<Result<null>> {
  for (const waitMs of killWaitsMs) {
    const killed = await engine.call("POST", `/containers/${instanceId}/kill?signal=SIGKILL`);
    if (!killed.ok) return killed;
    await waited(engine, instanceId, waitMs);
    const found = await engine.call("GET", `/containers/${instanceId}/json`);
    if (!found.ok) return found;
    if (found.value.status === 404) return ok(null);
    const container = inspected(found.value.body);
    if (container && toInstance(container, nodeId)?.status !== "running") return ok(null);
  }
  const way = "a process of it may be stuck in the kernel; look for state D on the node, or restart the engine";
  return fail("transient", `container ${short(instanceId)} still runs after SIGKILL: ${way}`);
}

/** True when it ended within the time. A wait that broke off says nothing. */
async function waited(engine: Engine, instanceId: string, timeoutMs: number): Promise<boolean> {
  const answer = await engine.call("POST", `/containers/${instanceId}/wait?condition=not-running`, { timeoutMs });
  return answer.ok && (answer.value.status === 200 || answer.value.status === 404);
}

function accepted(instanceId: string, answer: Awaited<ReturnType<Engine["call"]>>): Result<null> {
  if (!answer.ok) return answer;
  const { status, body } = answer.value;
  // 304: dead already; 404: gone.
  if (status < 400 || status === 404) return ok(null);
  return { ok: false, failure: refused(`container ${short(instanceId)}`, status, body) };
}

function isNotRunning({ status, body }: { readonly status: number; readonly body: unknown }): boolean {
  return status === 409 && /not running/i.test(JSON.stringify(body));
}

/** The first twelve characters, as the engine's own tools show it. */
export function short(instanceId: string): string {
  return instanceId.slice(0, 12);
}
