/**
 * Chance in a run: one seed, and a stream of its own for each name, so that one more draw in one place shifts no other place.
 * Integer arithmetic only, so that every engine draws the same.
 */
import { type Draw, seededDraw } from "../core/jitter.ts";

/** Streams of one seed. */
export class Streams {
  readonly #seed: number;
  readonly #dice = new Map<string, Dice>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The stream of that name; the same one each time it is asked for. */
  of(name: string): Dice {
    let dice = this.#dice.get(name);
    if (dice === undefined) {
      dice = new Dice(seededDraw(hashText(name, this.#seed)));
      this.#dice.set(name, dice);
    }
    return dice;
  }
}

/** Draws of the kinds that faults need. */
export class Dice {
  readonly draw: Draw;

  constructor(draw: Draw) {
    this.draw = draw;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.draw() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.draw() < probability;
  }

  /** One of the choices, which are not empty. */
  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.between(0, choices.length - 1)];
    if (choice === undefined) throw new Error("nothing to choose from");
    return choice;
  }

  /**
   * An exponential delay in whole milliseconds with that mean, at most 16 times it. Drawn by counting leading zeros and interpolating: `Math.log` gives
   * other last bits on other engines.
   */
  exponential(meanMs: number): number {
    const halvings = Math.min(22, Math.clz32(Math.floor(this.draw() * 0xffffffff)));
    return Math.floor(((halvings + this.draw()) * meanMs * 709) / 1024);
  }

  /** 32 bits for a seed of something else. */
  seed(): number {
    return Math.floor(this.draw() * 0x100000000);
  }
}

/** FNV-1a (Fowler, Noll, Vo) over UTF-16 units, begun with `seed`; unsigned 32 bits. Not for secrets. */
export function hashText(text: string, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
