import { describe, expect, test } from "bun:test";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import type { Command } from "../../src/manager/commands.ts";
import { type ManagerHost, openManager } from "../../src/manager/host.ts";
import type { Batch, CommitOutcome, Store } from "../../src/manager/ports.ts";
import type { ManagerMessage } from "../../src/protocol/messages.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createInProcessLink } from "../../src/transport/in-process.ts";
import { aJobSpec, aNode } from "../core/records.ts";

const quietLog = { info() {}, warn() {}, error() {} };
const clock = { now: () => ({ monoMs: performance.now(), wallMs: Date.now(), bootId: "b" }) };
const submit = (name: string): Command => ({ kind: "job.submit", id: "", idempotencyKey: "", spec: aJobSpec(name) });

const A_REPORT = { kind: "report", number: 0, full: true, facts: [], removed: [] } as const;

/** A store whose commits a test holds back or lets fail. */
class StubbornStore implements Store {
  readonly #real = createMemoryStore({ nowMs: Date.now });
  readonly batches: Batch[] = [];
  outcome: CommitOutcome | null = null;
  loads = 0;
  commits = 0;
  loadFails = 0;
  held: PromiseWithResolvers<void> | null = null;

  async load() {
    this.loads++;
    if (this.loadFails-- > 0) return { ok: false, failure: { kind: "transient", message: "disk full" } } as const;
    return this.#real.load();
  }

  async commit(batch: Batch): Promise<CommitOutcome> {
    this.commits++;
    await this.held?.promise;
    if (this.outcome) return this.outcome;
    this.batches.push(batch);
    return this.#real.commit(batch);
  }

  log(after: number, limit: number) {
    return this.#real.log(after, limit);
  }

  close() {
    return this.#real.close();
  }
}

async function managerOn(
  store: Store,
  more: Partial<Parameters<typeof openManager>[0]> = {},
): Promise<{ manager: ManagerHost; heard: ManagerMessage[]; link: ReturnType<typeof createInProcessLink> }> {
  const link = createInProcessLink();
  const opened = await openManager({
    store,
    links: link.manager,
    clock,
    log: quietLog,
    scheduler: SCHEDULERS.epvm,
    clusterId: "c",
    instanceId: "i",
    heartbeatMs: 2_000,
    keepLocalWorker: false,
    ...more,
  });
  if (!opened.ok) throw new Error(opened.failure.message);
  const heard: ManagerMessage[] = [];
  link.worker.open({
    onMessage: (message) => heard.push(message),
    onLinked: () =>
      link.worker.send({
        kind: "hello",
        protocol: { min: 1, max: 1 },
        facts: aNode("n1"),
        bootId: "b",
        setNumber: 0,
        seen: null,
      }),
    onUnlinked: () => {},
  });
  opened.value.start();
  return { manager: opened.value, heard, link };
}

async function until(what: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!what()) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await Bun.sleep(2);
  }
}

