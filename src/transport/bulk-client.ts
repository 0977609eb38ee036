/** The manager's end of a bulk socket: streams of a node's tasks, each with its own flow. When the socket goes, every stream ends with a reason. */
import type { WebSocket } from "ws";
import { type Failure, fail, ok, type Result } from "../core/failure.ts";
import {
  BULK_DATA,
  BULK_WINDOW_BYTES,
  type BulkAnswer,
  MAX_BULK_STREAMS,
  readBulkAnswer,
  readLogChunk,
} from "../protocol/codec-bulk.ts";
import type { ExecRequest, ExecSession, LogChunk, LogQuery } from "../worker/ports.ts";
import { BulkSocket, chunksOf } from "./bulk-socket.ts";
import { Credit } from "./credit.ts";

/** One thing that came on a stream. */
type Item =
  | { readonly kind: "data"; readonly type: number; readonly bytes: Uint8Array }
  | { readonly kind: "started" }
  | { readonly kind: "inspected"; readonly value: unknown }
  | { readonly kind: "end"; readonly code: number | null }
  | { readonly kind: "failed"; readonly failure: Failure };

/** What has come and is not taken yet. Bounded by the credit that was given. */
class Stream {
  readonly credit = new Credit(BULK_WINDOW_BYTES);
  readonly #items: Item[] = [];
  #waiting: (() => void) | undefined;

  push(item: Item): void {
    this.#items.push(item);
    this.#waiting?.();
    this.#waiting = undefined;
  }

  async next(): Promise<Item> {
    for (;;) {
      const item = this.#items.shift();
      if (item) return item;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = resolve;
      await promise;
    }
  }
}

/** Streams over one socket. */
export class BulkClient {
  readonly #socket: BulkSocket<BulkAnswer>;
  readonly #streams = new Map<number, Stream>();
  readonly #onIdle: () => void;
  #number = 0;

