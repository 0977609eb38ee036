// The same seed is the same run: twice in a row, on another JavaScript engine, and as a schedule that went through JSON. What once failed does not fail again.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withoutAmbient } from "../../scripts/simulator/ambient.ts";
import { ENGINE } from "../../scripts/simulator/commit.ts";
import { drawPlan } from "../../src/sim/draw.ts";
import type { Plan } from "../../src/sim/faults.ts";
import { reportOf } from "../../src/sim/report.ts";
import { run } from "../../src/sim/run.ts";

const REGRESSIONS = join(import.meta.dir, "regressions");
const SEEDS = [11, 12, 13];

/** Node 20 does not have it yet. */
const GROUP_BY = `Map.groupBy ??= (items, keyOf) => {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
};`;

describe("sim: replay", () => {
  test("a seed, its plan read back from JSON, and the seed once more have the same trace", () => {
    for (const seed of SEEDS) {
      const plan = drawPlan(seed);
      const hashes = [plan, JSON.parse(JSON.stringify(plan)) as Plan, drawPlan(seed)].map((one) => run(one).hash);
      expect(hashes).toEqual([hashes[0] ?? 0, hashes[0] ?? 0, hashes[0] ?? 0]);
    }
  });

  test("another seed has another trace", () => {
    expect(new Set(SEEDS.map((seed) => run(drawPlan(seed)).hash)).size).toBe(SEEDS.length);
  });

  test("node, with another JavaScript engine, comes to the same traces", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cube-sim-"));
    try {
      const program = `import { drawPlan } from ${JSON.stringify(join(import.meta.dir, "../../src/sim/draw.ts"))};
        import { run } from ${JSON.stringify(join(import.meta.dir, "../../src/sim/run.ts"))};
        ${GROUP_BY}
        console.log(JSON.stringify(${JSON.stringify(SEEDS)}.map((seed) => run(drawPlan(seed)).hash)));`;
      writeFileSync(join(folder, "hashes.ts"), program);
      const built = await Bun.build({ entrypoints: [join(folder, "hashes.ts")], target: "node", outdir: folder });
      expect(built.success).toBe(true);
      // Read from disk at the same moment as what is bundled, so that both are the same code.
      const here = Bun.spawnSync([process.execPath, join(folder, "hashes.ts")], { stdout: "pipe", stderr: "pipe" });
      const node = Bun.spawnSync(["node", join(folder, "hashes.js")], { stdout: "pipe", stderr: "pipe" });
      expect(node.stderr.toString()).toBe("");
      expect(JSON.parse(node.stdout.toString())).toEqual(JSON.parse(here.stdout.toString()));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);

  test("a look at the clock or at chance during a run is an error that says so", () => {
    const looks: (() => unknown)[] = [
      () => Date.now(),
      () => new Date(),
      () => Math.random(),
      () => setTimeout(() => {}, 1),
    ];
    for (const look of looks) expect(() => withoutAmbient(look)).toThrow("time and chance are arguments");
    expect(Date.now()).toBeGreaterThan(0);
  });

  for (const file of readdirSync(REGRESSIONS).filter((name) => name.endsWith(".json"))) {
    test(`${file} does not fail again`, () => {
      const { plan } = JSON.parse(readFileSync(join(REGRESSIONS, file), "utf8")) as { readonly plan: Plan };
      const outcome = run(plan);
      const replay = `scripts/sim --replay test/sim/regressions/${file}`;
      if (outcome.verdict !== "passed")
        throw new Error(reportOf(outcome, { commit: "this one", engine: ENGINE, replay }));
    });
  }
});
