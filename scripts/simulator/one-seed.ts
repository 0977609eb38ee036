// Runs one seed, and tells of it when it fails: the smallest schedule that fails in the same way is written down, and the report is for whoever mends it.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { drawPlan } from "../../src/sim/draw.ts";
import type { FaultKind, Plan } from "../../src/sim/faults.ts";
import { reportOf } from "../../src/sim/report.ts";
import { type Outcome, run } from "../../src/sim/run.ts";
import { shrink } from "../../src/sim/shrink.ts";
import { withoutAmbient } from "./ambient.ts";
import { ENGINE } from "./commit.ts";
import { recordOf, type SeedRecord } from "./tally.ts";

/** How seeds are run, and what is done about failures; it goes from process to process as JSON. */
export interface SeedOptions {
  readonly commit: string;
  /** Nodes of each cluster, and kinds of faults; drawn when left out. */
  readonly nodes?: number;
  readonly kinds?: readonly FaultKind[];
  /** Where schedules are written down. */
  readonly keep: string;
  readonly shrinks: boolean;
  /** Whether the report has the whole remembered trace. */
  readonly traces: boolean;
}

/** Runs it, with time and chance out of reach. */
export function runSeed(
  seed: number,
  { nodes, kinds }: SeedOptions,
): { readonly outcome: Outcome; readonly record: SeedRecord } {
  const narrowed = { ...(nodes === undefined ? {} : { nodes }), ...(kinds === undefined ? {} : { kinds }) };
  const beganMs = performance.now();
  const outcome = withoutAmbient(() => run(drawPlan(seed, narrowed)));
  return { outcome, record: recordOf(outcome, performance.now() - beganMs) };
}

/** Writes down the smallest schedule that has the failure, and gives the report. */
export function tellFailure(outcome: Outcome, options: SeedOptions): string {
  const { commit, keep, shrinks, traces, nodes, kinds } = options;
  const { plan, verdict, violation } = outcome;
  const id = violation?.id ?? verdict;
  mkdirSync(keep, { recursive: true });
  const file = join(keep, `seed-${plan.seed}-${id}.json`);
  // From the beginning: it takes minutes, and whoever ends it before has what was found so far.
  const write = (found: Plan): void => {
    const kept = { was: `${id}: ${violation?.facts.join("; ") ?? ""}`, commit, plan: found };
    writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
  };
  write(plan);
  const again = (smaller: Plan): Outcome => withoutAmbient(() => run(smaller));
  const smallest = shrinks ? shrink(outcome, { run: again, onSmaller: write }) : outcome;
  // Without them the seed would draw another plan.
  const narrowed = `${nodes === undefined ? "" : ` --nodes ${nodes}`}${kinds === undefined ? "" : ` --kinds ${kinds.join(",")}`}`;
  const replays = `scripts/sim --replay ${file}   (whole: scripts/sim --seed ${plan.seed}${narrowed})`;
  const report = reportOf(smallest, { commit, engine: ENGINE, replay: replays, whole: plan });
  return traces ? `${report}\n${JSON.stringify(smallest.trace, null, 1)}` : report;
}
