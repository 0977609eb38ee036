import { describe, expect, test } from "bun:test";
import type { Checker } from "../../src/sim/checker.ts";
import { drawPlan } from "../../src/sim/draw.ts";
import type { Fault, Plan } from "../../src/sim/faults.ts";
import { reportOf } from "../../src/sim/report.ts";
import { EXIT_CODES, run } from "../../src/sim/run.ts";
import { shrink } from "../../src/sim/shrink.ts";

/** Many runs, on a machine that is busy. */
const LIMIT_MS = 60_000;

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
  for (let seed = 13; seed < 500; seed++) {
    const outcome = tried(drawPlan(seed, { kinds: ["crash", "cut", "hand"] }));
    if (outcome.violation?.id === "S0") return outcome;
  }
  throw new Error("no seed starts anything while its manager is dead");
}

/** By what a plan is smaller than another one. */
function whatIsLess(whole: Plan, { faults, durationMs, nodes, steps }: Plan): string {
  if (durationMs < whole.durationMs) return "time";
  if (nodes.length < whole.nodes.length) return "nodes";
  const kinds = new Set(whole.faults.map(({ kind }) => kind));
  const isWholeKinds = [...kinds].some((kind) => !faults.some((fault) => fault.kind === kind));
  if (faults.length < whole.faults.length) return isWholeKinds ? "kinds" : "faults";
  if (steps.length === whole.steps.length) return "numbers";
  return new Set(steps.map((step) => "name" in step && step.name)).size < 2 ? "jobs" : "steps";
}

describe("sim: shrink", () => {
  test(
    "what remains of a failing plan fails in the same way, and is small",
    () => {
      const outcome = failing();
      const smallest = shrink(outcome, { run: tried });
      expect(smallest.violation?.id).toBe("S0");
      expect(tried(smallest.plan).hash).toBe(smallest.hash);
      expect(smallest.plan.faults.length).toBeLessThanOrEqual(3);
      expect(smallest.plan.steps.length).toBeLessThanOrEqual(3);
      expect(smallest.plan.nodes).toHaveLength(1);
    },
    LIMIT_MS,
  );

  test("the largest parts are tried first: kinds of faults, time, nodes, jobs, single faults, single steps, numbers", () => {
    const drawn = drawPlan(3, { nodes: 3, kinds: ["cut"] });
    const [cut] = drawn.faults;
    const [submit] = drawn.steps.filter((step) => step.kind === "submit");
    if (cut === undefined || submit === undefined) throw new Error("the seed draws neither");
    const crash: Fault = { kind: "crash", who: "m1", when: "now", downMs: 1_234, atMs: 5_678 };
    const faults = [cut, crash, cut, crash];
    const steps = ["a", "b", "a", "b"].map((name) => ({ ...submit, name, count: 3 }));
    const plan: Plan = { ...drawn, faults, steps };
    const failure = {
      ...tried(plan),
      verdict: "safety",
      violation: { id: "S0", atMs: plan.durationMs, facts: [] },
    } as const;
    const tries: string[] = [];
    // Nothing smaller fails: so all is tried with the whole plan.
    shrink(failure, {
      run: (smaller) => {
        tries.push(whatIsLess(plan, smaller));
        return { ...failure, plan: smaller, verdict: "passed", violation: null };
      },
    });
    expect([...new Set(tries)]).toEqual(["kinds", "time", "nodes", "jobs", "faults", "steps", "numbers"]);
  });

  test("a fault of several nodes stays when one of them goes", () => {
    const drawn = drawPlan(3, { nodes: 3, kinds: ["split"] });
    const split: Fault = { kind: "split", nodes: ["n1", "n2", "n3"], atMs: 60_000, forMs: 30_000 };
    const plan: Plan = { ...drawn, nodes: drawn.nodes.filter(({ local }) => !local), faults: [split], steps: [] };
    const failure = {
      ...tried(plan),
      verdict: "safety",
      violation: { id: "S0", atMs: plan.durationMs, facts: [] },
    } as const;
    const smallest = shrink(failure, {
      run: (smaller) => {
        const fails = smaller.faults.some(({ kind }) => kind === "split");
        return { ...failure, plan: smaller, ...(fails ? {} : { verdict: "passed", violation: null }) };
      },
    });
    expect(smallest.plan.nodes.map(({ name }) => name)).toEqual(["n1"]);
    expect(smallest.plan.faults).toEqual([{ ...split, nodes: ["n1"] }]);
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
