// Sweeps scripted scenarios: every place where a process may be crashed, or a sample of them, and pairs of places. Prints what it tried and what failed.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reportOf } from "../../src/sim/report.ts";
import { EXIT_CODES } from "../../src/sim/run.ts";
import { SCENARIOS } from "../../src/sim/scenarios.ts";
import type { Scenario } from "../../src/sim/script.ts";
import { type Crashed, crashAt, observe, pairsOf, pointsOf, sampleOf } from "../../src/sim/sweep.ts";
import { withoutAmbient } from "./ambient.ts";
import { ENGINE } from "./commit.ts";

/** How much of a scenario is tried. */
export interface SweepOptions {
  /** Single crashes at most; all of them when left out. */
  readonly singles?: number;
  /** Pairs of crashes. */
  readonly pairs: number;
  /** Which of them are drawn. */
  readonly seed: number;
}

/** What came of a scenario. */
export interface Swept {
  readonly name: string;
  /** Places where it can be crashed. */
  readonly places: number;
  readonly runs: number;
  readonly failed: readonly Crashed[];
}

/** Sweeps one scenario. Throws when it fails already without a crash. */
export function sweep(scenario: Scenario, { singles = Infinity, pairs, seed }: SweepOptions): Swept {
  return withoutAmbient(() => {
    const without = observe(scenario.plan);
    const { verdict, violation } = without.outcome;
    if (verdict !== "passed")
      throw new Error(`${scenario.name} fails without a crash: ${violation?.id} ${violation?.facts.join("; ")}`);
    const points = pointsOf(without);
    const chosen = [
      ...sampleOf(points, singles, seed).map((point) => [point]),
      ...pairsOf(without, pairs, scenario.plan.seed ^ seed),
    ];
    const failed = chosen.map((crashes) => crashAt(scenario, crashes, without)).filter(({ problem }) => problem !== "");
    return { name: scenario.name, places: points.length, runs: chosen.length, failed };
  });
}

/** The scenarios of that name, or in that folder; all of them for none. */
export function scenariosOf(names: readonly string[]): readonly Scenario[] {
  if (names.length === 0) return SCENARIOS;
  return SCENARIOS.filter(({ name }) => names.some((wanted) => name === wanted || name.startsWith(`${wanted}/`)));
}

/** Sweeps the scenarios whole, and writes down what fails in `keep`. Gives the exit code. */
export function sweepAll(
  names: readonly string[],
  options: { readonly pairs: number; readonly seed: number; readonly keep: string; readonly commit: string },
): number {
  const scenarios = scenariosOf(names);
  if (scenarios.length === 0) {
    console.error(`no scenario ${names.join(", ")}; there are ${SCENARIOS.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  let exitCode = 0;
  let runs = 0;
  const beganMs = performance.now();
  for (const scenario of scenarios) {
    const swept = sweep(scenario, options);
    runs += swept.runs;
    console.log(`${swept.name}: ${swept.places} places, ${swept.runs} runs, ${swept.failed.length} failed`);
    const [first] = swept.failed;
    if (first === undefined) continue;
    exitCode = EXIT_CODES[first.outcome.verdict] || EXIT_CODES.safety;
    for (const [i, crashed] of swept.failed.entries()) keep(swept.name, i, crashed, options);
  }
  console.log(`${runs} runs of ${scenarios.length} scenarios in ${Math.round((performance.now() - beganMs) / 1000)} s`);
  return exitCode;
}

/** In words: where it was crashed, and what is wrong. */
export function problemText(name: string, { points, problem }: Crashed): string {
  const where = points.map(({ who, effect, phase }) => `${who} ${phase} effect ${effect}`).join(" and ");
  return `${name}, crashed: ${where}: ${problem}`;
}

function keep(
  name: string,
  number: number,
  crashed: Crashed,
  { keep: folder, commit }: { readonly keep: string; readonly commit: string },
): void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `sweep-${name.replaceAll("/", "-")}-${number + 1}.json`);
  const was = problemText(name, crashed);
  writeFileSync(file, `${JSON.stringify({ was, commit, plan: crashed.plan }, null, 2)}\n`);
  console.log(
    number === 0 ? reportOf(crashed.outcome, { commit, engine: ENGINE, replay: `scripts/sim --replay ${file}` }) : "",
  );
  console.log(`${was}\n  ${file}`);
}
