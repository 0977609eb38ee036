/** Keeps what comes over a socket before anybody listens, for a short while and a small amount, and repeats it to whoever listens then. */
import type { RawData, WebSocket } from "ws";

/** A greeting is one message; nobody has more to say before it is answered. */
const MAX_EARLY = 4;

export class EarlyMessages {
  readonly #ws: WebSocket;
  readonly #kept: { readonly data: RawData; readonly isBinary: boolean }[] = [];
  readonly #keep = (data: RawData, isBinary: boolean): void => {
    if (this.#kept.length < MAX_EARLY) this.#kept.push({ data, isBinary });
    else this.#ws.terminate();
  };

  constructor(ws: WebSocket) {
    this.#ws = ws;
    ws.on("message", this.#keep);
  }

  /** Says it all again, in order, and keeps nothing from now on. */
  repeat(): void {
    this.#ws.off("message", this.#keep);
    for (const { data, isBinary } of this.#kept) this.#ws.emit("message", data, isBinary);
  }
}
