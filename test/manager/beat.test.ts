import { expect, test } from "bun:test";
import { heartbeatFor } from "../../src/manager/beat.ts";
import { Bench } from "./bench.ts";

const NODES = 1_500;

function told(bench: Bench): number[] {
  return bench.sent.flatMap((message) => (message.kind === "welcome" ? [message.heartbeatMs] : []));
}

function many(): Bench {
  const bench = new Bench();
  for (let i = 1; i <= NODES; i++) bench.hello(`n${i}`, `l${i}`, { local: false });
  return bench;
}

test("heartbeats: five hundred in a second, and none more often than every 2 s or less often than every 30 s", () => {
  expect([0, 1, 1_000, 1_001, 5_000, 15_000, 50_000].map((nodes) => heartbeatFor(nodes, 2_000))).toEqual([
    2_000, 2_000, 2_000, 2_002, 10_000, 30_000, 30_000,
  ]);
});

test("heartbeats: a worker is told how often by the number of nodes, also after the manager's crash", () => {
  const bench = many();
  expect(told(bench)[0]).toBe(2_000);
  expect(told(bench).at(-1)).toBe(2 * NODES);
  bench.restart();
  bench.sent = [];
  bench.hello("n1", "again", { local: false });
  expect(told(bench)).toEqual([2 * NODES]);
});

test("heartbeats: a silent node is out after three of the longest that were told, and not before", () => {
  const bench = many();
  bench.passes(16_000);
  bench.links.delete("l1");
  const state = () => bench.machine.cluster.nodes.get("n1")?.state;
  bench.passes(3 * 2 * NODES - 1_000);
  expect(state()).toBe("ready");
  bench.passes(1_000);
  expect(state()).toBe("disconnected");
});
