import { describe, expect, test } from "bun:test";
import { apply, type Cluster } from "../../src/core/cluster.ts";
import type { Draft } from "../../src/core/draft.ts";
import { type ReconcileContext, reconcileSlot, slotKeysOf } from "../../src/core/reconcile.ts";
import { aCluster, aJob, aJobSpec, aNode, aSlot, aSpec, aTask, idOf, NOW } from "./records.ts";

function reconcile(cluster: Cluster, overrides: Partial<ReconcileContext> = {}, index = 0): Draft[] {
  const context = {
    cluster,
    clusterId: "c",
    nowMs: NOW,
    waited: () => false,
    ranLong: () => false,
    away: () => false,
    ...overrides,
  };
  return reconcileSlot(context, { jobId: "web", service: "web", index });
}

/** What a test compares: kinds, and of tasks and slots the parts that matter. */
function told(drafts: readonly Draft[]): unknown[] {
  return drafts.map(({ change }) => {
    if (change.kind === "task.put")
      return [change.kind, change.task.attempt, change.task.desired, change.task.fact.state];
    if (change.kind === "slot.put") return [change.kind, change.slot.attempt, change.slot.failures, change.slot.waitMs];
    return [change.kind];
  });
}

const running = { state: "running" as const, incarnation: 1, containerId: "x" };
const failed = { state: "failed" as const, incarnation: 5, containerId: "x" };

