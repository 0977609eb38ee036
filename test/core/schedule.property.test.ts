// Ports and the end of attempts: the parts of placing that random histories of figures do not reach.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AVOIDED_NODES } from "../../src/core/job.ts";
import { judgeEnd } from "../../src/core/reschedule.ts";
import { Placement, SCHEDULERS } from "../../src/core/schedule.ts";
import type { HostPort } from "../../src/core/schedule-input.ts";
import { isBatch } from "../../src/core/spec.ts";
import { index, pick, taskSpec } from "./arbitraries.ts";
import { aSlot, aTask } from "./records.ts";
import { need, node } from "./schedule-nodes.ts";

const NODES = ["n1", "n2", "n3"];

const hostPort: fc.Arbitrary<HostPort> = fc.record({
  port: fc.constantFrom(80, 81),
  protocol: fc.constantFrom("tcp" as const, "udp" as const),
  hostIp: fc.constantFrom("", "0.0.0.0", "::", "127.0.0.1", "10.0.0.1"),
});
/** A task of so many ports comes, or one of those that are there goes. */
const steps = fc.array(
  fc.record({ ports: fc.array(hostPort, { minLength: 1, maxLength: 2 }), goes: fc.option(index, { nil: null }) }),
  { minLength: 10, maxLength: 40, size: "max" },
);

function overlap(a: HostPort, b: HostPort): boolean {
  const all = ["", "0.0.0.0", "::"];
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.hostIp === b.hostIp || all.includes(a.hostIp) || all.includes(b.hostIp);
}

/** What is on each node by the test's own books. */
interface Placed {
  readonly id: string;
  readonly nodeId: string;
  readonly ports: readonly HostPort[];
}

describe("schedule:", () => {
  test("no two tasks on a node share a port, and a task waits only where each node has one of its ports taken", () => {
    let [waited, placedAll] = [0, 0];
    const check = (history: Parameters<Parameters<typeof steps.map>[0]>[0]) => {
      const placement = new Placement(SCHEDULERS.epvm);
      for (const n of [1, 2, 3]) placement.putNode(node(n));
      let placed: readonly Placed[] = [];
      for (const [i, { ports, goes }] of history.entries()) {
        const going = goes === null ? undefined : pick(placed, goes);
        if (going) placement.release(going.id);
        placed = placed.filter((task) => task !== going);
        const asked = need({ hostPorts: ports });
        const free = (nodeId: string) =>
          !placed.some((task) => task.nodeId === nodeId && task.ports.some((a) => ports.some((b) => overlap(a, b))));
        const nodeId = placement.place(asked, []);
        if (nodeId === null) waited += 1;
        else placedAll += 1;
        if (nodeId === null) expect(NODES.filter(free)).toEqual([]);
        else expect(free(nodeId)).toBe(true);
        if (nodeId === null) continue;
        placement.reserve(`t${i}`, nodeId, asked);
        placed = [...placed, { id: `t${i}`, nodeId, ports }];
      }
    };
    fc.assert(fc.property(steps, check), { numRuns: 200 });
    expect([waited > 100, placedAll > 100]).toEqual([true, true]);
  });

  test("an attempt's end leads to a bounded wait that grows with failures, and a bounded list of nodes to avoid", () => {
    const end = fc.record({
      state: fc.constantFrom(
        "complete" as const,
        "failed" as const,
        "rejected" as const,
        "stopped" as const,
        "lost" as const,
      ),
      ranLong: fc.boolean(),
      otherNodes: fc.boolean(),
      nodeId: fc.constantFrom(...NODES, "n4", "n5", null),
    });
    fc.assert(
      fc.property(taskSpec, fc.array(end, { maxLength: 20 }), (spec, ends) => {
        let slot = aSlot("web");
        let failures = 0;
        for (const { state, nodeId, ranLong, otherNodes } of ends) {
          const task = aTask("web", { nodeId }, { state });
          const verdict = judgeEnd(slot, { task, spec, ranLong, otherNodes });
          if (state === "complete" || (isBatch(spec) && state === "failed")) expect(verdict.kind).toBe("over");
          if (!isBatch(spec) && state !== "complete") expect(verdict.kind).toBe("again");
          if (verdict.kind === "over") return;
          failures = ranLong && !isBatch(spec) ? 1 : failures + 1;
          const { waitMs, avoid } = verdict.slot;
          expect(waitMs).toBe(state === "stopped" ? 0 : Math.min(600_000, 5_000 * 2 ** (failures - 1)));
          expect([avoid.length <= AVOIDED_NODES, new Set(avoid).size]).toEqual([true, avoid.length]);
          if (nodeId !== null) expect(avoid.at(-1)).toBe(nodeId);
          slot = { ...verdict.slot, attempt: slot.attempt + 1, waitMs: 0 };
          if (isBatch(spec)) expect(slot.attempt).toBeLessThanOrEqual(3);
        }
      }),
      { numRuns: 300 },
    );
  });
});
