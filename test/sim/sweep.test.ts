// Scripted scenarios, crashed: a sample of all places and some pairs each time, drawn from the commit; `scripts/sim --sweep` tries all of them.
import { describe, expect, test } from "bun:test";
import { commitOf } from "../../scripts/simulator/commit.ts";
import { problemText, scenariosOf, sweep } from "../../scripts/simulator/sweep.ts";
import type { Plan } from "../../src/sim/faults.ts";
import { hashText } from "../../src/sim/random.ts";
import { SCENARIOS } from "../../src/sim/scenarios.ts";
import type { Scenario } from "../../src/sim/script.ts";
import { crashAt, observe, pairsOf, pointsOf, sampleOf } from "../../src/sim/sweep.ts";

const SINGLES = 60;
const PAIRS = 10;
const LIMIT_MS = 120_000;

describe("sim: sweep", () => {
  for (const scenario of SCENARIOS) {
    test(
      `${scenario.name} ends as it does without a crash, wherever it is crashed`,
      () => {
        const swept = sweep(scenario, { singles: SINGLES, pairs: PAIRS, seed: hashText(commitOf()) });
        expect(swept.runs).toBeGreaterThan(30);
        expect(swept.failed.map((crashed) => problemText(swept.name, crashed))).toEqual([]);
      },
      LIMIT_MS,
    );
  }

  test("every process can be crashed before and after each of its effects, and really is", () => {
    const scenario = named("submit/two-nodes");
    const without = observe(scenario.plan);
    const points = pointsOf(without);
    expect(new Set(points.map(({ who }) => who))).toEqual(new Set(["m1", "n1", "n2"]));
    expect(points).toHaveLength(2 * [...without.effects.values()].reduce((sum, many) => sum + many, 0));
    for (const point of sampleOf(points, 6, 1)) {
      const { outcome } = crashAt(scenario, [point], without);
      const deaths = outcome.trace.filter(({ event }) => event.kind === "process" && event.what === "dies");
      expect(deaths.map(({ event }) => event)).toEqual([{ kind: "process", who: point.who, what: "dies" }]);
    }
  });

  test("a run that ends otherwise than without a crash is a failure that shows both ends", () => {
    const scenario = named("submit/one-node");
    const without = observe(scenario.plan);
    const stopped: Plan = {
      ...scenario.plan,
      steps: [...scenario.plan.steps, { atMs: 40_000, kind: "stop", name: "web" }],
    };
    const { problem } = crashAt({ ...scenario, plan: stopped }, [], without);
    expect(problem).toBe(
      "it ends as\nweb.0: stopped, 0 alive\nweb: to stop\nand without a crash as\nweb.0: running, 1 alive\nweb: to run",
    );
  });

  test("pairs are drawn from the seed: the same again, others from another one", () => {
    const without = observe(named("submit/two-nodes").plan);
    expect(pairsOf(without, 5, 1)).toEqual(pairsOf(without, 5, 1));
    expect(pairsOf(without, 5, 1)).not.toEqual(pairsOf(without, 5, 2));
  });

  test("a sample is spread over everything, and is everything where there is no more", () => {
    const items = Array.from({ length: 100 }, (_, i) => i);
    expect(new Set(sampleOf(items, 10, 3)).size).toBe(10);
    expect(sampleOf(items, 200, 3)).toEqual(items);
    const met = new Set(Array.from({ length: 200 }, (_, seed) => sampleOf(items, 10, seed)).flat());
    expect(met.size).toBe(100);
  });

  test("scenarios are found by their name and by their folder", () => {
    expect(scenariosOf(["stop/while-pulling"]).map(({ name }) => name)).toEqual(["stop/while-pulling"]);
    expect(scenariosOf(["batch"]).map(({ name }) => name)).toEqual(["batch/completes", "batch/fails", "batch/refused"]);
    expect(scenariosOf([])).toEqual(SCENARIOS);
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
  });
});

function named(name: string): Scenario {
  const [scenario] = scenariosOf([name]);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return scenario;
}
