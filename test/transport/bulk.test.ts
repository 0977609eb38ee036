// Output, commands and inspection of tasks on another node, over real sockets, for both directions of dialling.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { BULK_WINDOW_BYTES } from "../../src/protocol/codec-bulk.ts";
import type { TaskSource } from "../../src/transport/bulk-server.ts";
import { dial } from "../../src/transport/dial.ts";
import type { LogChunk } from "../../src/worker/ports.ts";
import { FakeStreams } from "../fakes/task-streams.ts";
import { ManagerEnd, scratch, until, WorkerEnd } from "./links-bed.ts";

const FOLLOW = { follow: true, tail: null, sinceMs: null };
const ALL = { follow: false, tail: null, sinceMs: null };
const SHELL = { command: ["/bin/sh"], tty: false, stdin: true, columns: 80, rows: 24 };

let opened: DisposableStack;
beforeEach(() => {
  opened = new DisposableStack();
});
afterEach(() => opened.dispose());

/** What a worker's host offers, played by the fake of the API's tests. */
function sourceOf(fake: FakeStreams): TaskSource {
  return {
    logs: (taskId, query, signal) => fake.logs("here", taskId, query, signal),
    exec: (taskId, request) => fake.exec("here", taskId, request),
    inspectRaw: (taskId) => fake.inspectRaw("here", taskId),
  };
}

async function linkedPair(dialledBy: string) {
  const [m, w] = [opened.use(scratch()), opened.use(scratch())];
  const boss = new ManagerEnd(m.path);
  opened.defer(() => boss.end());
  const port = dialledBy === "worker" ? await boss.listen() : null;
  const hand = new WorkerEnd(w.path, { port, token: boss.token }).start();
  opened.defer(() => hand.end());
  const fake = new FakeStreams();
  hand.link.serve(sourceOf(fake));
  if (dialledBy === "manager") boss.links.dial(`127.0.0.1:${await hand.listen()}`);
  await until("a link", () => boss.links.peers().length === 1 && hand.link.peer() !== null);
  return { boss, hand, fake, nodeId: hand.identity.id, port };
}

async function collect(output: AsyncIterable<LogChunk>): Promise<LogChunk[]> {
  const chunks: LogChunk[] = [];
  for await (const chunk of output) chunks.push(chunk);
  return chunks;
}

const never = (): AbortSignal => new AbortController().signal;

describe.each(["worker", "manager"])("bulk, dialled by the %s:", (dialledBy) => {
  test("a task's output comes whole and in order, then ends", async () => {
    const { boss, fake, nodeId } = await linkedPair(dialledBy);
    fake.lines = Array.from({ length: 500 }, (_, i) => ({
      stream: "stdout",
      atMs: i,
      text: `ünder ${i}\n`.repeat(100),
    }));
    expect(await collect(boss.links.streams.logs(nodeId, "t1", ALL, never()))).toEqual(fake.lines);
    expect(fake.asked).toEqual([{ nodeId: "here", taskId: "t1", query: ALL }]);
  });

  test("a followed output ends when its reader goes, at the worker too", async () => {
    const { boss, hand, nodeId } = await linkedPair(dialledBy);
    let stopped = false;
    hand.link.serve({
      ...sourceOf(new FakeStreams()),
      async *logs(_taskId, _query, signal) {
        yield { stream: "stderr", atMs: 1, text: "up" };
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        stopped = true;
      },
    });
    const reader = new AbortController();
    const seen: string[] = [];
    for await (const chunk of boss.links.streams.logs(nodeId, "t1", FOLLOW, reader.signal)) {
      seen.push(chunk.text);
      reader.abort();
    }
    expect(seen).toEqual(["up"]);
    await until("the worker's reading to stop", () => stopped);
  });

  test("an output that nobody wants any more is not begun", async () => {
    const { boss, hand, nodeId } = await linkedPair(dialledBy);
    hand.link.serve({
      ...sourceOf(new FakeStreams()),
      async *logs(_taskId, _query, signal) {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        yield* [];
      },
    });
    expect(await collect(boss.links.streams.logs(nodeId, "t1", FOLLOW, AbortSignal.abort()))).toEqual([]);
  });

  test("a command gets its input, its size and its end, and gives output and exit code", async () => {
    const { boss, fake, nodeId } = await linkedPair(dialledBy);
    const started = await boss.links.streams.exec(nodeId, "t1", SHELL);
    if (!started.ok) throw new Error(started.failure.message);
    const session = started.value;
    const input = randomBytes(3 * BULK_WINDOW_BYTES);
    const parts: { stdout: Uint8Array[]; stderr: Uint8Array[] } = { stdout: [], stderr: [] };
    const reading = (async () => {
      for await (const { stream, data } of session.output) parts[stream].push(data);
    })();
    session.resize(120, 40);
    void session.write(input);
    session.closeInput();
    await reading;
    expect(Buffer.concat(parts.stdout).equals(input)).toBe(true);
    expect(Buffer.concat(parts.stderr).toString()).toBe("120x40");
    expect(await session.exitCode).toBe(7);
    expect(fake.asked).toEqual([{ nodeId: "here", taskId: "t1", request: SHELL }]);
  });

  test("a task is inspected, and a refusal keeps its kind and its words", async () => {
    const { boss, fake, nodeId } = await linkedPair(dialledBy);
    const raw = { Id: "abc", State: { Running: true, list: [1, null, "x"] } };
    fake.raw = raw;
    expect(await boss.links.streams.inspectRaw(nodeId, "t1")).toEqual({ ok: true, value: raw });
    fake.refuse = { kind: "not_found", message: "task t1 has no container on this node" };
    const refused = { ok: false, failure: fake.refuse } as const;
    expect(await boss.links.streams.inspectRaw(nodeId, "t1")).toEqual(refused);
    expect(await boss.links.streams.exec(nodeId, "t1", SHELL)).toEqual(refused);
  });
});

