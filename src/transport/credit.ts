/** How many bytes may still be sent on a stream: whoever sends waits here until the other side has taken what it has. */

export class Credit {
  #bytes: number;
  #closed = false;
  #waiting: (() => void) | undefined;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** The other side has taken so many. */
  grant(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > 0) this.#wake();
  }

  /** Takes so many as soon as there is any credit; the last chunk may overdraw it. False once the stream is over. One waiter at a time. */
  async take(bytes: number): Promise<boolean> {
    while (this.#bytes <= 0 && !this.#closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = resolve;
      await promise;
    }
    this.#bytes -= bytes;
    return !this.#closed;
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}
