// The API in front of the real manager and store: what a client is told is durable, complete and in order, whatever commits are under way.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiServer, startApiServer } from "../../src/api/server.ts";
import type { ClusterClient } from "../../src/client/cluster-client.ts";
import { createHttpClient } from "../../src/client/http-client.ts";
import { eventsOf } from "../../src/client/lines.ts";
import type { JobResource, NodeResource, TaskResource, WatchItem } from "../../src/client/resources.ts";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import { unseen } from "../../src/core/task.ts";
import { type ManagerHost, openManager } from "../../src/manager/host.ts";
import type { Store } from "../../src/manager/ports.ts";
import type { ManagerMessage } from "../../src/protocol/messages.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createInProcessLink } from "../../src/transport/in-process.ts";
import { INFO, Items, lone, until } from "../contract/cluster-client-behind.ts";
import { fakeNode } from "../fakes/manager.ts";
import { FakeStreams } from "../fakes/task-streams.ts";

let manager: ManagerHost;
let server: ApiServer;
let client: ClusterClient;
let socket: string;
let directory: string;

beforeEach(async () => {
  const link = createInProcessLink();
  const opened = await openManager({
    store: unhurried(createMemoryStore({ nowMs: () => 1 })),
    links: link.manager,
    clock: { now: () => ({ monoMs: performance.now(), wallMs: 1, bootId: "b" }) },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    scheduler: SCHEDULERS.epvm,
    clusterId: "c1",
    instanceId: "i",
    heartbeatMs: 2_000,
    keepLocalWorker: false,
  });
  if (!opened.ok) throw new Error(opened.failure.message);
  manager = opened.value;
  obedientWorker(link);
  manager.start();
  directory = await mkdtemp(join(tmpdir(), "cube-api-"));
  socket = join(directory, "cube.sock");
  server = await startApiServer({
    access: manager,
    streams: new FakeStreams(),
    info: INFO,
    onShutdown: () => undefined,
    log: () => undefined,
    unix: { path: socket, actor: "unix:me" },
    tcp: null,
  });
  client = createHttpClient({ target: { kind: "unix", path: socket } });
});
afterEach(async () => {
  await client.close();
  await server.close();
  await manager.close();
  await rm(directory, { recursive: true });
});

describe("api: before the real manager", () => {
  test("streams that begin anywhere are gapless while many submit at once, and end where the lists do", async () => {
    const early = await stream("since=0");
    const submitted = Array.from({ length: 40 }, (_, index) => client.submit(lone(`job-${index}`)));
    await submitted[5];
    const late = await stream("since=3");
    await Promise.all(submitted);
    await allRunning(40);
    const { revision } = await client.jobs({ limit: 1 });
    expect(await early.upTo(revision)).toEqual(range(1, revision));
    expect(await late.upTo(revision)).toEqual(range(4, revision));
  });

  test("a mirror that folds a watch equals the lists", async () => {
    const items = new Items();
    const mirror = {
      jobs: new Map<string, JobResource>(),
      tasks: new Map<string, TaskResource>(),
      nodes: new Map<string, NodeResource>(),
    };
    let revision = 0;
    const fold = (item: WatchItem): void => {
      if (item.kind === "snapshot") {
        mirror.jobs = new Map(item.jobs.map((job) => [job.id, job]));
        mirror.tasks = new Map(item.tasks.map((task) => [task.id, task]));
        mirror.nodes = new Map(item.nodes.map((node) => [node.id, node]));
        revision = item.revision;
      }
      if (item.kind !== "event") return;
      const { event } = item;
      if (event.job) mirror.jobs.set(event.jobId, event.job);
      if (event.task) mirror.tasks.set(event.taskId, event.task);
      if (event.node) mirror.nodes.set(event.node.id, event.node);
      if (event.kind === "job.remove") mirror.jobs.delete(event.jobId);
      if (event.kind === "task.remove") mirror.tasks.delete(event.taskId);
      revision = event.revision;
    };
    using _watch = client.watch((item) => {
      items.push(item);
      fold(item);
    });
    await items.next("snapshot");
    await Promise.all(Array.from({ length: 20 }, (_, index) => client.submit(lone(`job-${index}`))));
    await allRunning(20);
    await Promise.all(["job-1", "job-2"].map((name) => client.stop(name)));
    await client.remove("job-3");
    await until(
      () =>
        [...mirror.tasks.values()].filter(({ state }) => state === "stopped").length === 2 &&
        !hasJob(mirror.jobs, "job-3"),
    );
    const jobs = await client.jobs();
    await until(() => revision === jobs.revision);
    expect([...mirror.jobs.values()].sort(byId)).toEqual([...jobs.items].sort(byId));
    expect([...mirror.nodes.values()]).toEqual([...(await client.nodes()).items]);
    expect([...mirror.tasks.values()].sort(byId)).toEqual(
      [...(await client.tasks({ history: true })).items].sort(byId),
    );
  });
});

/** A store whose commits take a few turns of the event loop, so that requests arrive while one is under way. */
function unhurried(store: Store): Store {
  return {
    load: () => store.load(),
    log: (after, limit) => store.log(after, limit),
    close: () => store.close(),
    commit: async (batch) => {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      return store.commit(batch);
    },
  };
}

/** A worker that has done at once whatever it is told to. */
function obedientWorker(link: ReturnType<typeof createInProcessLink>): void {
  let number = 0;
  const report = (message: Extract<ManagerMessage, { kind: "assignments" }>): void => {
    const facts = message.put.map(({ taskId, desired }) => {
      const state = desired === "run" || desired === "ready" ? ("running" as const) : ("stopped" as const);
      return { ...unseen(taskId), incarnation: 1, state };
    });
    link.worker.send({ kind: "report", number: ++number, full: false, facts, removed: message.remove });
  };
  link.worker.open({
    onMessage: (message) => {
      if (message.kind === "assignments") report(message);
    },
    onLinked: () =>
      link.worker.send({
        kind: "hello",
        protocol: { min: 1, max: 1 },
        facts: fakeNode("n1"),
        bootId: "b",
        setNumber: 0,
        seen: null,
      }),
    onUnlinked: () => undefined,
  });
}

async function allRunning(count: number): Promise<void> {
  for (;;) {
    const { items } = await client.tasks({ state: "running" });
    if (items.length === count) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function stream(query: string) {
  const answer = await fetch(`http://localhost/v1/events?stream=1&${query}`, { unix: socket });
  if (!answer.body) throw new Error("no body");
  const source = eventsOf(answer.body)[Symbol.asyncIterator]();
  return {
    upTo: async (revision: number): Promise<number[]> => {
      const got: number[] = [];
      while ((got.at(-1) ?? 0) < revision) got.push(JSON.parse((await source.next()).value?.data ?? "{}").revision);
      return got;
    },
  };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function hasJob(jobs: ReadonlyMap<string, JobResource>, name: string): boolean {
  return [...jobs.values()].some((job) => job.name === name);
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
