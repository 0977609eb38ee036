/** Reads a request's body with a bound on its size and on the time that it may take. */
import type { IncomingMessage } from "node:http";
import { ClientError } from "../client/cluster-client.ts";
import { MAX_BODY_BYTES } from "./guard.ts";

/** Milliseconds that a body may take. */
const BODY_TIMEOUT_MS = 30_000;

/** The whole body as text. Rejects with ClientError `too_large`, `timeout` or `invalid` (not UTF-8, cut off); what is left of the body is then not read. */
export async function readBody(request: IncomingMessage, timeoutMs: number = BODY_TIMEOUT_MS): Promise<string> {
  const bytes = await readBytes(request, timeoutMs);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ClientError("invalid", "the body is not UTF-8 text", "", error);
  }
}

/** By events and not by iterating: leaving the iteration would destroy the request, and with it the way to answer. */
function readBytes(request: IncomingMessage, timeoutMs: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const late = setTimeout(() => reject(new ClientError("timeout", "the body did not arrive in time")), timeoutMs);
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > MAX_BODY_BYTES) reject(new ClientError("too_large", `a body has at most ${MAX_BODY_BYTES} bytes`));
  };
  request.on("data", onData);
  request.on("end", () => resolve(Buffer.concat(chunks)));
  request.on("error", (error) => reject(new ClientError("invalid", "the body cannot be read", "", error)));
  request.on("close", () => reject(new ClientError("invalid", "the body broke off")));
  return promise.finally(() => {
    clearTimeout(late);
    request.off("data", onData);
    request.pause();
  });
}
