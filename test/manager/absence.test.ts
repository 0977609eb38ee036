import { describe, expect, test } from "bun:test";
import { DEFAULT_DISCONNECT, type TaskSpec } from "../../src/core/spec.ts";
import type { Task } from "../../src/core/task.ts";
import { aJobSpec, aSpec } from "../core/records.ts";
import { Bench, fact } from "./bench.ts";

const REMOTE = { local: false };

/** Nodes n1, n2 … far away, settled, with their links l1, l2 …. */
function cluster(nodes: number): Bench {
  const bench = new Bench();
  for (let i = 1; i <= nodes; i++) bench.hello(`n${i}`, `l${i}`, REMOTE);
  bench.passes(20_000);
  return bench;
}

/** A task that runs on a node. */
function runOn(bench: Bench, node: string, spec: Partial<TaskSpec> = {}): Task {
  const constraints = [{ key: "node.id", operator: "==", value: node } as const];
  const pinned = aSpec({ ...spec, constraints });
  const reply = bench.submit(aJobSpec(`on-${node}-${bench.tasks.length}`, pinned));
  if (!reply?.ok) throw new Error(JSON.stringify(reply));
  const task = bench.newest;
  runs(bench, task, node);
  return task;
}

/** A task that runs on the node that the scheduler chose. */
function runAnywhere(bench: Bench, spec: Partial<TaskSpec> = {}): Task {
  bench.submit(aJobSpec(`web-${bench.tasks.length}`, aSpec(spec)));
  const task = bench.newest;
  runs(bench, task, task.nodeId ?? "");
  return task;
}

function runs(bench: Bench, task: Task, node: string, health: "unknown" | "healthy" | "unhealthy" = "unknown"): void {
  bench.report([fact(task.id, { state: "running", health })], [], linkOf(node));
}

function linkOf(node: string | null): string {
  return `l${(node ?? "").slice(1)}`;
}

/** Attempts of the only job: number, node, state and what is wanted. */
function attempts(bench: Bench): string[] {
  return bench.tasks.map((task) => `${task.attempt} ${task.nodeId} ${task.fact.state} ${task.desired}`);
}

/** The node is back: hello, and a whole report of these facts. */
function back(bench: Bench, node: string, facts: Parameters<Bench["report"]>[0]): void {
  bench.hello(node, linkOf(node), REMOTE);
  bench.say({ kind: "report", number: 1, full: true, facts, removed: [] }, linkOf(node));
}

