// Bodies that are too large, too slow, or no text.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { readBody } from "../../src/api/body.ts";
import { MAX_BODY_BYTES } from "../../src/api/guard.ts";
import { asClientError, refuse } from "../../src/api/http-errors.ts";

/** Far more than a machine that is busy needs; one test wants it short. */
const AMPLE_MS = 20_000;
let timeoutMs = AMPLE_MS;
let http: Server;
let port: number;

beforeEach(async () => {
  timeoutMs = AMPLE_MS;
  http = createServer((request, response) => {
    readBody(request, timeoutMs).then(
      (text) => response.end(`read ${text.length}`),
      (error: unknown) => refuse(response, asClientError(error)),
    );
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  port = (http.address() as AddressInfo).port;
});
afterEach(() => {
  http.closeAllConnections();
  http.close();
});

/** Sends head and body as they are, and gives the answer's status line and body. */
async function send(head: string, ...pieces: (string | Uint8Array)[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let got = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("error", () => resolve());
  socket.on("close", () => resolve());
  socket.on("data", (data) => {
    got += data;
    if (got.includes("\r\n\r\n")) resolve();
  });
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`);
  for (const piece of pieces) socket.write(piece);
  await promise;
  socket.destroy();
  return got;
}

test("api: body: a whole one is read, in however many pieces", async () => {
  expect(await send("Content-Length: 4", "a", "bcd")).toContain("read 4");
  expect(await send("Content-Length: 0")).toContain("read 0");
});

test("api: body: one that does not arrive in time is answered with 408", async () => {
  timeoutMs = 50;
  expect(await send("Content-Length: 100", "{")).toStartWith("HTTP/1.1 408 ");
});

test("api: body: one without a length is read up to the limit and no further", async () => {
  const chunk = (bytes: number): string => `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
  expect(await send("Transfer-Encoding: chunked", chunk(MAX_BODY_BYTES), "0\r\n\r\n")).toContain(
    `read ${MAX_BODY_BYTES}`,
  );
  expect(await send("Transfer-Encoding: chunked", chunk(MAX_BODY_BYTES), chunk(1), "0\r\n\r\n")).toStartWith(
    "HTTP/1.1 413 ",
  );
});

test("api: body: bytes that are no text are refused", async () => {
  expect(await send("Content-Length: 2", new Uint8Array([0xff, 0xfe]))).toStartWith("HTTP/1.1 400 ");
});
