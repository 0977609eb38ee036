/** An engine on a unix socket that answers as a test says: for what a sound engine does not do on demand. Keeps the calls in order. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Answers one call: a status and a body, or does as it likes with the response and returns null. */
export type Handler = (
  path: string,
  response: ServerResponse,
  request: IncomingMessage,
) => readonly [number, unknown] | null;

/** A running odd engine. */
export interface OddEngine extends AsyncDisposable {
  readonly host: string;
  /** "METHOD /path?query" of each call. */
  readonly calls: string[];
}

/** Starts it; paths come with their method in front: "POST /containers/x/start". */
export async function startOddEngine(handle: Handler): Promise<OddEngine> {
  const directory = mkdtempSync(join(tmpdir(), "cube-engine-"));
  const socket = join(directory, "e.sock");
  const calls: string[] = [];
  const server = createServer((request, response) => {
    const path = `${request.method} ${request.url}`;
    calls.push(path);
    request.resume();
    request.on("end", () => {
      const answer = handle(path, response, request);
      if (answer === null) return;
      const [status, body] = answer;
      const text = body === null ? "" : JSON.stringify(body);
      response.writeHead(status, {
        "content-type": "application/json",
        ...(status === 204 ? {} : { "content-length": String(Buffer.byteLength(text)) }),
      });
      response.end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    host: `unix://${socket}`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
