/** A bounded number of things at a time, first come first served. Pure bookkeeping: it calls nobody. */

export class Permits {
  readonly #limit: number;
  readonly #held = new Set<string>();
  readonly #queue = new Set<string>();

  constructor(limit: number) {
    this.#limit = Math.max(1, Math.floor(limit));
  }

  /** True when `id` holds a permit now; otherwise it stands in the queue. */
  take(id: string): boolean {
    if (this.#held.has(id)) return true;
    this.#queue.add(id);
    const first = this.#queue.values().next().value;
    if (this.#held.size >= this.#limit || first !== id) return false;
    this.#queue.delete(id);
    this.#held.add(id);
    return true;
  }

  /** Gives back what `id` holds or waits for. */
  drop(id: string): void {
    this.#held.delete(id);
    this.#queue.delete(id);
  }

  /** Who is to ask again now: the first in the queue, when there is room. */
  next(): string | null {
    if (this.#held.size >= this.#limit) return null;
    return this.#queue.values().next().value ?? null;
  }
}
