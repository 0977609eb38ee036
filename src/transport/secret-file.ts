/** Small files that only their owner may read: keys, tokens, pins. Never overwritten in place, so that a crash leaves the old or the new one. */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fail, ok, type Result } from "../core/failure.ts";

/** Writes `file` with mode 0600, and its directory with 0700 when it is missing. Throws what the file system throws. */
export function replaceFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
}

/** The trimmed content; null when there is no such file. Fails with `denied` when others may read it, `invalid` when it cannot be read. */
export function readSecret(file: string): Result<string | null> {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    if (isMissing(error)) return ok(null);
    return fail("invalid", `${file} cannot be read: ${reasonOf(error)}`);
  }
  try {
    if ((fstatSync(handle).mode & 0o077) !== 0) {
      return fail("denied", `others may read ${file}: chmod 600 ${file}`);
    }
    return ok(readFileSync(handle, "utf8").trim());
  } catch (error) {
    return fail("invalid", `${file} cannot be read: ${reasonOf(error)}`);
  } finally {
    closeSync(handle);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
