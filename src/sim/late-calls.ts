/** What a simulated engine was asked while it did not answer. A real one has it in its queue, and does it when nobody waits for it any more. */
import type { EventQueue } from "./queue.ts";
import type { Dice } from "./random.ts";

/** How likely it is carried out once the engine wakes. */
const SHARE = 0.5;
/** How long after that, at most, in ms: in any order. */
const CATCH_UP_MS = 1_000;

export class LateCalls {
  readonly #queue: EventQueue;
  readonly #dice: Dice;
  readonly #waiting: (() => void)[] = [];

  /** The dice are its own, so that what comes late shifts nothing else. */
  constructor(queue: EventQueue, dice: Dice) {
    this.#queue = queue;
    this.#dice = dice;
  }

  /** Keeps what is to be done, or drops it. */
  take(carryOut: () => void): void {
    if (this.#dice.chance(SHARE)) this.#waiting.push(carryOut);
  }

  /** The engine wakes. */
  carryOut(): void {
    for (const run of this.#waiting.splice(0)) this.#queue.after(this.#dice.between(0, CATCH_UP_MS), run);
  }

  /** The engine's process ends. */
  forget(): void {
    this.#waiting.length = 0;
  }
}
