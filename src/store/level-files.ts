/**
 * The files around LevelDB: the marker that says a store was made here, the owner's pid, and what the database's directory holds.
 * LevelDB's file LOCK is never opened, read or copied: closing any descriptor of it would silently drop the lock of this process.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fail, type Result } from "../core/failure.ts";
import { writeDurably } from "./durable-file.ts";
import { STORE_FORMAT } from "./migrate.ts";

/** Where a store keeps its things, all below the data directory. */
export interface LevelPaths {
  readonly data: string;
  /** LevelDB's own directory. */
  readonly database: string;
  /** Written once the database exists; from then on a missing one is a loss, not a first start. */
  readonly marker: string;
  /** The pid of the process that has the database open; a hint for messages only. */
  readonly owner: string;
  /** The newest acknowledged revision (see acked-note.ts). */
  readonly acked: string;
  /** Where a copy is repaired, by whoever has the database locked. */
  readonly repair: string;
}

/** The paths of the store in that data directory. Pure. */
export function levelPaths(data: string): LevelPaths {
  return {
    data,
    database: join(data, "store"),
    marker: join(data, "store.json"),
    owner: join(data, "store.pid"),
    acked: join(data, "store.acked"),
    repair: join(data, "store.repair"),
  };
}

/** What the marker says; null when there is none. */
export interface Marker {
  readonly format: number;
  readonly lineage: string;
}

/** Reads the marker; an unreadable one counts as there. Throws what the file system throws, but for "not there". */
export function readMarker(paths: LevelPaths): Marker | null {
  if (!existsSync(paths.marker)) return null;
  try {
    const parsed = JSON.parse(readFileSync(paths.marker, "utf8")) as Partial<Marker>;
    return { format: Number(parsed.format ?? 0), lineage: String(parsed.lineage ?? "") };
  } catch (error) {
    if (error instanceof SyntaxError) return { format: 0, lineage: "" };
    throw error;
  }
}

/** Writes the marker, durably. */
export function writeMarker(paths: LevelPaths, lineage: string): Promise<void> {
  return writeDurably(paths.marker, `${JSON.stringify({ format: STORE_FORMAT, lineage })}\n`);
}

/** The pid in the owner's file as text; "unknown" when it cannot be told. */
function readOwner(file: string): string {
  try {
    return readFileSync(file, "utf8").trim() || "unknown";
  } catch {
    return "unknown";
  }
}

/** Writes our pid there. Only a hint for messages, so a full disk must not stand in the way of opening. */
export function noteOwner(file: string): void {
  try {
    writeFileSync(file, `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // The message of a conflict then says "pid unknown".
  }
}

/** Takes our pid away again, where the disk lets us. */
export function forgetOwner(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // A wrong hint stays until the next owner's.
  }
}

/** True when the directory has files of LevelDB that hold data. */
export function holdsData(database: string): boolean {
  if (!existsSync(database)) return false;
  return readdirSync(database).some((name) => /^(CURRENT|MANIFEST-.*|.*\.(ldb|sst|log))$/.test(name));
}

/** Makes LevelDB's directory, for its owner only. */
export async function makeDatabaseDirectory(paths: LevelPaths): Promise<void> {
  await mkdir(paths.database, { recursive: true, mode: 0o700 });
}

/** The failure of whoever finds that another process has the database. */
export function owned(paths: LevelPaths, pid = readOwner(paths.owner)): Result<never> {
  return fail(
    "conflict",
    `another cube (pid ${pid}) has the data directory ${paths.data}: end it (cube shutdown --data-dir ${paths.data}), or choose another one with --data-dir`,
  );
}
