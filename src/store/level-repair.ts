/**
 * Repairs a damaged LevelDB on a copy, under the database's own lock: copy, repair, keep the original's files under another name, and only then put the
 * copy's files in their place. The directory stays the same one and is never empty, so nobody who starts meanwhile takes the store for lost.
 */
import { constants, existsSync, readdirSync } from "node:fs";
import { copyFile, link, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { fail, ok, type Result } from "../core/failure.ts";
import { syncDirectory } from "./durable-file.ts";
import type { LevelPaths } from "./level-files.ts";

/** How to repair. */
export interface RepairOptions {
  readonly paths: LevelPaths;
  /** What `keptOriginals` gave before the database was found damaged; another one by now means that someone else has repaired it since. */
  readonly keptBefore: readonly string[];
  /** LevelDB's own repair, of a directory that no one has open. */
  readonly repair: (directory: string) => Promise<void>;
  /** Part of the kept original's name; ms since 1970. */
  readonly nowMs: number;
}

/** Directories with originals that earlier repairs kept. Throws what the file system throws. */
export function keptOriginals(paths: LevelPaths): string[] {
  return readdirSync(paths.data)
    .filter((name) => name.startsWith(`${basename(paths.database)}.damaged-`))
    .map((name) => join(paths.data, name));
}

/**
 * Repairs; the value is the directory of the kept original, or "" when someone else was quicker. Only with the database locked. Nothing is lost whenever it
 * is cut off: `finishRepair` goes on from the copy once that is whole, and until then the original is as it was.
 */
export async function repairOnCopy(options: RepairOptions): Promise<Result<string>> {
  const { paths } = options;
  if (keptOriginals(paths).some((kept) => !options.keptBefore.includes(kept))) return ok("");
  const kept = freeName(`${paths.database}.damaged-${new Date(options.nowMs).toISOString().replaceAll(/[:.]/g, "")}`);
  try {
    await makeCopy(options);
    await keep(paths, kept);
    await rename(workOf(paths), copyOf(paths));
    await syncDirectory(paths.repair);
    await syncDirectory(paths.data);
  } catch (error) {
    for (const made of [kept, paths.repair]) await rm(made, { recursive: true, force: true });
    const message = `the store in ${paths.data} is damaged and could not be repaired on a copy: ${String(error)}`;
    return fail("transient", `${message}. The original is untouched`);
  }
  await finishRepair(paths);
  return ok(kept);
}

/** True when a repaired copy waits to be put in place. */
export function isRepairUnfinished(paths: LevelPaths): boolean {
  return existsSync(copyOf(paths));
}

/** Puts the repaired copy's files in place; doing it again after a cut is the same as doing it once. Only with the database locked. */
export async function finishRepair(paths: LevelPaths): Promise<void> {
  const copy = copyOf(paths);
  const repaired = await dataFiles(copy);
  // CURRENT makes the new files the database, so it comes when they are all there.
  for (const name of [...repaired.filter((file) => file !== "CURRENT"), "CURRENT"]) await putInPlace(paths, name);
  for (const name of await dataFiles(paths.database)) {
    if (!repaired.includes(name)) await rm(join(paths.database, name));
  }
  await syncDirectory(paths.database);
  // In one step: what is left of a half-removed copy must never be taken for a whole one.
  await rename(copy, join(paths.repair, "done"));
  await syncDirectory(paths.repair);
  await rm(paths.repair, { recursive: true, force: true });
}

async function putInPlace(paths: LevelPaths, name: string): Promise<void> {
  const beside = join(paths.repair, name);
  await rm(beside, { force: true });
  await link(join(copyOf(paths), name), beside);
  await rename(beside, join(paths.database, name));
}

/** A repaired copy, under the name of one that is still being worked on. */
async function makeCopy({ paths, repair }: RepairOptions): Promise<void> {
  const work = workOf(paths);
  await rm(paths.repair, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  for (const name of await dataFiles(paths.database)) {
    await copyFile(join(paths.database, name), join(work, name), constants.COPYFILE_FICLONE);
  }
  await repair(work);
  for (const name of await dataFiles(work)) await sync(join(work, name));
  await syncDirectory(work);
}

/** The original's files under other names as well: they are replaced later, never written to. */
async function keep(paths: LevelPaths, kept: string): Promise<void> {
  await mkdir(kept, { mode: 0o700 });
  for (const name of await dataFiles(paths.database)) {
    await link(join(paths.database, name), join(kept, name));
  }
  await syncDirectory(kept);
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** LevelDB's files but two: LOCK is never copied nor replaced, and whoever tries to open the database begins a new LOG. */
async function dataFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && !/^(LOCK|LOG|LOG\.old)$/.test(entry.name)).map(({ name }) => name);
}

function workOf(paths: LevelPaths): string {
  return join(paths.repair, "work");
}

function copyOf(paths: LevelPaths): string {
  return join(paths.repair, "copy");
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let number = 2; existsSync(name); number += 1) name = `${wanted}-${number}`;
  return name;
}
