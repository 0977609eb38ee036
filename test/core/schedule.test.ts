/** The schedulers' choices, the index under change, and the decisions that they leave. */
import { describe, expect, test } from "bun:test";
import { DECISION_DETAIL } from "../../src/core/decision.ts";
import type { Need, NodeView, SchedulerName } from "../../src/core/schedule.ts";
import { Placement, SCHEDULERS } from "../../src/core/schedule.ts";
import { ReferenceScheduler } from "./reference-scheduler.ts";
import { demand, GIB, MIB, need, node } from "./schedule-nodes.ts";

const ASKED = { taskId: "t", jobId: "j" };
const NAMES: readonly SchedulerName[] = ["epvm", "roundrobin", "pack"];

function placementOf(name: SchedulerName, views: readonly NodeView[]): Placement {
  const placement = new Placement(SCHEDULERS[name]);
  for (const view of views) placement.putNode(view);
  return placement;
}

/** Places that many tasks one after the other; null where one does not fit. */
function placeMany(placement: Placement, wanted: Need, count: number): (string | null)[] {
  return Array.from({ length: count }, (_, i) => {
    const nodeId = placement.place(wanted, []);
    if (nodeId !== null) placement.reserve(`t${i}`, nodeId, wanted);
    return nodeId;
  });
}

function countOf(answers: readonly (string | null)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[String(answer)] = (counts[String(answer)] ?? 0) + 1;
  return counts;
}

describe("schedule/epvm", () => {
  const five = [1, 2, 3, 4, 5].map((n) => node(n));

  test("spreads fifty tasks without figures evenly over five equal nodes", () => {
    expect(countOf(placeMany(placementOf("epvm", five), need(), 50))).toEqual({
      n1: 10,
      n2: 10,
      n3: 10,
      n4: 10,
      n5: 10,
    });
  });

  test("takes the marginal cost of the paper: n to the load after, less n to the load before", () => {
    const measured = { cpuMillis: 1_000, memoryBytes: 0, diskBytes: 0 };
    const placement = placementOf(
      "epvm",
      [1, 2, 3].map((n) => node(n, { measured })),
    );
    const { candidates } = placement.explain(demand(2_000, 2 * GIB, 25 * GIB), [], ASKED, 0);
    const cpu = 4 ** 0.75 - 4 ** 0.25;
    const rest = 4 ** 0.25 - 1;
    expect(candidates[0]?.parts.map((part) => part.name)).toEqual(["cpu", "memory", "disk"]);
    expect(candidates[0]?.parts[0]?.value).toBeCloseTo(cpu, 12);
    expect(candidates[0]?.parts[1]?.value).toBeCloseTo(rest, 12);
    expect(candidates[0]?.score).toBeCloseTo(cpu + 2 * rest, 5);
  });

  test("takes the number of ready nodes as base, rounded up to a power of two, whatever happens to them", () => {
    const placement = placementOf("epvm", five);
    const base = () => {
      const { candidates } = placement.explain(demand(4_000, GIB), [], ASKED, 0);
      return (candidates[0]?.parts[0]?.value ?? 0) + 1;
    };
    expect(base()).toBe(8);
    placement.putNode(node(5, { refusal: "is cordoned" }));
    expect(base()).toBe(4);
    placement.putNode(node(5));
    expect(base()).toBe(8);
    for (const id of ["n2", "n3", "n4", "n5"]) placement.removeNode(id);
    expect(base()).toBe(2);
  });

  test("goes to the idle node, and a wiggle of the metrics below 1/64 changes nothing", () => {
    const busy = (cpuMillis: number) => ({ cpuMillis, memoryBytes: 0, diskBytes: 0 });
    const placement = placementOf("epvm", [node(1, { measured: busy(2_000) }), node(2, { measured: busy(100) })]);
    expect(placement.place(need(), [])).toBe("n2");
    placement.putNode(node(1, { measured: busy(110) }));
    expect(placement.place(need(), [])).toBe("n1");
    placement.putNode(node(2, { measured: busy(95) }));
    expect(placement.place(need(), [])).toBe("n1");
  });

  test("metrics that are no numbers, or below nothing, neither win nor break anything", () => {
    const broken = { cpuMillis: Number.NaN, memoryBytes: -GIB, diskBytes: Number.POSITIVE_INFINITY };
    const placement = placementOf("epvm", [node(1), node(2, { measured: broken }), node(3)]);
    expect(countOf(placeMany(placement, need(), 30))).toEqual({ n1: 10, n2: 10, n3: 10 });
  });

  test("does not count a task twice that is both reserved and measured", () => {
    const measuredTasks = { cpuMillis: 1_000, memoryBytes: GIB, diskBytes: 0 };
    const placement = placementOf("epvm", [node(1, { measuredTasks }), node(2, { measuredTasks })]);
    placement.reserve("t", "n1", demand(1_000, GIB));
    expect(placement.place(need(), [])).toBe("n1");
  });

  test.each([1_000, 4_000, 40_000])("spreads over machines that others keep busy with %d millicores", (cpuMillis) => {
    const measured = { cpuMillis, memoryBytes: 6 * GIB, diskBytes: 0 };
    const placement = placementOf("epvm", [node(1, { measured }), node(2, { measured }), node(3, { measured })]);
    expect(countOf(placeMany(placement, need(), 27))).toEqual({ n1: 9, n2: 9, n3: 9 });
  });
});

