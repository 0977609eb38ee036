/**
 * Takes an engine's multiplexed stream apart (8-byte header: stream, 0, 0, 0, length; Docker API, "attach"). Incremental and linear; never holds more
 * than one frame, and cuts a frame that claims to be larger than any engine sends.
 */

/** One frame's content. */
export interface Frame {
  readonly stream: "stdout" | "stderr";
  readonly data: Buffer;
}

const HEADER_BYTES = 8;
/** Engines split output at 16 KiB; whatever is larger is handed on in pieces of this size. */
const PIECE_BYTES = 64 * 1024;

/** Feed it chunks, get frames. */
export class Demuxer {
  #buffer: Buffer = Buffer.alloc(0);
  #stream: Frame["stream"] = "stdout";
  #left = 0;

  *feed(chunk: Buffer): Generator<Frame> {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      if (this.#left === 0 && !this.#header()) return;
      const wanted = Math.min(this.#left, PIECE_BYTES);
      if (wanted > 0 && this.#buffer.length < wanted) return;
      const data = this.#buffer.subarray(0, wanted);
      this.#buffer = this.#buffer.subarray(wanted);
      this.#left -= wanted;
      if (wanted > 0) yield { stream: this.#stream, data };
    }
  }

  #header(): boolean {
    if (this.#buffer.length < HEADER_BYTES) return false;
    this.#stream = this.#buffer[0] === 2 ? "stderr" : "stdout";
    this.#left = this.#buffer.readUInt32BE(4);
    this.#buffer = this.#buffer.subarray(HEADER_BYTES);
    return true;
  }
}
