import { describe, expect, test } from "bun:test";
import { Pager } from "../../src/api/listing.ts";
import { watchManager } from "../../src/api/watch.ts";
import type { TaskResource, WatchItem } from "../../src/client/resources.ts";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import { type ManagerHost, openManager } from "../../src/manager/host.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createInProcessLink } from "../../src/transport/in-process.ts";
import { aJobSpec, aSpec } from "../core/records.ts";

async function manager(): Promise<ManagerHost> {
  const opened = await openManager({
    store: createMemoryStore({ nowMs: Date.now }),
    links: createInProcessLink().manager,
    clock: { now: () => ({ monoMs: performance.now(), wallMs: Date.now(), bootId: "b" }) },
    log: { info() {}, warn() {}, error() {} },
    scheduler: SCHEDULERS.epvm,
    clusterId: "c",
    instanceId: "i",
    heartbeatMs: 2_000,
    keepLocalWorker: false,
  });
  if (!opened.ok) throw new Error(opened.failure.message);
  opened.value.start();
  return opened.value;
}

const submit = (access: ManagerHost, name: string, count: number) =>
  access.execute({ kind: "job.submit", id: name, spec: aJobSpec(name, aSpec(), count), idempotencyKey: "" }, "test");

async function until(what: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!what()) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await Bun.sleep(2);
  }
}

/** Tasks as a mirror has them that folds what a watch delivers. */
function fold(items: readonly WatchItem[]): Map<string, TaskResource> {
  let tasks = new Map<string, TaskResource>();
  for (const item of items) {
    if (item.kind === "snapshot") tasks = new Map(item.tasks.map((task) => [task.id, task]));
    if (item.kind !== "event") continue;
    const { event } = item;
    if (event.kind === "task.remove") tasks.delete(event.taskId);
    if (event.task) tasks.set(event.task.id, event.task);
  }
  return tasks;
}

const INFO = { name: "m", version: "0", commit: "", pid: 1, startedMs: 0, dataDir: "" };

describe("a watch of thousands of tasks", () => {
  test("is gathered over several turns, and with what changed meanwhile it is whole", async () => {
    const access = await manager();
    await submit(access, "many", 3_000);
    const cluster = await access.read();
    await until(() => cluster.tasks.size === 3_000);
    const items: WatchItem[] = [];
    const revisions: number[] = [];
    using _watch = watchManager({ access, info: INFO }, (item) => {
      items.push(item);
      if (item.kind === "event") revisions.push(item.event.revision);
    });
    await access.execute({ kind: "job.stop", jobId: "many" }, "test");
    await submit(access, "late", 5);
    await until(() => items.some(({ kind }) => kind === "snapshot"));
    const snapshot = items.find((item) => item.kind === "snapshot");
    await until(() => revisions.at(-1) === access.status().revision && cluster.tasks.size === 3_005);
    await until(() => [...fold(items).values()].every(({ jobId, desired }) => jobId === "late" || desired === "stop"));
    expect(fold(items).size).toBe(3_005);
    // Every change after the snapshot's revision came, once and in order.
    const first = snapshot?.kind === "snapshot" ? snapshot.revision + 1 : 0;
    expect(revisions).toEqual(revisions.map((_revision, i) => first + i));
    await access.close();
  }, 30_000);
});

describe("pager", () => {
  test("gives the same pages as sorting everything, whatever the order in which items come", () => {
    const keys = Array.from({ length: 1_000 }, (_, i) => String((i * 7_919) % 1_000).padStart(4, "0"));
    const read: string[] = [];
    let cursor = "";
    do {
      const pager = new Pager<string>({ limit: 30, cursor }, (key) => key);
      for (const key of keys) pager.add(key);
      const page = pager.page(1);
      read.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== "");
    expect(read).toEqual([...keys].sort());
  });
});
