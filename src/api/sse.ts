/**
 * Server-sent events on a bare response (WHATWG HTML, section 9.2), with a bound on what may wait for a slow reader. It never buffers without end: past the
 * bound `ready` turns false, and whoever feeds it continues from where it stopped once `onReady` calls.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { nextTurn } from "./pieces.ts";

/** Bytes that may wait for a reader. */
export const SSE_BUFFER_BYTES = 1 << 20;
/** A reader that takes nothing for this long is cut off. */
const STALLED_MS = 60_000;
const HEARTBEAT_MS = 15_000;

/** One stream of events to one reader. */
export class SseStream {
  readonly #response: ServerResponse;
  readonly #heartbeat: Timer;
  readonly #onReady: () => void;
  #stalled: Timer | undefined;
  #open = true;
  /** True between the first and the last piece of an event. */
  #inEvent = false;
  readonly #waiting = new Set<() => void>();

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    handlers: { readonly onReady: () => void; readonly onClose: () => void },
  ) {
    this.#response = response;
    this.#onReady = handlers.onReady;
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    response.flushHeaders();
    request.socket.setNoDelay?.(true);
    this.#heartbeat = setInterval(() => this.comment("alive"), HEARTBEAT_MS);
    this.#heartbeat.unref?.();
    response.on("drain", () => this.#drained());
    response.on("close", () => {
      this.#shut();
      handlers.onClose();
    });
  }

  /** False while the reader is behind, and after it has gone. */
  get ready(): boolean {
    return this.#open && this.#stalled === undefined;
  }

  /** Sends one event and gives its size in bytes, about. `id` is what a reader names when it comes back. */
  send(event: { readonly name: string; readonly data: unknown; readonly id?: number }): number {
    const id = event.id === undefined ? "" : `id: ${event.id}\n`;
    const text = `event: ${event.name}\n${id}data: ${JSON.stringify(event.data)}\n\n`;
    this.#write(text);
    return text.length;
  }

  /** Sends one event whose data comes in pieces, each in a turn of its own and none before the reader has taken what came before. Nothing else is to be sent meanwhile. */
  async sendPieces(name: string, pieces: Iterable<string>): Promise<void> {
    this.#inEvent = true;
    this.#write(`event: ${name}\ndata: `);
    for (const piece of pieces) {
      this.#write(piece);
      await (this.ready ? nextTurn() : this.#taken());
      if (!this.#open) return;
    }
    this.#write("\n\n");
    this.#inEvent = false;
  }

  #taken(): Promise<void> {
    return new Promise((resolve) => (this.#open ? this.#waiting.add(resolve) : resolve()));
  }

  /** A line that readers skip. */
  comment(text: string): void {
    if (this.ready && !this.#inEvent) this.#write(`: ${text}\n\n`);
  }

  end(): void {
    this.#shut();
    this.#response.end();
  }

  #write(text: string): void {
    if (!this.#open) return;
    this.#response.write(text);
    if (this.#stalled !== undefined || this.#response.writableLength < SSE_BUFFER_BYTES) return;
    this.#stalled = setTimeout(() => this.#response.destroy(), STALLED_MS);
    this.#stalled.unref?.();
  }

  #drained(): void {
    if (this.#stalled === undefined || !this.#open) return;
    clearTimeout(this.#stalled);
    this.#stalled = undefined;
    this.#goOn();
    this.#onReady();
  }

  #goOn(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #shut(): void {
    this.#open = false;
    clearInterval(this.#heartbeat);
    clearTimeout(this.#stalled);
    this.#goOn();
  }
}
