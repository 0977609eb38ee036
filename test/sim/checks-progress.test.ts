// Checkers that look at a whole cluster now and then (S8, S25, L2, L3, L5), and the marks of coverage.
import { describe, expect, test } from "bun:test";
import { type Cluster, emptyCluster } from "../../src/core/cluster.ts";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import { unbalanced } from "../../src/sim/checks/books.ts";
import { Coverage } from "../../src/sim/coverage.ts";
import { drawPlan } from "../../src/sim/draw.ts";
import { UNHITTABLE } from "../../src/sim/not-yet.ts";
import { run } from "../../src/sim/run.ts";
import { MANAGER, Simulation } from "../../src/sim/simulation.ts";
import { aCluster, aJob, aJobSpec, aNode, aSlot, aTask } from "../core/records.ts";
import { aContainer, aPlan, CheckBench } from "./checks-bench.ts";

const TEN_MINUTES = 600_000;

/** A run that really goes on, without faults, with one job on two nodes. */
function lively(id: string): CheckBench {
  const bench = new CheckBench(id);
  bench.sim.begin();
  bench.passes(20_000);
  const command = { kind: "job.submit", id: "", spec: aJobSpec("web"), idempotencyKey: "k" } as const;
  bench.sim.manager.manager.execute(command, () => {});
  bench.passes(20_000);
  return bench;
}

/** Looks every ten seconds for a while. */
function watch(bench: CheckBench, ms: number): void {
  for (let left = ms; left > 0; left -= 10_000) {
    bench.passes(10_000);
    bench.recount();
  }
}

describe("sim: checkers of the whole", () => {
  test("S8 finds an index that was forgotten, and nothing in one that was kept", () => {
    const records = [aNode("n1"), aJob("web"), aSlot("web"), aTask("web", { nodeId: "n1" })];
    const sound = aCluster(...records);
    const forgetful: Cluster = { ...emptyCluster(), ...aCluster(...records), tasksOfNode: new Map() };
    const miscounted: Cluster = { ...aCluster(...records), statesOfJob: new Map([["web", new Map([["running", 1]])]]) };
    expect([sound, forgetful, miscounted].map((cluster) => unbalanced(cluster) !== "")).toEqual([false, true, true]);
  });

  test("S8 finds a manager that has something in mind which its store does not hold", () => {
    const bench = lively("S8");
    bench.recount();
    expect(bench.found).toEqual([]);
    const nodes = bench.sim.manager.manager.machine?.cluster.nodes as Map<string, unknown>;
    nodes.delete("n1");
    bench.recount();
    expect(bench.found).toEqual([expect.stringContaining("not as its store")]);
  });

  test("S25 finds a scheduler that answers by something else than its records", () => {
    const bench = lively("S25");
    bench.recount();
    expect(bench.found).toEqual([]);
    const { epvm } = SCHEDULERS;
    let calls = 0;
    const moody = {
      ...epvm,
      scoring: {
        ...epvm.scoring,
        describeNode: (_load: unknown, into: Float64Array, at: number) =>
          into.fill(calls++ % 3, at, at + epvm.scoring.width),
      },
    };
    Object.assign(SCHEDULERS, { epvm: moody });
    try {
      for (let i = 0; i < 3; i++) bench.recount();
    } finally {
      Object.assign(SCHEDULERS, { epvm });
    }
    expect(bench.found.length).toBeGreaterThan(0);
  });

  test("L2 finds a worker that stays away once all is healed, and nothing while all come back", () => {
    const found = [true, false].map((isLinked) => {
      const bench = new CheckBench("L2");
      bench.tell({ kind: "healed" });
      bench.tell({ kind: "linked", node: "n1", manager: MANAGER });
      if (isLinked) bench.tell({ kind: "linked", node: "n2", manager: MANAGER });
      watch(bench, 200_000);
      return bench.found[0] ?? "";
    });
    expect(found).toEqual(["", expect.stringContaining("n2 has no link")]);
  });

  test("L3 finds a container that lives on although nobody wants it", () => {
    const bench = new CheckBench("L3");
    const node = bench.sim.nodes.get("n1");
    node?.worker.start();
    const stray = aContainer();
    node?.engine.containers.set(stray.instanceId, stray);
    watch(bench, TEN_MINUTES);
    expect(bench.found).toEqual([]);
    bench.tell({ kind: "healed" });
    watch(bench, TEN_MINUTES);
    expect(bench.found[0]).toContain("n1/t.1 is running");
  });

  test("L5 finds a task that waits although it fits", () => {
    const found = [4_000, 50].map((cpuMillis) => {
      const bench = new CheckBench("L5");
      bench.sim.nodes.get("n1")?.worker.start();
      const capacity = { cpuMillis, memoryBytes: 2 ** 33, diskBytes: 2 ** 40 };
      bench.keep([
        { kind: "node.put", node: aNode("n1", { capacity }) },
        { kind: "job.put", job: aJob("web") },
        { kind: "slot.put", slot: aSlot("web") },
        { kind: "task.put", task: aTask("web") },
      ]);
      bench.tell({ kind: "healed" }, { kind: "linked", node: "n1", manager: MANAGER });
      watch(bench, TEN_MINUTES);
      return bench.found.length > 0;
    });
    expect(found).toEqual([true, false]);
  });
});

describe("sim: coverage", () => {
  test("marks are read off what happens, and a quiet run hits none", () => {
    const coverage = new Coverage();
    const sim = new Simulation(aPlan());
    coverage.listen(sim);
    sim.begin();
    sim.runUntil(60_000);
    expect([...coverage.hit]).toEqual([]);
    const one = aContainer();
    const keep = (revision: number, atMs: number): void =>
      sim.tell({
        ...{ kind: "durable", manager: MANAGER },
        changes: [{ revision, atMs, actor: "user", text: "", change: { kind: "job.put", job: aJob("web") } }],
      });
    const { revision } = sim.manager.store;
    keep(revision + 1, 1_000);
    keep(revision + 2, 1_000 + 60_000);
    sim.tell({ kind: "created", container: one, isAdopted: true });
    sim.tell({ kind: "started", container: one });
    const stop = (): void => sim.tell({ kind: "signalled", container: one, signal: "", graceMs: 10_000 });
    stop();
    // Told again before it has to be dead it is no zombie.
    stop();
    expect(coverage.hit).not.toContain("kill-then-zombie");
    sim.runUntil(sim.nowMs + 11_000);
    stop();
    expect([...coverage.hit].sort()).toEqual([
      "409-name-conflict",
      "adopt-after-lost-create-reply",
      "clock-step",
      "kill-then-zombie",
    ]);
  });

  test("no run hits a mark that is said to be out of reach", () => {
    const { marks } = run(drawPlan(504));
    expect([...marks].filter((mark) => UNHITTABLE.has(mark))).toEqual([]);
    expect(marks.size).toBeGreaterThan(1);
  }, 60_000);
});
