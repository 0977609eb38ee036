// What random lives of the manager have found, each shrunk to a script and kept.
import { expect, test } from "bun:test";
import { reconcileSlot } from "../../src/core/reconcile.ts";
import { planRemove, planStop, planSubmit } from "../../src/core/submit.ts";
import { Desk } from "./desk.ts";
import { aCluster, aJob, aJobSpec, aNode, aSlot, aSpec, aTask, idOf, NOW } from "./records.ts";

function submit(desk: Desk, id: string, count = 1): void {
  desk.command(planSubmit(desk.context, { id, spec: aJobSpec(id, aSpec(), count), idempotencyKey: "" }));
}

test("reconcile: a job of no tasks at all is gone with its removal, and its id is free", () => {
  const desk = new Desk();
  submit(desk, "none", 0);
  desk.reconcile(10);
  desk.command(planRemove(desk.context, "none"));
  expect([desk.cluster.jobs.size, desk.cluster.jobsByName.size]).toEqual([0, 0]);
});

test("submit: an id whose job is being removed is refused until that one is gone, never answered with it", () => {
  const desk = new Desk();
  submit(desk, "web");
  desk.reconcile(10);
  desk.command(planRemove(desk.context, "web"));
  const again = () => planSubmit(desk.context, { id: "web", spec: aJobSpec("web"), idempotencyKey: "" });
  expect(again()).toMatchObject({ ok: false, code: "conflict", message: "web is being removed" });
  desk.reconcile(10);
  expect(again()).toMatchObject({ ok: true, created: true });
});

test("schedule: a task whose job was stopped is not placed, also where reconciliation has not come to it yet", () => {
  const desk = new Desk();
  submit(desk, "web");
  desk.reconcile(10);
  desk.join("n1", 4_000);
  desk.command(planStop(desk.context, "web"));
  desk.schedule();
  const tasks = () =>
    [...desk.cluster.tasks.values()].map(({ nodeId, desired, fact }) => [nodeId, desired, fact.state]);
  expect(tasks()).toEqual([[null, "stop", "stopped"]]);
  desk.reconcile(10);
  expect(tasks()).toEqual([[null, "stop", "stopped"]]);
});

test("schedule: once nobody waits any more there is nothing left to do, whoever waited before", () => {
  const desk = new Desk();
  submit(desk, "web");
  desk.reconcile(10);
  desk.command(planStop(desk.context, "web"));
  desk.reconcile(10);
  desk.schedule();
  expect(desk.derived.hasWork).toBe(false);
});

test("reconcile: of two attempts the later has ended when the earlier one's node is back: that one stops where the work is done, else it takes the slot", () => {
  const outcome = (end: "complete" | "failed", isAway: boolean) => {
    const cluster = aCluster(
      aNode("n1"),
      aNode("n2"),
      aJob("web", { spec: aJobSpec("web", aSpec({}, "no")) }),
      aSlot("web", { attempt: 2 }),
      aTask("web", { nodeId: "n1" }, { state: "running", incarnation: 1, containerId: "box" }),
      aTask("web", { nodeId: "n2", attempt: 2 }, { state: end, incarnation: 1, containerId: "box" }),
    );
    const context = { cluster, clusterId: "c", nowMs: NOW, waited: () => false, ranLong: () => false };
    const away = (nodeId: string) => isAway && nodeId === "n1";
    const drafts = reconcileSlot({ ...context, away }, { jobId: "web", service: "web", index: 0 });
    return drafts.map(({ change }) => {
      if (change.kind === "task.put") return [change.task.id, change.task.desired];
      return change.kind === "slot.put" ? [change.slot.taskId, change.slot.attempt] : [change.kind];
    });
  };
  const first = idOf("web", 1);
  expect([outcome("complete", false), outcome("failed", false)]).toEqual([[[first, "stop"]], [[first, 2]]]);
  expect([outcome("complete", true), outcome("failed", true)]).toEqual([[], []]);
});

test("reconcile: of several attempts that outlive the slot's own one takes the slot and the others stop, in one go", () => {
  const running = { state: "running" as const, incarnation: 1, containerId: "box" };
  const cluster = aCluster(
    aNode("n1"),
    aNode("n2"),
    aJob("web"),
    aSlot("web", { attempt: 3 }),
    aTask("web", { nodeId: "n1" }, running),
    aTask("web", { nodeId: "n2", attempt: 2 }, running),
    aTask("web", { nodeId: "n3", attempt: 3 }, { state: "lost", incarnation: 1 }),
  );
  const never = () => false;
  const context = { cluster, clusterId: "c", nowMs: NOW, waited: never, ranLong: never, away: never };
  const drafts = reconcileSlot(context, { jobId: "web", service: "web", index: 0 });
  const told = drafts.flatMap(({ change }): (string | number)[][] => {
    if (change.kind === "task.put") return [[change.task.attempt, change.task.desired]];
    return change.kind === "slot.put" ? [["slot", change.slot.taskId]] : [];
  });
  expect(told).toEqual([
    [3, "remove"],
    ["slot", idOf("web", 1)],
    [2, "stop"],
  ]);
});
