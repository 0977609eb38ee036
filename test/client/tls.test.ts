// A client over TLS: whom it trusts, and that nobody else gets a byte of what it has to say.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { createServer as createNetServer } from "node:net";
import { createServer, type Server } from "node:tls";
import { guard } from "../../src/api/guard.ts";
import { createHttpClient } from "../../src/client/http-client.ts";
import { apply } from "../../src/core/cluster.ts";
import { selfSign } from "../../src/transport/certificate.ts";
import type { Identity } from "../../src/transport/identity.ts";
import { accessOf, makeIdentity, serveTls } from "../api/served-tls.ts";
import { type Behind, Items, lone, refusal, until } from "../contract/cluster-client-behind.ts";
import { FakeManager } from "../fakes/manager.ts";
import { FakeNodeLinks } from "../fakes/node-links.ts";
import { FakeStreams } from "../fakes/task-streams.ts";

const SECRET = "a-secret-that-nobody-else-may-see";
const EXEC = { command: ["cat"], tty: false, stdin: true, columns: 80, rows: 24 };

let identity: Identity;
const closing: (() => unknown)[] = [];
beforeEach(async () => {
  identity = await makeIdentity();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function behind(): Behind {
  const manager = new FakeManager();
  apply(manager.cluster, { kind: "access.put", access: accessOf("me", SECRET) });
  return { manager, streams: new FakeStreams(), links: new FakeNodeLinks(), shutdowns: () => undefined };
}

function clientAt(port: number, clusterId: string, token = SECRET) {
  const client = createHttpClient({ target: { kind: "tls", host: "127.0.0.1", port, clusterId, token } });
  closing.push(() => client.close());
  return client;
}

/** Whoever is in the middle: speaks TLS with a key of its own and keeps every byte that it could read. */
async function impostor(as: { readonly key: string; readonly cert: string; readonly port?: number }) {
  const read: Buffer[] = [];
  let connections = 0;
  const server: Server = createServer({ key: as.key, cert: as.cert }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data: Buffer) => read.push(data));
  });
  server.on("connection", () => connections++);
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(as.port ?? 0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { port, read: () => Buffer.concat(read).toString(), connections: () => connections };
}

