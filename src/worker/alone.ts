/** Tasks that may not run without a manager: their job says after how long their worker stops them by itself (`stopAfterMs`). */
import { isEnding, mark, type TaskRun } from "./task-run.ts";
import { nameOf, type Turn } from "./turn.ts";

/** Since when nobody has answered this worker. A link is no answer: it does not show that the manager hears what is said over it. */
export class Solitude {
  #isAnswered = false;
  #sinceMs: number | null = null;

  /** null while a manager answers. */
  get sinceMs(): number | null {
    return this.#isAnswered ? null : this.#sinceMs;
  }

  /** The process has begun by now; again changes nothing. */
  begin(monoMs: number): void {
    this.#sinceMs ??= monoMs;
  }

  answered(): void {
    this.#isAnswered = true;
  }

  unlinked(monoMs: number): void {
    if (this.#isAnswered) this.#sinceMs = monoMs;
    this.#isAnswered = false;
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
