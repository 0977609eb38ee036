// What every ClusterClient must do that streams: watches, logs and commands in tasks, in-process or over HTTP.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ClusterClient, LogLine } from "../../src/client/cluster-client.ts";
import { FakeManager } from "../fakes/manager.ts";
import { FakeNodeLinks } from "../fakes/node-links.ts";
import { FakeStreams } from "../fakes/task-streams.ts";
import { Items, type Kind, lone, refusal, type Subject, sampleOf, until } from "./cluster-client-behind.ts";

/** Registers the suite for one kind of client. */
export function clusterClientStreamsContract(kind: string, of: Kind): void {
  describe(`contract: ClusterClient streams ${kind}`, () => {
    let manager: FakeManager;
    let streams: FakeStreams;
    let subject: Subject;
    let client: ClusterClient;
    let shutdowns = 0;

    beforeEach(async () => {
      manager = new FakeManager();
      streams = new FakeStreams();
      shutdowns = 0;
      subject = await of.open({ manager, streams, links: new FakeNodeLinks(), shutdowns: () => shutdowns++ });
      client = subject.client;
    });
    afterEach(async () => {
      await client.close();
      await subject.end();
    });

    test("a watch begins with a snapshot and goes on with every change and its record", async () => {
      const node = manager.addNode("n1");
      const { job } = await client.submit(lone("web"));
      const items = new Items();
      using _watch = client.watch(items.push);
      const snapshot = await items.next("snapshot");
      expect([snapshot.revision, snapshot.jobs.length, snapshot.tasks.length, snapshot.nodes.length]).toEqual([
        4, 1, 1, 1,
      ]);
      expect(snapshot.events.map(({ text }) => text)).toContain("web is submitted");
      manager.report(job.id, { state: "running", incarnation: 1 }, { nodeId: node.id });
      const { event } = await items.next("event");
      expect([event.revision, event.task?.state, event.task?.nodeName]).toEqual([5, "running", "n1"]);
      expect([event.job?.states, event.node?.tasks]).toEqual([{ running: 1 }, 1]);
    });

    test("a watch shows samples and the manager's health, and begins anew after a reload", async () => {
      const node = manager.addNode("n1");
      manager.observed.set(node.id, sampleOf(7));
      const items = new Items();
      using _watch = client.watch(items.push);
      await items.next("snapshot");
      expect((await items.next("metrics")).metrics).toMatchObject([{ nodeId: node.id, atMs: 7 }]);
      manager.setHealth("read-only", "the disk is full");
      expect((await items.next("manager")).manager).toMatchObject({ health: "read-only", problem: "the disk is full" });
      manager.reload();
      expect((await items.next("snapshot")).manager.health).toBe("read-only");
    });

    test("a watch that was disposed hears nothing and leaves nothing behind", async () => {
      const before = manager.listeners;
      const items = new Items();
      const watch = client.watch(items.push);
      await items.next("snapshot");
      watch[Symbol.dispose]();
      await until(() => manager.listeners === before);
      manager.addNode("n1");
      expect(items.waiting).toEqual([]);
    });

    test("logs are a task's lines, by node and task, until they end", async () => {
      const { task, node } = await running();
      streams.lines = [line("stdout", "one"), line("stderr", "two ü"), line("stdout", "")];
      const options = { follow: false, tail: 2, sinceMs: 3 };
      expect(await collect(client.logs("web", options, new AbortController().signal))).toEqual(streams.lines.slice(1));
      expect(streams.asked).toEqual([{ nodeId: node.id, taskId: task.id, query: expect.objectContaining(options) }]);
    });

    test("logs that are followed stay open until given up", async () => {
      await running();
      streams.lines = [line("stdout", "one")];
      const stop = new AbortController();
      const seen: LogLine[] = [];
      for await (const each of client.logs("web", { follow: true, tail: null, sinceMs: null }, stop.signal)) {
        seen.push(each);
        stop.abort();
      }
      expect(seen).toEqual(streams.lines);
    });

    test("logs of a task that has not started wait for it when followed, and are refused otherwise", async () => {
      const { job } = await client.submit(lone("web"));
      const node = manager.addNode("n1");
      const options = { tail: null, sinceMs: null };
      expect(
        await refusal(collect(client.logs("web", { ...options, follow: false }, new AbortController().signal))),
      ).toMatchObject({ code: "conflict" });
      streams.lines = [line("stdout", "late")];
      const stop = new AbortController();
      const before = manager.listeners;
      const first = client.logs("web", { ...options, follow: true }, stop.signal)[Symbol.asyncIterator]();
      const got = first.next();
      await until(() => manager.listeners > before);
      manager.report(job.id, { state: "running", incarnation: 1 }, { nodeId: node.id });
      expect((await got).value).toEqual(line("stdout", "late"));
      stop.abort();
      await first.return?.();
    });

    test("logs that nobody wants any more end at once, whether the task has started or not", async () => {
      await client.submit(lone("web"));
      const options = { follow: true, tail: null, sinceMs: null };
      expect(await collect(client.logs("web", options, AbortSignal.abort()))).toEqual([]);
    });

    test("logs that break off say so after what came before", async () => {
      await running();
      streams.lines = [line("stdout", "one")];
      streams.failure = new Error("the engine went away");
      const seen: LogLine[] = [];
      const reading = (async () => {
        for await (const each of client.logs(
          "web",
          { follow: false, tail: null, sinceMs: null },
          new AbortController().signal,
        ))
          seen.push(each);
      })();
      expect(await refusal(reading)).toMatchObject({
        code: "unavailable",
        message: '"web" on node n1: its output cannot be read: the engine went away',
        hint: "cube node inspect n1 says more of the node",
      });
      expect(seen).toEqual(streams.lines);
    });

    test("a command in a task gets input and size, and gives output and exit code", async () => {
      const { task, node } = await running();
      const options = { command: ["cat"], tty: true, stdin: true, columns: 80, rows: 24 };
      const session = await client.exec("web", options);
      expect(streams.asked).toEqual([{ nodeId: node.id, taskId: task.id, request: options }]);
      void session.write(new TextEncoder().encode("héllo"));
      session.resize(100, 30);
      session.closeInput();
      const output: string[] = [];
      for await (const { stream, data } of session.output) output.push(`${stream} ${new TextDecoder().decode(data)}`);
      expect([output, await session.exitCode]).toEqual([["stdout héllo", "stderr 100x30"], 7]);
    });

    test("a command passes more than a frame of output through unchanged", async () => {
      await running();
      const session = await client.exec("web", { command: ["cat"], tty: false, stdin: true, columns: 80, rows: 24 });
      const sent = new Uint8Array(3 << 20).map((_, index) => index % 251);
      void session.write(sent);
      session.closeInput();
      const hash = new Bun.CryptoHasher("sha256");
      for await (const { data } of session.output) hash.update(data);
      expect(hash.digest("hex")).toBe(new Bun.CryptoHasher("sha256").update(sent).digest("hex"));
    });

    test("a command that does not take its input holds its writer back, and takes all of it later", async () => {
      await running();
      const session = await client.exec("web", { command: ["cat"], tty: false, stdin: true, columns: 80, rows: 24 });
      const command = streams.sessions[0];
      if (!command) throw new Error("no session");
      const gate = Promise.withResolvers<void>();
      command.gate = gate.promise;
      const piece = new Uint8Array(1 << 20);
      const most = 64;
      let written = 0;
      const writing = (async () => {
        for (; written < most; written++) await session.write(piece);
        session.closeInput();
      })();
      // What the sockets of this machine hold is all that may be under way: far less than what there is to write.
      for (let before = -1, still = 0; still < 10; still = written === before ? still + 1 : 0) {
        before = written;
        await client.task("web");
      }
      expect(written).toBeLessThan(most / 2);
      gate.resolve();
      let bytes = 0;
      for await (const { data } of session.output) bytes += data.length;
      await writing;
      expect([written, bytes]).toEqual([most, most * piece.length]);
    });

    test("a command that is closed is ended in the task too", async () => {
      await running();
      const session = await client.exec("web", { command: [], tty: true, stdin: true, columns: 80, rows: 24 });
      expect(streams.asked[0]?.request?.command).toEqual(["/bin/sh"]);
      session.close();
      await until(() => streams.sessions[0]?.closed === true);
    });

    test("a command is refused with the reason: not running, or not allowed", async () => {
      await client.submit(lone("web"));
      const options = { command: ["true"], tty: false, stdin: false, columns: 80, rows: 24 };
      expect(await refusal(client.exec("web", options))).toMatchObject({
        code: "conflict",
        message: '"web" is pending, a command needs it running',
      });
      expect(await refusal(client.exec("none", options))).toMatchObject({ code: "not_found" });
      await client.remove("web");
      await running();
      streams.refuse = { kind: "unavailable", message: "the node has no link to this manager" };
      expect(await refusal(client.exec("web", options))).toMatchObject({
        code: "unavailable",
        message: '"web" on node n1: no command can be run: the node has no link to this manager',
        hint: "cube node inspect n1 says more of the node",
      });
      streams.refuse = { kind: "denied", message: "switched off with --no-exec" };
      expect(await refusal(client.exec("web", options))).toMatchObject({
        code: "forbidden",
        message: "switched off with --no-exec",
      });
    });

    async function running() {
      const node = manager.addNode("n1");
      const { job } = await client.submit(lone("web"));
      const task = manager.report(job.id, { state: "running", incarnation: 1 }, { nodeId: node.id });
      return { job, node, task };
    }
  });
}

function line(stream: "stdout" | "stderr", text: string): LogLine {
  return { stream, atMs: 1_000, text };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
