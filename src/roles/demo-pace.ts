/** Lets the time of a simulated cluster pass: so many of its seconds in one of ours, none while it is held, and a stretch of it in a hurry when asked. */
import type { DemoCluster } from "../sim/demo.ts";

/** Speeds that keys go through. */
const SPEEDS = [1, 2, 5, 10, 30, 60] as const;

/** Time between two turns, in ms, and how much of it a turn may take: the screen needs the rest. */
const TURN_MS = 50;
const WORK_MS = 25;
const HURRY_TURN_MS = 5;
/** How long whoever watches a cluster may take to see a change, in ms. */
const LOOK_MS = 400;
/** Time of the cluster that is lived through between two looks at the clock, in ms. */
const STEP_MS = 200;
/** A stretch in a hurry passes no faster than this many times our own time, so that people see that it does. */
const HURRY = 1_000;
/** A process that stood still lets no more of our time pass than this, in ms. */
const LONGEST_TURN_MS = 500;

export class DemoPace implements Disposable {
  readonly #demo: DemoCluster;
  readonly #onPassed: () => void;
  readonly #timer: Timer;
  #lastMs = performance.now();
  #speed: number;
  #leftMs = 0;
  held = false;

  /** `onPassed` is called whenever some of its time has passed. */
  constructor(demo: DemoCluster, speed: number, onPassed: () => void) {
    this.#demo = demo;
    this.#onPassed = onPassed;
    this.#speed = speed;
    this.#timer = setInterval(() => this.#turn(), TURN_MS);
  }

  get speed(): number {
    return this.#speed;
  }

  /** What is left of a stretch that passes in a hurry, in ms; 0 for none. */
  get leftMs(): number {
    return this.#leftMs;
  }

  /** False when there is no faster one. */
  faster(): boolean {
    const next = SPEEDS.find((speed) => speed > this.#speed);
    if (next !== undefined) this.#speed = next;
    return next !== undefined;
  }

  slower(): boolean {
    const next = SPEEDS.findLast((speed) => speed < this.#speed);
    if (next !== undefined) this.#speed = next;
    return next !== undefined;
  }

  /** Resolves when so much of the cluster's time has passed, in a hurry. */
  async hurry(ms: number): Promise<void> {
    this.#leftMs = ms;
    // Until somebody has looked, or the beginning of the hour would be long past for whoever watches.
    await Bun.sleep(LOOK_MS);
    while (this.#leftMs > 0) {
      const beginMs = performance.now();
      await Bun.sleep(HURRY_TURN_MS);
      const wantedMs = Math.min(this.#leftMs, (performance.now() - beginMs) * HURRY);
      this.#leftMs = Math.max(0, this.#leftMs - (wantedMs - this.#live(wantedMs)));
    }
    this.#lastMs = performance.now();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#leftMs = 0;
  }

  #turn(): void {
    const nowMs = performance.now();
    const tookMs = Math.min(LONGEST_TURN_MS, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    // What cannot be lived through in time is left out: the cluster is slower then than it says, and the screen is not.
    if (!this.held && this.#leftMs === 0) this.#live(tookMs * this.#speed);
  }

  /** Lives through it for as long as a turn may take; what is left then. */
  #live(ms: number): number {
    const untilMs = performance.now() + WORK_MS;
    let leftMs = ms;
    while (leftMs > 0 && performance.now() < untilMs) {
      const stepMs = Math.min(STEP_MS, leftMs);
      this.#demo.advance(stepMs);
      leftMs -= stepMs;
    }
    this.#onPassed();
    return leftMs;
  }
}
