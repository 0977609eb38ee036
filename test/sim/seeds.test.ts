// A minute of seeds, always the same ones: whatever the faults, nothing is lost, nothing runs twice, and all comes to rest. A failure names its seed. Fixed, so
// that a change is never red for what it has no part in; `scripts/sim --from N` tries others.
import { describe, expect, test } from "bun:test";
import { withoutAmbient } from "../../scripts/simulator/ambient.ts";
import { commitOf, ENGINE } from "../../scripts/simulator/commit.ts";
import { drawPlan } from "../../src/sim/draw.ts";
import { reportOf } from "../../src/sim/report.ts";
import { run } from "../../src/sim/run.ts";

const FIRST_SEED = 2_000_000;
const SEEDS_MS = 60_000;
const LEAST_SEEDS = 20;

describe("sim: seeds", () => {
  test(
    "a minute of seeds keeps every invariant and comes to rest",
    () => {
      const commit = commitOf();
      const endMs = performance.now() + SEEDS_MS;
      let tried = 0;
      for (let seed = FIRST_SEED; tried < LEAST_SEEDS || performance.now() < endMs; seed++, tried++) {
        const outcome = withoutAmbient(() => run(drawPlan(seed)));
        if (outcome.verdict === "passed") continue;
        throw new Error(reportOf(outcome, { commit, engine: ENGINE, replay: `scripts/sim --seed ${seed}` }));
      }
      expect(tried).toBeGreaterThanOrEqual(LEAST_SEEDS);
    },
    10 * SEEDS_MS,
  );
});
