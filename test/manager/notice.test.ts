import { expect, test } from "bun:test";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import { openManager } from "../../src/manager/host.ts";
import type { Store } from "../../src/manager/ports.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createInProcessLink } from "../../src/transport/in-process.ts";
import { aJobSpec } from "../core/records.ts";

/** A store that was repaired when it was opened first, and whose next commit fails. */
function repairedStore(): Store {
  const real = createMemoryStore({ nowMs: () => 0 });
  let loads = 0;
  let commits = 0;
  return {
    load: async () => {
      const loaded = await real.load();
      loads += 1;
      return loaded.ok && loads === 1 ? { ...loaded, value: { ...loaded.value, notice: "repaired" } } : loaded;
    },
    commit: async (batch) => {
      commits += 1;
      return commits === 1 ? { kind: "unknown", reason: "disk full" } : real.commit(batch);
    },
    log: (after, limit) => real.log(after, limit),
    close: () => real.close(),
  };
}

test("manager/host: what was done to open the store is told for as long as the process lives", async () => {
  const opened = await openManager({
    store: repairedStore(),
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
  const manager = opened.value;
  const reloaded = new Promise<void>((resolve) => {
    manager.subscribe((news) => {
      if (news.kind === "reloaded") resolve();
    });
  });
  manager.start();
  const before = manager.status().notice;
  await manager.execute({ kind: "job.submit", id: "", idempotencyKey: "", spec: aJobSpec("web") }, "test");
  await reloaded;
  expect([before, manager.status().health, manager.status().notice]).toEqual(["repaired", "ok", "repaired"]);
  await manager.close();
});
