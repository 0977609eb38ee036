/**
 * A process's output: plain files that it writes itself, and beside each an index of (length, time of the last write) that the worker adds to while it runs. So a line's
 * time is right to a quarter of a second; lines written while no worker ran carry the time of the file's last write. At 10 MiB a file's content
 * moves to `.1`, the older one is dropped, and what is written during the move may be lost; while no worker runs nothing is moved.
 */
import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LogChunk, LogQuery } from "../worker/ports.ts";
import { LINE_MAX, pieces } from "./log-line.ts";

/** Bytes kept in the current file and again in the older one, for each stream. */
const OUTPUT_MAX = 10 * 1024 * 1024;
const STREAMS = ["stdout", "stderr"] as const;
type Stream = (typeof STREAMS)[number];
const FOLLOW_MS = 100;
/** First window of a read from the end; it grows until it holds enough lines. */
const WINDOW_BYTES = 64 * 1024;
/** Part of an index that a read from the end looks at: some ten thousand entries, each of one line at least. */
const INDEX_WINDOW = 256 * 1024;

interface Stamp {
  readonly length: number;
  readonly atMs: number;
}

/** Notes how long the output is by now, and moves it away past its bound. Cheap when nothing was written; on a full disk the output waits for the next call. */
export function keepOutput(directory: string, maxBytes = OUTPUT_MAX): void {
  for (const stream of STREAMS) {
    const file = join(directory, stream);
    try {
      const length = stamp(file);
      if (length > maxBytes) moveAway(file, length, maxBytes);
    } catch {
      // No space, or the directory is being removed: looking at the other tasks must go on.
    }
  }
}

/** Output by query; follows until `ended` says that nothing more can come. */
export async function* processLogs(
  directory: string,
  query: LogQuery,
  control: { readonly signal: AbortSignal; readonly ended: () => boolean },
): AsyncGenerator<LogChunk> {
  keepOutput(directory);
  const readers = STREAMS.map((stream) => new StreamReader(directory, stream));
  const wanted = (chunk: LogChunk) => query.sinceMs === null || chunk.atMs > query.sinceMs;
  const past = await Promise.all(readers.map((reader) => reader.past(query.tail)));
  const present = past
    .flat()
    .filter(wanted)
    .sort((a, b) => a.atMs - b.atMs);
  yield* query.tail === null ? present : present.slice(Math.max(0, present.length - query.tail));
  while (query.follow && !control.signal.aborted) {
    const last = control.ended();
    keepOutput(directory);
    const fresh = await Promise.all(readers.map((reader) => reader.fresh(last)));
    yield* fresh
      .flat()
      .filter(wanted)
      .sort((a, b) => a.atMs - b.atMs);
    if (last) return;
    await Bun.sleep(FOLLOW_MS);
  }
}

/** Reads one stream on from where it was. */
class StreamReader {
  readonly #stream: Stream;
  readonly #file: string;
  #position = 0;
  #rest = "";
  /** Which older file there was at the last look: another one means that the current one began anew. */
  #older: number;

  constructor(directory: string, stream: Stream) {
    this.#stream = stream;
    this.#file = join(directory, stream);
    this.#older = olderPart(this.#file).inode;
  }

  /** Everything so far, or at least the last `tail` lines of it. An unfinished line counts as one. */
  async past(tail: number | null): Promise<LogChunk[]> {
    const current = await this.#fromEnd(this.#file, tail);
    const position = this.#position;
    const missing = tail === null ? null : tail - current.length;
    const older = missing !== null && missing <= 0 ? [] : await this.#fromEnd(`${this.#file}.1`, missing);
    this.#position = position;
    return [...older, ...current];
  }

