/** Rows in an open LevelDB. Every write is one synced native call; every error leaves here translated. */
import type { ClassicLevel } from "classic-level";
import type { CommitOutcome } from "../manager/ports.ts";
import { AckedNote, readAcked } from "./acked-note.ts";
import { levelError } from "./level-errors.ts";
import { DamagedRows, type RowOperation, type RowRange, type Rows } from "./rows-port.ts";

/** Rows per native call while scanning; one page decodes in a few milliseconds, so the event loop stays free. */
const PAGE_ROWS = 1_000;

/** LevelDB with text keys and values. */
export type LevelDatabase = ClassicLevel<string, string>;

/** What surrounds the open database. */
export interface LevelRowsOptions {
  readonly fresh: boolean;
  readonly lineage: string;
  readonly notice: string;
  /** File of the newest acknowledged revision. */
  readonly ackedFile: string;
  readonly noteLineage: (lineage: string) => Promise<void>;
  /** Called once, before the database is closed and its lock is gone. */
  readonly beforeClose: () => void;
  readonly afterClose: () => void;
}

/** Rows in LevelDB. */
export class LevelRows implements Rows {
  readonly fresh: boolean;
  readonly lineage: string;
  readonly notice: string;
  readonly #database: LevelDatabase;
  readonly #options: LevelRowsOptions;
  readonly #note: AckedNote;

  constructor(database: LevelDatabase, options: LevelRowsOptions) {
    this.#database = database;
    this.#options = options;
    this.#note = new AckedNote(options.ackedFile);
    this.fresh = options.fresh;
    this.lineage = options.lineage;
    this.notice = options.notice;
  }

  acked(lineage: string): number {
    return readAcked(this.#options.ackedFile, lineage);
  }

  noteAcked(lineage: string, revision: number): void {
    this.#note.write(lineage, revision);
  }

  getMany(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    return this.#database.getMany([...keys]).catch(rethrow);
  }

  async *scan(range: RowRange) {
    // A scan of everything would only push useful blocks out of the cache.
    const iterator = this.#database.iterator({ ...range, fillCache: false });
    const read = () => {
      const page = iterator.nextv(PAGE_ROWS);
      // It may fail while the page before it is still being decoded; it is awaited, and heard, right after that.
      page.catch(() => undefined);
      return page;
    };
    let next = read();
    try {
      for (;;) {
        const page = await next;
        if (page.length === 0) return;
        // LevelDB reads the next page on its own thread while this one is decoded.
        next = read();
        yield page;
      }
    } catch (error) {
      rethrow(error);
    } finally {
      await next.catch(() => undefined);
      await iterator.close();
    }
  }

  async write(operations: readonly RowOperation[]): Promise<CommitOutcome> {
    try {
      await this.#database.batch([...operations], { sync: true });
      return { kind: "committed" };
    } catch (error) {
      // The batch may have reached the log before its sync failed, so only a new opening can tell whether it is there.
      return { kind: "unknown", reason: levelError(error).text };
    }
  }

  noteLineage(lineage: string): Promise<void> {
    return this.#options.noteLineage(lineage);
  }

  async close(): Promise<void> {
    this.#options.beforeClose();
    this.#note[Symbol.dispose]();
    try {
      await this.#database.close();
    } finally {
      this.#options.afterClose();
    }
  }
}

function rethrow(error: unknown): never {
  const { kind, text } = levelError(error);
  if (kind === "damaged") throw new DamagedRows(text, { cause: error });
  throw error;
}
