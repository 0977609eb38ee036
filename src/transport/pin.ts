/** Which cluster a worker belongs to, once it has joined: the digest of its manager's key, in a file of its own. From then on no token is needed, and no other manager obeyed. */
import { fail, ok, type Result } from "../core/failure.ts";
import { isIdentityId } from "./identity.ts";
import { readSecret, replaceFile } from "./secret-file.ts";

/** The cluster id in the file; null for a worker that has not joined. Fails when the file cannot be read or is damaged: then nobody may be obeyed. */
export function readPin(file: string): Result<string | null> {
  const read = readSecret(file);
  if (!read.ok || read.value === null) return read;
  return isIdentityId(read.value)
    ? ok(read.value)
    : fail("invalid", `${file} names no cluster: restore it, or delete it and join anew with a join token`);
}

/** Pins the worker to a cluster. Throws what the file system throws. */
export function writePin(file: string, clusterId: string): void {
  replaceFile(file, `${clusterId}\n`);
}