describe("schedule/pack", () => {
  test("fills one node before it touches the next", () => {
    const placement = placementOf("pack", [node(1), node(2), node(3)]);
    const answers = placeMany(placement, demand(1_000, 2 * GIB), 9);
    expect(answers).toEqual(["n1", "n1", "n1", "n1", "n2", "n2", "n2", "n2", "n3"]);
  });

  test("keeps CPU and memory in balance", () => {
    const placement = placementOf("pack", [node(1), node(2)]);
    placement.reserve("much-cpu", "n1", demand(2_000, GIB));
    placement.reserve("much-memory", "n2", demand(500, 4 * GIB));
    expect(placement.place(demand(1_500, 512 * MIB), [])).toBe("n2");
    const { candidates } = placement.explain(demand(1_500, 512 * MIB), [], ASKED, 0);
    expect(candidates.map((c) => c.parts.map((part) => part.name))).toEqual([
      ["looseness", "imbalance"],
      ["looseness", "imbalance"],
    ]);
    expect(candidates[0]?.parts[1]?.value).toBeCloseTo(0.5 - 0.4375, 12);
  });

  test("is Nomad's best fit: an empty node is worst and a full one best", () => {
    const placement = placementOf("pack", [node(1)]);
    const looseness = (wanted: Need) => placement.explain(wanted, [], ASKED, 0).candidates[0]?.parts[0]?.value;
    expect(looseness(demand(4_000, 8 * GIB))).toBe(0);
    expect(looseness(demand(2_000, 4 * GIB))).toBeCloseTo(1 - (20 - 2 * 10 ** 0.5) / 18, 12);
    expect(looseness(demand(0, 0))).toBe(1);
  });
});

describe("schedule/roundrobin", () => {
  test("the book's vectors: LastWorker 0 gives the second of three, 1 the third, 2 the first", () => {
    const placement = placementOf("roundrobin", [node(1), node(2), node(3)]);
    expect(placeMany(placement, need(), 4)).toEqual(["n2", "n3", "n1", "n2"]);
  });

  test("the next node scores 0.1 and the others 1.0, in the order of their turns", () => {
    const placement = placementOf("roundrobin", [node(1), node(2), node(3)]);
    const told = placement.explain(need(), [], ASKED, 0);
    expect(told.candidates.map((c) => [c.nodeId, c.score])).toEqual([
      ["n2", 0.1],
      ["n3", 1],
      ["n1", 1],
    ]);
    expect(told.summary).toBe("placed on n2: next in turn of 3");
  });

  test("a lone node gets every task, and one that joins is next", () => {
    const placement = placementOf("roundrobin", [node(1)]);
    expect(placement.place(need(), [])).toBe("n1");
    placement.reserve("a", "n1", need());
    placement.putNode(node(2));
    expect(placement.place(need(), [])).toBe("n2");
  });

  test("skips nodes that cannot, and goes on behind a node that has left", () => {
    const placement = placementOf("roundrobin", [node(1), node(2, { refusal: "is cordoned" }), node(3), node(4)]);
    expect(placeMany(placement, need(), 1)).toEqual(["n3"]);
    placement.removeNode("n3");
    expect(placement.place(need(), [])).toBe("n4");
  });

  test("asking without reserving moves nothing on", () => {
    const placement = placementOf("roundrobin", [node(1), node(2), node(3)]);
    expect([placement.place(need(), []), placement.place(need(), [])]).toEqual(["n2", "n2"]);
  });
});

