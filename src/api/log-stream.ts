/** A task's output over HTTP: a line of JSON for each line of output, or plain text. The reader sets the pace. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { LogLine } from "../client/cluster-client.ts";
import { asClientError, errorBody } from "./http-errors.ts";

/** How long the status waits for the first line, or for what fails instead of it, where that may never come. */
const HEAD_MS = 1_000;

/** Writes lines until they end or the reader goes. Rejects for what fails before there is any; later it becomes a last line, as the status is sent. */
export async function streamLogs(
  http: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly follow: boolean },
  open: (signal: AbortSignal) => AsyncIterable<LogLine>,
): Promise<void> {
  const { request, response, follow } = http;
  const plain =
    !(request.headers.accept ?? "").includes("ndjson") && (request.headers.accept ?? "").includes("text/plain");
  const left = new AbortController();
  response.on("close", () => left.abort());
  const lines = open(left.signal)[Symbol.asyncIterator]();
  const first = lines.next();
  await (follow ? settledOrLate(first) : first);
  response.writeHead(200, {
    "content-type": plain ? "text/plain; charset=utf-8" : "application/x-ndjson",
    "cache-control": "no-store",
  });
  response.flushHeaders();
  try {
    for (let next = await first; next.done !== true && !left.signal.aborted; next = await lines.next()) {
      const line = next.value;
      if (!response.write(plain ? `${line.text}\n` : `${JSON.stringify(line)}\n`)) await drained(response);
    }
  } catch (error) {
    const body = errorBody(asClientError(error));
    response.write(plain ? `cube: ${body.error.message}\n` : `${JSON.stringify(body)}\n`);
  } finally {
    await lines.return?.();
    response.end();
  }
}

/** Resolves once the promise does, or late; rejects where the promise does so in time. */
async function settledOrLate(promise: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, HEAD_MS);
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves once the reader has taken what waits, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed || !response.writableNeedDrain) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once("drain", resolve);
  response.once("close", resolve);
  return promise;
}
