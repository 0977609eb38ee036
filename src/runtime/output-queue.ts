/**
 * Carries a command's output from callbacks to one async reader, so that nothing is lost before the reader comes and the end is seen even when nobody reads.
 * Bounded: past the limit the source is asked to pause; a source that cannot loses its oldest pieces, and the reader is told so in the output.
 */

/** A piece of output. */
export interface OutputPiece {
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

/** Bytes kept for a reader that does not keep up. */
const LIMIT_BYTES = 1 << 20;

/** What a queue may ask of its source; a terminal can do neither. */
export interface OutputSource {
  readonly pause?: () => void;
  readonly resume?: () => void;
}

/** One command's output. */
export class OutputQueue implements AsyncIterable<OutputPiece> {
  readonly #source: OutputSource;
  readonly #pieces: OutputPiece[] = [];
  #bytes = 0;
  #lostBytes = 0;
  #ended = false;
  #paused = false;
  #wake: (() => void) | null = null;

  constructor(source: OutputSource) {
    this.#source = source;
  }

  push(piece: OutputPiece): void {
    if (this.#ended) return;
    this.#pieces.push(piece);
    this.#bytes += piece.data.byteLength;
    if (this.#bytes > LIMIT_BYTES) this.#overflow();
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputPiece> {
    for (;;) {
      const piece = this.#take();
      if (piece) yield piece;
      else if (this.#ended) return;
      else await this.#arrival();
    }
  }

  #overflow(): void {
    if (this.#source.pause) {
      this.#paused = true;
      this.#source.pause();
      return;
    }
    while (this.#bytes > LIMIT_BYTES && this.#pieces.length > 1) {
      const lost = this.#pieces.shift()?.data.byteLength ?? 0;
      this.#bytes -= lost;
      this.#lostBytes += lost;
    }
  }

  #take(): OutputPiece | undefined {
    if (this.#lostBytes > 0) {
      const data = new TextEncoder().encode(`\r\n[${this.#lostBytes} bytes of output lost]\r\n`);
      this.#lostBytes = 0;
      return { stream: "stdout", data };
    }
    const piece = this.#pieces.shift();
    this.#bytes -= piece?.data.byteLength ?? 0;
    if (this.#paused && this.#bytes < LIMIT_BYTES / 2) {
      this.#paused = false;
      this.#source.resume?.();
    }
    return piece;
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }
}
