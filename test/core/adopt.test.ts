import { describe, expect, test } from "bun:test";
import { planAdoption } from "../../src/core/adopt.ts";
import type { HeldTask } from "../../src/core/adopt-task.ts";
import { assignmentsOf } from "../../src/core/assign.ts";
import type { Change } from "../../src/core/change.ts";
import { apply, emptyCluster } from "../../src/core/cluster.ts";
import { taskId } from "../../src/core/ids.ts";
import { reconcileSlot } from "../../src/core/reconcile.ts";
import { DEFAULT_DISCONNECT } from "../../src/core/spec.ts";
import { planStart } from "../../src/core/submit.ts";
import { type TaskFact, unseen } from "../../src/core/task.ts";
import { aNode, aSpec, NOW } from "./records.ts";

interface Place {
  readonly node?: string;
  readonly slot?: number;
  readonly attempt?: number;
  readonly name?: string;
}

/** A task of job "j", service "web", as a node holds it. */
function held(
  { node = "n1", slot = 0, attempt = 1, name = "shop.web" }: Place,
  fact: Partial<TaskFact> = {},
): HeldTask {
  const id = taskId({ clusterId: "c", jobId: "j", service: "web", slot, attempt });
  return {
    nodeId: node,
    assignment: {
      taskId: id,
      jobId: "j",
      name: name === "shop.web" ? `shop.web.${slot}` : name,
      service: "web",
      slot,
      attempt,
      spec: aSpec(),
      desired: "run",
      restartSerial: 2,
    },
    fact: { ...unseen(id, "assigned"), incarnation: 3, state: "running", containerId: "box", ...fact },
  };
}

function clusterWith(...changes: Change[]) {
  const cluster = emptyCluster();
  for (const node of ["n1", "n2"]) apply(cluster, { kind: "node.put", node: aNode(node) });
  for (const change of changes) apply(cluster, change);
  return cluster;
}

function adopt(cluster: ReturnType<typeof clusterWith>, ...claims: HeldTask[]) {
  const plan = planAdoption({ cluster, clusterId: "c", actor: "op", nowMs: NOW }, claims);
  for (const { change } of plan.drafts) apply(cluster, change);
  return plan;
}

const slotsOf = (cluster: ReturnType<typeof clusterWith>) =>
  [...cluster.slots.values()].map((slot) => `${slot.index} #${slot.attempt} ${slot.taskId === "" ? "empty" : "taken"}`);

const reconcile = (cluster: ReturnType<typeof clusterWith>, index: number) =>
  reconcileSlot(
    { cluster, clusterId: "c", nowMs: NOW, waited: () => false, ranLong: () => false, away: () => false },
    { jobId: "j", service: "web", index },
  );

