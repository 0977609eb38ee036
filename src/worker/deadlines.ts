/** When a worker's machine has to be woken next. Pure. */
import { stopAloneAtMs } from "./alone.ts";
import { wakeMs } from "./next-step.ts";
import type { TaskRun } from "./task-run.ts";

/** The earliest of all moments that are still to come, monotonic ms; null while only events matter. `mayProbe`: a further probe may be sent. */
export function nextDeadline(
  runs: Iterable<TaskRun>,
  at: {
    readonly monoMs: number;
    /** Since when no manager is linked; null while one is. */
    readonly aloneSinceMs: number | null;
    readonly mayProbe: boolean;
    /** Moments that are no task's. */
    readonly others: readonly (number | null)[];
  },
): number | null {
  const times = [...at.others];
  for (const run of runs) {
    times.push(wakeMs(run), stopAloneAtMs(run, at.aloneSinceMs));
    if (at.mayProbe) times.push(run.probes.nextAtMs);
  }
  // What is due already waits for an event, not for time: every turn does all that time alone allows.
  const ahead = times.filter((time) => time !== null).filter((time) => time > at.monoMs);
  return ahead.length === 0 ? null : Math.min(...ahead);
}
