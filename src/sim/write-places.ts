/**
 * The places of a write to disk where its process may die: before it, amid it, once it is on disk and nobody has been told, and once somebody has.
 * Without them a sweep would only crash processes around what they send and ask for.
 */

/** Hears that a write, or its answer, is about to come or has come. A crash may come of it. */
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

  /** Begins a write, or answers one that is on disk. */
  around(act: () => void): void {
    const crashes = this.#crashes;
    this.#onWrite("before");
    if (crashes !== this.#crashes) return;
    act();
    if (crashes === this.#crashes) this.#onWrite("after");
  }
}
