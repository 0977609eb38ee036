/** When a worker's machine has to be woken next. Pure. */
import { stopAloneAtMs } from "./alone.ts";
import { wakeMs } from "./next-step.ts";
import type { TaskRun } from "./task-run.ts";

/** The earliest of all moments that are still to come, monotonic ms; null while only events matter. `mayProbe`: a further probe may be sent. */
export function nextDeadline(
  runs: Iterable<TaskRun>,
  at: {
    readonly monoMs: number;
    /** Since when no manager has answered; null while one does. */
    readonly unansweredSinceMs: number | null;
    readonly mayProbe: boolean;
    /** Moments that are no task's. */
    readonly others: readonly (number | null)[];
  },
): number | null {
  let nextMs = Number.POSITIVE_INFINITY;
  // What is due already waits for an event, not for time: every turn does all that time alone allows.
  const consider = (timeMs: number | null): void => {
    if (timeMs !== null && timeMs > at.monoMs && timeMs < nextMs) nextMs = timeMs;
  };
  for (const timeMs of at.others) consider(timeMs);
  for (const run of runs) {
    consider(wakeMs(run));
    consider(stopAloneAtMs(run, at.unansweredSinceMs));
    if (at.mayProbe) consider(run.probes.nextAtMs);
  }
  return nextMs === Number.POSITIVE_INFINITY ? null : nextMs;
}