  /** `onClosed` is called once; `onIdle` whenever no stream is left. */
  constructor(ws: WebSocket, on: { readonly onClosed: () => void; readonly onIdle: () => void }) {
    this.#onIdle = on.onIdle;
    this.#socket = new BulkSocket<BulkAnswer>(ws, {
      read: readBulkAnswer,
      onFrame: (frame) => this.#frame(frame),
      onData: (type, id, bytes) => this.#streams.get(id)?.push({ kind: "data", type, bytes }),
      onClosed: () => {
        const failure = { kind: "unavailable", message: "the link to the node is lost" } as const;
        for (const stream of this.#streams.values()) finish(stream, { kind: "failed", failure });
        this.#streams.clear();
        on.onClosed();
      },
    });
  }

  get isIdle(): boolean {
    return this.#streams.size === 0;
  }

  close(): void {
    this.#socket.close();
  }

  /** A task's output. Throws an Error with the worker's words. */
  async *logs(taskId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk> {
    const opened = this.#open();
    if (!opened.ok) throw new Error(opened.failure.message);
    const { id, stream } = opened.value;
    const stop = (): void => stream.push({ kind: "end", code: null });
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    this.#socket.send({ kind: "logs", id, taskId, query });
    const decoder = new TextDecoder();
    try {
      for (let item = await stream.next(); item.kind !== "end"; item = await stream.next()) {
        if (signal.aborted) return;
        if (item.kind === "failed") throw new Error(item.failure.message);
        if (item.kind !== "data") continue;
        const chunk = readLogChunk(decoder.decode(item.bytes));
        if (!chunk.ok) throw new Error("the worker's output cannot be read");
        this.#socket.send({ kind: "credit", id, bytes: item.bytes.length });
        yield chunk.value;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#leave(id);
    }
  }

  async exec(taskId: string, request: ExecRequest): Promise<Result<ExecSession>> {
    const opened = this.#open();
    if (!opened.ok) return opened;
    const { id, stream } = opened.value;
    if (!this.#socket.send({ kind: "exec", id, taskId, request: { ...request, command: [...request.command] } })) {
      this.#forget(id);
      return fail("invalid", "the command is too long to be sent to its node");
    }
    const first = await stream.next();
    if (first.kind === "started") return ok(this.#session(id, stream));
    this.#leave(id);
    return first.kind === "failed" ? fail(first.failure.kind, first.failure.message) : MISUNDERSTOOD;
  }

  async inspectRaw(taskId: string): Promise<Result<unknown>> {
    const opened = this.#open();
    if (!opened.ok) return opened;
    const { id, stream } = opened.value;
    this.#socket.send({ kind: "inspect", id, taskId });
    const item = await stream.next();
    this.#leave(id);
    if (item.kind === "inspected") return ok(item.value);
    return item.kind === "failed" ? fail(item.failure.kind, item.failure.message) : MISUNDERSTOOD;
  }

  #session(id: number, stream: Stream): ExecSession {
    const exit = Promise.withResolvers<number | null>();
    const input = new Input((bytes) => this.#socket.data(BULK_DATA.stdin, id, bytes), stream.credit);
    const close = (): void => {
      exit.resolve(null);
      stream.push({ kind: "end", code: null });
      this.#leave(id);
    };
    return {
      output: this.#output(id, stream, exit.resolve),
      write: (data) => input.write(data),
      closeInput: () => input.end(() => void this.#socket.send({ kind: "end", id })),
      resize: (columns, rows) => this.#socket.send({ kind: "resize", id, columns, rows }),
      exitCode: exit.promise,
      close,
    };
  }

  async *#output(
    id: number,
    stream: Stream,
    ended: (code: number | null) => void,
  ): AsyncIterable<{ readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }> {
    try {
      for (;;) {
        const item = await stream.next();
        if (item.kind === "end") {
          ended(item.code);
          return;
        }
        if (item.kind === "failed") throw new Error(item.failure.message);
        if (item.kind !== "data") continue;
        this.#socket.send({ kind: "credit", id, bytes: item.bytes.length });
        yield { stream: item.type === BULK_DATA.stderr ? "stderr" : "stdout", data: item.bytes };
      }
    } finally {
      ended(null);
      this.#leave(id);
    }
  }

  #open(): Result<{ readonly id: number; readonly stream: Stream }> {
    if (!this.#socket.isOpen) return fail("unavailable", "the link to the node is lost");
    if (this.#streams.size >= MAX_BULK_STREAMS) {
      return fail("unavailable", `${MAX_BULK_STREAMS} streams of this node are open already: end one of them`);
    }
    const id = this.#number++;
    const stream = new Stream();
    this.#streams.set(id, stream);
    return ok({ id, stream });
  }

  #frame(frame: BulkAnswer): void {
    const stream = this.#streams.get(frame.id);
    if (!stream) return;
    if (frame.kind === "credit") stream.credit.grant(frame.bytes);
    else if (frame.kind === "reset") finish(stream, { kind: "failed", failure: MISUNDERSTOOD.failure });
    else if (frame.kind === "end" || frame.kind === "failed") finish(stream, frame);
    else stream.push(frame);
    // What is over for the worker needs no reset any more.
    if (frame.kind === "end" || frame.kind === "failed") this.#forget(frame.id);
  }

  /** The reader is done: the worker is told, unless it has ended already. */
  #leave(id: number): void {
    if (this.#forget(id)) this.#socket.send({ kind: "reset", id });
  }

  #forget(id: number): boolean {
    const stream = this.#streams.get(id);
    stream?.credit.close();
    const wasThere = this.#streams.delete(id);
    if (wasThere && this.#streams.size === 0) this.#onIdle();
    return wasThere;
  }
}

function finish(stream: Stream, item: Item): void {
  stream.credit.close();
  stream.push(item);
}

/** Writes input in order as there is credit for it. */
class Input {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #credit: Credit;
  #last: Promise<void> = Promise.resolve();

  constructor(send: (bytes: Uint8Array) => void, credit: Credit) {
    this.#send = send;
    this.#credit = credit;
  }

  /** Resolves once all of it has gone out, or nothing is taken any more. */
  write(data: Uint8Array): Promise<void> {
    const own = new Uint8Array(data);
    this.#last = this.#last.then(async () => {
      for (const bytes of chunksOf(own)) if (await this.#credit.take(bytes.length)) this.#send(bytes);
    });
    return this.#last;
  }

  /** Calls back once all of it has gone out. */
  end(then: () => void): void {
    this.#last = this.#last.then(then);
  }
}

const MISUNDERSTOOD = fail("unavailable", "the worker ended the stream without a word");
