// Events and watches as streams: their gaps, and readers that fall behind.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { eventsOf } from "../../src/client/lines.ts";
import { lone, until } from "../contract/cluster-client-behind.ts";
import { ask, type Served, serve, TOKEN } from "./served.ts";

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(() => served.end());

describe("api: streams of events", () => {
  test("a stream is gapless from its revision on, across what was and what comes", async () => {
    await submit("a");
    const before = served.manager.listeners;
    const reader = await events("since=1");
    expect([await reader.next(), await reader.next()]).toEqual([2, 3]);
    await submit("b");
    expect([await reader.next(), await reader.next(), await reader.next()]).toEqual([4, 5, 6]);
    reader.leave();
    await until(() => served.manager.listeners === before);
  });

  test("without a revision it begins with what comes next", async () => {
    await submit("a");
    const reader = await events("");
    await submit("b");
    expect(await reader.next()).toBe(4);
    reader.leave();
  });

  test("a reader that comes back names the last event that it had", async () => {
    await submit("a");
    const reader = await events("since=0", { "last-event-id": "2" });
    expect(await reader.next()).toBe(3);
    reader.leave();
    expect((await ask(served, "/v1/events?stream=1", { headers: { "last-event-id": "x" } })).status).toBe(400);
  });

  test("what is no longer kept is an explicit resync, and the stream goes on from there", async () => {
    await submit("a");
    served.manager.forgetLog();
    const reader = await events("since=0");
    expect(await reader.next()).toBe("resync 3");
    await submit("b");
    expect(await reader.next()).toBe(4);
    reader.leave();
  });

  test("a revision of another cluster's future is a resync too", async () => {
    await submit("a");
    const reader = await events("since=99");
    expect(await reader.next()).toBe("resync 3");
    reader.leave();
  });

  test("a burst reaches many readers complete and in order", async () => {
    const readers = await Promise.all(Array.from({ length: 10 }, () => events("since=0")));
    for (let i = 0; i < 200; i++) await submit(`job-${i}`);
    for (const reader of readers) {
      for (let revision = 1; revision <= 600; revision++) expect(await reader.next()).toBe(revision);
      reader.leave();
    }
  });

  test("a reader that takes nothing is served from the log once it reads again, and misses nothing", async () => {
    const slow = await stalledReader("/v1/events?stream=1&since=0");
    const many = 100;
    for (let i = 0; i < many; i++) bigChange(`big-${i}`);
    // 6 MB are more than its buffers hold, so some of it can only come from the log.
    const readsBefore = served.manager.logReads;
    const got: number[] = [];
    for await (const { name, data } of eventsOf(slow.read())) {
      if (name === "event") got.push(JSON.parse(data).revision);
      if (got.length === many) break;
    }
    expect(got).toEqual(Array.from({ length: many }, (_, index) => index + 1));
    expect(served.manager.logReads).toBeGreaterThan(readsBefore);
    slow.end();
  });

  test("a reader of a watch that takes nothing begins anew with a snapshot once it reads again", async () => {
    const slow = await stalledReader("/v1/watch");
    for (let i = 0; i < 100; i++) bigChange(`big-${i}`);
    const kinds: string[] = [];
    let jobs = 0;
    for await (const { name, data } of eventsOf(slow.read())) {
      kinds.push(name);
      if (name === "snapshot") jobs = JSON.parse(data).jobs.length;
      if (jobs === 100) break;
    }
    expect([kinds[0], kinds.filter((kind) => kind === "event").length < 100]).toEqual(["snapshot", true]);
    slow.end();
  });
});

async function submit(name: string): Promise<void> {
  await served.manager.execute({ kind: "job.submit", id: "", spec: lone(name), idempotencyKey: "" }, "test");
}

/** A change of about 60 kB. */
function bigChange(id: string): void {
  const spec = lone(id, { env: { BIG: "x".repeat(60_000) } });
  const job = {
    id,
    version: 1,
    desired: "run" as const,
    restartSerial: 0,
    startSerial: 1,
    actor: "test",
    createdMs: 1,
    updatedMs: 1,
    spec,
  };
  served.manager.commit([{ kind: "job.put", job }]);
}

/** Revisions of events as they come; `resync <revision>` for a resync. */
async function events(query: string, headers: Record<string, string> = {}) {
  const leave = new AbortController();
  const answer = await ask(served, `/v1/events?${query}`, {
    headers: { accept: "text/event-stream", ...headers },
    signal: leave.signal,
  });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  if (!answer.body) throw new Error("no body");
  const stream = eventsOf(answer.body)[Symbol.asyncIterator]();
  const next = async (): Promise<number | string> => {
    const { value } = await stream.next();
    const data = JSON.parse(value?.data ?? "{}");
    return value?.name === "event" ? data.revision : `${value?.name} ${data.revision}`;
  };
  return { next, leave: () => leave.abort() };
}

/** A connection that asks and then reads nothing until told to. */
async function stalledReader(path: string) {
  const socket: Socket = connect(served.port, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.pause();
  const before = served.manager.listeners;
  // Identity instead of chunked: HTTP/1.0 has no chunks, so the body is the plain stream of events.
  socket.write(`GET ${path} HTTP/1.0\r\nHost: localhost:${served.port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  await until(() => served.manager.listeners > before);
  return {
    end: () => socket.destroy(),
    read: async function* (): AsyncIterable<Uint8Array> {
      socket.resume();
      yield* socket as AsyncIterable<Uint8Array>;
    },
  };
}
