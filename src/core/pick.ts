/**
 * Picking: the lowest key among many that change one at a time, by a tournament tree (each inner entry is the lower of its two).
 * Ties go to the first slot at or after a starting point, around the end: from the beginning for most schedulers, from behind the
 * last node used for round robin. Keys are integers; Infinity never wins.
 */

/** Where picking begins when several nodes cost the same: with the first that joined, or after the last one used. */
export type Picking = "first" | "turn";

/** A tournament tree over `size` slots, a power of two. */
export class ScoreTree {
  readonly size: number;
  /** Entry 1 is the root, entries 2i and 2i + 1 stand below i, slots begin at `size`. */
  readonly #low: Float64Array;

  constructor(size: number) {
    this.size = size;
    this.#low = new Float64Array(2 * size).fill(Infinity);
  }

  /** Reads every key anew. */
  build(keyOf: (slot: number) => number, slots: number): void {
    const low = this.#low;
    for (let slot = 0; slot < slots; slot++) low[this.size + slot] = keyOf(slot);
    low.fill(Infinity, this.size + slots);
    for (let i = this.size - 1; i > 0; i--) low[i] = Math.min(low[2 * i] as number, low[2 * i + 1] as number);
  }

  key(slot: number): number {
    return this.#low[this.size + slot] as number;
  }

  set(slot: number, key: number): void {
    const low = this.#low;
    let i = this.size + slot;
    low[i] = key;
    while (i > 1) {
      const beside = low[i ^ 1] as number;
      const mine = low[i] as number;
      const lower = Math.min(mine, beside);
      i >>= 1;
      // Above an entry that stays as it was, nothing changes.
      if (low[i] === lower) return;
      low[i] = lower;
    }
  }

  /** The slot with the lowest key, the first at or after `start`, around the end; −1 when every key is Infinity. */
  first(start: number): number {
    const lowest = this.#low[1] as number;
    if (lowest === Infinity) return -1;
    const after = start === 0 ? 1 : this.#subtreeFrom(start, lowest);
    return this.#descend(after === 0 ? 1 : after, lowest);
  }

  /** The entry of the first subtree at or after `start` that holds the lowest key; 0 when there is none up to the end. */
  #subtreeFrom(start: number, lowest: number): number {
    const low = this.#low;
    let i = this.size + start;
    if (low[i] === lowest) return i;
    for (; i > 1; i >>= 1) {
      if ((i & 1) === 0 && low[i + 1] === lowest) return i + 1;
    }
    return 0;
  }

  #descend(from: number, lowest: number): number {
    let i = from;
    while (i < this.size) i = this.#low[2 * i] === lowest ? 2 * i : 2 * i + 1;
    return i - this.size;
  }
}
