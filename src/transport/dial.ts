/**
 * Dials a peer over TLS 1.3 and WebSocket, by pinned key. Two steps when the peer's certificate is not known yet: one connection that says nothing, only to read
 * it and to compare its key with the pin; then the real one, which trusts exactly this certificate. A wrong key never hears more than a TLS greeting.
 */
import type { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { WebSocket } from "ws";
import { type Address, addressText } from "../core/address.ts";
import { type Failure, type FailureKind, fail, ok, type Result } from "../core/failure.ts";
import { MAX_MESSAGE_BYTES } from "../protocol/messages.ts";
import { CERTIFICATE_NAME } from "./certificate.ts";
import { type Identity, idOf } from "./identity.ts";

/** A peer whose key has been seen, and by which certificate. */
export interface SeenPeer {
  readonly peerId: string;
  readonly certPem: string;
}

/** What a dial ends in. Exactly one of them is called, once; `onOpen` before anything of the peer is read. */
export interface DialOutcome {
  readonly onOpen: (ws: WebSocket, peer: SeenPeer) => void;
  readonly onFailed: (failure: Failure) => void;
}

/** What to do about a peer with a wrong key, in words behind those that say so; "" for nothing. */
export type WayOut = (peerId: string) => string;

/** Milliseconds for each of TCP and TLS together, and the upgrade. */
const STEP_MS = 5_000;

/**
 * Dials `path` at an address. `pin`: the only key to talk to; null for whoever is there. `seen` spares the first step. Fails with `denied` for a wrong key,
 * `unavailable` for everything that may go away. Gives a way to give up.
 */
export function dial(
  to: Address & { readonly path: string },
  as: { readonly identity: Identity; readonly pin: string | null; readonly seen?: SeenPeer; readonly wayOut?: WayOut },
  outcome: DialOutcome,
): () => void {
  const gone = new AbortController();
  void meet(to, as, gone.signal).then((met) => {
    if (gone.signal.aborted) return;
    if (met.ok) upgrade(to, { identity: as.identity, peer: met.value, signal: gone.signal }, outcome);
    else outcome.onFailed(met.failure);
  });
  return () => gone.abort();
}

async function meet(
  to: Address,
  as: { readonly pin: string | null; readonly seen?: SeenPeer; readonly wayOut?: WayOut },
  signal: AbortSignal,
): Promise<Result<SeenPeer>> {
  const read = as.seen ? ok(as.seen) : await readCertificate(to, signal);
  if (!read.ok || as.pin === null || read.value.peerId === as.pin) return read;
  const { peerId } = read.value;
  return fail(
    "denied",
    `${addressText(to)} shows another key (${peerId.slice(0, 8)}) than the expected (${as.pin.slice(0, 8)})${as.wayOut?.(peerId) ?? ""}`,
  );
}

function readCertificate(to: Address, signal: AbortSignal): Promise<Result<SeenPeer>> {
  const { promise, resolve } = Promise.withResolvers<Result<SeenPeer>>();
  const socket = connect({
    host: to.host,
    port: to.port,
    servername: CERTIFICATE_NAME,
    minVersion: "TLSv1.3",
    // Who it is, its key says; no authority is asked.
    rejectUnauthorized: false,
  });
  const end = (result: Result<SeenPeer>): void => {
    clearTimeout(late);
    signal.removeEventListener("abort", abort);
    socket.destroy();
    resolve(result);
  };
  const abort = (): void => end(fail("aborted", "given up"));
  const late = setTimeout(() => end(unreachable(to, `no answer within ${STEP_MS} ms`)), STEP_MS);
  signal.addEventListener("abort", abort);
  socket.on("error", (error) => end(unreachable(to, error.message)));
  socket.on("close", () => end(unreachable(to, "it hung up")));
  socket.on("secureConnect", () => {
    const certificate = socket.getPeerX509Certificate();
    end(certificate ? ok(seen(certificate)) : unreachable(to, "it shows no key"));
  });
  return promise;
}

/** The peer behind a certificate that TLS has checked. */
export function seen(certificate: X509Certificate): SeenPeer {
  return { peerId: idOf(certificate), certPem: certificate.toString() };
}

function upgrade(
  to: Address & { readonly path: string },
  as: { readonly identity: Identity; readonly peer: SeenPeer; readonly signal: AbortSignal },
  outcome: DialOutcome,
): void {
  const options = {
    ca: as.peer.certPem,
    cert: as.identity.certPem,
    key: as.identity.keyPem,
    servername: CERTIFICATE_NAME,
    minVersion: "TLSv1.3" as const,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  };
  const ws = new WebSocket(`wss://${addressText(to)}${to.path}`, options);
  let ended = false;
  const end = (act: () => void): void => {
    if (ended) return;
    ended = true;
    clearTimeout(late);
    as.signal.removeEventListener("abort", abort);
    act();
  };
  const failed = (why: string, kind: FailureKind = "unavailable"): void =>
    end(() => {
      ws.terminate();
      outcome.onFailed({ kind, message: `${addressText(to)}: ${why}` });
    });
  const abort = (): void => end(() => ws.terminate());
  const late = setTimeout(() => failed(`no answer within ${STEP_MS} ms`), STEP_MS);
  as.signal.addEventListener("abort", abort);
  ws.on("error", (error) => failed(error.message, isWrongCertificate(error) ? "denied" : "unavailable"));
  ws.on("close", () => failed("it hung up"));
  ws.on("open", () => end(() => outcome.onOpen(ws, as.peer)));
}

/** The certificate is not the one that was seen; the key may be the same. */
function isWrongCertificate(error: Error): boolean {
  return /^(DEPTH_ZERO|UNABLE_TO|CERT_|ERR_TLS_CERT|SELF_SIGNED)/.test("code" in error ? String(error.code) : "");
}

function unreachable(to: Address, why: string): { readonly ok: false; readonly failure: Failure } {
  return fail("unavailable", `${addressText(to)}: ${why}`);
}
