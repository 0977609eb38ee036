/**
 * A task's output across its instances. A runtime's stream may break while the task runs on: whoever follows it is not to notice, so the same instance is asked
 * again for what came after the last line, and nothing is given twice or left out. It looks at the worker through a small window and must never change anything.
 */
import type { RuntimeKind } from "../core/spec.ts";
import type { Instance } from "./effects.ts";
import type { LogChunk, LogQuery, Runtime } from "./ports.ts";

/** What there is to be read of one task, as it stands. */
export interface OutputSource {
  /** The newest instance that has any output: the present one, or the last dead one. */
  newest(): Instance | null;
  runtime(kind: RuntimeKind): Runtime | undefined;
  /** Nothing will be started any more, or nobody looks at it any more. */
  isOver(): boolean;
  /** Resolves at the next change of anything, or when `signal` aborts. */
  nextChange(signal: AbortSignal): Promise<void>;
}

/** Milliseconds within which an end is known of, at the latest, when it has ended the output; and the pause before a broken stream is asked for again. */
const AGAIN_MS = 1_000;

/** Output by query; followed, it goes on through restarts until the task has ended for good or `signal` aborts. A task without an instance has none. */
export async function* taskOutput(
  source: OutputSource,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  let read = "";
  for (let asked = query; ; asked = { ...query, tail: null }) {
    const instance = unread(source, read);
    if (instance !== null) {
      read = instance.instanceId;
      yield* instanceOutput(source, instance, { query: asked, signal });
    }
    if (!query.follow || !(await hasNext(source, read, signal))) return;
  }
}

async function* instanceOutput(
  source: OutputSource,
  { runtime, instanceId }: Instance,
  { query, signal }: { readonly query: LogQuery; readonly signal: AbortSignal },
): AsyncGenerator<LogChunk> {
  const place = new Place();
  for (let isRead = false; !isRead; ) {
    // A stream may break before an end: what began while the instance ran is not all that there was. Nor may the last look wait for more.
    isRead = !query.follow || !isThere(source, instanceId);
    const asked = { ...place.from(query), follow: !isRead };
    for await (const chunk of source.runtime(runtime)?.logs(instanceId, asked, signal) ?? []) {
      const unread = place.unread(chunk);
      if (unread !== null) yield unread;
    }
    if (!isRead) await whileThere(source, instanceId, signal);
    isRead ||= signal.aborted;
  }
}

function isThere(source: OutputSource, instanceId: string): boolean {
  const newest = source.newest();
  return newest?.instanceId === instanceId && newest.status === "running" && !source.isOver();
}

/** Waits for the end of an instance whose output has ended; when none is known in time the stream broke. */
async function whileThere(source: OutputSource, instanceId: string, signal: AbortSignal): Promise<void> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(AGAIN_MS)]);
  while (isThere(source, instanceId) && !patience.aborted) await source.nextChange(patience);
}

/** Waits for a further instance with output; false when none will come. */
async function hasNext(source: OutputSource, read: string, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (unread(source, read) !== null) return true;
    if (source.isOver()) return false;
    await source.nextChange(signal);
  }
  return false;
}

function unread(source: OutputSource, read: string): Instance | null {
  const instance = source.newest();
  return instance === null || instance.status === "created" || instance.instanceId === read ? null : instance;
}

/** How far an instance's output has been read. Several lines may be of one millisecond, so that time is asked for again, and as many of its lines left out as were read. */
class Place {
  #lastMs: number | null = null;
  #lastText = "";
  #ofLast = 0;
  #repeated = 0;

  /** What is to be asked for now. */
  from(query: LogQuery): LogQuery {
    this.#repeated = this.#ofLast;
    return this.#lastMs === null ? query : { ...query, tail: null, sinceMs: this.#lastMs - 1 };
  }

  /** What of it was not read before; null for nothing. A stream may have ended in the middle of the last line. */
  unread(chunk: LogChunk): LogChunk | null {
    const { atMs, text } = chunk;
    if (atMs !== this.#lastMs) {
      if (this.#lastMs !== null && atMs < this.#lastMs) return chunk;
      this.#lastMs = atMs;
      this.#ofLast = 0;
      this.#repeated = 0;
    }
    if (this.#repeated > 0) {
      this.#repeated -= 1;
      const isLonger = this.#repeated === 0 && text !== this.#lastText && text.startsWith(this.#lastText);
      if (!isLonger) return null;
      const rest = text.slice(this.#lastText.length);
      this.#lastText = text;
      return { ...chunk, text: rest };
    }
    this.#ofLast += 1;
    this.#lastText = text;
    return chunk;
  }
}
