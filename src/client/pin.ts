/**
 * First contact with a manager over TLS: its certificate is trusted for its key alone, whose digest is the cluster's id, as in SSH. Nothing but the handshake is said
 * here, above all no token; every later connection accepts only the certificate that was found to be the right one.
 */
import { createHash, type X509Certificate } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import { addressText } from "../core/address.ts";
import { base32 } from "../core/base32.ts";
import { ClientError } from "./cluster-client.ts";

/** The name in every certificate of Cube; it identifies nobody. */
export const SERVER_NAME = "cube";

const HANDSHAKE_MS = 10_000;

/** A manager's address, and the id of the cluster that has to answer there; "" when nobody knows it yet. */
export interface PinnedAddress {
  readonly host: string;
  readonly port: number;
  readonly clusterId: string;
}

/** What a server showed and proved to have the key of. */
export interface PresentedKey {
  /** Digest of its public key: the id of the cluster, if it is a manager. */
  readonly id: string;
  /** Its certificate, PEM. */
  readonly certificate: string;
}

const verified = new Map<string, Promise<string>>();

/** The certificate to accept at the address, PEM; asked for once. Rejects with ClientError `unknown_host`, `wrong_host` or `unavailable`. */
export function pinnedCertificate(at: PinnedAddress): Promise<string> {
  const key = keyOf(at);
  const known = verified.get(key) ?? verify(at);
  verified.set(key, known);
  known.catch(() => forgetCertificate(at));
  return known;
}

/** Makes the next request look again: the certificate may be a new one over the same key. */
export function forgetCertificate(at: PinnedAddress): void {
  verified.delete(keyOf(at));
}

/** The key that the server at an address shows. Rejects with ClientError `unavailable`. */
export async function presentedKey(at: { readonly host: string; readonly port: number }): Promise<PresentedKey> {
  const { promise, resolve, reject } = Promise.withResolvers<X509Certificate>();
  const socket = connect({
    host: at.host,
    port: at.port,
    servername: SERVER_NAME,
    // Self-signed by design: what counts is the key, and the caller compares it.
    rejectUnauthorized: false,
    minVersion: "TLSv1.3",
  });
  const late = setTimeout(() => reject(new Error("it took too long")), HANDSHAKE_MS);
  socket.on("secureConnect", () => settle(socket, { resolve, reject }));
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("it hung up")));
  try {
    const certificate = await promise;
    const spki = certificate.publicKey.export({ type: "spki", format: "der" });
    return { id: base32(createHash("sha256").update(spki).digest()), certificate: certificate.toString() };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const hint = "is a manager listening there beyond loopback? `cube manager --host ADDRESS` on its machine does";
    throw new ClientError("unavailable", `no manager speaks TLS at ${addressText(at)}: ${why}`, hint, error);
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

function settle(
  socket: TLSSocket,
  to: { readonly resolve: (certificate: X509Certificate) => void; readonly reject: (error: Error) => void },
): void {
  const certificate = socket.getPeerX509Certificate();
  if (certificate) to.resolve(certificate);
  else to.reject(new Error("it showed no certificate"));
}

async function verify(at: PinnedAddress): Promise<string> {
  const { id, certificate } = await presentedKey(at);
  if (at.clusterId === "") throw unknownHost(at, id);
  if (id !== at.clusterId) throw wrongHost(at, id);
  return certificate;
}

function unknownHost(at: PinnedAddress, id: string): ClientError {
  return new ClientError(
    "unknown_host",
    `the manager at ${addressText(at)} is not known here; it says that it is cluster ${id}`,
    `if that is the cluster that you mean: cube login ${addressText(at)} --cluster-id ${id}`,
  );
}

function wrongHost(at: PinnedAddress, id: string): ClientError {
  return new ClientError(
    "wrong_host",
    `WARNING: ${addressText(at)} HAS ANOTHER KEY THAN EXPECTED. Somebody may be in the middle; nothing was sent to it. Expected cluster ${at.clusterId}, found ${id}`,
    `only if the manager there was really set up anew: cube logout ${addressText(at)}, then cube login ${addressText(at)}`,
  );
}

function keyOf(at: PinnedAddress): string {
  return `${addressText(at)}/${at.clusterId}`;
}
