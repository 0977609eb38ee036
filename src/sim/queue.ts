/** What happens next: a heap of moments, ordered by time and then by order of asking. Time only goes forward. */

/** Something that will happen unless it is called off. */
export interface Planned {
  readonly atMs: number;
  readonly sequence: number;
  /** null once it is called off. */
  run: (() => void) | null;
}

/** The virtual time of a run, in milliseconds of the world outside. */
export class EventQueue {
  readonly #heap: Planned[] = [];
  #sequence = 0;
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Plans something in so many milliseconds (0: after everything that is planned for now). */
  after(ms: number, run: () => void): Planned {
    const planned: Planned = { atMs: this.#nowMs + Math.max(0, ms), sequence: this.#sequence++, run };
    this.#heap.push(planned);
    this.#rise(this.#heap.length - 1);
    return planned;
  }

  /** Lets the next thing happen; false when nothing is planned up to `untilMs`, which it then is. */
  step(untilMs: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.#takeFirst();
      if (next.run === null) continue;
      this.#nowMs = next.atMs;
      next.run();
      return true;
    }
  }

  #takeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const item = heap[from] as Planned;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Planned;
      if (isBefore(above, item)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = item;
  }

  #sink(): void {
    const heap = this.#heap;
    const item = heap[0] as Planned;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let smallest = heap[left];
      let next = left;
      const other = heap[right];
      if (smallest === undefined) break;
      if (other !== undefined && isBefore(other, smallest)) {
        smallest = other;
        next = right;
      }
      if (isBefore(item, smallest)) break;
      heap[at] = smallest;
      at = next;
    }
    heap[at] = item;
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.sequence < other.sequence);
}
