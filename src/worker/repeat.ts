/** Does a thing again and again, with a pause after each time that may change. Lets go when it is disposed. */

/** Begins with a pause. What is under way at the end is not waited for. */
export class Repeat implements Disposable {
  readonly #act: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #everyMs: number;
  #closed = false;

  constructor(everyMs: number, act: () => Promise<void>) {
    this.#act = act;
    this.#everyMs = everyMs;
    this.every(everyMs);
  }

  /** Another pause, in milliseconds, from now on. */
  every(everyMs: number): void {
    this.#everyMs = everyMs;
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => this.#turn(), everyMs);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #turn(): void {
    void this.#act().finally(() => this.every(this.#everyMs));
  }
}
