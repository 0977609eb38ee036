/**
 * Follows the log of one task and delivers its lines in batches, safe to draw. A log that writes without end may make the screen late, never the loop: lines
 * wait in bounded batches and the longest are cut.
 */
import type { ClusterClient } from "../client/cluster-client.ts";
import { wordsOf } from "../core/failure.ts";
import { LINE_LIMIT, LINES_KEPT, type LogRow } from "./state/log-pane.ts";
import type { Message } from "./state/ui.ts";
import { safeLines } from "./terminal/text.ts";

/** Lines that are asked for at first. */
const TAIL = 1000;

/** Least time between two batches, in ms. */
const BATCH_MS = 100;

/** The log that is open, if any. */
export class LogStream {
  readonly #client: ClusterClient;
  readonly #post: (message: Message) => void;
  #abort: AbortController | undefined;

  constructor(client: ClusterClient, post: (message: Message) => void) {
    this.#client = client;
    this.#post = post;
  }

  /** Opens the log of a task; one that was open before is closed. */
  open(taskId: string): void {
    this.close();
    const abort = new AbortController();
    this.#abort = abort;
    void this.#follow(taskId, abort.signal);
  }

  close(): void {
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #follow(taskId: string, signal: AbortSignal): Promise<void> {
    const batch = new Batch((lines) => this.#post({ kind: "log-lines", taskId, lines }));
    let problem = "";
    try {
      for await (const line of this.#client.logs(taskId, { follow: true, tail: TAIL, sinceMs: null }, signal)) {
        if (signal.aborted) return;
        for (const text of safeLines(cutLine(line.text))) batch.add({ stream: line.stream, atMs: line.atMs, text });
      }
    } catch (error) {
      problem = wordsOf(error);
    }
    if (signal.aborted) return;
    batch.flush();
    this.#post({ kind: "log-end", taskId, problem: safeLines(problem).join(" ") });
  }
}

/** The end of a line, and what is longer than anyone reads, is cut off before anything looks at it. */
function cutLine(text: string): string {
  const line = text.endsWith("\n") ? text.slice(0, -1) : text;
  return line.length > LINE_LIMIT ? `${line.slice(0, LINE_LIMIT)}…` : line;
}

class Batch {
  #lines: LogRow[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastMs = 0;
  readonly #deliver: (lines: readonly LogRow[]) => void;

  constructor(deliver: (lines: readonly LogRow[]) => void) {
    this.#deliver = deliver;
  }

  add(line: LogRow): void {
    this.#lines.push(line);
    // More than are kept need not be delivered at all.
    if (this.#lines.length > 2 * LINES_KEPT) this.#lines = this.#lines.slice(-LINES_KEPT);
    this.#timer ??= setTimeout(() => this.flush(), Math.max(0, this.#lastMs + BATCH_MS - performance.now()));
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastMs = performance.now();
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length > 0) this.#deliver(lines);
  }
}
