/** How long a worker's host waits, and how often it looks: said once, because the simulator's host has to keep the same rules. */
import type { Resources } from "../core/spec.ts";

/** Longest wait for one call to a runtime, ms; a stop has its grace on top, and a pull may take as long as its runtime hears of it. */
export const CALL_MS = 120_000;
/** The same for calls that only look. */
export const LOOK_MS = 30_000;
/** Milliseconds between samples and heartbeats while no manager has said otherwise. */
export const SAMPLE_MS = 1_000;
/** Milliseconds between looks at whether the runtimes work. */
export const RUNTIME_PROBE_MS = 3_000;
/** Milliseconds until a write to the journal that failed is tried again. */
export const JOURNAL_RETRY_MS = 1_000;

/** Twice keeps an engine busy with tasks that have no CPU limit; a task that has one waits for its quota while it starts, and more of them fit beside each other. */
const STARTS_PER_CORE = 4;

/** Creates and starts in flight at a time on a machine of that size. Pure. */
export function startsAtATime({ cpuMillis }: Resources): number {
  return STARTS_PER_CORE * Math.max(1, Math.floor(cpuMillis / 1000));
}