describe.each(NAMES)("schedule/%s under every scheduler", (name) => {
  test("a node without fresh metrics is taken only when no other fits", () => {
    const placement = placementOf(name, [node(1, { measured: null }), node(2), node(3, { measured: null })]);
    const wanted = demand(2_000, GIB);
    expect(placeMany(placement, wanted, 2)).toEqual(["n2", "n2"]);
    const told = placement.explain(wanted, [], ASKED, 0);
    expect(told.summary).toBe(`placed on ${name === "roundrobin" ? "n3" : "n1"}: no node with fresh metrics fits`);
    expect(told.candidates[0]?.parts.at(-1)).toEqual({ name: "no fresh metrics", value: 1e9 });
    placement.putNode(node(3));
    expect(placement.place(wanted, [])).toBe("n3");
  });

  test("a node to avoid is taken only when no other fits, even one without metrics", () => {
    const placement = placementOf(name, [node(1), node(2, { measured: null })]);
    const wanted = demand(4_000, GIB);
    expect(placement.place(wanted, ["n1", "unknown"])).toBe("n2");
    placement.reserve("t", "n2", wanted);
    expect(placement.place(wanted, ["n1", "n1"])).toBe("n1");
    const told = placement.explain(wanted, ["n1"], ASKED, 0);
    expect(told.summary).toBe("placed on n1: it failed there before, but nothing else fits");
    expect(told.candidates[0]?.parts.at(-1)).toEqual({ name: "failed here", value: 2e9 });
    placement.release("t");
    expect(placement.place(need(), [])).toBe("n1");
  });

  test("equal nodes are taken in order of joining, then of ids, in whatever order they are put", () => {
    const tie = { joinedMs: 5 };
    const placement = placementOf(name, [node(9, tie), node(3, { joinedMs: 7 }), node(4, tie)]);
    const order = placement.explain(need(), [], ASKED, 0).candidates.map((candidate) => candidate.nodeId);
    expect(order).toEqual(name === "roundrobin" ? ["n9", "n3", "n4"] : ["n4", "n9", "n3"]);
  });

  test("fills a cluster to the last slot and not one further", () => {
    const placement = placementOf(name, [node(1), node(2)]);
    const answers = placeMany(placement, demand(1_000, GIB), 10);
    expect(countOf(answers)).toEqual({ n1: 4, n2: 4, null: 2 });
    expect(placement.allocated("n1")).toEqual({ cpuMillis: 4_000, memoryBytes: 4 * GIB, diskBytes: 0 });
    placement.release("t0");
    expect(placement.place(demand(1_000, GIB), [])).not.toBeNull();
  });

  test("more classes than are remembered are placed as the full scan places them", () => {
    const views = Array.from({ length: 70 }, (_, i) =>
      node(i + 1, { measured: { cpuMillis: (i * 977) % 2_000, memoryBytes: 0, diskBytes: 0 } }),
    );
    const [fast, plain] = [placementOf(name, views), new ReferenceScheduler(name)];
    for (const view of views) plain.putNode(view);
    // 200 classes in waves, each wave hot for a while: trees are handed over and classes are forgotten.
    for (let i = 0; i < 3_000; i++) {
      const drawn = (Math.imul(i, 2_654_435_761) >>> 16) % 40;
      const figures = demand(1 + drawn + 32 * Math.floor(i / 600), 3 * MIB + drawn);
      const hostPorts = drawn % 4 === 0 ? [{ port: drawn, protocol: "tcp" as const, hostIp: "" }] : [];
      const wanted = { ...figures, hostPorts };
      const avoid = drawn % 3 === 0 ? [fast.place(wanted, []) ?? "", "n5"] : [];
      const answer = fast.place(wanted, avoid);
      expect(answer).toBe(plain.place(wanted, avoid));
      if (answer === null) continue;
      fast.reserve(`t${i % 900}`, answer, wanted);
      plain.reserve(`t${i % 900}`, answer, wanted);
    }
  });
});

