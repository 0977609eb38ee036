// What random lives of the manager have found, each shrunk to a script and kept.
import { expect, test } from "bun:test";
import { planRemove, planStop, planSubmit } from "../../src/core/submit.ts";
import { Desk } from "./desk.ts";
import { aJobSpec, aSpec } from "./records.ts";

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
