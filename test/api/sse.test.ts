// Server-sent events to readers of every pace.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { SSE_BUFFER_BYTES, SseStream } from "../../src/api/sse.ts";
import { until } from "../contract/cluster-client-behind.ts";

let http: Server;
let port: number;
let handle: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  http = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  port = (http.address() as AddressInfo).port;
});
afterEach(() => {
  http.closeAllConnections();
  http.close();
});

/** Opens a stream to a client that reads nothing until told to. */
async function open() {
  const opened = Promise.withResolvers<{ stream: SseStream; response: ServerResponse }>();
  let ready = 0;
  let closed = 0;
  handle = (request, response) => {
    const stream = new SseStream(request, response, { onReady: () => ready++, onClose: () => closed++ });
    opened.resolve({ stream, response });
  };
  const socket = connect(port, "127.0.0.1");
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  return { ...(await opened.promise), socket, ready: () => ready, closed: () => closed };
}

const DATA = "x".repeat(64 * 1024);

test("api: sse: what waits for a reader is bounded, and it is told when the reader has caught up", async () => {
  const { stream, response, socket, ready } = await open();
  let sent = 0;
  while (stream.ready && sent < 1_000) {
    stream.send({ name: "event", data: DATA, id: ++sent });
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(stream.ready).toBe(false);
  expect(response.writableLength).toBeLessThan(SSE_BUFFER_BYTES + 2 * DATA.length);
  socket.resume();
  await until(() => ready() === 1);
  expect(stream.ready).toBe(true);
  socket.destroy();
});

test("api: sse: one large event goes piece by piece, as fast as its reader takes them, and arrives whole", async () => {
  const { stream, response, socket } = await open();
  let most = 0;
  let heard = "";
  const pieces = function* () {
    for (let i = 0; i < 150; i++) {
      most = Math.max(most, response.writableLength);
      yield DATA;
    }
  };
  const sent = stream.sendPieces("snapshot", pieces());
  await until(() => !stream.ready);
  stream.comment("alive");
  socket.on("data", (chunk) => {
    heard += chunk.toString("latin1");
  });
  socket.resume();
  await sent;
  await until(() => heard.endsWith("\n\n\r\n"));
  expect(most).toBeLessThan(SSE_BUFFER_BYTES + 2 * DATA.length);
  const body = heard.slice(heard.indexOf("event: snapshot"));
  expect([body.split("x").length - 1, body.includes(": alive")]).toEqual([150 * DATA.length, false]);
  socket.destroy();
});

test("api: sse: a reader that goes is told of once, and nothing is sent to it", async () => {
  const { stream, socket, closed } = await open();
  socket.destroy();
  await until(() => closed() === 1);
  expect(stream.ready).toBe(false);
  stream.send({ name: "event", data: 1 });
  stream.end();
  expect(closed()).toBe(1);
});