describe("client over TLS", () => {
  test("somebody in the middle with another key hears nothing, and the refusal is loud", async () => {
    const other = await makeIdentity();
    const middle = await impostor({ key: other.keyPem, cert: other.certPem });
    const client = clientAt(middle.port, identity.id);
    const attempts = [
      () => client.manager(),
      () => client.submit(lone("web")),
      () => client.exec("web", EXEC),
      () => drain(client.logs("web", { follow: false, tail: null, sinceMs: null }, new AbortController().signal)),
    ];
    for (const attempt of attempts) {
      expect(await refusal(attempt())).toMatchObject({
        code: "wrong_host",
        message: expect.stringContaining(`Expected cluster ${identity.id}, found ${other.id}`),
        hint: expect.stringContaining(`cube logout 127.0.0.1:${middle.port}`),
      });
    }
    const items = new Items();
    using _watch = client.watch(items.push);
    expect((await items.next("down")).reason).toContain("HAS ANOTHER KEY");
    expect(middle.connections()).toBeGreaterThanOrEqual(attempts.length);
    expect(middle.read()).toBe("");
    // It would have read what somebody less careful says.
    const careless = new AbortController();
    const init = {
      headers: { authorization: "careless" },
      tls: { rejectUnauthorized: false },
      signal: careless.signal,
    };
    void fetch(`https://127.0.0.1:${middle.port}/`, init).catch(() => undefined);
    await until(() => middle.read().includes("careless"));
    careless.abort();
  });

  test("a key that changes between two requests gets nothing either", async () => {
    const first = await serveTls(behind(), { identity });
    const client = clientAt(first.port, first.clusterId);
    expect((await client.jobs()).items).toEqual([]);
    await first.end();
    const other = await makeIdentity();
    const middle = await impostor({ key: other.keyPem, cert: other.certPem, port: first.port });
    expect((await refusal(client.jobs())).code).toBe("wrong_host");
    expect((await refusal(client.exec("web", EXEC))).code).toBe("wrong_host");
    expect(middle.connections()).toBeGreaterThan(0);
    expect(middle.read()).toBe("");
  });

  test("a new certificate over the same key is accepted", async () => {
    const first = await serveTls(behind(), { identity });
    const client = clientAt(first.port, first.clusterId);
    await client.jobs();
    await first.end();
    const renewed = { ...identity, certPem: selfSign(createPrivateKey(identity.keyPem)) };
    expect(renewed.certPem).not.toBe(identity.certPem);
    const second = await serveTls(behind(), { identity: renewed, port: first.port });
    closing.push(second.end);
    expect((await client.jobs()).items).toEqual([]);
  });

  test("a manager that nobody vouched for is told nothing; its id is shown with the way on", async () => {
    const middle = await impostor({ key: identity.keyPem, cert: identity.certPem });
    const { code, message, hint } = await refusal(clientAt(middle.port, "").jobs());
    expect([code, hint]).toEqual([
      "unknown_host",
      `if that is the cluster that you mean: cube login 127.0.0.1:${middle.port} --cluster-id ${identity.id}`,
    ]);
    expect(message).toContain(identity.id);
    expect(middle.read()).toBe("");
  });

  test("what speaks no TLS, or not at all, is named", async () => {
    const plain = createNetServer((socket) =>
      socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const address = plain.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await refusal(clientAt(port, identity.id).jobs())).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(`no manager speaks TLS at 127.0.0.1:${port}`),
    });
    plain.close();
    expect((await refusal(clientAt(port, identity.id).jobs())).code).toBe("unavailable");
  });

  test("the token of the data directory's file is for this machine alone: behind TLS only named tokens count", async () => {
    const served = await serveTls(behind(), { identity });
    closing.push(served.end);
    for (const token of ["the-token-of-the-file", "", "wrong"]) {
      expect(await refusal(clientAt(served.port, served.clusterId, token).jobs())).toMatchObject({
        code: "unauthorized",
        hint: expect.stringContaining("cube token create"),
      });
    }
    expect((await clientAt(served.port, served.clusterId).jobs()).items).toEqual([]);
  });

  test("a revoked token's streams end over TLS too", async () => {
    const at = behind();
    const served = await serveTls(at, { identity });
    closing.push(served.end);
    const items = new Items();
    using _watch = clientAt(served.port, served.clusterId).watch(items.push);
    await items.next("snapshot");
    await (at.manager as FakeManager).execute({ kind: "access.revoke", name: "me" }, "unix:me");
    await items.next("down");
    expect((await items.next("down")).reason).toContain("a valid token is needed");
  });

  test("a token never goes beyond this machine in clear", async () => {
    for (const host of ["192.0.2.1", "example.com", "fe80::1"]) {
      const client = createHttpClient({ target: { kind: "tcp", host, port: 5555, token: SECRET } });
      for (const attempt of [() => client.jobs(), () => client.exec("web", EXEC)]) {
        const { code, message } = await refusal(attempt());
        expect([code, message.includes("is not this machine")]).toEqual(["invalid", true]);
      }
    }
  });

  test("plain HTTP from elsewhere is refused by the manager too, whatever it carries", () => {
    const headers = { host: "127.0.0.1:5555" };
    const from = (remoteAddress: string) =>
      ({ headers, socket: { remoteAddress } }) as unknown as Parameters<typeof guard>[0];
    const entry = { kind: "tcp", port: 5555, token: null } as const;
    expect(() => guard(from("192.0.2.1"), entry)).toThrow("plain HTTP is for this machine only");
    expect(() => guard(from("::ffff:192.0.2.1"), entry)).toThrow("plain HTTP is for this machine only");
    expect(() => guard(from("192.0.2.1"), { kind: "tls" })).not.toThrow();
    for (const near of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) expect(() => guard(from(near), entry)).not.toThrow();
  });
});

async function drain(lines: AsyncIterable<unknown>): Promise<void> {
  for await (const _line of lines);
}
