/** What a worker that has just begun does not make by its journal alone, since a manager that is in reach may know better. */
import { RETURN_MS } from "../protocol/messages.ts";
import type { TaskRun } from "./task-run.ts";

const BEHIND =
  "containers are here that the journal does not know: it is older than they are, or damaged. What runs is kept, and no container is made until a manager has said what it wants";

/**
 * What a worker remembers may be long past: its machine was off, its journal's disk was full, or a backup was put back. What runs is adopted all the same; what would
 * have to be made anew waits until a manager has told what it wants, or has not for as long as it may take to come back: without end when the journal is known to be behind,
 * and for a task that is not to run alone (`stopAfterMs`), since a worker that was linked when its machine lost its power cannot tell for how long it has been alone.
 */
export class FirstOrders {
  readonly #say: (text: string) => void;
  #untilMs: number | null = null;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** Until when they are waited for, monotonic ms; null once they are there, or when nothing is remembered. */
  get untilMs(): number | null {
    return this.#untilMs;
  }

  /** Why no container is made until a manager speaks; "" while that is not so. */
  get problem(): string {
    return this.#untilMs === Number.POSITIVE_INFINITY ? BEHIND : "";
  }

  remembered(monoMs: number): void {
    this.#untilMs = monoMs + RETURN_MS;
  }

  /** A runtime, asked for the first time, has containers that the journal does not know, although each is journaled before it is made. */
  journalIsBehind(): void {
    if (this.#untilMs === null || this.problem !== "") return;
    this.#untilMs = Number.POSITIVE_INFINITY;
    this.#say(BEHIND);
  }

  arrived(): void {
    this.#untilMs = null;
  }

  /** Whether nothing of the task is to be made yet. */
  holdBack({ assignment }: TaskRun, monoMs: number): boolean {
    if (this.#untilMs === null) return false;
    const mayRunAlone = (assignment?.spec.disconnect.stopAfterMs ?? null) === null;
    return !mayRunAlone || monoMs < this.#untilMs;
  }
}
