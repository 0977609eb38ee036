import { describe, expect, test } from "bun:test";
import { aJobSpec, aNode, aSpec } from "../core/records.ts";
import { Bench, fact } from "./bench.ts";

/** Changes and effects that one turn may have: what they cost together is to stay below 10 ms. */
const MOST_CHANGES = 600;
const MOST_EFFECTS = 250;

/** Turns until there is nothing left to do, with the largest of them. */
function turns(bench: Bench): { readonly ticks: number; readonly changes: number; readonly effects: number } {
  let [ticks, changes, effects] = [0, 0, 0];
  do {
    const tick = bench.tick();
    ticks++;
    changes = Math.max(changes, tick.changes.length);
    effects = Math.max(effects, tick.effects.length);
  } while (bench.machine.hasWork);
  return { ticks, changes, effects };
}

const TIME = { monoMs: 0, wallMs: 0, bootId: "" };

function order(bench: Bench, command: Parameters<Bench["command"]>[0]): void {
  bench.machine.receive({ kind: "command", ticket: 1, command, actor: "test" }, TIME);
}

/** Nodes of any size, each behind its own link. */
function withNodes(count: number): Bench {
  const bench = new Bench();
  const capacity = { cpuMillis: 1_000_000, memoryBytes: 2 ** 42, diskBytes: 2 ** 44 };
  for (let i = 1; i <= count; i++) bench.hello(`n${i}`, `l${i}`, { capacity, local: false });
  return bench;
}

/** Submits jobs of that many tasks each, all at once. */
function submitAll(bench: Bench, jobs: readonly string[], tasks: number): void {
  for (const name of jobs) {
    const spec = aJobSpec(name, aSpec(), tasks);
    order(bench, { kind: "job.submit", id: name, spec, idempotencyKey: "" });
  }
}

function isBounded(largest: { readonly changes: number; readonly effects: number }): void {
  expect(largest.changes).toBeLessThanOrEqual(MOST_CHANGES);
  expect(largest.effects).toBeLessThanOrEqual(MOST_EFFECTS);
}

describe("manager's turns", () => {
  test("jobs of thousands of tasks that come at once are worked off in bounded turns", () => {
    const bench = withNodes(10);
    submitAll(bench, ["a", "b", "c"], 3_000);
    isBounded(turns(bench));
    expect(bench.tasks.filter((task) => task.nodeId !== null)).toHaveLength(9_000);
  });

  test("a lone task behind a job of thousands is placed in the turn in which it comes", () => {
    const bench = withNodes(3);
    submitAll(bench, ["many"], 5_000);
    bench.tick();
    submitAll(bench, ["lone"], 1);
    bench.tick();
    const lone = bench.tasks.find((task) => task.jobId === "lone");
    expect([lone?.fact.state, bench.tasks.length < 1_000]).toEqual(["assigned", true]);
  });

  test("restart, stop and removal of a large job are worked off in bounded turns", () => {
    const bench = withNodes(10);
    submitAll(bench, ["a"], 3_000);
    turns(bench);
    for (const kind of ["job.restart", "job.stop", "job.start", "job.remove"] as const) {
      order(bench, { kind, jobId: "a" });
      const largest = turns(bench);
      isBounded(largest);
      expect(largest.ticks).toBeGreaterThan(1);
    }
  });

  test("thousands that fit nowhere are told so in bounded turns, and cost nothing while nothing changes", () => {
    const bench = withNodes(3);
    const big = aSpec({ resources: { cpuMillis: 2_000_000, memoryBytes: 0, diskBytes: 0 } });
    order(bench, { kind: "job.submit", id: "big", spec: aJobSpec("big", big, 3_000), idempotencyKey: "" });
    isBounded(turns(bench));
    expect(new Set(bench.tasks.map((task) => task.reason))).toEqual(new Set(["3 nodes: 3 lack 2000 CPU"]));
    bench.beat();
    expect([bench.tick().changes, bench.machine.hasWork]).toEqual([[], false]);
  });

  test("the hellos of all nodes at once are worked off in bounded turns, and a command does not wait behind them", () => {
    const bench = new Bench();
    const protocol = { min: 1, max: 1 };
    for (let i = 0; i < 2_000; i++) {
      const message = {
        kind: "hello",
        protocol,
        facts: aNode(`n${i}`),
        bootId: "b",
        setNumber: 0,
        seen: null,
      } as const;
      bench.machine.receive({ kind: "message", linkId: `l${i}`, message }, TIME);
    }
    submitAll(bench, ["lone"], 1);
    bench.tick();
    expect([bench.replies.length, bench.machine.cluster.nodes.size]).toEqual([1, 25]);
    isBounded(turns(bench));
    expect(bench.machine.cluster.nodes.size).toBe(2_000);
  });

  test("a report of thousands of facts is taken in parts and answered once, with the last of them", () => {
    const bench = withNodes(1);
    submitAll(bench, ["a"], 2_000);
    turns(bench);
    bench.sent = [];
    const facts = bench.tasks.map(({ id }) => fact(id, { state: "running" }));
    const message = { kind: "report", number: 7, full: true, facts, removed: [] } as const;
    bench.machine.receive({ kind: "message", linkId: "l1", message }, TIME);
    const largest = turns(bench);
    isBounded(largest);
    expect(bench.tasks.every((task) => task.fact.state === "running")).toBe(true);
    expect(bench.sent).toEqual([{ kind: "ack", number: 7 }]);
  });

  test("nodes that all go out together are judged in bounded turns, and what ran there is replaced in bounded turns", () => {
    const bench = withNodes(300);
    submitAll(bench, ["a"], 3_000);
    turns(bench);
    bench.passes(20_000);
    const silent = [...bench.links].slice(0, 120);
    for (const link of silent) bench.links.delete(link);
    const ends = bench.monoMs + 12_000;
    while (bench.monoMs < ends) {
      bench.monoMs += 500;
      for (const link of bench.links) bench.beat(link);
      isBounded(turns(bench));
    }
    const states = [...bench.machine.cluster.nodes.values()].filter((node) => node.state === "disconnected");
    expect(states).toHaveLength(120);
    expect(bench.tasks.length).toBeGreaterThan(3_000);
  });

  test("a link that sends more than may wait is closed, and nothing of it counts until its worker says all anew", () => {
    const bench = withNodes(2);
    submitAll(bench, ["a"], 2);
    turns(bench);
    const [first, other] = bench.tasks;
    if (!first || !other) throw new Error("no tasks");
    const linkId = `l${first.nodeId?.slice(1)}`;
    const says = (state: "starting" | "running", number: number): void => {
      const message = { kind: "report", number, full: false, facts: [fact(first.id, { state })], removed: [] } as const;
      bench.machine.receive({ kind: "message", linkId, message }, TIME);
    };
    for (let number = 1; number <= 500; number++) says("starting", number);
    expect(bench.machine.waiting).toMatchObject({ messages: 500, mostOfLink: 500, floods: 0 });
    says("running", 501);
    const { effects } = bench.tick();
    // There is room again, but a report that was dropped must not be vouched for by a later one.
    says("starting", 502);
    turns(bench);
    expect(bench.sent.filter(({ kind }) => kind === "ack").at(-1)).toEqual({ kind: "ack", number: 500 });
    expect(effects).toContainEqual({ kind: "close", linkId });
    expect(bench.machine.waiting).toEqual({ commands: 0, messages: 0, mostOfLink: 0, floods: 1 });
    bench.cut(linkId);
    says("running", 503);
    expect(bench.machine.waiting.messages).toBe(1);
  });
});