describe("manager host", () => {
  test("the log tells that the manager settles after its machine has slept, and when that is over", async () => {
    const lines: string[] = [];
    const log = { ...quietLog, info: (line: string) => void lines.push(line) };
    const ahead = { monoMs: 0, wallMs: 0 };
    const now = () => {
      const { monoMs, wallMs, bootId } = clock.now();
      return { monoMs: monoMs + ahead.monoMs, wallMs: wallMs + ahead.wallMs, bootId };
    };
    const { manager } = await managerOn(new StubbornStore(), { log, clock: { now } });
    const pass = async (monoMs: number, wallMs: number) => {
      ahead.monoMs += monoMs;
      ahead.wallMs += wallMs;
      await manager.execute(submit(`job${ahead.wallMs}`), "me");
    };
    const minute = 60_000;
    await pass(0, 0);
    await pass(minute, minute);
    await pass(0, 12 * 60 * minute);
    await pass(minute, minute);
    const [settles, acts] = ["settling: nodes are given time to come back", "absences of nodes are acted on again"];
    expect(lines).toEqual([settles, acts, settles, acts]);
    await manager.close();
  });

  test("nothing leaves and nothing is answered before the commit that justifies it", async () => {
    const store = new StubbornStore();
    const { manager, heard } = await managerOn(store);
    await until(() => heard.some((message) => message.kind === "assignments"));
    heard.length = 0;
    store.held = Promise.withResolvers();
    let answered = false;
    const reply = manager.execute(submit("web"), "me").finally(() => (answered = true));
    const read = manager.read().then((cluster) => cluster.jobs.size);
    await Bun.sleep(20);
    expect([answered, heard]).toEqual([false, []]);
    store.held.resolve();
    expect(await reply).toMatchObject({ ok: true, created: true });
    expect(await read).toBeGreaterThanOrEqual(0);
    await until(() => heard.some((message) => message.kind === "assignments" && message.put.length === 1));
    await manager.close();
  });

  test("commands that come while a commit is under way share the next one", async () => {
    const store = new StubbornStore();
    const { manager } = await managerOn(store);
    await until(() => store.batches.length > 0);
    store.held = Promise.withResolvers();
    const first = manager.execute(submit("first"), "me");
    await Bun.sleep(5);
    const rest = ["a", "b", "c", "d"].map((name) => manager.execute(submit(name), "me"));
    const before = store.batches.length;
    store.held.resolve();
    await Promise.all([first, ...rest]);
    expect(store.batches.length - before).toBe(2);
    await manager.close();
  });

  test("a failed commit is taken back, refused in words, and the manager is itself again once the store opens", async () => {
    const store = new StubbornStore();
    const { manager, heard } = await managerOn(store);
    await until(() => heard.some((message) => message.kind === "assignments"));
    await manager.execute(submit("kept"), "me");
    store.outcome = { kind: "failed", reason: "no space left on the disk" };
    store.loadFails = 1;
    expect(await manager.execute(submit("lost"), "me")).toMatchObject({
      ok: false,
      code: "read_only",
      message: expect.stringContaining("no space left"),
    });
    expect([...(await manager.read()).jobsByName.keys()]).toEqual(["kept"]);
    expect(manager.status()).toMatchObject({ health: "recovering" });
    heard.length = 0;
    store.outcome = null;
    await until(() => manager.status().health === "ok");
    expect(store.loads).toBe(3);
    await until(() => heard.some((message) => message.kind === "assignments" && message.base === 0));
    expect(await manager.execute(submit("later"), "me")).toMatchObject({ ok: true });
    expect([...(await manager.read()).jobsByName.keys()]).toEqual(["kept", "later"]);
    await manager.close();
  });

  test("whoever asks while the outcome of a commit is unknown is told that it may have been kept", async () => {
    const store = new StubbornStore();
    const { manager, heard } = await managerOn(store);
    await until(() => heard.some((message) => message.kind === "assignments"));
    store.outcome = { kind: "unknown", reason: "sync failed" };
    store.held = Promise.withResolvers();
    const before = store.commits;
    const asked = manager.execute(submit("web"), "me");
    await until(() => store.commits > before);
    const waiting = manager.execute(submit("later"), "me");
    store.held.resolve();
    expect(await asked).toMatchObject({
      ok: false,
      code: "unavailable",
      message: expect.stringContaining("not known"),
    });
    expect(await waiting).toMatchObject({ ok: false, code: "read_only" });
    await manager.close();
  });

  test("while its store takes no commits it keeps nothing of what workers say", async () => {
    const store = new StubbornStore();
    const { manager, heard, link } = await managerOn(store);
    await until(() => heard.some((message) => message.kind === "assignments"));
    store.outcome = { kind: "fenced", reason: "another manager owns the store" };
    await manager.execute(submit("web"), "me");
    const reports = Array.from({ length: 200 }, (_, n) => new WeakRef({ ...A_REPORT, number: n + 1 }));
    for (const report of reports) link.worker.send(report.deref() ?? A_REPORT);
    const isHeld = (report: WeakRef<object>): boolean => report.deref() !== undefined;
    await until(() => {
      Bun.gc(true);
      return reports.filter(isHeld).length < 20;
    });
    await manager.close();
  });

  test("a command that comes after the close is answered", async () => {
    const { manager } = await managerOn(new StubbornStore());
    await manager.close();
    expect(await manager.execute(submit("web"), "me")).toMatchObject({ ok: false, code: "unavailable" });
  });

  test("a fenced manager stays read-only and does not try again", async () => {
    const store = new StubbornStore();
    const { manager, heard } = await managerOn(store);
    await until(() => heard.some((message) => message.kind === "assignments"));
    store.outcome = { kind: "fenced", reason: "another manager owns the store" };
    await manager.execute(submit("web"), "me");
    expect(manager.status()).toMatchObject({ health: "read-only", problem: "another manager owns the store" });
    expect(await manager.execute(submit("web"), "me")).toMatchObject({ ok: false, code: "read_only" });
    await manager.close();
  });

  test("subscribers see each durable batch in order of revision", async () => {
    const { manager, heard } = await managerOn(new StubbornStore());
    await until(() => heard.some((message) => message.kind === "assignments"));
    const revisions: number[] = [];
    using _ = manager.subscribe((news) => {
      if (news.kind === "committed") revisions.push(...news.changes.map((change) => change.revision));
    });
    await manager.execute(submit("a"), "me");
    await manager.execute(submit("b"), "me");
    expect(revisions.length).toBeGreaterThan(4);
    expect(revisions).toEqual(revisions.map((_revision, i) => (revisions[0] ?? 0) + i));
    await manager.close();
  });
});
