/**
 * The places of a write to disk where its process may die: before it, amid it, and once it is on disk and nobody has been told. Without them a sweep would only
 * crash processes around what they send and ask for.
 */

/** Hears that a write is about to begin or to be on disk, or that it has or is. A crash may come of it. */
export type WriteListener = (phase: "before" | "after") => void;

export class WritePlaces {
  readonly #onWrite: WriteListener;
  #crashes = 0;

  constructor(onWrite: WriteListener) {
    this.#onWrite = onWrite;
  }

  /** The process has died: nothing of what it was about to do is done. */
  crash(): void {
    this.#crashes++;
  }

  /** Begins a write, or puts it on disk; false when the process has died before or after that. Nothing else may happen in it. */
  survives(act: () => void): boolean {
    const crashes = this.#crashes;
    this.#onWrite("before");
    if (crashes !== this.#crashes) return false;
    act();
    this.#onWrite("after");
    return crashes === this.#crashes;
  }
}
