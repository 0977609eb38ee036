/**
 * Who may speak to the API at all, decided from the headers alone, before a body is read. A browser never may: whatever carries an Origin, or a Host that is not ours
 * (DNS rebinding), is refused, so that no web page can steer a cluster. Pure but for the comparison of tokens.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { ClientError } from "../client/cluster-client.ts";

/** How a listener is entered. The unix socket's file mode is its only key. */
export type Entry =
  | { readonly kind: "unix" }
  /** `token` null switches the token off; only ever on loopback. */
  | { readonly kind: "tcp"; readonly port: number; readonly token: string | null };

/** Bytes of a body. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

const HOSTS = ["127.0.0.1", "localhost", "[::1]"];

/** Throws ClientError `forbidden`, `unauthorized` or `too_large`; returns for a request that may come in. */
export function guard(headers: IncomingHttpHeaders, entry: Entry): void {
  if (headers.origin !== undefined) {
    throw new ClientError(
      "forbidden",
      "requests from web pages are refused",
      "the API is for programs: leave the Origin header out",
    );
  }
  if (!hostAllowed(headers.host ?? "", entry)) {
    throw new ClientError("forbidden", "unexpected Host header", "use 127.0.0.1 or localhost with the API's port");
  }
  if (entry.kind === "tcp" && entry.token !== null && !tokenMatches(headers.authorization ?? "", entry.token)) {
    throw new ClientError(
      "unauthorized",
      "a valid token is needed",
      "send Authorization: Bearer <content of api-token in the data directory>",
    );
  }
  if (Number(headers["content-length"] ?? 0) > MAX_BODY_BYTES) {
    throw new ClientError("too_large", `a body has at most ${MAX_BODY_BYTES} bytes`);
  }
}

/** Compares in a time that depends on neither token: both are hashed to the same length first. */
export function tokenMatches(authorization: string, token: string): boolean {
  const given = /^Bearer +(.*)$/i.exec(authorization)?.[1] ?? "";
  const equal = timingSafeEqual(sha256(given), sha256(token));
  return equal && token !== "";
}

/** On the unix socket clients send whatever their library fills in, but never a foreign name. */
function hostAllowed(host: string, entry: Entry): boolean {
  const name = host.toLowerCase();
  if (entry.kind === "unix")
    return name === "" || HOSTS.some((known) => name === known || name.startsWith(`${known}:`));
  return HOSTS.some((known) => name === `${known}:${entry.port}` || (entry.port === 80 && name === known));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
