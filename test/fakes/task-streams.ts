/** TaskStreams for tests: tells which node and task was asked, and plays the output that a test wrote. */

import type { TaskStreams } from "../../src/api/ports.ts";
import { type FailureKind, fail, ok, type Result } from "../../src/core/failure.ts";
import type { ExecRequest, ExecSession, LogChunk, LogQuery } from "../../src/worker/ports.ts";

export class FakeStreams implements TaskStreams {
  lines: LogChunk[] = [];
  /** Thrown after the lines. */
  failure: Error | undefined;
  /** With follow, the output stays open until the reader goes. */
  readonly asked: {
    readonly nodeId: string;
    readonly taskId: string;
    readonly query?: LogQuery;
    readonly request?: ExecRequest;
  }[] = [];
  refuse: { readonly kind: FailureKind; readonly message: string } | undefined;
  readonly sessions: EchoSession[] = [];
  raw: unknown = { Id: "abc" };

  async *logs(nodeId: string, taskId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk> {
    this.asked.push({ nodeId, taskId, query });
    yield* query.tail === null
      ? this.lines
      : this.lines.slice(this.lines.length - Math.min(query.tail, this.lines.length));
    if (this.failure) throw this.failure;
    if (!query.follow || signal.aborted) return;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  async exec(nodeId: string, taskId: string, request: ExecRequest): Promise<Result<ExecSession>> {
    this.asked.push({ nodeId, taskId, request });
    if (this.refuse) return fail(this.refuse.kind, this.refuse.message);
    const session = new EchoSession();
    this.sessions.push(session);
    return ok(session);
  }

  async inspectRaw(nodeId: string, taskId: string): Promise<Result<unknown>> {
    this.asked.push({ nodeId, taskId });
    return this.refuse ? fail(this.refuse.kind, this.refuse.message) : ok(this.raw);
  }
}

/** Says back on stdout what it is told, its size on stderr when that changes, and ends with 7 at the end of its input. */
export class EchoSession implements ExecSession {
  readonly output: AsyncIterable<{ readonly stream: "stdout" | "stderr"; readonly data: Uint8Array }>;
  readonly exitCode: Promise<number | null>;
  closed = false;
  /** Until it resolves, nothing more is taken. */
  gate: Promise<void> = Promise.resolve();
  readonly #transform = new TransformStream<{ stream: "stdout" | "stderr"; data: Uint8Array }>(
    undefined,
    { highWaterMark: 1_000 },
    { highWaterMark: 1_000 },
  );
  readonly #writer = this.#transform.writable.getWriter();
  readonly #exit = Promise.withResolvers<number | null>();

  constructor() {
    this.output = this.#transform.readable as unknown as AsyncIterable<{
      stream: "stdout" | "stderr";
      data: Uint8Array;
    }>;
    this.exitCode = this.#exit.promise;
  }

  async write(data: Uint8Array): Promise<void> {
    void this.#writer.write({ stream: "stdout", data: new Uint8Array(data) });
    await this.gate;
  }

  closeInput(): void {
    this.#end(7);
  }

  resize(columns: number, rows: number): void {
    void this.#writer.write({ stream: "stderr", data: new TextEncoder().encode(`${columns}x${rows}`) });
  }

  close(): void {
    this.closed = true;
    this.#end(null);
  }

  #end(code: number | null): void {
    this.#writer.close().catch(() => undefined);
    this.#exit.resolve(code);
  }
}
