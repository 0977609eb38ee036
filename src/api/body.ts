/** Reads a request's body with a bound on its size and on the time that it may take. */
import type { IncomingMessage } from "node:http";
import { ClientError } from "../client/cluster-client.ts";
import { MAX_BODY_BYTES } from "./guard.ts";

const BODY_TIMEOUT_MS = 30_000;

/** The whole body as text. Rejects with ClientError `too_large`, `timeout` or `invalid` (not UTF-8, cut off). */
export async function readBody(request: IncomingMessage): Promise<string> {
  const timer = setTimeout(
    () => request.destroy(new ClientError("timeout", "the body did not arrive in time")),
    BODY_TIMEOUT_MS,
  );
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) throw new ClientError("too_large", `a body has at most ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    if (error instanceof ClientError) throw error;
    throw new ClientError("invalid", "the body cannot be read as UTF-8 text", "", error);
  } finally {
    clearTimeout(timer);
  }
}
