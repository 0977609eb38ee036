/** Tasks that may not run without a manager: their job says after how long their worker stops them by itself (`stopAfterMs`). */
import type { Time } from "../core/time.ts";
import { isEnding, mark, type TaskRun } from "./task-run.ts";
import { nameOf, type Turn } from "./turn.ts";

/**
 * Since when nobody has answered this worker with orders that it takes. A link is no answer: it does not show that the manager hears what is said over it; and one
 * that is refused is no company. Once answered it is alone again only when the link is gone. The methods tell whether anything has changed that is to be kept.
 */
export class Solitude {
  #isAnswered = false;
  #since: Pick<Time, "monoMs" | "wallMs"> | null = null;

  /** Monotonic ms; null while a manager answers. */
  get sinceMs(): number | null {
    return this.#isAnswered || this.#since === null ? null : this.#since.monoMs;
  }

  /** As it is kept: who begins anew must not begin to count anew, or a task could be left alone for any time. */
  kept(): { readonly aloneSinceMs?: number } {
    return this.#isAnswered || this.#since === null ? {} : { aloneSinceMs: this.#since.wallMs };
  }

  /** `aloneSinceMs`: wall clock, as it was kept. */
  restore(aloneSinceMs: number | null, now: Time): void {
    if (aloneSinceMs === null) return;
    this.#since = { monoMs: now.monoMs - Math.max(0, now.wallMs - aloneSinceMs), wallMs: aloneSinceMs };
  }

  /** The process has begun by now; again changes nothing. */
  begin(now: Time): boolean {
    if (this.#since !== null) return false;
    this.#since = now;
    return true;
  }

  answered(): boolean {
    if (this.#isAnswered) return false;
    this.#isAnswered = true;
    return true;
  }

  left(now: Time): boolean {
    if (!this.#isAnswered) return false;
    this.#isAnswered = false;
    this.#since = now;
    return true;
  }
}

/** When the task is to be stopped, monotonic ms; null for one that goes on alone. `sinceMs`: since when no manager has answered, null while one does. */
export function stopAloneAtMs(run: TaskRun, sinceMs: number | null): number | null {
  const after = run.assignment?.spec.disconnect.stopAfterMs ?? null;
  return sinceMs === null || after === null || isEnding(run) ? null : sinceMs + after;
}

/** Stops what has been alone for too long. */
export function stopWhatIsAlone(runs: Iterable<TaskRun>, sinceMs: number | null, turn: Turn): void {
  for (const run of runs) {
    const atMs = stopAloneAtMs(run, sinceMs);
    if (atMs === null || atMs > turn.time.monoMs) continue;
    run.desired = "stop";
    if (run.assignment !== null) run.assignment = { ...run.assignment, desired: "stop" };
    mark(run, "sync");
    turn.log("warn", `${nameOf(run)}: stopped, as its job asks when no manager is in reach`);
  }
}
