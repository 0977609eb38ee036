// When a manager may be the one that is cut off: nothing is replaced, people are told so, and what an operator vouches for goes no further than what is out by then.
import { describe, expect, test } from "bun:test";
import { ALONE, ISOLATED } from "../../src/core/caution.ts";
import { DEFAULT_DISCONNECT } from "../../src/core/spec.ts";
import { aJobSpec, aSpec } from "../core/records.ts";
import { Bench, fact } from "./bench.ts";

const REMOTE = { local: false };

/** Nodes n1, n2 … far away, settled, with their links l1, l2 …, each with a task of its own. */
function cluster(nodes: number): Bench {
  const bench = new Bench();
  for (let i = 1; i <= nodes; i++) bench.hello(`n${i}`, `l${i}`, REMOTE);
  bench.passes(20_000);
  for (let i = 1; i <= nodes; i++) runOn(bench, i);
  return bench;
}

function runOn(bench: Bench, node: number): void {
  const constraints = [{ key: "node.id", operator: "==", value: `n${node}` } as const];
  bench.submit(aJobSpec(`on-n${node}`, aSpec({ constraints })));
  bench.report([fact(bench.newest.id, { state: "running" })], [], `l${node}`);
}

function cut(bench: Bench, ...nodes: readonly number[]): void {
  for (const node of nodes) bench.cut(`l${node}`);
}

/** The node is back with the tasks that it had. */
function back(bench: Bench, node: number): void {
  const facts = bench.tasks.filter((task) => task.nodeId === `n${node}`).map((task) => task.fact);
  bench.hello(`n${node}`, `l${node}`, REMOTE);
  bench.say({ kind: "report", number: 1, full: true, facts, removed: [] }, `l${node}`);
}

describe("isolation", () => {
  test("when most nodes go at once nothing is replaced, until an operator says that they are gone", () => {
    const bench = cluster(5);
    cut(bench, 1, 2, 3);
    bench.passes(60_000);
    expect([bench.tasks.length, bench.machine.caution]).toEqual([5, ISOLATED]);
    expect(bench.command({ kind: "nodes.trust-loss" })).toMatchObject({ ok: true });
    bench.passes(1_000);
    expect([bench.tasks.length, bench.machine.caution]).toEqual([8, ""]);
  });

  test("while nothing is out nobody can be taken for lost, and what goes later is guarded as ever", () => {
    const bench = cluster(3);
    expect(bench.command({ kind: "nodes.trust-loss" })).toMatchObject({ ok: false, code: "conflict" });
    cut(bench, 1, 2, 3);
    bench.passes(600_000);
    expect([bench.tasks.length, bench.machine.caution]).toEqual([3, ISOLATED]);
  });

  test("an operator vouches for what is out by then, and not for what goes while that stays away", () => {
    const bench = cluster(5);
    cut(bench, 1);
    bench.passes(60_000);
    expect(bench.command({ kind: "nodes.trust-loss" })).toMatchObject({ ok: true });
    bench.passes(3_600_000);
    const before = bench.tasks.length;
    cut(bench, 2, 3, 4, 5);
    bench.passes(60_000);
    expect([bench.tasks.length, bench.machine.caution]).toEqual([before, ISOLATED]);
  });

  test("what was taken for lost and came back has to be vouched for anew", () => {
    const bench = cluster(1);
    cut(bench, 1);
    bench.passes(20_000);
    bench.command({ kind: "nodes.trust-loss" });
    back(bench, 1);
    cut(bench, 1);
    bench.passes(600_000);
    expect(bench.machine.caution).toBe(ALONE);
  });
});

describe("the only far node out:", () => {
  test("it proves nothing by its absence, since it may be the manager that is cut off; people are told that nothing is replaced", () => {
    const bench = cluster(1);
    bench.hello("here", "l9", { local: true });
    cut(bench, 1);
    bench.passes(600_000);
    expect([bench.machine.cluster.nodes.get("n1")?.state, bench.tasks.length]).toEqual(["disconnected", 1]);
    expect(bench.machine.caution).toBe(ALONE);
  });

  test("its task is replaced once an operator says that it is gone, and the caution is over", () => {
    const bench = cluster(1);
    cut(bench, 1);
    bench.passes(60_000);
    expect(bench.command({ kind: "nodes.trust-loss" })).toMatchObject({ ok: true });
    bench.passes(1_000);
    expect([bench.tasks.length, bench.machine.caution]).toEqual([2, ""]);
  });

  test("so it is once another node is there to tell", () => {
    const bench = cluster(1);
    cut(bench, 1);
    bench.passes(60_000);
    bench.hello("n2", "l2", REMOTE);
    bench.passes(2_000);
    expect([bench.tasks.length, bench.machine.caution]).toEqual([2, ""]);
  });

  test("one whose tasks would not be replaced anyway is no reason for a caution", () => {
    const bench = new Bench();
    bench.hello("n1", "l1", REMOTE);
    bench.passes(20_000);
    const stays = aSpec({ disconnect: { ...DEFAULT_DISCONNECT, replace: false } });
    const mounts = [{ kind: "volume", source: "data", target: "/data", readOnly: false }] as const;
    for (const [name, spec] of Object.entries({ stays, data: aSpec({ mounts }), ends: aSpec() })) {
      bench.submit(aJobSpec(name, spec));
      bench.report([fact(bench.newest.id, { state: "running" })]);
    }
    bench.command({ kind: "job.stop", jobId: bench.newest.jobId });
    expect(bench.tasks.map(({ desired, fact: { state } }) => `${desired} ${state}`).sort()).toEqual([
      "run running",
      "run running",
      "stop running",
    ]);
    cut(bench, 1);
    bench.passes(60_000);
    expect([bench.machine.caution, bench.machine.cluster.nodes.get("n1")?.state]).toEqual(["", "disconnected"]);
  });

  test("one on which nothing runs is no reason for a caution", () => {
    const bench = new Bench();
    bench.hello("n1", "l1", REMOTE);
    bench.passes(20_000);
    cut(bench, 1);
    bench.passes(60_000);
    expect(bench.machine.caution).toBe("");
  });
});
