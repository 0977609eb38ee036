// Who may speak to the API at all, and what is refused before anything is done.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { bearerOf, guard, secretsEqual } from "../../src/api/guard.ts";
import { depthOf, MAX_DEPTH } from "../../src/api/json.ts";
import { startApiServer } from "../../src/api/server.ts";
import { INFO, until } from "../contract/cluster-client-behind.ts";
import { FakeManager } from "../fakes/manager.ts";
import { FakeStreams } from "../fakes/task-streams.ts";
import { ask, curl, type Served, serve, TOKEN } from "./served.ts";

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(() => served.end());

describe("api: guard", () => {
  test("a request with an Origin is refused, whatever else it carries", async () => {
    const auth = ["-H", `Authorization: Bearer ${TOKEN}`];
    const origins = ["http://evil.example", `http://127.0.0.1:${served.port}`, "null"];
    for (const origin of origins) {
      const answer = await curl(...auth, "-H", `Origin: ${origin}`, `${served.url}/v1/jobs`);
      expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([403, "forbidden"]);
    }
    expect(
      (await curl("--unix-socket", served.socket, "-H", "Origin: http://evil", "http://localhost/v1/jobs")).status,
    ).toBe(403);
  });

  test("a Host that is not ours is refused: a name that was made to point here", async () => {
    const auth = ["-H", `Authorization: Bearer ${TOKEN}`];
    for (const host of [
      "evil.example",
      `evil.example:${served.port}`,
      "127.0.0.1",
      `127.0.0.1:${served.port + 1}`,
      `127.0.0.1.evil:${served.port}`,
    ]) {
      expect((await curl(...auth, "-H", `Host: ${host}`, `${served.url}/v1/jobs`)).status).toBe(403);
    }
    for (const host of [
      `127.0.0.1:${served.port}`,
      `localhost:${served.port}`,
      `LOCALHOST:${served.port}`,
      `[::1]:${served.port}`,
      `127.0.0.2:${served.port}`,
    ]) {
      expect((await curl(...auth, "-H", `Host: ${host}`, `${served.url}/v1/jobs`)).status).toBe(200);
    }
    expect((await curl("--unix-socket", served.socket, "http://127.0.0.2/v1/jobs")).status).toBe(200);
    expect((await curl("--unix-socket", served.socket, "http://evil.example/v1/jobs")).status).toBe(403);
  });

  test("the name that it was told to listen on is its own, with its port alone", () => {
    const admits = (host: string): boolean => {
      try {
        const socket = { remoteAddress: "127.0.0.1" } as Socket;
        guard({ headers: { host }, socket }, { kind: "tcp", host: "Box", port: 5555, token: null });
        return true;
      } catch {
        return false;
      }
    };
    const hosts = [
      "box:5555",
      "BOX:5555",
      "localhost:5555",
      "box",
      "box:5556",
      "box.evil:5555",
      "",
      ":5555",
      "[box:5555",
    ];
    expect(hosts.filter(admits)).toEqual(["box:5555", "BOX:5555", "localhost:5555"]);
  });

  test("TCP needs the token, on every path; the socket needs none", async () => {
    for (const path of ["/v1/jobs", "/tasks", "/nodes", "/metrics", "/v1/openapi.json", "/nowhere"]) {
      expect((await fetch(served.url + path)).status).toBe(401);
    }
    for (const token of ["", "x", TOKEN.slice(1), `${TOKEN}x`, TOKEN.toUpperCase(), "x".repeat(10_000)]) {
      expect((await fetch(`${served.url}/v1/jobs`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(
        401,
      );
    }
    expect((await ask(served, "/v1/jobs")).status).toBe(200);
    expect((await fetch("http://localhost/v1/jobs", { unix: served.socket })).status).toBe(200);
  });

  test("tokens of any lengths are compared", () => {
    const given = [
      "",
      "Bearer",
      "Bearer ",
      "Bearer x",
      "Bearer secret",
      "bearer   secret",
      "Basic secret",
      "secret",
      "Bearer secret ",
    ];
    expect(given.map((each) => secretsEqual(bearerOf(each), "secret"))).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(secretsEqual(bearerOf("Bearer "), "")).toBe(false);
  });

  test("a refused request changes nothing", async () => {
    const body = JSON.stringify({ name: "web", image: "a" });
    await fetch(`${served.url}/v1/jobs`, { method: "POST", body });
    await ask(served, "/v1/jobs", { method: "POST", body, headers: { origin: "http://evil" } });
    expect(served.manager.commands).toEqual([]);
  });

  test("the socket's file is its owner's alone", async () => {
    expect((await stat(served.socket)).mode & 0o777).toBe(0o600);
  });

  test("beyond loopback it does not listen at all", async () => {
    const base = {
      access: new FakeManager(),
      streams: new FakeStreams(),
      info: INFO,
      onShutdown: () => undefined,
      log: () => undefined,
      unix: null,
    };
    for (const host of ["0.0.0.0", "::", "192.168.1.5", "example.com", ""]) {
      const starting = startApiServer({ ...base, tcp: { host, port: 0, token: "t" } });
      await expect(starting).rejects.toThrow("refusing to listen on");
    }
  });

  test("a socket's path that is too long is named before anything is made", async () => {
    const base = {
      access: new FakeManager(),
      streams: new FakeStreams(),
      info: INFO,
      onShutdown: () => undefined,
      log: () => undefined,
      tcp: null,
    };
    const starting = startApiServer({ ...base, unix: { path: `/tmp/${"x".repeat(200)}/cube.sock`, actor: "a" } });
    await expect(starting).rejects.toThrow("choose a shorter --data-dir");
  });

  test("a port that is taken is named, with the way out", async () => {
    const base = {
      access: new FakeManager(),
      streams: new FakeStreams(),
      info: INFO,
      onShutdown: () => undefined,
      log: () => undefined,
      unix: null,
    };
    const starting = startApiServer({ ...base, tcp: { host: "127.0.0.1", port: served.port, token: "t" } });
    await expect(starting).rejects.toThrow(`127.0.0.1:${served.port} is in use`);
  });

  test("many clients that have shown the token are all served, each on a connection of its own", async () => {
    const clients = Array.from({ length: 150 }, () =>
      rawRequest(
        served.port,
        `GET /v1/health HTTP/1.1\r\nHost: localhost:${served.port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`,
      ),
    );
    const answers = await Promise.all(clients.map(({ firstLine }) => firstLine));
    expect(new Set(answers)).toEqual(new Set(["HTTP/1.1 200 OK"]));
    for (const { end } of clients) end();
  });

  test("connections that say nothing are limited, and do not keep others out for good", async () => {
    const silent = Array.from({ length: 200 }, () => rawRequest(served.port, ""));
    await until(() => silent.filter(({ isClosed }) => isClosed()).length >= 100);
    for (const { end } of silent) end();
    await until(() => silent.every(({ isClosed }) => isClosed()));
    let status = 0;
    while (status !== 200) status = (await ask(served, "/v1/health").catch(() => ({ status: 0 }))).status;
    expect(status).toBe(200);
  });
});

describe("api: bodies", () => {
  const post = (
    body: string | Uint8Array<ArrayBuffer> | ReadableStream,
    headers: Record<string, string> = {},
  ): Promise<Response> => ask(served, "/v1/jobs", { method: "POST", body, headers });

  test("a body is limited before it is read", async () => {
    const large = JSON.stringify({ name: "web", image: "a", env: { A: "x".repeat(3 * 1024 * 1024) } });
    expect((await post(large)).status).toBe(413);
  });

  test("a body without a length is limited while it is read", async () => {
    const chunk = new Uint8Array(256 * 1024).fill(0x20);
    let sent = 0;
    const body = new ReadableStream({
      pull: (controller) => {
        if (sent++ < 20) controller.enqueue(chunk);
        else controller.close();
      },
    });
    const answer = await post(body).catch((error: unknown) => error);
    // The server may cut the connection while the rest is still on its way; what it must not do is take it.
    if (answer instanceof Response) expect(answer.status).toBe(413);
    expect(served.manager.commands).toEqual([]);
  });

  test("malformed, empty, nested and poisoned JSON is refused with the reason", async () => {
    const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
    const cases: [string, string][] = [
      ["", "the body is empty"],
      ["{", "not valid JSON: line 1, column 2: expected a key in double quotes"],
      ['{"name":"web",\n "image":}', "not valid JSON: line 2, column 10: expected a value"],
      ['{"name":"web"} x', "not valid JSON: line 1, column 16: expected nothing more after the value"],
      [nested(MAX_DEPTH + 1), "nested deeper than 64"],
      [nested(100_000), "nested deeper than 64"],
      ['{"__proto__":{"polluted":1}}', "__proto__: not allowed as a key"],
      ['{"name":"a","env":{"constructor":"x"}}', "env.constructor: not allowed as a key"],
      ["[]", "expected object"],
      ["null", "expected object"],
    ];
    for (const [body, message] of cases) {
      const answer = await post(body);
      const { error } = (await answer.json()) as { error: { code: string; message: string } };
      expect([answer.status, error.code, error.message]).toEqual([400, "invalid", expect.stringContaining(message)]);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(served.manager.commands).toEqual([]);
  });

  test("bytes that are no text are refused", async () => {
    expect((await post(new Uint8Array([0x22, 0xff, 0xfe, 0x22]))).status).toBe(400);
  });

  test("the content type does not matter", async () => {
    const body = JSON.stringify({ name: "web", image: "a" });
    expect((await post(body, { "content-type": "application/x-www-form-urlencoded" })).status).toBe(201);
  });

  test("depth is counted outside of strings", () => {
    expect(["[[]]", '"[[["', '{"a\\"[":[1]}', "1"].map(depthOf)).toEqual([2, 0, 2, 0]);
  });
});

/** A bare connection that sends one text. */
function rawRequest(port: number, text: string) {
  const socket = connect(port, "127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<string>();
  let closed = false;
  socket.on("connect", () => socket.write(text));
  socket.on("data", (data) => resolve(data.toString().split("\r\n")[0] ?? ""));
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closed = true;
    resolve("closed");
  });
  return { firstLine: promise, isClosed: () => closed, end: () => socket.destroy() };
}
