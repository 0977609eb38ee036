/**
 * Reads a container's output: frames taken apart, times parsed, long lines in pieces of at most 16 KiB. An operating error ends the output; whoever
 * follows asks again with the time of the last line.
 */
import type { Readable } from "node:stream";
import type { LogChunk, LogQuery } from "../worker/ports.ts";
import type { Engine } from "./docker-engine.ts";
import { Demuxer, type Frame } from "./docker-frames.ts";
import { LINE_MAX, pieces } from "./log-line.ts";

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?/;

/** Output of a container; `tty` containers send one raw stream. */
export async function* containerLogs(
  engine: Engine,
  container: { readonly instanceId: string; readonly tty: boolean },
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  const stream = await openLogs(engine, container.instanceId, query);
  if (stream === null) return;
  const stop = () => stream.destroy();
  signal.addEventListener("abort", stop, { once: true });
  const lines = new LogLines(query.sinceMs);
  const demuxer = new Demuxer();
  try {
    if (signal.aborted) return;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const frames = container.tty ? [{ stream: "stdout" as const, data: chunk }] : demuxer.feed(chunk);
      for (const frame of frames) yield* lines.feed(frame);
    }
    yield* lines.rest();
  } catch {
    // The connection broke or was closed by the reader: the output ends here.
  } finally {
    signal.removeEventListener("abort", stop);
    stream.destroy();
  }
}

async function openLogs(engine: Engine, instanceId: string, query: LogQuery): Promise<Readable | null> {
  const options = {
    stdout: true,
    stderr: true,
    timestamps: true,
    tail: query.tail ?? ("all" as const),
    ...(query.sinceMs === null ? {} : { since: (query.sinceMs / 1_000).toFixed(3) as unknown as number }),
  };
  try {
    // dockerode's types know a stream for follow only; a query without it is asked as a stream too, or it would be held in memory whole.
    const path = { ...options, follow: query.follow };
    return await dial(engine, instanceId, path);
  } catch {
    return null;
  }
}

function dial(engine: Engine, instanceId: string, options: object): Promise<Readable> {
  const { promise, resolve, reject } = Promise.withResolvers<Readable>();
  const request = {
    path: `/containers/${instanceId}/logs?`,
    method: "GET",
    isStream: true,
    statusCodes: { 200: true, 404: "no such container", 500: "server error" },
    options,
  };
  engine.docker.modem.dial(request, (error: unknown, stream: unknown) =>
    error ? reject(error) : resolve(stream as Readable),
  );
  return promise;
}

/** Turns frames into lines. A frame holds one line or a 16 KiB piece of one, each with its time in front; a raw stream is split at its line ends. */
export class LogLines {
  readonly #sinceMs: number;
  readonly #rest = { stdout: "", stderr: "" };
  #atMs = 0;

  constructor(sinceMs: number | null) {
    this.#sinceMs = sinceMs ?? Number.NEGATIVE_INFINITY;
  }

  *feed({ stream, data }: Frame): Generator<LogChunk> {
    const text = data.toString("utf8");
    // An engine's piece of a long line has no line end, and the next piece has a time of its own in front.
    if (this.#rest[stream] !== "" && STAMP.test(text)) {
      yield* this.#line(stream, this.#rest[stream]);
      this.#rest[stream] = "";
    }
    const parts = (this.#rest[stream] + text).split("\n");
    this.#rest[stream] = parts.pop() ?? "";
    for (const part of parts) yield* this.#line(stream, part);
    if (this.#rest[stream].length < LINE_MAX) return;
    yield* this.#line(stream, this.#rest[stream]);
    this.#rest[stream] = "";
  }

  *rest(): Generator<LogChunk> {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#rest[stream] !== "") yield* this.#line(stream, this.#rest[stream]);
      this.#rest[stream] = "";
    }
  }

  *#line(stream: LogChunk["stream"], line: string): Generator<LogChunk> {
    const text = this.#stamped(line.endsWith("\r") ? line.slice(0, -1) : line);
    if (this.#atMs <= this.#sinceMs) return;
    for (const piece of pieces(text)) yield { stream, atMs: this.#atMs, text: piece };
  }

  /** Takes the time off the front; a piece without one keeps the time before it. */
  #stamped(line: string): string {
    const match = STAMP.exec(line);
    if (match?.[1] === undefined) return line;
    this.#atMs = Date.parse(match[1].replace(/(\.\d{3})\d+/, "$1"));
    return line.slice(match[0].length);
  }
}
