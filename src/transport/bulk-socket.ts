/** One bulk socket, either end of it: frames in and out, checked. What they mean is its owner's. A frame that is none ends the socket, and all streams with it. */

import type { RawData, WebSocket } from "ws";
import type { Result } from "../core/failure.ts";
import {
  BULK_CHUNK_BYTES,
  type BulkAnswer,
  type BulkAsk,
  readBulkData,
  writeBulkData,
} from "../protocol/codec-bulk.ts";
import { MAX_MESSAGE_BYTES } from "../protocol/messages.ts";

/** What the owner hears. */
export interface BulkHandlers<In> {
  readonly read: (wire: string) => Result<In>;
  readonly onFrame: (frame: In) => void;
  readonly onData: (type: number, id: number, bytes: Uint8Array) => void;
  readonly onClosed: () => void;
}

/** Hears the socket from its construction on. */
export class BulkSocket<In> {
  readonly #ws: WebSocket;
  #closed = false;

  constructor(ws: WebSocket, handlers: BulkHandlers<In>) {
    this.#ws = ws;
    const end = (): void => {
      if (this.#closed) return;
      this.#closed = true;
      handlers.onClosed();
    };
    ws.on("error", end);
    ws.on("close", end);
    ws.on("message", (data: RawData, isBinary: boolean) => {
      if (!this.#closed && !hear(bytesOf(data), isBinary, handlers)) this.close();
    });
  }

  get isOpen(): boolean {
    return !this.#closed && this.#ws.readyState === this.#ws.OPEN;
  }

  /** False for what is larger than a frame may be; nothing is sent then. */
  send(frame: BulkAsk | BulkAnswer): boolean {
    const text = JSON.stringify(frame);
    if (Buffer.byteLength(text) > MAX_MESSAGE_BYTES) return false;
    if (this.isOpen) this.#ws.send(text);
    return true;
  }

  /** Bytes of a stream; the caller keeps within its credit and `BULK_CHUNK_BYTES`. */
  data(type: number, id: number, bytes: Uint8Array): void {
    if (this.isOpen) this.#ws.send(writeBulkData({ type, id, bytes }));
  }

  close(): void {
    this.#ws.terminate();
  }
}

/** Splits into what fits one frame. */
export function* chunksOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += BULK_CHUNK_BYTES) yield bytes.subarray(at, at + BULK_CHUNK_BYTES);
}

/** False for what cannot be read. */
function hear<In>(data: Buffer, isBinary: boolean, handlers: BulkHandlers<In>): boolean {
  if (isBinary) {
    const read = readBulkData(data);
    if (read.ok) handlers.onData(read.value.type, read.value.id, read.value.bytes);
    return read.ok;
  }
  const read = handlers.read(data.toString("utf8"));
  if (read.ok) handlers.onFrame(read.value);
  return read.ok;
}

/** The bytes of a message, however the socket hands them over. */
export function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