describe("a node out of reach", () => {
  test("its task is replaced elsewhere within eleven seconds, and not before", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    bench.cut(linkOf(task.nodeId));
    bench.passes(10_000);
    expect(bench.tasks).toHaveLength(1);
    bench.passes(1_500);
    expect(bench.tasks.map((t) => t.attempt)).toEqual([1, 2]);
    expect(bench.newest.nodeId).not.toBe(task.nodeId);
    expect(bench.texts.at(-2)).toMatch(/is replaced: node n\d is out of reach/);
  });

  test("a node whose record was lost with a damaged store is waited for, and its tasks are replaced, all the same", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    const node = task.nodeId ?? "";
    bench.cut(linkOf(node));
    bench.restart([{ kind: "node.remove", nodeId: node }]);
    for (const other of ["n1", "n2", "n3"]) if (other !== node) back(bench, other, []);
    bench.passes(40_000);
    expect(bench.tasks.map((one) => one.attempt)).toEqual([1, 2]);
    expect(bench.newest.nodeId).not.toBe(node);
    bench.passes(330_000);
    expect(bench.tasks[0]?.fact.state).toBe("lost");
  });

  test("a node whose record was lost is on record again, so that tasks that stay with it can be given up, and has its own name when it is back", () => {
    const bench = cluster(3);
    const task = runOn(bench, "n1", { disconnect: { ...DEFAULT_DISCONNECT, replace: false } });
    bench.cut("l1");
    bench.restart([{ kind: "node.remove", nodeId: "n1" }]);
    back(bench, "n2", []);
    back(bench, "n3", []);
    bench.passes(400_000);
    expect(bench.machine.cluster.nodes.get("n1")).toMatchObject({
      state: "disconnected",
      reason: "its record was lost with a damaged store",
    });
    expect(bench.texts.filter((text) => text.includes("not on record any more"))).toHaveLength(1);
    expect(bench.command({ kind: "node.remove", nodeId: "n1", force: true })).toMatchObject({ ok: true });
    expect(bench.tasks.find(({ id }) => id === task.id)?.fact.state).toBe("lost");
  });

  test("the manager's own worker, back after its record was lost, is no witness that others are gone", () => {
    const bench = new Bench();
    bench.hello("n1", "l1", { local: true });
    bench.command({ kind: "node.availability", nodeId: "n1", availability: "eligible" });
    bench.hello("n2", "l2", REMOTE);
    bench.command({ kind: "node.availability", nodeId: "n1", availability: "eligible" });
    bench.passes(20_000);
    const own = runOn(bench, "n1");
    const far = runOn(bench, "n2");
    bench.cut("l1");
    bench.cut("l2");
    bench.restart([{ kind: "node.remove", nodeId: "n1" }]);
    bench.hello("n1", "l1", { local: true });
    bench.say({ kind: "report", number: 1, full: true, facts: [own.fact], removed: [] }, "l1");
    bench.passes(600_000);
    expect(bench.tasks.find(({ id }) => id === far.id)?.fact.state).toBe("running");
  });

  test("a task that its worker ends when it is alone is replaced, or lost, only once that has surely happened", () => {
    const ends = [300_000, 20_000].map((lostAfterMs) => {
      const bench = cluster(3);
      const disconnect = { ...DEFAULT_DISCONNECT, stopAfterMs: 60_000, lostAfterMs };
      const task = runAnywhere(bench, { stopGraceMs: 10_000, disconnect });
      bench.cut(linkOf(task.nodeId));
      // Three heartbeats, ten seconds to notice, sixty alone, ten to end, ten to be killed, and two in a hundred for the clocks.
      bench.passes(96_000);
      expect(attempts(bench)).toEqual([`1 ${task.nodeId} running run`]);
      bench.passes(4_000);
      return bench.tasks.map(({ fact: { state } }) => state);
    });
    expect(ends).toEqual([["running", "assigned"], ["lost"]]);
  });

  test("a link that is silent but not closed is out just the same", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    bench.links.delete(linkOf(task.nodeId));
    bench.passes(12_000);
    expect(bench.tasks).toHaveLength(2);
  });

  test("back before it is lost, the healthy original is kept and the replacement stopped", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    bench.cut(linkOf(task.nodeId));
    bench.passes(20_000);
    const replacement = bench.newest;
    runs(bench, replacement, replacement.nodeId ?? "");
    back(bench, task.nodeId ?? "", [fact(task.id, { state: "running" })]);
    expect(attempts(bench)).toEqual([`1 ${task.nodeId} running run`, `2 ${replacement.nodeId} running stop`]);
  });

  test("nothing is decided on a hello alone: the original may have ended meanwhile", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    bench.cut(linkOf(task.nodeId));
    bench.passes(20_000);
    const replacement = bench.newest;
    runs(bench, replacement, replacement.nodeId ?? "");
    bench.hello(task.nodeId ?? "", linkOf(task.nodeId), REMOTE);
    expect(bench.newest.desired).toBe("run");
    back(bench, task.nodeId ?? "", [fact(task.id, { state: "failed" })]);
    expect(attempts(bench)).toEqual([`1 ${task.nodeId} failed run`, `2 ${replacement.nodeId} running run`]);
  });

  test("one that comes back only to greet has been there: it has to be missed anew before its task is replaced", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    bench.cut(linkOf(task.nodeId));
    // Out on record, and not yet long enough for a replacement.
    bench.passes(8_000);
    bench.hello(task.nodeId ?? "", linkOf(task.nodeId), REMOTE);
    bench.passes(4_000);
    bench.cut(linkOf(task.nodeId));
    const stateOf = (): string | undefined => bench.machine.cluster.nodes.get(task.nodeId ?? "")?.state;
    bench.passes(4_000);
    expect([stateOf(), bench.tasks.length]).toEqual(["ready", 1]);
    bench.passes(5_000);
    expect([stateOf(), bench.tasks.length]).toEqual(["disconnected", 1]);
    bench.passes(4_000);
    expect([stateOf(), bench.tasks.length]).toEqual(["disconnected", 2]);
  });

  test("what a manager that has died left undecided is decided once both nodes have spoken to the next one", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    bench.cut(linkOf(task.nodeId));
    bench.passes(20_000);
    const replacement = bench.newest;
    runs(bench, replacement, replacement.nodeId ?? "");
    bench.restart();
    bench.settle();
    back(bench, replacement.nodeId ?? "", [fact(replacement.id, { state: "running" })]);
    back(bench, task.nodeId ?? "", [fact(task.id, { state: "running" })]);
    expect(attempts(bench)).toEqual([`1 ${task.nodeId} running run`, `2 ${replacement.nodeId} running stop`]);
  });

  test("no third attempt is placed for a replacement whose node goes too while the original is back", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    bench.cut(linkOf(task.nodeId));
    bench.passes(20_000);
    const replacement = bench.newest;
    runs(bench, replacement, replacement.nodeId ?? "");
    bench.hello(task.nodeId ?? "", linkOf(task.nodeId), REMOTE);
    bench.cut(linkOf(replacement.nodeId));
    bench.passes(20_000);
    expect(attempts(bench)).toEqual([`1 ${task.nodeId} running run`, `2 ${replacement.nodeId} running run`]);
  });

  test("no third attempt is placed beside a replacement that has yet to end when the original's node goes once more", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    const home = task.nodeId ?? "";
    bench.cut(linkOf(home));
    bench.passes(20_000);
    const replacement = bench.newest;
    runs(bench, replacement, replacement.nodeId ?? "");
    back(bench, home, [fact(task.id, { state: "running" })]);
    bench.report([fact(replacement.id, { state: "stopping" })], [], linkOf(replacement.nodeId));
    bench.cut(linkOf(home));
    bench.passes(20_000);
    expect(attempts(bench)).toEqual([`1 ${home} running run`, `2 ${replacement.nodeId} stopping stop`]);
    bench.report([fact(replacement.id, { state: "stopped" })], [], linkOf(replacement.nodeId));
    bench.passes(2_000);
    expect(bench.newest).toMatchObject({ attempt: 3, desired: "run" });
  });

  test("an original that is not well loses, but only once the replacement is", () => {
    const probe = { kind: "tcp", port: 80 } as const;
    const health = { probe, intervalMs: 1_000, timeoutMs: 1_000, retries: 3, startPeriodMs: 0 };
    const bench = cluster(3);
    const task = runAnywhere(bench, { health });
    bench.cut(linkOf(task.nodeId));
    bench.passes(20_000);
    const replacement = bench.newest;
    back(bench, task.nodeId ?? "", [fact(task.id, { state: "running", health: "unhealthy" })]);
    expect(bench.tasks.map((t) => t.desired)).toEqual(["run", "run"]);
    runs(bench, replacement, replacement.nodeId ?? "", "healthy");
    expect(bench.tasks.map((t) => t.desired)).toEqual(["stop", "run"]);
  });

  test("a replacement that was never placed ends at once when the original returns", () => {
    const bench = cluster(2);
    const task = runOn(bench, "n1");
    bench.cut("l1");
    bench.passes(20_000);
    expect(attempts(bench)).toEqual(["1 n1 running run", "2 null pending run"]);
    back(bench, "n1", [fact(task.id, { state: "running" })]);
    expect(attempts(bench)).toEqual(["1 n1 running run", "2 null stopped stop"]);
  });

  test("after lost_after the original is lost for good, and is stopped and removed when its node returns", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    const node = task.nodeId ?? "";
    bench.cut(linkOf(node));
    bench.passes(20_000);
    runs(bench, bench.newest, bench.newest.nodeId ?? "");
    bench.passes(300_000);
    expect(bench.tasks[0]).toMatchObject({ fact: { state: "lost" }, desired: "remove" });
    bench.sent = [];
    back(bench, node, [fact(task.id, { state: "running" })]);
    expect(bench.sent.find((message) => message.kind === "assignments")).toMatchObject({
      put: [{ desired: "remove" }],
    });
    expect(bench.tasks[0]?.fact.state).toBe("lost");
    expect(bench.tasks[1]?.desired).toBe("run");
  });

  test("what a lost task took of its node is given away once the node has said that nothing of it is left, and not before", () => {
    const bench = cluster(3);
    const resources = { cpuMillis: 3_000, memoryBytes: 0, diskBytes: 0 };
    const task = runAnywhere(bench, { resources });
    const node = task.nodeId ?? "";
    bench.cut(linkOf(node));
    bench.passes(20_000);
    runs(bench, bench.newest, bench.newest.nodeId ?? "");
    bench.passes(300_000);
    expect(bench.tasks[0]?.fact.state).toBe("lost");
    bench.submit(
      aJobSpec("next", aSpec({ resources, constraints: [{ key: "node.id", operator: "==", value: node }] })),
    );
    back(bench, node, [fact(task.id, { state: "running" })]);
    bench.passes(5_000);
    expect(bench.newest.nodeId).toBeNull();
    bench.say({ kind: "report", number: 2, full: false, facts: [], removed: [task.id] }, linkOf(node));
    bench.passes(1_000);
    expect(bench.newest.nodeId).toBe(node);
  });

  test("what an adoption has found and ended in a slot is over before that slot's waiting attempt is placed", () => {
    for (const how of ["ends", "is out"]) {
      const bench = cluster(3);
      const task = runAnywhere(bench);
      const slot = [...bench.machine.cluster.slots.values()][0];
      if (slot === undefined) throw new Error("there is no slot");
      const later: Task = { ...task, id: "later", attempt: 2, nodeId: null, fact: fact("later", { state: "pending" }) };
      const running = { ...task, desired: "stop" as const, fact: fact(task.id, { state: "running" }) };
      bench.restart([
        { kind: "task.put", task: running },
        { kind: "task.put", task: later },
        { kind: "slot.put", slot: { ...slot, attempt: 2, taskId: "later" } },
      ]);
      for (const node of ["n1", "n2", "n3"])
        back(bench, node, node === task.nodeId ? [fact(task.id, { state: "running" })] : []);
      bench.passes(5_000);
      const waits = bench.machine.cluster.tasks.get("later");
      expect([how, waits?.nodeId, waits?.reason]).toEqual([how, null, "the attempt before it is ending"]);
      if (how === "ends") bench.report([fact(task.id, { state: "stopped" })], [], linkOf(task.nodeId));
      else bench.cut(linkOf(task.nodeId));
      bench.passes(20_000);
      expect([how, bench.machine.cluster.tasks.get("later")?.nodeId]).not.toEqual([how, null]);
    }
  });

  test("a task with a named volume stays with its node", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench, { mounts: [{ kind: "volume", source: "data", target: "/data", readOnly: false }] });
    bench.cut(linkOf(task.nodeId));
    bench.passes(900_000);
    expect(attempts(bench)).toEqual([`1 ${task.nodeId} running run`]);
  });

  test("so does one whose job says that it is not to be replaced", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench, { disconnect: { ...DEFAULT_DISCONNECT, replace: false } });
    bench.cut(linkOf(task.nodeId));
    bench.passes(900_000);
    expect(bench.tasks).toHaveLength(1);
  });

  test("no more than five nodes a minute have their tasks replaced", () => {
    const bench = cluster(20);
    for (let i = 1; i <= 20; i++) runOn(bench, `n${i}`);
    for (let i = 1; i <= 8; i++) bench.cut(`l${i}`);
    bench.passes(15_000);
    expect(bench.tasks.length - 20).toBe(5);
    bench.passes(60_000);
    expect(bench.tasks.length - 20).toBe(8);
  });

  test("a manager that wakes from a night's sleep gives everybody time before it judges", () => {
    const bench = cluster(3);
    runAnywhere(bench);
    bench.links.clear();
    bench.sleeps(8 * 3_600_000);
    bench.passes(14_000);
    expect([...bench.machine.cluster.nodes.values()].map((node) => node.state)).toEqual(["ready", "ready", "ready"]);
    expect(bench.machine.caution).toContain("settling");
  });

  test("a manager that starts knows nobody's absence before it has settled", () => {
    const bench = cluster(3);
    const task = runAnywhere(bench);
    bench.restart();
    bench.links.clear();
    for (const node of ["n1", "n2", "n3"]) if (node !== task.nodeId) bench.hello(node, linkOf(node), REMOTE);
    bench.passes(14_000);
    expect(bench.tasks).toHaveLength(1);
    bench.passes(20_000);
    expect(bench.tasks).toHaveLength(2);
  });
});
