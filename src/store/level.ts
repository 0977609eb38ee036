/**
 * The durable store: LevelDB in the data directory. Opening it decides who owns the directory, since LevelDB locks it; nothing else does.
 * A database is made only where none has ever been, and one that cannot be read is repaired on a copy: a damaged store never turns into an empty one.
 */
import { realpathSync } from "node:fs";
import { fail, ok, type Result } from "../core/failure.ts";
import type { Store } from "../manager/ports.ts";
import { type LevelError, levelError } from "./level-errors.ts";
import {
  forgetOwner,
  holdsData,
  type LevelPaths,
  levelPaths,
  type Marker,
  makeDatabaseDirectory,
  noteOwner,
  owned,
  readMarker,
  writeMarker,
} from "./level-files.ts";
import { type LevelLibrary, withDatabaseLocked } from "./level-lock.ts";
import { finishRepair, isRepairUnfinished, keptOriginals, repairOnCopy } from "./level-repair.ts";
import { type LevelDatabase, LevelRows } from "./level-rows.ts";
import { refuseNewer, STORE_FORMAT } from "./migrate.ts";
import { RowStore, type RowStoreOptions } from "./row-store.ts";
import type { Engine, Rows } from "./rows-port.ts";

/** How to open the durable store. */
export interface LevelStoreOptions extends RowStoreOptions {
  /** The data directory, which exists (see `prepareDataDir`). */
  readonly directory: string;
}

/**
 * A Store in `directory`; nothing is touched before `load`. Its failures: `conflict` when another process (or another store of this one) has the
 * directory, `transient` when the disk refuses (try again later), `denied` and `invalid` when people must act, `unavailable` without the library.
 */
export function openLevelStore(options: LevelStoreOptions): Store {
  return new RowStore(new LevelEngine(levelPaths(options.directory), options.nowMs), options);
}

/** Directories that this process has open. A second opening within a process would make LevelDB drop the lock of the first. */
const openHere = new Set<string>();

/** What is known before an opening. */
interface Attempt {
  readonly marker: Marker | null;
  /** What was done for it, for people. */
  readonly notice: string;
}

class LevelEngine implements Engine {
  readonly name: string;
  readonly #paths: LevelPaths;
  readonly #nowMs: () => number;
  /** As they were before the database was last opened, so that no one repairs what another has just repaired. */
  #kept: readonly string[] = [];

  constructor(paths: LevelPaths, nowMs: () => number) {
    this.name = paths.data;
    this.#paths = paths;
    this.#nowMs = nowMs;
  }

