/**
 * The data directory: made for its owner only, marked as Cube's, and refused when others could write to it.
 * It never changes the permissions of a directory that was there before, and never removes anything.
 */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Failure, fail, ok, type Result } from "../core/failure.ts";
import { refuseNewer } from "./migrate.ts";

/** Format of the directory's layout: which files lie where. */
const DATA_FORMAT = 1;

/** The file that says: this directory is Cube's. */
export const DATA_MARKER = "cube-data.json";

/** A directory that is fit for use. */
export interface DataDir {
  /** Absolute. */
  readonly directory: string;
  /** True when nothing was there before. */
  readonly created: boolean;
}

/** Makes or checks the data directory. Fails with `denied` (permissions, owner), `invalid` (no directory, newer format) or `transient` (the disk). */
export function prepareDataDir(directory: string): Result<DataDir> {
  const absolute = resolve(directory);
  try {
    const created = !existsSync(absolute);
    if (created) mkdirSync(absolute, { recursive: true, mode: 0o700 });
    const refusal = refuseUnsafe(absolute) ?? refuseFormat(absolute);
    if (refusal !== null) return { ok: false, failure: refusal };
    mark(absolute);
    return ok({ directory: absolute, created });
  } catch (error) {
    return translate(absolute, error as NodeJS.ErrnoException);
  }
}

function refuseUnsafe(directory: string): Failure | null {
  const stat = statSync(directory);
  if (!stat.isDirectory()) return fail("invalid", `the data directory ${directory} is no directory`).failure;
  const user = process.geteuid?.() ?? stat.uid;
  if (stat.uid !== user) {
    const message = `the data directory ${directory} belongs to user ${stat.uid}, not to ${user}. Run Cube as its owner, or choose another with --data-dir`;
    return fail("denied", message).failure;
  }
  if ((stat.mode & 0o022) !== 0) {
    const mode = (stat.mode & 0o777).toString(8);
    const message = `others may write to the data directory ${directory} (mode ${mode}). Run: chmod 700 '${directory.replaceAll("'", "'\\''")}'`;
    return fail("denied", message).failure;
  }
  accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  return null;
}

function refuseFormat(directory: string): Failure | null {
  const marker = join(directory, DATA_MARKER);
  if (!existsSync(marker)) return null;
  const found = /"format":\s*(\d+)/.exec(readFileSync(marker, "utf8"))?.[1];
  return refuseNewer(`the data directory ${directory}`, Number(found ?? 0), DATA_FORMAT);
}

function mark(directory: string): void {
  const marker = join(directory, DATA_MARKER);
  if (existsSync(marker)) return;
  const note = "Made by Cube. Stop Cube before you copy or move this directory.";
  writeFileSync(marker, `${JSON.stringify({ format: DATA_FORMAT, note })}\n`, { mode: 0o600 });
}

function translate(directory: string, error: NodeJS.ErrnoException): Result<never> {
  const message = `the data directory ${directory} cannot be used: ${error.message}`;
  switch (error.code) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return fail("denied", `${message}. Give it to this user, or choose another with --data-dir`);
    case "ENOTDIR":
    case "EEXIST":
    case "ELOOP":
    case "ENAMETOOLONG":
      return fail("invalid", `${message}. Choose another with --data-dir`);
    default:
      return fail("transient", message);
  }
}