  /** What came since the last call; the last call of all also gives an unfinished line. */
  async fresh(last: boolean): Promise<LogChunk[]> {
    const older = olderPart(this.#file);
    const chunks: LogChunk[] = [];
    if (older.inode !== this.#older) {
      chunks.push(...(await this.#read(`${this.#file}.1`, this.#position - older.firstByte, older.size)));
      this.#older = older.inode;
      this.#position = 0;
    }
    chunks.push(...(await this.#read(this.#file, this.#position, await sizeOf(this.#file))));
    if (this.#rest === "" || (!last && this.#rest.length < LINE_MAX)) return chunks;
    const atMs = stampsOf(this.#file, this.#position).at(-1)?.atMs ?? 0;
    for (const text of pieces(this.#rest)) chunks.push({ stream: this.#stream, atMs, text });
    this.#rest = "";
    return chunks;
  }

  async #fromEnd(file: string, lines: number | null): Promise<LogChunk[]> {
    const size = await sizeOf(file);
    for (let window = WINDOW_BYTES; ; window *= 4) {
      const from = lines === null ? 0 : Math.max(0, size - window);
      this.#rest = "";
      const chunks = await this.#read(file, from, size);
      if (this.#rest !== "") chunks.push({ stream: this.#stream, atMs: chunks.at(-1)?.atMs ?? 0, text: this.#rest });
      this.#rest = "";
      // The first line of a window that begins inside the file may be half a line.
      if (from === 0) return chunks;
      if (lines !== null && chunks.length > lines) return chunks.slice(1);
    }
  }

  /** Whole lines between two places; what is left over waits in #rest, and the next read begins where this one really ended. */
  async #read(file: string, first: number, to: number): Promise<LogChunk[]> {
    const from = Math.max(0, first);
    const data = await bytesOf(file, from, to);
    this.#position = from + data.length;
    const stamps = data.length === 0 ? [] : stampsOf(file, from);
    const chunks: LogChunk[] = [];
    let start = 0;
    let at = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
      const line = this.#rest + data.toString("utf8", start, end);
      this.#rest = "";
      start = end + 1;
      while (at < stamps.length - 1 && (stamps[at]?.length ?? 0) < from + start) at++;
      const atMs = stamps[at]?.atMs ?? 0;
      for (const text of pieces(line)) chunks.push({ stream: this.#stream, atMs, text });
    }
    this.#rest += data.toString("utf8", start);
    return chunks;
  }
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    (found) => found.size,
    () => 0,
  );
}

async function bytesOf(file: string, from: number, to: number): Promise<Buffer> {
  if (to <= from) return Buffer.alloc(0);
  try {
    await using handle = await open(file, "r");
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(to - from), 0, to - from, from);
    return buffer.subarray(0, bytesRead);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The index of a file, for what lies behind `from`: for more than its beginning the last part is enough. */
function stampsOf(file: string, from: number): readonly Stamp[] {
  const text = textOf(`${file}.times`);
  const near =
    from > 0 && text.length > INDEX_WINDOW ? text.slice(text.indexOf("\n", text.length - INDEX_WINDOW) + 1) : text;
  return near
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [length = 0, atMs = 0] = line.split(" ").map(Number);
      return { length, atMs };
    });
}

/** The part that was moved away last: which file it is, and where it began in the file that it came from. */
function olderPart(file: string): { readonly inode: number; readonly size: number; readonly firstByte: number } {
  const found = statSync(`${file}.1`, { throwIfNoEntry: false });
  if (found === undefined) return { inode: 0, size: 0, firstByte: 0 };
  return { inode: found.ino, size: found.size, firstByte: Number(textOf(`${file}.1.first`)) };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Length at the last stamp, by file: only a file that has grown is written about. */
const stamped = new Map<string, number>();

/** Adds the present length to the index and returns it. */
function stamp(file: string): number {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  const known = stamped.get(file) ?? stampsOf(file, 1).at(-1)?.length ?? 0;
  if (found.size !== known) appendFileSync(`${file}.times`, `${found.size} ${Math.floor(found.mtimeMs)}\n`);
  stamped.set(file, found.size);
  return found.size;
}

/** Forgets a directory that is gone. */
export function forgetOutput(directory: string): void {
  for (const stream of STREAMS) stamped.delete(join(directory, stream));
}

/** Keeps the last part as `.1`, with its index, and empties the file; the process goes on at its (new) end because it appends. */
function moveAway(file: string, length: number, maxBytes: number): void {
  const from = Math.max(0, length - maxBytes);
  const handle = openSync(file, "r");
  const data = Buffer.alloc(length - from);
  try {
    readSync(handle, data, 0, data.length, from);
  } finally {
    closeSync(handle);
  }
  const shifted = stampsOf(file, 0).filter((entry) => entry.length > from);
  writeFileSync(`${file}.1.new`, data, { mode: 0o600 });
  writeFileSync(`${file}.1.first`, String(from));
  writeFileSync(`${file}.1.times`, shifted.map((entry) => `${entry.length - from} ${entry.atMs}\n`).join(""));
  renameSync(`${file}.1.new`, `${file}.1`);
  truncateSync(file);
  writeFileSync(`${file}.times`, "");
  stamped.set(file, 0);
}
