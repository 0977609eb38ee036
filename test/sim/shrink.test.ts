import { describe, expect, test } from "bun:test";
import type { Checker } from "../../src/sim/checker.ts";
import { drawPlan } from "../../src/sim/draw.ts";
import { reportOf } from "../../src/sim/report.ts";
import { EXIT_CODES, run } from "../../src/sim/run.ts";
import { shrink } from "../../src/sim/shrink.ts";

/** Claims that no container may ever run on n1 while the manager is dead: false, and so it is always found. */
const NEVER: Checker = {
  id: "S0",
  rule: "nothing starts while the manager is dead",
  begin: (_sim, violate) => {
    let isDead = false;
    return {
      onEvent: (event) => {
        if (event.kind === "process" && event.who === "m1") isDead = event.what === "dies";
        if (event.kind === "started" && isDead) violate(`${event.container.taskId} starts on ${event.container.node}`);
      },
    };
  },
};

const tried = (plan: ReturnType<typeof drawPlan>) => run(plan, { checkers: [NEVER] });

function failing() {
  for (let seed = 1; seed < 500; seed++) {
    const outcome = tried(drawPlan(seed, { kinds: ["crash", "cut", "hand"] }));
    if (outcome.violation?.id === "S0") return outcome;
  }
  throw new Error("no seed starts anything while its manager is dead");
}

describe("sim: shrink", () => {
  test("what remains of a failing plan fails in the same way, and is small", () => {
    const outcome = failing();
    const smallest = shrink(outcome, { run: tried });
    expect(smallest.violation?.id).toBe("S0");
    expect(tried(smallest.plan).hash).toBe(smallest.hash);
    expect(smallest.plan.faults.length).toBeLessThanOrEqual(3);
    expect(smallest.plan.steps.length).toBeLessThanOrEqual(3);
    expect(smallest.plan.nodes).toHaveLength(1);
  });

  test("the report names the seed, the rule, what contradicts it, the drawn options and how to have it again", () => {
    const outcome = failing();
    const report = reportOf(outcome, { commit: "abc", engine: "Bun 0", replay: "again", checkers: [NEVER] });
    const { seed, nodes } = outcome.plan;
    expect(report).toStartWith(`seed ${seed} at commit abc, Bun 0: safety (exit code ${EXIT_CODES.safety})`);
    for (const words of [
      ...(outcome.violation?.facts ?? []),
      ...nodes.map((node) => node.name),
      "crash",
      "again: again",
    ]) {
      expect(report).toContain(words);
    }
  });
});
