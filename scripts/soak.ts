/**
 * The part of scripts/soak that comes after the packages are installed: faults on a real cluster for as long as asked, and a report as a table in Markdown. The
 * exit code is 1 when the books did not balance once; then seed, step, facts and logs are printed. Needs root, an engine, and what scripts/test installs.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { FAULT_KINDS, type FaultKind, faultsOf, kindOf } from "../test/e2e/chaos/fault.ts";
import { type SoakOutcome, soak } from "../test/e2e/chaos/soak.ts";
import { reportOf, runsAt } from "../test/e2e/chaos/tally.ts";
import { requireDocker } from "../test/setup/docker.ts";
import { CubeCopy, closing } from "./bench/cube.ts";
import { installTestPackages } from "./test-machine/packages.ts";

const OPTIONS = {
  minutes: { type: "string", default: "10" },
  seed: { type: "string" },
  /** Ends after so many steps, before the minutes are over. */
  steps: { type: "string" },
  /** Kinds, joined by commas; all when left out. */
  faults: { type: "string" },
  /** A file that gathers runs; the report is then of all in it at this commit. */
  append: { type: "string" },
  /** Another executable than dist/cube. */
  cube: { type: "string" },
} as const;

const { values } = parseArgs({ options: OPTIONS });
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const kinds = chosen(values.faults);
const steps = Number(values.steps ?? Number.POSITIVE_INFINITY);
const endMs = performance.now() + Number(values.minutes) * 60_000;

await installTestPackages();
await requireDocker();
await closing(async (opened) => {
  const copy = opened.use(new CubeCopy(values.cube));
  process.env.CUBE_BIN = copy.executable;
  const commit = Bun.spawnSync([copy.executable, "--version"]).stdout.toString().trim();
  console.log(`${commit}, seed ${seed}`);
  const options = {
    seed,
    commit,
    plan: plan(),
    // Longer than the sweep for orphans takes to come round.
    quietMs: 70_000,
    isOver: () => performance.now() > endMs,
    say: (line: string) => console.log(line),
  };
  report(await soak(options, opened));
});

function* plan() {
  for (let step = 1; step <= steps; step++) yield faultsOf(seed, step, kinds);
}

function chosen(names: string | undefined): readonly FaultKind[] {
  if (names === undefined) return FAULT_KINDS;
  return names.split(",").map((name) => {
    if (kindOf(name) === undefined) throw new Error(`${name} is no fault: ${FAULT_KINDS.join(", ")}`);
    return name as FaultKind;
  });
}

function report({ tally, failure }: SoakOutcome): void {
  if (values.append !== undefined) appendFileSync(values.append, `${JSON.stringify(tally)}\n`);
  const kept = values.append !== undefined && existsSync(values.append) ? readFileSync(values.append, "utf8") : "";
  console.log(`\n${reportOf(kept === "" ? [tally] : runsAt(tally.commit, kept))}`);
  if (failure === "") return;
  console.log(`\nthe books did not balance:\n${failure}`);
  process.exitCode = 1;
}
