/**
 * A node's membership: what a manager gives each node with its link, so that the node can prove to the same key later that it had joined, also when the manager's
 * store is lost. The manager keeps nothing of it: it is derived from its private key and the node's id. It never lets a node in by itself: an adoption does.
 */
import { createHmac, hkdfSync } from "node:crypto";
import { fail, ok, type Result } from "../core/failure.ts";
import { type Identity, isIdentityId } from "./identity.ts";
import { readSecret, replaceFile } from "./secret-file.ts";

/** Gives each node's membership: 256 bits in hexadecimal, different for each manager's key and node. HKDF (RFC 5869) and HMAC-SHA256. */
export function membershipsOf(manager: Identity): (nodeId: string) => string {
  const key = Buffer.from(hkdfSync("sha256", manager.keyPem, manager.id, "cube membership 1", 32));
  return (nodeId) => createHmac("sha256", key).update(nodeId).digest("hex");
}

/** What the file holds for this cluster; "" for nothing. Fails when others may read it, or it cannot be read. */
export function readMembership(file: string, clusterId: string): Result<string> {
  const read = readSecret(file);
  if (!read.ok) return read;
  const [cluster = "", membership = ""] = (read.value ?? "").split(" ");
  if (cluster !== clusterId) return ok("");
  const isWhole = isIdentityId(cluster) && /^[0-9a-f]{64}$/.test(membership);
  return isWhole ? ok(membership) : fail("invalid", `${file} holds no membership: delete it to get a new one`);
}

/** Keeps it, in place of what was there. Throws what the file system throws. */
export function writeMembership(file: string, of: { readonly clusterId: string; readonly membership: string }): void {
  replaceFile(file, `${of.clusterId} ${of.membership}\n`);
}
