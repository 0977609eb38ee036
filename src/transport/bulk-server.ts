/** The worker's end of a bulk socket: reads output, runs commands and inspects tasks as the manager asks, no faster than it takes what comes. */
import type { WebSocket } from "ws";
import type { Failure, Result } from "../core/failure.ts";
import { fail } from "../core/failure.ts";
import {
  BULK_CHUNK_BYTES,
  BULK_DATA,
  BULK_WINDOW_BYTES,
  type BulkAsk,
  MAX_BULK_STREAMS,
  readBulkAsk,
} from "../protocol/codec-bulk.ts";
import type { ExecRequest, ExecSession, LogChunk, LogQuery } from "../worker/ports.ts";
import { BulkSocket, chunksOf } from "./bulk-socket.ts";
import { Credit } from "./credit.ts";

/** Where tasks' output and commands come from: the worker's host. */
export interface TaskSource {
  logs(taskId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk>;
  exec(taskId: string, request: ExecRequest): Promise<Result<ExecSession>>;
  /** The engine's own inspect object. */
  inspectRaw(taskId: string): Promise<Result<unknown>>;
}

/** Serves one socket until it closes; then every stream on it ends, commands too. Gives a way to end it. */
export function serveBulk(ws: WebSocket, source: TaskSource): () => void {
  const server = new BulkServer(ws, source);
  return () => server.close();
}

interface Stream {
  readonly credit: Credit;
  readonly gone: AbortController;
  session: ExecSession | undefined;
}

class BulkServer {
  readonly #source: TaskSource;
  readonly #socket: BulkSocket<BulkAsk>;
  readonly #streams = new Map<number, Stream>();

  constructor(ws: WebSocket, source: TaskSource) {
    this.#source = source;
    this.#socket = new BulkSocket<BulkAsk>(ws, {
      read: readBulkAsk,
      onFrame: (frame) => this.#frame(frame),
      onData: (type, id, bytes) => this.#input(type, id, bytes),
      onClosed: () => {
        for (const id of [...this.#streams.keys()]) this.#drop(id);
      },
    });
  }

  close(): void {
    this.#socket.close();
  }

  #frame(frame: BulkAsk): void {
    const stream = this.#streams.get(frame.id);
    switch (frame.kind) {
      case "logs":
      case "exec":
      case "inspect":
        this.#open(frame);
        return;
      case "credit":
        stream?.credit.grant(frame.bytes);
        return;
      case "end":
        stream?.session?.closeInput();
        return;
      case "resize":
        stream?.session?.resize(frame.columns, frame.rows);
        return;
      case "reset":
        this.#drop(frame.id);
    }
  }

  #open(frame: Extract<BulkAsk, { readonly kind: "logs" | "exec" | "inspect" }>): void {
    // An id that is in use, or more streams than were agreed: the other side is not to be relied on.
    if (this.#streams.has(frame.id) || this.#streams.size >= MAX_BULK_STREAMS) {
      this.#socket.close();
      return;
    }
    const stream: Stream = { credit: new Credit(BULK_WINDOW_BYTES), gone: new AbortController(), session: undefined };
    this.#streams.set(frame.id, stream);
    void this.#serve(frame, stream).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      this.#fail(frame.id, { kind: "unavailable", message });
    });
  }

  async #serve(frame: Extract<BulkAsk, { readonly kind: "logs" | "exec" | "inspect" }>, stream: Stream): Promise<void> {
    if (frame.kind === "logs") await this.#logs(frame, stream);
    else if (frame.kind === "exec") await this.#exec(frame, stream);
    else await this.#inspect(frame);
  }

  async #logs(frame: Extract<BulkAsk, { readonly kind: "logs" }>, stream: Stream): Promise<void> {
    const encoder = new TextEncoder();
    for await (const chunk of this.#source.logs(frame.taskId, frame.query, stream.gone.signal)) {
      for (const part of partsOf(chunk)) {
        const bytes = encoder.encode(JSON.stringify(part));
        if (!(await stream.credit.take(bytes.length))) return;
        this.#socket.data(BULK_DATA.log, frame.id, bytes);
      }
    }
    this.#end(frame.id, null);
  }

  async #exec(frame: Extract<BulkAsk, { readonly kind: "exec" }>, stream: Stream): Promise<void> {
    const started = await this.#source.exec(frame.taskId, frame.request);
    if (!started.ok) {
      this.#fail(frame.id, started.failure);
      return;
    }
    const session = started.value;
    // The one who asked may have gone meanwhile.
    if (stream.gone.signal.aborted) {
      session.close();
      return;
    }
    stream.session = session;
    this.#socket.send({ kind: "started", id: frame.id });
    for await (const { stream: name, data } of session.output) {
      for (const bytes of chunksOf(data)) {
        if (!(await stream.credit.take(bytes.length))) return;
        this.#socket.data(BULK_DATA[name], frame.id, bytes);
      }
    }
    this.#end(frame.id, await session.exitCode);
  }

  async #inspect(frame: Extract<BulkAsk, { readonly kind: "inspect" }>): Promise<void> {
    const { id, taskId } = frame;
    const raw = await this.#source.inspectRaw(taskId);
    if (!raw.ok) {
      this.#fail(id, raw.failure);
      return;
    }
    if (this.#socket.send({ kind: "inspected", id, value: raw.value ?? null })) this.#streams.delete(id);
    else this.#fail(id, { kind: "invalid", message: "what the engine says of the task is too large to be sent" });
  }

  #input(type: number, id: number, bytes: Uint8Array): void {
    const session = this.#streams.get(id)?.session;
    if (type !== BULK_DATA.stdin || !session) return;
    // What the command has not taken gives no credit, so its writer waits.
    void session.write(bytes).then(() => this.#socket.send({ kind: "credit", id, bytes: bytes.length }));
  }

  #end(id: number, code: number | null): void {
    if (!this.#streams.has(id)) return;
    this.#drop(id);
    this.#socket.send({ kind: "end", id, code });
  }

  #fail(id: number, failure: Failure): void {
    if (!this.#streams.has(id)) return;
    this.#drop(id);
    this.#socket.send({ kind: "failed", id, failure });
  }

  #drop(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.gone.abort();
    stream?.credit.close();
    stream?.session?.close();
  }
}

/** A chunk that fits one frame, whatever the runtime holds for a line. */
function* partsOf(chunk: LogChunk): Iterable<LogChunk> {
  for (let at = 0; at === 0 || at < chunk.text.length; at += BULK_CHUNK_BYTES) {
    yield chunk.text.length <= BULK_CHUNK_BYTES
      ? chunk
      : { ...chunk, text: chunk.text.slice(at, at + BULK_CHUNK_BYTES) };
  }
}

/** For a worker that serves nothing yet. */
export const NOTHING_TO_SERVE: TaskSource = {
  // biome-ignore lint/correctness/useYield: it has nothing to say but why.
  async *logs() {
    throw new Error("the worker is starting");
  },
  exec: async () => fail("unavailable", "the worker is starting"),
  inspectRaw: async () => fail("unavailable", "the worker is starting"),
};
