// The HTTP client where there is no manager, a foreign one, or one that goes away and comes back.
import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { startApiServer } from "../../src/api/server.ts";
import { dataFrame } from "../../src/client/exec-frames.ts";
import { createHttpClient } from "../../src/client/http-client.ts";
import { execOverHttp } from "../../src/client/http-exec.ts";
import { watchOverHttp } from "../../src/client/http-watch.ts";
import { eventsOf, linesOf } from "../../src/client/lines.ts";
import { ask } from "../../src/client/transport.ts";
import { serve } from "../api/served.ts";
import { INFO, Items, lone, refusal } from "../contract/cluster-client-behind.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server that is no manager. */
async function foreign(answer: (response: ServerResponse) => void): Promise<number> {
  const server: Server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const tcp = (port: number, token = "") => createHttpClient({ target: { kind: "tcp", host: "127.0.0.1", port, token } });
const EXEC = { command: ["true"], tty: false, stdin: false, columns: 80, rows: 24 };

describe("client: http", () => {
  test("no manager at all is said with its address and the way out", async () => {
    const client = createHttpClient({ target: { kind: "unix", path: "/nowhere/cube.sock" } });
    const expected = {
      code: "unavailable",
      message: "no manager answers at /nowhere/cube.sock",
      hint: "start one with `cube`",
    };
    expect(await refusal(client.jobs())).toEqual(expected);
    expect(await refusal(client.exec("web", EXEC))).toEqual(expected);
    const items = new Items();
    using _watch = client.watch(items.push);
    expect((await items.next("down")).reason).toBe("no manager answers at /nowhere/cube.sock: start one with `cube`");
    const port = await foreign(() => undefined);
    ends.pop()?.();
    expect(await refusal(tcp(port).jobs())).toMatchObject({
      code: "unavailable",
      message: `no manager answers at 127.0.0.1:${port}`,
    });
  });

  test("a manager that hangs is waited for no longer than an answer may take", async () => {
    const port = await foreign(() => undefined);
    const target = { kind: "tcp", host: "127.0.0.1", port, token: "" } as const;
    expect(await refusal(ask(target, { path: "/v1/jobs" }, 50))).toMatchObject({
      code: "timeout",
      message: `the manager at 127.0.0.1:${port} has not answered within 0.05 s`,
    });
    const half = await foreign((response) => response.write("{"));
    expect(await refusal(ask({ ...target, port: half }, { path: "/v1/jobs" }, 50))).toMatchObject({ code: "timeout" });
  });

  test("a command whose output waits for its reader shows that it is there, and loses nothing", async () => {
    const server = createServer();
    const heard = Promise.withResolvers<void>();
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (ws) => {
      ws.once("message", () => {
        ws.send('{"kind":"started"}');
        for (let piece = 0; piece < 6; piece++) ws.send(dataFrame("stdout", new Uint8Array(1_000_000)));
        ws.once("pong", () => {
          ws.send('{"kind":"exit","code":0}');
          heard.resolve();
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(
      () => server.close(),
      () => server.closeAllConnections(),
    );
    const target = { kind: "tcp", host: "127.0.0.1", port: (server.address() as AddressInfo).port, token: "" } as const;
    const stream = await execOverHttp(target, "web", EXEC, 5);
    await heard.promise;
    let bytes = 0;
    for await (const { data } of stream.output) bytes += data.length;
    expect([bytes, await stream.exitCode]).toEqual([6_000_000, 0]);
  });

  test("a wrong token is said as such", async () => {
    const served = await serve();
    ends.push(() => served.end());
    expect(await refusal(tcp(served.port, "wrong").jobs())).toMatchObject({
      code: "unauthorized",
      hint: expect.stringContaining("api-token"),
    });
    expect(await refusal(tcp(served.port, "wrong").exec("web", EXEC))).toMatchObject({ code: "unauthorized" });
  });

  test("what is no manager is not taken for one", async () => {
    const page = await foreign((response) => response.writeHead(404).end("<html>"));
    expect(await refusal(tcp(page).jobs())).toMatchObject({
      code: "unavailable",
      hint: "is it Cube that listens there?",
    });
    const cut = await foreign((response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("{");
      response.destroy();
    });
    expect(await refusal(tcp(cut).jobs())).toMatchObject({ code: "unavailable" });
    const redirect = await foreign((response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end());
    expect(await refusal(tcp(redirect, "secret").jobs())).toMatchObject({ code: "unavailable" });
  });

  test("the token is never handed to a proxy", async () => {
    let asked = 0;
    const proxy = await foreign((response) => {
      asked++;
      response.end("{}");
    });
    const served = await serve();
    ends.push(() => served.end());
    const script = `
      const { createHttpClient } = await import(${JSON.stringify(join(import.meta.dir, "../../src/client/http-client.ts"))});
      const client = createHttpClient({ target: { kind: "tcp", host: "127.0.0.1", port: ${served.port}, token: "a-token-of-the-test" } });
      console.log((await client.manager()).name);`;
    const address = `http://127.0.0.1:${proxy}`;
    const run = Bun.spawn([process.execPath, "-e", script], {
      env: { ...process.env, HTTP_PROXY: address, http_proxy: address, NO_PROXY: "", no_proxy: "" },
      stdout: "pipe",
    });
    expect([await run.stdout.text(), asked]).toEqual(["laptop\n", 0]);
  });

  test("a watch says that the manager is gone, comes back by itself, and begins anew", async () => {
    const served = await serve();
    ends.push(() => served.end());
    const path = join(served.socket, "../second.sock");
    const options = {
      access: served.manager,
      streams: served.streams,
      info: INFO,
      onShutdown: () => undefined,
      log: () => undefined,
      tcp: null,
      unix: { path, actor: "unix:me" },
    };
    const first = await startApiServer(options);
    const items = new Items();
    const watch = watchOverHttp({ kind: "unix", path }, items.push, () => 0.01);
    ends.push(() => watch[Symbol.dispose]());
    await items.next("snapshot");
    await first.close();
    await items.next("down");
    await served.manager.execute({ kind: "job.submit", id: "", spec: lone("meanwhile"), idempotencyKey: "" }, "test");
    const second = await startApiServer(options);
    ends.push(() => second.close());
    expect((await items.next("snapshot")).jobs.map(({ name }) => name)).toEqual(["meanwhile"]);
  });

  test("logs that break off with the manager are not taken for their end", async () => {
    const port = await foreign((response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.write('{"stream":"stdout","atMs":1,"text":"one"}\n');
      setTimeout(() => response.destroy(), 20);
    });
    const lines: string[] = [];
    const reading = (async () => {
      const options = { follow: true, tail: null, sinceMs: null };
      for await (const { text } of tcp(port).logs("web", options, new AbortController().signal)) lines.push(text);
    })();
    expect(await refusal(reading)).toMatchObject({ code: "unavailable" });
    expect(lines).toEqual(["one"]);
  });

  test("a short command loads neither the framework, nor the schemas, nor the WebSocket library", async () => {
    const script = `
      await import(${JSON.stringify(join(import.meta.dir, "../../src/client/http-client.ts"))});
      await import(${JSON.stringify(join(import.meta.dir, "../../src/client/job-request.ts"))});
      console.log(JSON.stringify(Object.keys(require.cache)));`;
    const run = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    const loaded = JSON.parse(await run.stdout.text()) as string[];
    expect(loaded.filter((file) => file.includes("http-client.ts"))).toHaveLength(1);
    expect(loaded.filter((file) => file.includes("node_modules") || /schema|http-exec/.test(file))).toEqual([]);
  });
});

describe("client: streamed text", () => {
  const pieces = async function* (...texts: (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
    for (const text of texts) yield typeof text === "string" ? new TextEncoder().encode(text) : text;
  };

  test("lines come whole, however they are cut", async () => {
    const bytes = new TextEncoder().encode("ü\nb");
    expect(await Array.fromAsync(linesOf(pieces("a", "b\nc", "\n\n", bytes.slice(0, 1), bytes.slice(1))))).toEqual([
      "ab",
      "c",
      "",
      "ü",
      "b",
    ]);
  });

  test("events come whole; comments and an event that broke off do not come", async () => {
    const text = ": hi\n\nevent: a\nid: 5\ndata: {\ndata: }\n\ndata: x\n\nevent: broken\ndata: y\n";
    expect(await Array.fromAsync(eventsOf(pieces(text)))).toEqual([
      { name: "a", data: "{\n}" },
      { name: "message", data: "x" },
    ]);
  });
});
