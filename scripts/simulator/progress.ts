// One line at a terminal that tells how far a long run is. It is taken away before anything else is printed, and not there at all when nobody looks.
import { type Figures, speedOf } from "./tally.ts";

/** How often it is written anew, in ms. */
const EVERY_MS = 1_000;
const CLEAR = "\r\x1b[K";

/** Where it is written. */
export interface Sight {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class Progress {
  readonly #sight: Sight;
  readonly #line: () => string;
  readonly #timer: Timer | undefined;

  /** `line`: what it says, asked for each time. */
  constructor(sight: Sight, line: () => string) {
    this.#sight = sight;
    this.#line = line;
    if (sight.isTTY) this.#timer = setInterval(() => this.#draw(), EVERY_MS);
  }

  /** Makes room for other lines. */
  clear(): void {
    if (this.#timer !== undefined) this.#sight.write(CLEAR);
  }

  [Symbol.dispose](): void {
    this.clear();
    clearInterval(this.#timer);
  }

  #draw(): void {
    // A line that wraps could not be taken away again.
    const widest = (this.#sight.columns ?? 80) - 1;
    this.#sight.write(`${CLEAR}${this.#line().slice(0, widest)}`);
  }
}

type Timer = ReturnType<typeof setInterval>;

/** How far it is, in one line. Pure. `leftMs` or `leftSeeds` where there is an end in sight. */
export function progressLine(
  figures: Figures,
  { leftMs, leftSeeds, jobs }: { readonly leftMs: number; readonly leftSeeds: number; readonly jobs: number },
): string {
  const rest = [
    Number.isFinite(leftSeeds) ? `${leftSeeds} seeds` : "",
    Number.isFinite(leftMs) ? `${Math.max(0, Math.ceil(leftMs / 60_000))} min` : "",
  ].filter((part) => part !== "");
  const left = rest.length === 0 ? "" : `; ${rest.join(", ")} left`;
  const at = `${figures.seeds} seeds in ${jobs === 1 ? "1 process" : `${jobs} processes`}`;
  return `${at}, ${figures.failed.length} failed, ${speedOf(figures)} times real time each${left}`;
}
