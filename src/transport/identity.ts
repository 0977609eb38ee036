/**
 * Who a manager or a worker is: a P-256 key made at first start; its id is the digest of the public key, as in SSH and Syncthing. The private key never
 * leaves its file (0600). Certificates over the same key come with the links between machines.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fail, ok, type Result } from "../core/failure.ts";

/** The id of the key in `file`, which is made when absent. Fails with `invalid` when the file holds no key, or cannot be read or written. */
export function loadIdentity(file: string): Result<string> {
  try {
    if (!existsSync(file)) makeKey(file);
    const key = createPrivateKey(readFileSync(file));
    const spki = createPublicKey(key).export({ type: "spki", format: "der" });
    return ok(base32(createHash("sha256").update(spki).digest()));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(
      "invalid",
      `${file} is no usable key: ${reason}. Restore it from a backup; without it this is another identity`,
    );
  }
}

/** Written beside and renamed, so that a crash never leaves half a key. */
function makeKey(file: string): void {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  renameSync(draft, file);
}

/** RFC 4648 base32 in lower case, without padding: 52 characters for 32 bytes. */
function base32(bytes: Uint8Array): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(value >>> (bits - 5)) & 31];
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}
