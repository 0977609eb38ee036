// Chance for the chaos runs: all of it comes from one seed by named streams, so that a draw more in one place shifts nothing in another, and a run can
// be asked for again. Never Math.random.

/** A stream of draws. */
export class Dice {
  #state: number;

  constructor(seed: number, stream: string) {
    this.#state = hash(`${seed}/${stream}`);
  }

  /** From 0 to below 1. The generator is splitmix32. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** A whole number between both, each included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True in that share of all cases. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  /** One of them; they must not be none. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value | 0;
}