  async open(): Promise<Result<Rows>> {
    try {
      const marker = readMarker(this.#paths);
      const newer = marker && refuseNewer(`the store in ${this.name}`, marker.format, STORE_FORMAT);
      if (newer !== null) return { ok: false, failure: newer };
      const finished = await this.#finishCutOffRepair();
      if (!finished.ok) return finished;
      if (marker !== null && !holdsData(this.#paths.database)) return this.#gone();
      return await this.#tryOpen({ marker, notice: finished.value }, (error) => this.repair(error.text));
    } catch (error) {
      return this.#refuse(levelError(error));
    }
  }

  async repair(damage: string): Promise<Result<Rows>> {
    try {
      const [paths, keptBefore, nowMs] = [this.#paths, this.#kept, this.#nowMs()];
      const repaired = await this.#whileLocked((library) => {
        const repair = (directory: string) => library.repair(directory);
        return repairOnCopy({ paths, keptBefore, repair, nowMs });
      });
      if (!repaired.ok) return repaired;
      const kept = repaired.value;
      const notice = `the store was damaged (${damage}) and has been repaired; the damaged original is kept in ${kept}`;
      const attempt = { marker: readMarker(paths), notice: kept === "" ? "" : notice };
      return await this.#tryOpen(attempt, async (error) => this.#refuse(error));
    } catch (error) {
      return this.#refuse(levelError(error));
    }
  }

  /** The value is what was done, for people. */
  async #finishCutOffRepair(): Promise<Result<string>> {
    if (!isRepairUnfinished(this.#paths)) return ok("");
    return await this.#whileLocked(async () => {
      // Whoever had the lock before has done it.
      if (!isRepairUnfinished(this.#paths)) return ok("");
      await finishRepair(this.#paths);
      return ok("a repair of the store that had been cut off is finished");
    });
  }

  async #whileLocked<T>(work: (library: LevelLibrary) => Promise<Result<T>>): Promise<Result<T>> {
    const library = await loadLibrary();
    if (!library.ok) return library;
    await makeDatabaseDirectory(this.#paths);
    const real = realpathSync(this.#paths.database);
    if (openHere.has(real)) return this.#ownedHere();
    openHere.add(real);
    try {
      return await withDatabaseLocked(this.#paths, library.value, () => work(library.value));
    } finally {
      openHere.delete(real);
    }
  }

  async #tryOpen(attempt: Attempt, onDamage: (error: LevelError) => Promise<Result<Rows>>): Promise<Result<Rows>> {
    const { database } = this.#paths;
    const createIfMissing = attempt.marker === null && !holdsData(database);
    if (createIfMissing) await makeDatabaseDirectory(this.#paths);
    const real = realpathSync(database);
    const library = await loadLibrary();
    if (!library.ok) return library;
    if (openHere.has(real)) return this.#ownedHere();
    openHere.add(real);
    try {
      this.#kept = keptOriginals(this.#paths);
      const level: LevelDatabase = new library.value(database, { createIfMissing });
      await level.open();
      if (!isRepairUnfinished(this.#paths)) return ok(this.#opened(level, { real, ...attempt }));
      // Someone else's repair was cut off since we looked; what we have opened is neither the original nor the copy.
      await level.close();
    } catch (error) {
      openHere.delete(real);
      const translated = levelError(error);
      return translated.kind === "damaged" ? await onDamage(translated) : this.#refuse(translated);
    }
    openHere.delete(real);
    return await this.open();
  }

  #opened(level: LevelDatabase, { real, marker, notice }: Attempt & { readonly real: string }) {
    const { owner } = this.#paths;
    noteOwner(owner);
    return new LevelRows(level, {
      fresh: marker === null,
      lineage: marker?.lineage ?? "",
      notice,
      ackedFile: this.#paths.acked,
      noteLineage: (lineage) => writeMarker(this.#paths, lineage),
      // While the lock is still ours: afterwards the file may already be the next owner's.
      beforeClose: () => forgetOwner(owner),
      afterClose: () => openHere.delete(real),
    });
  }

  #refuse({ kind, text }: LevelError): Result<never> {
    switch (kind) {
      case "locked":
        return owned(this.#paths);
      case "damaged":
        return fail("invalid", `the store in ${this.name} is damaged beyond repair (${text}). Restore a backup of it`);
      case "denied":
        return fail("denied", `the store in ${this.name} may not be read or written (${text}). Give it to this user`);
      case "io":
        return fail(
          "transient",
          `the store in ${this.name} cannot be opened now (${text}). Free space if the disk is full`,
        );
    }
  }

  #ownedHere(): Result<never> {
    return owned(this.#paths, String(process.pid));
  }

  #gone(): Result<never> {
    const { database, marker } = this.#paths;
    return fail(
      "invalid",
      `${database} is gone or empty, although a store has been made there. Restore a backup; to begin anew instead, remove ${marker} (and start with --adopt: the workers know what they run)`,
    );
  }
}

/** Loaded late: the addon needs a libstdc++ that a machine which only works may lack. */
async function loadLibrary(): Promise<Result<LevelLibrary>> {
  try {
    return ok((await import("classic-level")).ClassicLevel<string, string>);
  } catch (error) {
    return fail("unavailable", `LevelDB cannot be loaded: ${String(error)}`);
  }
}
