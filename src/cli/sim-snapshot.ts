/** Where `cube sim` has its cluster from: the running manager, or a file with what its API once said of it, such as `--save` writes. Nothing else is written. */
import { closeSync, lstatSync, openSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { ClientError } from "../client/cluster-client.ts";
import { pictureOf } from "../client/picture.ts";
import { type ClusterSnapshot, readSnapshot } from "../client/snapshot.ts";
import { SCHEDULERS } from "../config/settings.ts";
import type { ClusterPicture } from "../core/what-if.ts";
import { CommandFailed, UsageError } from "./cli-error.ts";
import { type Context, textFlag } from "./command-spec.ts";
import { parseJson, readText } from "./job-file.ts";

/** A snapshot of ten thousand tasks, each a job of its own, has about 20 MiB. */
const MAX_BYTES = 256 * 1024 * 1024;
const TARGET_FLAGS = { manager: "--manager", clusterId: "--cluster-id", tokenFile: "--token-file" } as const;

/** The snapshot of --from, or of the manager. Throws UsageError, ClientError. */
export async function loadSnapshot(context: Context): Promise<ClusterSnapshot> {
  const { flags, io, signal } = context;
  const file = textFlag(flags, "from");
  if (file === undefined) return await readSnapshot(await context.client(), { nowMs: io.nowMs(), signal });
  for (const [key, flag] of Object.entries(TARGET_FLAGS)) {
    if (flags[key] !== undefined) throw new UsageError(`${flag} does not go with --from`, "the file is the cluster");
  }
  return await readFile(context, file);
}

async function readFile({ io }: Context, file: string): Promise<ClusterSnapshot> {
  const shown = file === "-" ? "standard input" : file;
  const text = file === "-" ? await io.stdin.readAll() : readText(resolve(io.cwd, file), file, MAX_BYTES);
  const value = parseJson(text, shown, "a snapshot of `cube sim --save`");
  const { parseSnapshot } = await import("../client/snapshot-schema.ts");
  try {
    return parseSnapshot(value, io.nowMs());
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new UsageError(`${shown} is no snapshot: ${error.message}`, error.hint || "`cube sim --save FILE` makes one");
  }
}

/**
 * Writes the snapshot for its owner alone, whatever the mode of a file that is there already: commands and labels may tell what is nobody else's business.
 * A link stays one, and a device or a pipe is written to.
 */
export function saveSnapshot({ io }: Context, file: string, snapshot: ClusterSnapshot): void {
  const text = `${JSON.stringify(snapshot)}\n`;
  try {
    const path = behindLinks(resolve(io.cwd, file));
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there === undefined || there.isFile()) replaceFile(path, text);
    else writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    throw new CommandFailed(`cannot write ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}

/** Where a link leads; the path itself where it is none, or leads nowhere that has a path. */
function behindLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function replaceFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}.draft`;
  const opened = openSync(draft, "wx", 0o600);
  try {
    writeFileSync(opened, text);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(opened);
  }
}

/** The snapshot as records. Throws UsageError for a scheduler that this program does not have. */
export function pictureIn(snapshot: ClusterSnapshot): ClusterPicture {
  const scheduler = SCHEDULERS.find((name) => name === snapshot.manager.scheduler);
  if (scheduler !== undefined) return pictureOf(snapshot, scheduler);
  const known = `this cube knows ${SCHEDULERS.join(", ")}: use the manager's own version (${snapshot.manager.version})`;
  throw new UsageError(`the manager places by "${snapshot.manager.scheduler}", which is not known here`, known);
}
