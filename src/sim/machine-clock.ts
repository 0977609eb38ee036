/**
 * The clocks of one simulated machine: a monotonic one that stands still while the machine sleeps and runs a little fast or slow, and a wall clock that is
 * wrong, may be stepped, and goes on during sleep.
 */
import type { Time } from "../core/time.ts";
import type { EventQueue } from "./queue.ts";

/** How a machine's clocks differ from the world's. */
export interface ClockTraits {
  /** Millionths that the monotonic clock is fast. */
  readonly driftPpm: number;
  /** Milliseconds that the wall clock is ahead. */
  readonly skewMs: number;
}

/** Wall clock of the world at the beginning of every run: 2023-11-14. */
export const BEGIN_MS = 1_700_000_000_000;

export class MachineClock {
  readonly #queue: EventQueue;
  readonly #rate: number;
  #skewMs: number;
  #bootedMs = 0;
  #boots = 1;
  /** Milliseconds slept since boot, without the present sleep. */
  #sleptMs = 0;
  #asleepSinceMs: number | null = null;

  constructor(queue: EventQueue, traits: ClockTraits) {
    this.#queue = queue;
    this.#rate = 1 + traits.driftPpm / 1e6;
    this.#skewMs = traits.skewMs;
  }

  now(): Time {
    const wallMs = Math.floor(BEGIN_MS + this.#queue.nowMs + this.#skewMs);
    return { monoMs: this.monoMs, wallMs, bootId: `boot-${this.#boots}` };
  }

  get monoMs(): number {
    const awakeMs = (this.#asleepSinceMs ?? this.#queue.nowMs) - this.#bootedMs - this.#sleptMs;
    return Math.floor(1_000 + awakeMs * this.#rate);
  }

  get isAsleep(): boolean {
    return this.#asleepSinceMs !== null;
  }

  /** Milliseconds of the world until the monotonic clock shows that, were the machine to stay awake. */
  untilMonoMs(monoMs: number): number {
    return Math.max(0, Math.ceil((monoMs - this.monoMs) / this.#rate));
  }

  sleep(): void {
    this.#asleepSinceMs ??= this.#queue.nowMs;
  }

  wake(): void {
    if (this.#asleepSinceMs === null) return;
    this.#sleptMs += this.#queue.nowMs - this.#asleepSinceMs;
    this.#asleepSinceMs = null;
  }

  step(ms: number): void {
    this.#skewMs += ms;
  }

  reboot(): void {
    this.#bootedMs = this.#queue.nowMs;
    this.#sleptMs = 0;
    this.#asleepSinceMs = null;
    this.#boots++;
  }
}
