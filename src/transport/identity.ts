/**
 * Who a manager or a worker is: a P-256 key made at first start; its id is the digest of the public key, as in SSH and Syncthing. The private key never
 * leaves its file (0600). Beside it lies a self-signed certificate over the same key, because TLS asks for one; it is made anew when it is missing.
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { base32 } from "../core/base32.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import { selfSign } from "./certificate.ts";
import { replaceFile } from "./secret-file.ts";

/** A key, what others know it by, and its certificate. */
export interface Identity {
  /** Digest of the public key: the cluster id of a manager, the node id of a worker. */
  readonly id: string;
  /** PKCS 8. Secret. */
  readonly keyPem: string;
  readonly certPem: string;
}

/** The identity of the key in `file`, which is made when absent. Fails with `invalid` when the file holds no key, or cannot be read or written. */
export function openIdentity(file: string): Result<Identity> {
  try {
    if (!existsSync(file)) makeKey(file);
    const keyPem = readFileSync(file, "utf8");
    const key = createPrivateKey(keyPem);
    const certPem = certificateOf(key, certificateFile(file));
    return ok({ id: idOf(new X509Certificate(certPem)), keyPem, certPem });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(
      "invalid",
      `${file} is no usable key: ${reason}. Restore it from a backup; without it this is another identity`,
    );
  }
}

/** Only the id of the key in `file`; otherwise as `openIdentity`. */
export function loadIdentity(file: string): Result<string> {
  const opened = openIdentity(file);
  return opened.ok ? ok(opened.value.id) : opened;
}

/** The id of whoever shows this certificate and has proved, by TLS, that the key is its own: SHA-256 of the public key (SPKI), in base32. */
export function idOf(certificate: X509Certificate): string {
  return base32(
    createHash("sha256")
      .update(certificate.publicKey.export({ type: "spki", format: "der" }))
      .digest(),
  );
}

/** True for text that can be an id: 52 characters of base32. */
export function isIdentityId(text: string): boolean {
  return /^[a-z2-7]{52}$/.test(text);
}

function certificateFile(keyFile: string): string {
  return `${keyFile.replace(/\.key$/, "")}.crt`;
}

/** The stored certificate when it is one over this key, else a new one. */
function certificateOf(key: KeyObject, file: string): string {
  try {
    const stored = readFileSync(file, "utf8");
    if (new X509Certificate(stored).checkPrivateKey(key)) return stored;
  } catch {
    // Missing or damaged: nothing but the key matters, so a new one is as good.
  }
  const certPem = selfSign(key);
  replaceFile(file, certPem);
  return certPem;
}

function makeKey(file: string): void {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  replaceFile(file, privateKey.export({ type: "pkcs8", format: "pem" }) as string);
}
