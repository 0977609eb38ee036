/**
 * The lock of a database that is not open, for whoever changes its files: LOCK is linked into a directory of its own, and LevelDB locks it there.
 * It is the same lock as an opening takes and the kernel drops it with its process, so no pid has to be guessed at and nobody opens half-changed files.
 */
import { existsSync, statSync } from "node:fs";
import { link, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClassicLevel } from "classic-level";
import { fail, ok, type Result } from "../core/failure.ts";
import { levelError } from "./level-errors.ts";
import { forgetOwner, type LevelPaths, noteOwner, owned } from "./level-files.ts";

/** LevelDB's class, which is loaded late. */
export type LevelLibrary = typeof ClassicLevel<string, string>;

/**
 * Does `work` while nobody can open the database. Kinds: `conflict` when another process has it, `transient` when the disk refuses. Not for a database
 * that this process has open: LevelDB would drop the lock of that one.
 */
export async function withDatabaseLocked<T>(
  paths: LevelPaths,
  library: LevelLibrary,
  work: () => Promise<Result<T>>,
): Promise<Result<T>> {
  const directory = await mkdtemp(`${paths.data}/store.lock-`);
  try {
    const held = await lock(paths, library, directory);
    if (!held.ok) return held;
    noteOwner(paths.owner);
    try {
      return await work();
    } finally {
      forgetOwner(paths.owner);
      await held.value.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function lock(
  paths: LevelPaths,
  library: LevelLibrary,
  directory: string,
): Promise<Result<{ close(): Promise<void> }>> {
  const [theirs, linked] = [join(paths.database, "LOCK"), join(directory, "LOCK")];
  try {
    if (!existsSync(theirs)) await makeLock(theirs, directory);
    await link(theirs, linked);
  } catch (error) {
    return refused(paths, error);
  }
  // Not sooner: it begins to open, and to make files, by itself.
  const level = new library(directory, { createIfMissing: true });
  try {
    await level.open();
    if (statSync(linked).ino === statSync(theirs).ino) return ok(level);
    await level.close();
    return owned(paths);
  } catch (error) {
    await level.close().catch(() => undefined);
    return refused(paths, error);
  }
}

function refused(paths: LevelPaths, error: unknown): Result<never> {
  const { kind, text } = levelError(error);
  return kind === "locked" ? owned(paths) : fail("transient", `cannot lock the store in ${paths.data}: ${text}`);
}

/** Made beside and linked, so that of two makers both get the same file, and no descriptor of a LOCK in use is ever closed. */
async function makeLock(theirs: string, directory: string): Promise<void> {
  const made = join(directory, "made");
  await writeFile(made, "", { mode: 0o600 });
  await link(made, theirs).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
