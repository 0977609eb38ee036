/**
 * The worker's journal: an append-only file, synced before anyone is told. It is plain on purpose: LevelDB's addon needs a libstdc++ that a node
 * may lack. Appends that come while one is being written go to disk together. It must never resolve an append that a crash could take back.
 */
import { type FileHandle, link, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fail, ok, type Result } from "../core/failure.ts";
import type { JournalRecord } from "../worker/effects.ts";
import type { Journal } from "../worker/ports.ts";
import { syncDirectory } from "./durable-file.ts";
import { decodeFrames, encodeFrame, type Frames, JOURNAL_FORMAT } from "./journal-frame.ts";
import { refuseNewer } from "./migrate.ts";

/** Records in one frame of a compacted journal, so that damage costs no more than these. */
const COMPACT_FRAME_RECORDS = 1_000;

/**
 * Opens the journal in `file`, and makes it when there is none; its directory must exist. Fails with `invalid` for a newer format or something that is no
 * file, `denied` for permissions, `transient` for anything else of the disk. A torn tail is cut off here.
 */
export async function openJournal(file: string): Promise<Result<Journal>> {
  let handle: FileHandle | null = null;
  try {
    // Not O_APPEND: after a failed write the next one must overwrite what the failed one left.
    handle = await openOrCreate(file);
    const frames = decodeFrames(await handle.readFile());
    const newer = refuseNewer(`the worker's journal ${file}`, frames.format, JOURNAL_FORMAT);
    if (newer !== null) {
      await handle.close();
      return { ok: false, failure: newer };
    }
    await handle.truncate(frames.keepBytes);
    await handle.datasync();
    return ok(new FileJournal(file, handle, frames));
  } catch (error) {
    await handle?.close();
    return refuse(file, error as NodeJS.ErrnoException);
  }
}

async function openOrCreate(file: string): Promise<FileHandle> {
  try {
    return await open(file, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const handle = await open(file, "wx+", 0o600);
    await syncDirectory(dirname(file));
    return handle;
  }
}

function refuse(file: string, error: NodeJS.ErrnoException): Result<never> {
  const message = `the worker's journal ${file} cannot be opened: ${error.message}`;
  if (error.code === "EISDIR" || error.code === "ENOTDIR" || error.code === "ENOENT") return fail("invalid", message);
  if (error.code === "EACCES" || error.code === "EPERM" || error.code === "EROFS") return fail("denied", message);
  return fail("transient", message);
}

interface Waiting {
  readonly records: readonly JournalRecord[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class FileJournal implements Journal {
  readonly #file: string;
  #handle: FileHandle;
  /** Bytes that are known to be on disk; the next frame goes here. */
  #end: number;
  /** True after a failed write: bytes beyond `#end` must go before anything else is written. */
  #dirty = false;
  #damaged: boolean;
  /** True while a crash could put back the file that a compaction has replaced: nothing that is written counts before the directory is synced. */
  #unsynced = false;
  /** Appends that will go to disk together; null when the next one starts a new group. */
  #group: Waiting[] | null = null;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(file: string, handle: FileHandle, frames: Frames) {
    this.#file = file;
    this.#handle = handle;
    this.#end = frames.keepBytes;
    this.#damaged = frames.damage.length > 0;
  }

  load(): Promise<{ readonly records: readonly JournalRecord[]; readonly problem: string }> {
    return this.#inTurn(async () => {
      const file = await readFile(this.#file);
      const frames = decodeFrames(file.subarray(0, this.#end));
      // Every frame's CRC stands for its content, and only append and compact write frames.
      return { records: frames.records as JournalRecord[], problem: explain(this.#file, frames) };
    });
  }

  append(records: readonly JournalRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#group ??= this.#startGroup();
      this.#group.push({ records, resolve, reject });
    });
  }

  compact(records: readonly JournalRecord[]): Promise<void> {
    // Appends that come after this call must land behind the compaction, not in a group that is written before it.
    this.#group = null;
    return this.#inTurn(() => this.#compact(records));
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#handle.close());
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(step);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  #startGroup(): Waiting[] {
    const group: Waiting[] = [];
    void this.#inTurn(() => {
      if (this.#group === group) this.#group = null;
      return this.#writeGroup(group);
    });
    return group;
  }

  /** Never rejects: every caller hears of the outcome itself. */
  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#write(encodeFrame(group.flatMap((waiting) => waiting.records)));
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  async #write(frame: Buffer): Promise<void> {
    await this.#syncDirectory();
    if (this.#dirty) await this.#handle.truncate(this.#end);
    this.#dirty = true;
    await writeAll(this.#handle, frame, this.#end);
    await this.#handle.datasync();
    this.#dirty = false;
    this.#end += frame.length;
  }

  async #compact(records: readonly JournalRecord[]): Promise<void> {
    await this.#replaceBy(records);
    await this.#syncDirectory();
  }

  async #replaceBy(records: readonly JournalRecord[]): Promise<void> {
    const beside = `${this.#file}.new`;
    const handle = await open(beside, "w+", 0o600);
    let end = 0;
    try {
      for (let from = 0; from < records.length; from += COMPACT_FRAME_RECORDS) {
        const frame = encodeFrame(records.slice(from, from + COMPACT_FRAME_RECORDS));
        await writeAll(handle, frame, end);
        end += frame.length;
      }
      await handle.sync();
      await this.#keepDamaged();
      await rename(beside, this.#file);
    } catch (error) {
      await handle.close();
      await rm(beside, { force: true });
      throw error;
    }
    // The old file has no name any more: whatever happens from here on belongs into the new one.
    await this.#switchTo(handle, end);
  }

  async #syncDirectory(): Promise<void> {
    if (!this.#unsynced) return;
    await syncDirectory(dirname(this.#file));
    this.#unsynced = false;
  }

  /** The damaged file is about to be replaced; it stays for whoever wants to look into it. */
  async #keepDamaged(): Promise<void> {
    if (!this.#damaged) return;
    await rm(`${this.#file}.damaged`, { force: true });
    await link(this.#file, `${this.#file}.damaged`);
    this.#damaged = false;
  }

  async #switchTo(handle: FileHandle, end: number): Promise<void> {
    const old = this.#handle;
    this.#handle = handle;
    this.#end = end;
    this.#dirty = false;
    this.#unsynced = true;
    // Nothing of it is needed any more.
    await old.close().catch(() => undefined);
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const result = await handle.write(bytes, written, bytes.length - written, at + written);
    written += result.bytesWritten;
  }
}

function explain(file: string, { damage, records }: Frames): string {
  const first = damage[0];
  if (first === undefined) return "";
  const bytes = damage.reduce((sum, part) => sum + part.bytes, 0);
  return (
    `the worker's journal ${file} is damaged at byte ${first.offset} (${bytes} bytes in ${damage.length} places); ` +
    `${records.length} records could be read. The damaged file is kept as ${file}.damaged when the journal is next compacted`
  );
}
