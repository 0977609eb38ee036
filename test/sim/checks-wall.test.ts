// S22: the wall clock is decoration. The same plan with other wall clocks makes the same decisions at the same moments; only the dates on records differ, and what
// is derived from them: ids of jobs and tasks, which are therefore left out of the comparison.
import { expect, test } from "bun:test";
import { drawPlan } from "../../src/sim/draw.ts";
import type { Plan } from "../../src/sim/faults.ts";
import { Injector } from "../../src/sim/inject.ts";
import { Simulation } from "../../src/sim/simulation.ts";
import type { SimEvent } from "../../src/sim/trace.ts";
import { User } from "../../src/sim/user.ts";

const SEEDS = [21, 22, 23, 24];
const HOUR = 3_600_000;

/** Without what moves a wall clock while its machine runs: that is news, and a wake is recognised by it. */
function steady(seed: number): Plan {
  const plan = drawPlan(seed, { durationMs: 300_000 });
  return { ...plan, faults: plan.faults.filter(({ kind }) => kind !== "wall-step" && kind !== "sleep") };
}

function withSkew(plan: Plan, skewOf: (index: number) => number): Plan {
  const nodes = plan.nodes.map((node, i) => ({ ...node, skewMs: skewOf(i + 1) }));
  return { ...plan, nodes, manager: { ...plan.manager, skewMs: skewOf(0) } };
}

function decisions(plan: Plan): string[] {
  const sim = new Simulation(plan);
  const lines: string[] = [];
  sim.watch((event, atMs) => {
    for (const line of wordsOf(event)) lines.push(`${atMs} ${line}`);
  });
  new Injector(sim);
  new User(sim);
  sim.begin();
  sim.runUntil(plan.durationMs);
  return lines;
}

/** What was decided or done, by names that no clock has a part in. */
function wordsOf(event: SimEvent): string[] {
  if ("container" in event) {
    const { node, service, slot, incarnation } = event.container;
    return [`${event.kind} ${node} ${service}[${slot}].${incarnation}`];
  }
  if (event.kind !== "durable") return [event.kind];
  return event.changes.map(({ revision, actor, change }) => {
    if (change.kind !== "task.put") return `${event.manager} ${revision} ${actor} ${change.kind}`;
    const { service, slot, attempt, nodeId, desired, fact } = change.task;
    return `${event.manager} ${revision} ${actor} ${service}[${slot}]#${attempt} ${nodeId} ${desired} ${fact.incarnation}:${fact.state}`;
  });
}

test("S22: other wall clocks on every machine change no decision", () => {
  for (const seed of SEEDS) {
    const plan = steady(seed);
    const [one, other] = [withSkew(plan, () => 0), withSkew(plan, (i) => (i % 2 === 0 ? -HOUR : HOUR) + i)].map(
      decisions,
    );
    expect(one?.length).toBeGreaterThan(100);
    expect(other).toEqual(one ?? []);
  }
});
