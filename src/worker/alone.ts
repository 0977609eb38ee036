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

const BEHIND =
  "the journal is older than what is here, as when a backup was put back: what runs is kept, and nothing is started until a manager has said what it wants";

/** How long a worker that has just begun starts nothing that only its journal asks for, ms: a manager that is in reach says within it what is still wanted. */
const ORDERS_MS = 5_000;

/**
 * What a worker remembers may be long past: its machine was off, its journal's disk was full, or a backup was put back. What runs is adopted all the same; what would
 * have to be made waits until a manager has told what it wants, or has not for a while: for as long as it takes when the journal is known to be behind.
 */
export class FirstOrders {
  readonly #warn: (text: string) => void;
  #untilMs: number | null = null;

  constructor(warn: (text: string) => void) {
    this.#warn = warn;
  }

  /** Until when they are waited for, monotonic ms; null once they are there, or when nothing is remembered. */
  get untilMs(): number | null {
    return this.#untilMs;
  }

  remembered(monoMs: number): void {
    this.#untilMs = monoMs + ORDERS_MS;
  }

  /** Containers are here that the journal does not know, although each is journaled before it is made. */
  journalIsBehind(): void {
    if (this.#untilMs === null || this.#untilMs === Number.POSITIVE_INFINITY) return;
    this.#untilMs = Number.POSITIVE_INFINITY;
    this.#warn(BEHIND);
  }

  arrived(): void {
    this.#untilMs = null;
  }

  areAwaited(monoMs: number): boolean {
    return this.#untilMs !== null && monoMs < this.#untilMs;
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
