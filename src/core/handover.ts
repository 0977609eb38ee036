/**
 * When a task that its worker ends by itself without a manager (`stopAfterMs`) has surely ended, so that another may take its place. Nobody can ask the worker: the
 * two sides agree on nothing but how fast their clocks run. No lock: a worker that hangs or is paused ends nothing. Pure.
 */
import type { DisconnectPolicy, TaskSpec } from "./spec.ts";

/** Until a worker knows at the latest that its link is of no use, in ms: a ping of its session that was answered, and the next one that was not. */
export const NOTICE_MS = 10_000;
/** For a runtime to kill what has not ended within its grace, ms. */
const KILL_MS = 10_000;
/** Hundredths by which a clock is fast or slow at most. */
const DRIFT = 1;

/**
 * How long a node has to count as out of reach until such a task there has ended, in ms; 0 for one that goes on alone. Counts from when the node has missed its
 * heartbeats: what it has missed pays for one that was sent in vain and for the time on the way.
 */
export function endsAloneAfterMs({ disconnect, stopGraceMs }: TaskSpec): number {
  if (disconnect.stopAfterMs === null) return 0;
  const byWorkerMs = NOTICE_MS + disconnect.stopAfterMs + stopGraceMs + KILL_MS;
  return Math.ceil((byWorkerMs * (100 + DRIFT)) / (100 - DRIFT));
}

/** How long a node has to be out until the job's policy counts: not before a task that ends by itself when it is alone has surely ended. */
export function patience(spec: TaskSpec): Pick<DisconnectPolicy, "replaceAfterMs" | "lostAfterMs"> {
  const { replaceAfterMs, lostAfterMs } = spec.disconnect;
  const endedMs = endsAloneAfterMs(spec);
  return { replaceAfterMs: Math.max(replaceAfterMs, endedMs), lostAfterMs: Math.max(lostAfterMs, endedMs) };
}