describe("reconcile", () => {
  test("a new job gets one pending attempt in each of its slots", () => {
    const cluster = aCluster(aJob("web", { spec: aJobSpec("web", aSpec(), 2) }));
    expect([...slotKeysOf(cluster, aJob("web", { spec: aJobSpec("web", aSpec(), 2) }))]).toEqual([
      "web/web/0",
      "web/web/1",
    ]);
    expect(told(reconcile(cluster))).toEqual([
      ["slot.put", 1, 0, 0],
      ["task.put", 1, "run", "pending"],
    ]);
  });

  test("a slot whose record was lost goes on with its newest attempt, and not with another first one beside it", () => {
    const cluster = aCluster(aJob("web"), aTask("web"), aTask("web", { attempt: 2, nodeId: "n1" }, running));
    const drafts = reconcile(cluster);
    expect(told(drafts)).toEqual([
      ["slot.put", 2, 0, 0],
      ["task.put", 1, "stop", "stopped"],
    ]);
    for (const { change } of drafts) apply(cluster, change);
    expect(reconcile(cluster)).toEqual([]);
  });

  test("a slot that an adoption has left empty goes on with the later attempt that is on record all the same", () => {
    const later = aTask("web", { attempt: 3, nodeId: null }, { state: "pending" });
    const cluster = aCluster(aJob("web"), aSlot("web", { attempt: 2, taskId: "" }), later);
    const drafts = reconcile(cluster);
    expect(drafts.map(({ change }) => change)).toMatchObject([
      { kind: "slot.put", slot: { attempt: 3, taskId: later.id } },
    ]);
    for (const { change } of drafts) apply(cluster, change);
    expect(reconcile(cluster)).toEqual([]);
  });

  test("a job is not gone before a task is whose slot record was lost", () => {
    const left = aTask("web", { slot: 1, nodeId: "n1", desired: "remove" }, running);
    const cluster = aCluster(aJob("web", { desired: "remove" }), aSlot("web", { taskId: "" }), left);
    apply(cluster, { kind: "node.put", node: aNode("n1") });
    const steps = (): string[] => {
      const drafts = [0, 1].flatMap((index) => reconcile(cluster, {}, index));
      for (const { change } of drafts) apply(cluster, change);
      return drafts.map(({ change }) => change.kind);
    };
    expect([steps(), cluster.jobs.size]).toEqual([["slot.remove"], 1]);
    apply(cluster, { kind: "task.put", task: { ...left, fact: { ...left.fact, state: "stopped", containerId: "" } } });
    expect(steps()).toContain("job.remove");
    expect([cluster.jobs.size, cluster.tasks.size]).toEqual([0, 0]);
  });

  test("a slot whose task lives is left alone", () => {
    const cluster = aCluster(aJob("web"), aSlot("web"), aTask("web", { nodeId: "n1" }, running));
    expect(reconcile(cluster)).toEqual([]);
  });

  test("a service whose task failed for good waits, five seconds at first, and avoids the node", () => {
    const cluster = aCluster(aJob("web"), aSlot("web"), aTask("web", { nodeId: "n1" }, failed));
    const [draft] = reconcile(cluster);
    expect(draft?.change).toEqual({
      kind: "slot.put",
      slot: aSlot("web", { failures: 1, waitMs: 5_000, avoid: ["n1"] }),
    });
    expect(draft?.text).toBe("web is tried again in 5 s");
  });

  test("the wait doubles to ten minutes", () => {
    const waits = [0, 1, 2, 6, 7, 30].map((failures) => {
      const [draft] = reconcile(
        aCluster(aJob("web"), aSlot("web", { failures }), aTask("web", { nodeId: "n1" }, failed)),
      );
      return draft?.change.kind === "slot.put" ? draft.change.slot.waitMs : undefined;
    });
    expect(waits).toEqual([5_000, 10_000, 20_000, 320_000, 600_000, 600_000]);
  });

  test("a task that ran well for ten minutes has a clean record", () => {
    const cluster = aCluster(aJob("web"), aSlot("web", { failures: 6 }), aTask("web", { nodeId: "n1" }, failed));
    expect(told(reconcile(cluster, { ranLong: () => true }))).toEqual([["slot.put", 1, 1, 5_000]]);
  });

  test("while the wait lasts nothing happens; after it comes the next attempt", () => {
    const cluster = aCluster(
      aJob("web"),
      aSlot("web", { failures: 1, waitMs: 5_000 }),
      aTask("web", { nodeId: "n1" }, failed),
    );
    expect(reconcile(cluster)).toEqual([]);
    expect(told(reconcile(cluster, { waited: () => true }))).toEqual([
      ["slot.put", 2, 1, 0],
      ["task.put", 2, "run", "pending"],
    ]);
  });

  test("a batch task that failed is over, one that is complete too", () => {
    const job = aJob("web", { spec: aJobSpec("web", aSpec({}, "no")) });
    const complete = { state: "complete" as const, containerId: "x" };
    expect(reconcile(aCluster(job, aSlot("web"), aTask("web", { nodeId: "n1" }, failed)))).toEqual([]);
    expect(reconcile(aCluster(job, aSlot("web"), aTask("web", { nodeId: "n1" }, complete)))).toEqual([]);
  });

  test("a batch task that its node refused is tried elsewhere, and only if there is an elsewhere", () => {
    const job = aJob("web", { spec: aJobSpec("web", aSpec({}, "no")) });
    const rejected = aTask("web", { nodeId: "n1" }, { state: "rejected" });
    expect(reconcile(aCluster(job, aSlot("web"), rejected, aNode("n1")))).toEqual([]);
    expect(told(reconcile(aCluster(job, aSlot("web"), rejected, aNode("n1"), aNode("n2"))))).toEqual([
      ["slot.put", 1, 1, 5_000],
    ]);
  });

  test("a batch task is tried three times after each start, however often it was started before", () => {
    const job = aJob("web", { spec: aJobSpec("web", aSpec({}, "no")) });
    const verdict = (failures: number) => {
      const task = aTask("web", { nodeId: "n1", attempt: 7 }, { state: "rejected" });
      const slot = aSlot("web", { attempt: 7, taskId: task.id, failures });
      return told(reconcile(aCluster(job, slot, task, aNode("n1"), aNode("n2"))));
    };
    expect([0, 1, 2].map(verdict)).toEqual([[["slot.put", 7, 1, 5_000]], [["slot.put", 7, 2, 10_000]], []]);
  });

  test("stopping a job stops what lives, and what no worker has seen ends at once", () => {
    const job = aJob("web", { desired: "stop" });
    const stop = reconcile(aCluster(job, aSlot("web"), aTask("web", { nodeId: "n1" }, running)));
    const unplaced = reconcile(aCluster(job, aSlot("web"), aTask("web")));
    expect(told(stop)).toEqual([["task.put", 1, "stop", "running"]]);
    expect(told(unplaced)).toEqual([["task.put", 1, "stop", "stopped"]]);
  });

  test("a stopped job yields no new attempt, whatever its tasks do", () => {
    const job = aJob("web", { desired: "stop" });
    expect(
      reconcile(aCluster(job, aSlot("web", { failures: 1, waitMs: 1 }), aTask("web", { nodeId: "n1" }, failed)), {
        waited: () => true,
      }),
    ).toEqual([]);
  });

  test("a start raises the serial, and only a slot whose task has ended answers with a new attempt", () => {
    const job = aJob("web", { startSerial: 2 });
    const ended = aTask("web", { nodeId: "n1", desired: "stop" }, { state: "stopped", containerId: "x" });
    const ending = aTask("web", { nodeId: "n1", desired: "stop" }, { state: "stopping", containerId: "x" });
    expect(told(reconcile(aCluster(job, aSlot("web"), ended)))).toEqual([
      ["slot.put", 2, 0, 0],
      ["task.put", 2, "run", "pending"],
    ]);
    expect(reconcile(aCluster(job, aSlot("web"), ending))).toEqual([]);
  });

  test("a slot whose earlier attempt is still being ended gets the next one after that, unless nobody can know how it is", () => {
    const job = aJob("web", { startSerial: 2 });
    const double = aTask("web", { nodeId: "n1", desired: "stop" }, { state: "stopping", containerId: "x" });
    const ended = aTask("web", { attempt: 2, nodeId: "n2" }, failed);
    const records = [job, aSlot("web", { attempt: 2 }), double, ended, aNode("n2")] as const;
    expect(reconcile(aCluster(...records, aNode("n1")))).toEqual([]);
    const away = reconcile(aCluster(...records, aNode("n1", { state: "disconnected" })));
    expect(told(away)).toEqual([
      ["slot.put", 3, 0, 0],
      ["task.put", 3, "run", "pending"],
    ]);
  });

  test("attempts of one number that were made in other openings of the store have other ids, and say in which", () => {
    const cluster = aCluster(aJob("web"));
    const made = (opening?: string): (string | undefined)[] =>
      reconcile(cluster, { opening }).flatMap(({ change }) =>
        change.kind === "task.put" ? [change.task.id, change.task.opening] : [],
      );
    expect(made("a1")).toEqual(made("a1"));
    expect(made("a1")[1]).toBe("a1");
    expect(new Set([made()[0], made("a1")[0], made("b2")[0]]).size).toBe(3);
  });

  test("what runs answers a start by noting it, and a restart by starting anew, each of them once", () => {
    const live = aTask("web", { nodeId: "n1" }, running);
    const started = reconcile(aCluster(aJob("web", { startSerial: 2 }), aSlot("web"), live));
    const restarted = aCluster(aJob("web", { startSerial: 2, restartSerial: 2 }), aSlot("web"), live);
    const drafts = reconcile(restarted);
    for (const { change } of drafts) apply(restarted, change);
    expect(told(started)).toEqual([["slot.put", 1, 0, 0]]);
    expect(told(drafts)).toEqual([
      ["slot.put", 1, 0, 0],
      ["task.put", 1, "run", "running"],
    ]);
    expect(restarted.tasks.get(live.id)?.restartSerial).toBe(1);
    expect(reconcile(restarted)).toEqual([]);
  });

  test("a restart is answered by every attempt that lives, once it is known whether the newest does", () => {
    const original = aTask("web", { nodeId: "n1" }, running);
    const replacement = aTask("web", { nodeId: "n2", attempt: 2 }, running);
    const job = aJob("web", { startSerial: 2, restartSerial: 2 });
    const cluster = aCluster(job, aSlot("web", { attempt: 2, taskId: replacement.id }), original, replacement);
    expect(told(reconcile(cluster, { away: () => true }))).toEqual([]);
    for (const { change } of reconcile(cluster, { away: (nodeId) => nodeId === "n1" })) apply(cluster, change);
    expect([...cluster.tasks.values()].map(({ restartSerial }) => restartSerial)).toEqual([1, 1]);
    expect(reconcile(cluster, { away: (nodeId) => nodeId === "n1" })).toEqual([]);
  });

  test("a replacement that found no node gives way to what is back, also when that is not well", () => {
    const original = aTask("web", { nodeId: "n1" }, { state: "starting", incarnation: 3, containerId: "x" });
    const replacement = aTask("web", { attempt: 2 });
    const cluster = aCluster(aJob("web"), aSlot("web", { attempt: 2, taskId: replacement.id }), original, replacement);
    expect(reconcile(cluster, { away: () => true })).toEqual([]);
    expect(told(reconcile(cluster))).toEqual([
      ["slot.put", 2, 0, 0],
      ["task.put", 2, "stop", "stopped"],
    ]);
  });

  test("removal wants the task removed, then drops records once nothing is left on the node", () => {
    const job = aJob("web", { desired: "remove" });
    const first = reconcile(aCluster(job, aSlot("web"), aTask("web", { nodeId: "n1" }, running), aNode("n1")));
    const gone = aTask("web", { nodeId: "n1", desired: "remove" }, { state: "stopped", containerId: "" });
    const last = reconcile(aCluster(job, aSlot("web"), gone, aNode("n1")));
    expect(told(first)).toEqual([["task.put", 1, "remove", "running"]]);
    expect(told(last)).toEqual([["task.remove"], ["slot.remove"], ["job.remove"]]);
  });

  test("a smaller count clears the slots above it and keeps the job", () => {
    const cluster = aCluster(
      aJob("web"),
      aSlot("web"),
      aTask("web", { nodeId: "n1" }, running),
      aSlot("web", { index: 1, taskId: idOf("web", 1, 1) }),
      aTask("web", { slot: 1 }),
    );
    expect(told(reconcile(cluster, {}, 1))).toEqual([["task.remove"], ["slot.remove"]]);
  });
});