test("bulk: a command that does not take its input holds its writer back, and takes all of it later", async () => {
  const { boss, fake, nodeId } = await linkedPair("worker");
  const started = await boss.links.streams.exec(nodeId, "t1", SHELL);
  const [command] = fake.sessions;
  if (!started.ok || !command) throw new Error("no session");
  const gate = Promise.withResolvers<void>();
  command.gate = gate.promise;
  const [piece, most] = [new Uint8Array(1 << 20), 30];
  let written = 0;
  const writing = (async () => {
    for (; written < most; written++) await started.value.write(piece);
    started.value.closeInput();
  })();
  // One round trip over the same socket: what had leave to go has gone.
  await boss.links.streams.inspectRaw(nodeId, "t1");
  expect(written).toBe(0);
  gate.resolve();
  let bytes = 0;
  for await (const { data } of started.value.output) bytes += data.length;
  await writing;
  expect([written, bytes, await started.value.exitCode]).toEqual([most, most * piece.length, 7]);
});

test("bulk: a reader that does not read holds up its own stream only", async () => {
  const { boss, hand, nodeId } = await linkedPair("worker");
  let given = 0;
  const text = "x".repeat(16_000);
  hand.link.serve({
    ...sourceOf(new FakeStreams()),
    async *logs() {
      for (;;) {
        given++;
        yield { stream: "stdout", atMs: 0, text };
      }
    },
  });
  const slow = boss.links.streams.logs(nodeId, "t1", FOLLOW, never())[Symbol.asyncIterator]();
  await slow.next();
  await until("the window to be used up", () => given > 10);
  expect(await boss.links.streams.inspectRaw(nodeId, "t2")).toEqual({ ok: true, value: { Id: "abc" } });
  // The window, the chunk that overdraws it, and the one that waits.
  expect(given * text.length).toBeLessThan(2 * BULK_WINDOW_BYTES);
  await slow.return?.();
});

test("bulk: what is larger than a frame comes in parts, or is refused, and the socket stays", async () => {
  const { boss, fake, nodeId } = await linkedPair("worker");
  const { streams } = boss.links;
  fake.lines = [{ stream: "stdout", atMs: 1, text: "y".repeat(3 << 20) }];
  const parts = await collect(streams.logs(nodeId, "t1", ALL, never()));
  expect(parts.map((part) => part.text).join("")).toBe(fake.lines[0]?.text ?? "");
  fake.raw = { Id: "z".repeat(2 << 20) };
  const reasons = [
    await streams.inspectRaw(nodeId, "t1"),
    await streams.exec(nodeId, "t1", { ...SHELL, command: ["echo", "a".repeat(2 << 20)] }),
  ].map((result) => (result.ok ? "" : result.failure.message));
  expect(reasons).toEqual([
    "what the engine says of the task is too large to be sent",
    "the command is too long to be sent to its node",
  ]);
  fake.raw = null;
  expect(await streams.inspectRaw(nodeId, "t1")).toEqual({ ok: true, value: null });
});

test("bulk: when the link goes, output ends with a reason and commands are ended", async () => {
  const { boss, hand, fake, nodeId } = await linkedPair("worker");
  const started = await boss.links.streams.exec(nodeId, "t1", SHELL);
  const reading = collect(boss.links.streams.logs(nodeId, "t1", FOLLOW, never()));
  await until("the output to be asked for", () => fake.asked.length === 2);
  boss.links.disconnect(nodeId);
  expect(started.ok).toBe(true);
  await expect(reading).rejects.toThrow("the link to the node is lost");
  await until("the command to be ended", () => fake.sessions[0]?.closed === true);
  expect(hand.identity.id).toBe(nodeId);
});

test("bulk: a node that is not linked is refused in words", async () => {
  const { boss } = await linkedPair("worker");
  const elsewhere = await boss.links.streams.inspectRaw("abcdefghij", "t1");
  expect(elsewhere).toEqual({
    ok: false,
    failure: { kind: "unavailable", message: "the node has no link to this manager" },
  });
});

test("bulk: a socket that nobody asked for is hung up on, whatever key it shows", async () => {
  const { boss, hand, port } = await linkedPair("worker");
  let ended = false;
  dial(
    { host: "127.0.0.1", port: port ?? 0, path: `/cube/bulk?${"ab".repeat(32)}` },
    { identity: hand.identity, pin: boss.identity.id },
    {
      onOpen: (ws) => {
        ws.on("close", () => {
          ended = true;
        });
      },
      onFailed: () => {
        ended = true;
      },
    },
  );
  await until("the end of the socket", () => ended);
  expect(boss.links.peers().length).toBe(1);
});