describe("schedule/reservations", () => {
  test("the same reservation twice counts once, and another one of the task replaces it", () => {
    const placement = placementOf("epvm", [node(1), node(2)]);
    placement.reserve("t", "n1", demand(1_000, GIB));
    placement.reserve("t", "n1", demand(1_000, GIB));
    expect(placement.allocated("n1").cpuMillis).toBe(1_000);
    placement.reserve("t", "n2", demand(2_000, GIB));
    expect([placement.allocated("n1").cpuMillis, placement.allocated("n2").cpuMillis]).toEqual([0, 2_000]);
    placement.release("t");
    placement.release("t");
    expect(placement.allocated("n2")).toEqual({ cpuMillis: 0, memoryBytes: 0, diskBytes: 0 });
  });

  test("are counted before their node is known and while it is away", () => {
    const placement = placementOf("epvm", []);
    placement.reserve("t", "n1", demand(4_000, GIB));
    placement.putNode(node(1));
    expect(placement.place(need(), [])).toBeNull();
    placement.removeNode("n1");
    placement.putNode(node(1));
    expect(placement.place(need(), [])).toBeNull();
    placement.removeNode("n1");
    placement.release("t");
    placement.putNode(node(1));
    expect(placement.place(need(), [])).toBe("n1");
  });
});

describe("schedule/explain", () => {
  test("sums up refusals by their words, most frequent first", () => {
    const small = { allocatable: { cpuMillis: 4_000, memoryBytes: 256 * MIB, diskBytes: 0 } };
    const views = [node(1, { refusal: "is draining" }), node(2, small), node(3, small)];
    const told = placementOf("epvm", views).explain(demand(100, 512 * MIB), [], ASKED, 42);
    expect(told).toEqual({
      taskId: "t",
      jobId: "j",
      scheduler: "epvm",
      nodeId: null,
      candidates: [],
      candidateCount: 0,
      refusals: [
        { nodeId: "n1", nodeName: "n1", filter: "state", reason: "is draining" },
        ...["n2", "n3"].map((id) => ({
          nodeId: id,
          nodeName: id,
          filter: "memory",
          reason: "lacks 512 MiB memory (256 MiB of 256 MiB memory free)",
        })),
      ],
      refusalCount: 3,
      summary: "3 nodes: 2 lack 512 MiB memory, 1 is draining",
      atMs: 42,
    });
  });

  test("says the cost of the winner and of how many it is the lowest", () => {
    const measured = { cpuMillis: 2_000, memoryBytes: 0, diskBytes: 0 };
    const told = placementOf("epvm", [node(1, { measured }), node(2), node(3)]).explain(need(), [], ASKED, 0);
    expect(told.candidates.map((candidate) => candidate.nodeId)).toEqual(["n2", "n3", "n1"]);
    expect(told.summary).toMatch(/^placed on n2: lowest cost 0\.0\d+ of 3$/);
  });

  test("says when there was no choice", () => {
    const views = [node(1, { refusal: "is cordoned" }), node(2)];
    const { summary } = placementOf("epvm", views).explain(need(), [], ASKED, 0);
    expect(summary).toBe("placed on n2: the only node that fits");
  });

  test("says that there is no node at all", () => {
    expect(placementOf("epvm", []).explain(need(), [], ASKED, 0).summary).toBe("no node has joined");
  });

  test("keeps the best of many candidates and the first of many refusals, and the true counts", () => {
    const views = Array.from({ length: 300 }, (_, i) =>
      node(
        i + 1,
        i % 2 === 0
          ? { refusal: "is lost" }
          : { measured: { cpuMillis: (i * 7) % 4_000, memoryBytes: 0, diskBytes: 0 } },
      ),
    );
    const placement = placementOf("epvm", views);
    const told = placement.explain(need(), [], ASKED, 0);
    expect([told.candidateCount, told.refusalCount]).toEqual([150, 150]);
    expect([told.candidates.length, told.refusals.length]).toEqual([DECISION_DETAIL, DECISION_DETAIL]);
    const scores = told.candidates.map((candidate) => candidate.score);
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    expect(told.nodeId).toBe(placement.place(need(), []));
  });
});
