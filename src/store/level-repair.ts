/**
 * Repairs a damaged LevelDB on a copy: copy, repair, and only then put the copy in the place of the original, which is kept under another name.
 * Whoever makes the repair directory has the right to repair, so two starters never repair at once; LOCK is never copied.
 */
import { constants, existsSync, statSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fail, ok, type Result } from "../core/failure.ts";
import { syncDirectory } from "./durable-file.ts";
import { isAlive, type LevelPaths, readOwner } from "./level-files.ts";

/** How to repair. */
export interface RepairOptions {
  readonly paths: LevelPaths;
  /** Inode of the directory that was found damaged; another one there means that someone else has repaired it by now. */
  readonly inode: number;
  /** LevelDB's own repair, of a directory that no one has open. */
  readonly repair: (directory: string) => Promise<void>;
  /** Part of the kept original's name; ms since 1970. */
  readonly nowMs: number;
}

/**
 * Puts a repaired copy in place; the value is the directory of the kept original, or "" when someone else was quicker. Nothing is lost whenever it is
 * cut off. The kept original stays on disk, so its inode can never be that of a repaired copy.
 */
export async function repairOnCopy(options: RepairOptions): Promise<Result<string>> {
  const { paths } = options;
  const claimed = await claimRepair(paths);
  if (!claimed.ok) return claimed;
  try {
    if (statSync(paths.database).ino !== options.inode) return ok("");
    const copy = join(paths.repair, "store");
    await copyWithoutLock(paths.database, copy);
    await options.repair(copy);
    const kept = freeName(`${paths.database}.damaged-${new Date(options.nowMs).toISOString().replaceAll(/[:.]/g, "")}`);
    await swap({ database: paths.database, copy, kept });
    await syncDirectory(paths.data);
    return ok(kept);
  } catch (error) {
    const message = `the store in ${paths.data} is damaged and could not be repaired on a copy: ${String(error)}`;
    return fail("transient", `${message}. The original is untouched`);
  } finally {
    await rm(paths.repair, { recursive: true, force: true });
  }
}

async function swap(names: { readonly database: string; readonly copy: string; readonly kept: string }): Promise<void> {
  await rename(names.database, names.kept);
  try {
    await rename(names.copy, names.database);
  } catch (error) {
    await rename(names.kept, names.database);
    throw error;
  }
}

/** Makes the repair directory, with our pid in it from its first moment on: a rename onto one that is there fails. */
async function claimRepair(paths: LevelPaths): Promise<Result<null>> {
  const mine = await mkdtemp(`${paths.repair}-`);
  try {
    await writeFile(join(mine, "pid"), `${process.pid}\n`);
    if (isStale(paths)) await rm(paths.repair, { recursive: true, force: true });
    await rename(mine, paths.repair);
    return ok(null);
  } catch (error) {
    await rm(mine, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOTEMPTY" || code === "EEXIST" ? repairing(paths) : fail("transient", `cannot repair: ${error}`);
  }
}

function isStale(paths: LevelPaths): boolean {
  return existsSync(paths.repair) && !isAlive(readOwner(join(paths.repair, "pid")));
}

/** The failure of whoever finds another process at repairing. */
export function repairing(paths: LevelPaths): Result<never> {
  const owner = readOwner(join(paths.repair, "pid"));
  const message = `another cube (pid ${owner}) is repairing the store in ${paths.data}; if it is not, remove ${paths.repair}`;
  return fail("conflict", message);
}

async function copyWithoutLock(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === "LOCK") continue;
    await copyFile(join(from, entry.name), join(to, entry.name), constants.COPYFILE_FICLONE);
  }
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let number = 2; existsSync(name); number += 1) name = `${wanted}-${number}`;
  return name;
}
