/**
 * What is refused whoever sends it, decided from the headers alone, before a body is read. A browser never may: whatever carries an Origin, or a Host that is not ours
 * (DNS rebinding), is refused, so that no web page can steer a cluster. Pure but for the comparison of secrets.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ClientError } from "../client/cluster-client.ts";
import { isLoopback } from "../core/address.ts";

/** How a listener is entered. The unix socket's file mode is its only key. */
export type Entry =
  | { readonly kind: "unix" }
  /** Plain HTTP, for this machine alone. `host`: what it was told to listen on. `token` null switches tokens off. */
  | { readonly kind: "tcp"; readonly host?: string; readonly port: number; readonly token: string | null }
  /** Named tokens only. */
  | { readonly kind: "tls" };

/** Bytes of a body. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Throws ClientError `forbidden` or `too_large`; returns for a request that may be looked at. */
export function guard({ headers, socket }: Pick<IncomingMessage, "headers" | "socket">, entry: Entry): void {
  if (headers.origin !== undefined) {
    throw new ClientError(
      "forbidden",
      "requests from web pages are refused",
      "the API is for programs: leave the Origin header out",
    );
  }
  if (entry.kind === "tcp" && !isLoopback(socket.remoteAddress ?? "127.0.0.1")) {
    throw new ClientError(
      "forbidden",
      "plain HTTP is for this machine only",
      "speak TLS from elsewhere: cube login HOST:PORT",
    );
  }
  if (!hostAllowed(headers.host ?? "", entry)) {
    throw new ClientError("forbidden", "unexpected Host header", "use 127.0.0.1 or localhost with the API's port");
  }
  if (Number(headers["content-length"] ?? 0) > MAX_BODY_BYTES) {
    throw new ClientError("too_large", `a body has at most ${MAX_BODY_BYTES} bytes`);
  }
}

/** What an Authorization header carries; "" for nothing. */
export function bearerOf(authorization: string): string {
  return /^Bearer +(.*)$/i.exec(authorization)?.[1] ?? "";
}

/** Compares in a time that depends on neither: both are hashed to the same length first. An empty secret equals nothing. */
export function secretsEqual(given: string, expected: string): boolean {
  const equal = timingSafeEqual(sha256(given), sha256(expected));
  return equal && expected !== "";
}

/**
 * On the unix socket clients send whatever their library fills in, but never a foreign name. Behind TLS any name will do: no browser comes so far by a foreign one,
 * since the certificate is for none.
 */
function hostAllowed(host: string, entry: Entry): boolean {
  if (entry.kind === "tls") return true;
  if (entry.kind === "unix" && host === "") return true;
  const [, name = "", port = "80"] = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(host.toLowerCase()) ?? [];
  if (entry.kind === "unix") return isLoopback(name);
  const isOurs = isLoopback(name) || name.replace(/^\[|\]$/g, "") === entry.host?.toLowerCase();
  return isOurs && name !== "" && Number(port) === entry.port;
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
