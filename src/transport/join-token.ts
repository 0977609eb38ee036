/**
 * The join token `cube1.<cluster id>.<secret>`: how a worker finds out which manager is meant before it says anything, and how it proves that it was invited.
 * The secret itself never goes over a link: only a digest of it does, bound to both keys and to this one connection. Needed for a worker's first link only.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { base32 } from "../core/base32.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import { isIdentityId } from "./identity.ts";
import { readSecret, replaceFile } from "./secret-file.ts";

/** A join token's two parts. */
export interface JoinToken {
  readonly clusterId: string;
  readonly secret: string;
}

/** What a proof is bound to. */
export interface ProofSubject {
  readonly clusterId: string;
  readonly nodeId: string;
  /** 32 random bytes each, in hexadecimal, drawn for this connection. */
  readonly managerNonce: string;
  readonly workerNonce: string;
}

/** 160 bits: cannot be guessed. */
const SECRET_BYTES = 20;

/** The secret in the file, made when there is none. Fails when others may read it, or when it is no secret. */
export function openJoinSecret(file: string): Result<string> {
  const read = readSecret(file);
  if (!read.ok) return read;
  if (read.value === null) return renewJoinSecret(file);
  return isSecret(read.value)
    ? ok(read.value)
    : fail("invalid", `${file} holds no join secret: delete it to get a new one`);
}

/** Puts another secret into the file: tokens handed out before are void, nodes that have joined stay. */
export function renewJoinSecret(file: string): Result<string> {
  const secret = base32(randomBytes(SECRET_BYTES));
  try {
    replaceFile(file, `${secret}\n`);
    return ok(secret);
  } catch (error) {
    return fail("invalid", `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The token as people see it. */
export function writeJoinToken(token: JoinToken): string {
  return `cube1.${token.clusterId}.${token.secret}`;
}

/** The parts of a token. Fails with `invalid`, in words that do not repeat it. */
export function parseJoinToken(text: string): Result<JoinToken> {
  const [version, clusterId, secret, ...rest] = text.trim().split(".");
  if (version !== "cube1" || clusterId === undefined || secret === undefined || rest.length > 0) {
    return fail("invalid", "a join token looks like cube1.CLUSTER.SECRET: `cube node token` on the manager prints it");
  }
  if (!isIdentityId(clusterId) || !isSecret(secret)) {
    return fail("invalid", "the join token is cut off or mistyped: `cube node token` on the manager prints it");
  }
  return ok({ clusterId, secret });
}

/** Leaves the token for workers of the same user on this machine. Throws what the file system throws. */
export function leaveJoinToken(file: string, token: JoinToken): void {
  replaceFile(file, `${writeJoinToken(token)}\n`);
}

/** The token that a file holds; null when there is no such file. Fails when others may read it, or when it is no token. */
export function readJoinToken(file: string): Result<JoinToken | null> {
  const read = readSecret(file);
  if (!read.ok || read.value === null) return read.ok ? ok(null) : read;
  return parseJoinToken(read.value);
}

/** HMAC-SHA256 (RFC 2104) in hexadecimal over both ids and both nonces, all of fixed length. */
export function proofOf(secret: string, subject: ProofSubject): string {
  const { clusterId, nodeId, managerNonce, workerNonce } = subject;
  return createHmac("sha256", secret)
    .update(["cube join 1", clusterId, nodeId, managerNonce, workerNonce].join("\n"))
    .digest("hex");
}

/** Compares in a time that tells nothing. */
export function proofMatches(mac: string, secret: string, subject: ProofSubject): boolean {
  const given = Buffer.from(mac, "hex");
  const right = Buffer.from(proofOf(secret, subject), "hex");
  return given.length === right.length && timingSafeEqual(given, right);
}

function isSecret(text: string): boolean {
  return /^[a-z2-7]{32}$/.test(text);
}