describe("adoption:", () => {
  test("tasks of several nodes become one job again, each with its node, and workers are told what they hold", () => {
    const cluster = clusterWith();
    const claims = [held({ slot: 0 }), held({ node: "n2", slot: 1 })];
    expect(adopt(cluster, ...claims)).toMatchObject({ newJobs: 1, newTasks: 2, conflicts: [] });
    expect(cluster.jobs.get("j")).toMatchObject({
      desired: "run",
      spec: { name: "shop", services: [{ name: "web", count: 2 }] },
    });
    for (const { nodeId, assignment, fact } of claims) {
      expect(assignmentsOf(cluster, nodeId)).toEqual([
        { ...assignment, jobCreatedMs: cluster.jobs.get("j")?.createdMs ?? 0, known: fact },
      ]);
    }
    expect([...reconcile(cluster, 0), ...reconcile(cluster, 1)]).toEqual([]);
  });

  test("a slot goes on with an earlier attempt that lives when the one that an older store has in it was told to end", () => {
    const cluster = clusterWith();
    const [original, replacement] = [held({ attempt: 1 }), held({ node: "n2", attempt: 2 })];
    adopt(cluster, original, replacement);
    const ended = held({ node: "n2", attempt: 2 }, { state: "stopped" });
    adopt(cluster, original, { ...ended, assignment: { ...ended.assignment, desired: "stop" } });
    expect([...cluster.slots.values()].map(({ taskId, attempt }) => [taskId, attempt])).toEqual([
      [original.assignment.taskId, 2],
    ]);
    expect(reconcile(cluster, 0)).toEqual([]);
  });

  test("an attempt that an older store has yet to place does not begin beside later ones", () => {
    const cluster = clusterWith();
    const first = held({ attempt: 1 });
    adopt(cluster, first);
    const known = cluster.tasks.get(first.assignment.taskId);
    if (!known) throw new Error("it is not adopted");
    apply(cluster, { kind: "task.put", task: { ...known, nodeId: null, fact: unseen(known.id) } });
    adopt(cluster, held({ node: "n2", attempt: 2 }));
    expect(cluster.tasks.get(known.id)).toMatchObject({ desired: "stop", fact: { state: "stopped" } });
    expect(reconcile(cluster, 0)).toEqual([]);
  });

  test("an attempt that an older store has running where nobody knows it any more is lost beside later ones", () => {
    const cluster = clusterWith();
    const first = held({ attempt: 1 });
    adopt(cluster, first);
    const claims = [held({ node: "n2", attempt: 2 })];
    const context = { cluster, clusterId: "c", actor: "op", nowMs: NOW, answered: new Set(["n1", "n2"]) };
    for (const { change } of planAdoption(context, claims).drafts) apply(cluster, change);
    expect(cluster.tasks.get(first.assignment.taskId)?.fact.state).toBe("lost");
    expect([...cluster.slots.values()].map((slot) => slot.attempt)).toEqual([2]);
  });

  test("an earlier attempt that stays with its node is over where a later one followed, also while that node is silent", () => {
    const cluster = clusterWith();
    const stays = aSpec({ disconnect: { ...DEFAULT_DISCONNECT, replace: false } });
    const bound = (claim: HeldTask): HeldTask => ({ ...claim, assignment: { ...claim.assignment, spec: stays } });
    const first = bound(held({ attempt: 1 }));
    adopt(cluster, first);
    adopt(cluster, bound(held({ node: "n2", attempt: 2 })));
    expect(cluster.tasks.get(first.assignment.taskId)?.fact.state).toBe("lost");
  });

  test("so it is when the store had told it to end and has not heard of its end", () => {
    const cluster = clusterWith();
    const stays = aSpec({ disconnect: { ...DEFAULT_DISCONNECT, replace: false } });
    const bound = ({ assignment, ...claim }: HeldTask, desired: "run" | "stop"): HeldTask => ({
      ...claim,
      assignment: { ...assignment, spec: stays, desired },
    });
    const first = bound(held({ attempt: 1 }), "stop");
    adopt(cluster, first);
    adopt(cluster, bound(held({ node: "n2", attempt: 2 }), "run"));
    expect(cluster.tasks.get(first.assignment.taskId)?.fact.state).toBe("lost");
  });

  test("a claim to an attempt that was made in another opening of the store is believed by its id, and stays as it was made", () => {
    const cluster = clusterWith();
    const { nodeId, assignment, fact } = held({});
    const { jobId, service, slot, attempt } = assignment;
    const id = taskId({ clusterId: "c", jobId, service, slot, attempt, opening: "a1" });
    const claim = { nodeId, assignment: { ...assignment, taskId: id, opening: "a1" }, fact: { ...fact, taskId: id } };
    expect(adopt(cluster, { ...claim, assignment: { ...claim.assignment, opening: "b2" } }).conflicts).toHaveLength(1);
    expect(adopt(cluster, claim)).toMatchObject({ newTasks: 1, conflicts: [] });
    expect(assignmentsOf(cluster, "n1")).toMatchObject([{ taskId: id, opening: "a1" }]);
  });

  test("a job of which only ended tasks are left, which are to go, is not made again to be removed", () => {
    const gone = held({}, { state: "complete" });
    const going = { ...gone, assignment: { ...gone.assignment, desired: "remove" as const } };
    const cluster = clusterWith();
    expect(adopt(cluster, going)).toMatchObject({ newJobs: 0, newTasks: 0 });
    expect(cluster.jobs.size).toBe(0);
    expect(adopt(cluster, going, held({ slot: 1 }))).toMatchObject({ newJobs: 1, newTasks: 2 });
  });

  test("a job is not removed because its attempts were told to go, but stopped: they go also as history, or by a manager that did not know them", () => {
    const claim = held({}, { state: "complete" });
    const cluster = clusterWith();
    adopt(cluster, claim);
    adopt(cluster, { ...claim, assignment: { ...claim.assignment, desired: "remove" } });
    expect(cluster.jobs.get("j")?.desired).toBe("stop");
  });

  test("a lone task keeps its job's name", () => {
    const cluster = clusterWith();
    adopt(cluster, held({ name: "solo" }));
    expect(cluster.jobs.get("j")?.spec).toMatchObject({ name: "solo", services: [{ count: 1 }] });
  });

  test("a slot that nobody holds stays empty until the job is started: its task may run on a node that is away", () => {
    const cluster = clusterWith();
    const { drafts } = adopt(cluster, held({ slot: 0 }), held({ slot: 2, attempt: 4 }));
    expect(slotsOf(cluster)).toEqual(["0 #1 taken", "2 #4 taken", "1 #4 empty"]);
    expect(drafts.at(-1)?.text).toBe(
      "shop.web.1 is held by no node that answered: it stays empty until `cube start shop`",
    );
    expect(reconcile(cluster, 1)).toEqual([]);
    const started = planStart({ cluster, clusterId: "c", actor: "op", revision: 1, nowMs: NOW }, "j");
    if (started.ok) for (const { change } of started.drafts) apply(cluster, change);
    expect(reconcile(cluster, 1).map(({ change }) => change.kind)).toEqual(["slot.put", "task.put"]);
    // What runs answers the start by noting it, and nothing else.
    expect(reconcile(cluster, 0).map(({ change }) => change.kind)).toEqual(["slot.put"]);
  });

  test("a slot of a running job whose attempts have all ended stays empty too, and goes on with an attempt that is found to live", () => {
    const cluster = clusterWith();
    const ended = held({ slot: 1, attempt: 2 }, { state: "stopped" });
    const told = { ...ended, assignment: { ...ended.assignment, desired: "stop" as const } };
    const { drafts } = adopt(cluster, held({ slot: 0 }), told);
    expect(slotsOf(cluster)).toEqual(["0 #1 taken", "1 #2 empty"]);
    expect(drafts.map(({ text }) => text)).toContain(
      "shop.web.1 has ended where a node has answered: it stays empty until `cube start shop`",
    );
    expect(reconcile(cluster, 1)).toEqual([]);
    const again = held({ slot: 1, attempt: 1, node: "n2" });
    adopt(cluster, again);
    expect(cluster.slots.get("j/web/1")).toMatchObject({ attempt: 2, taskId: again.assignment.taskId });
    expect(reconcile(cluster, 1)).toEqual([]);
  });

  test("a task that is complete keeps its slot", () => {
    const cluster = clusterWith();
    adopt(cluster, held({ slot: 0 }), held({ slot: 1 }, { state: "complete" }));
    expect(slotsOf(cluster)).toEqual(["0 #1 taken", "1 #1 taken"]);
    expect(reconcile(cluster, 1)).toEqual([]);
  });

  test("what runs is left alone also when the store that went back stood amid a restart", () => {
    const claim = held({});
    const cluster = clusterWith();
    adopt(cluster, claim);
    const job = cluster.jobs.get("j");
    if (!job) throw new Error("nothing was adopted");
    apply(cluster, { kind: "job.put", job: { ...job, startSerial: 2, restartSerial: 2 } });
    expect(reconcile(cluster, 0).map(({ change }) => change.kind)).toEqual(["slot.put", "task.put"]);
    adopt(cluster, claim);
    expect(reconcile(cluster, 0).map(({ change }) => change.kind)).toEqual(["slot.put"]);
  });

  test("of two nodes that hold one task the one where it lives keeps it, and the other one's copy is a double", () => {
    const cluster = clusterWith();
    const ended = held({ node: "n1" }, { state: "complete" });
    const { conflicts, doubles, newTasks } = adopt(cluster, ended, held({ node: "n2" }));
    expect([newTasks, conflicts]).toEqual([1, []]);
    expect([...cluster.tasks.values()].map(({ nodeId, fact }) => [nodeId, fact.state])).toEqual([["n2", "running"]]);
    expect(doubles).toEqual([{ nodeId: "n1", taskId: ended.assignment.taskId }]);
  });

  test("of two nodes where one task lives the one that the store has it on keeps it", () => {
    const cluster = clusterWith();
    adopt(cluster, held({ node: "n1" }));
    const { conflicts, doubles, drafts } = adopt(
      cluster,
      held({ node: "n2" }, { incarnation: 9 }),
      held({ node: "n1" }),
    );
    expect([conflicts, drafts]).toEqual([[], []]);
    expect(doubles.map(({ nodeId }) => nodeId)).toEqual(["n2"]);
  });

  test("what is not what its id says is named and left alone", () => {
    const { assignment, ...rest } = held({});
    const lies = [{ slot: 1 }, { jobId: "other" }, { attempt: 0 }].map((lie) => ({
      ...rest,
      assignment: { ...assignment, ...lie },
    }));
    const far = held({ slot: 1_000_000_000 });
    const { drafts, conflicts } = adopt(clusterWith(), ...lies, far);
    expect([drafts, conflicts.length]).toEqual([[], 4]);
  });

  test("a task that the store has running on another node stays there", () => {
    const cluster = clusterWith();
    adopt(cluster, held({ node: "n1" }));
    const { drafts, conflicts } = adopt(cluster, held({ node: "n2" }));
    expect([drafts, conflicts.length]).toEqual([[], 1]);
  });

  test("nothing is lowered: neither a fact nor a desired state nor a serial that the store has higher", () => {
    const cluster = clusterWith();
    adopt(cluster, held({}));
    const [known] = cluster.tasks.values();
    if (!known) throw new Error("no task");
    apply(cluster, { kind: "task.put", task: { ...known, desired: "stop", restartSerial: 9 } });
    adopt(cluster, held({}, { incarnation: 2, state: "running" }));
    expect(cluster.tasks.get(known.id)).toMatchObject({ desired: "stop", restartSerial: 9, fact: { incarnation: 3 } });
    adopt(cluster, held({}, { incarnation: 4 }));
    expect(cluster.tasks.get(known.id)).toMatchObject({ desired: "stop", fact: { incarnation: 4 } });
  });

  test("a later attempt than the store knows takes the slot; the earlier one stays as history", () => {
    const cluster = clusterWith();
    adopt(cluster, held({}, { state: "failed" }));
    adopt(cluster, held({ attempt: 2 }));
    expect(slotsOf(cluster)).toEqual(["0 #2 taken"]);
    expect([...cluster.tasks.values()].map(({ attempt, fact }) => [attempt, fact.state])).toEqual([
      [1, "failed"],
      [2, "running"],
    ]);
    expect(reconcile(cluster, 0)).toEqual([]);
  });

  test("an end that was ordered stays ordered: what a worker was told to stop is not wanted again", () => {
    const cluster = clusterWith();
    const { assignment, ...rest } = held({}, { state: "stopped" });
    adopt(cluster, { ...rest, assignment: { ...assignment, desired: "stop" } });
    expect(cluster.jobs.get("j")?.desired).toBe("stop");
    expect(reconcile(cluster, 0)).toEqual([]);
  });
});
