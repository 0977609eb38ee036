/**
 * The part of scripts/soak that comes after the packages are installed: faults on a real cluster for as long as asked, and a report as a table in Markdown. The
 * exit code is 1 when the books did not balance once; then seed, step, facts and logs are printed, and the run is written to a file that does the same again.
 * Needs root, and what scripts/test installs.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FAULT_KINDS, type FaultKind, faultsOf, kindOf } from "../test/e2e/chaos/fault.ts";
import { readSchedule, type Schedule, scheduleText } from "../test/e2e/chaos/schedule.ts";
import { replay, type SoakOutcome, soak } from "../test/e2e/chaos/soak.ts";
import { reportOf, runsAt } from "../test/e2e/chaos/tally.ts";
import { Engine } from "../test/e2e/engine.ts";
import { PrivateEngine } from "../test/e2e/private-engine.ts";
import { requireDocker } from "../test/setup/docker.ts";
import { CubeCopy, closing } from "./bench/cube.ts";
import { makeTestImage } from "./test-machine/image.ts";
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
  /** The file to which the run is written, after each step; without it only one that failed is, to a file of its own. */
  keep: { type: "string" },
  /** A file that such a run has left: its faults and its requests once more. */
  replay: { type: "string" },
  /** Another executable than dist/cube. */
  cube: { type: "string" },
  help: { type: "boolean" },
} as const;

const HELP = `scripts/soak: faults on a real cluster, with the books balanced after each step. As root on Linux.

  --minutes N      for so long (10)
  --seed S         the same faults at the same moments as another run with that seed
  --steps N        ends after so many steps
  --faults a,b     only these: ${FAULT_KINDS.join(", ")}
  --append FILE    gathers runs; the report is of all in it that were made at this commit
  --keep FILE      writes the run down as a schedule: every fault and every request, with moment and target, one to a line.
                   A run that failed is written down without it too, and says where
  --replay FILE    does what a schedule says, and nothing else; --steps N for its first N steps.
                   Shorten one by deleting lines, commas included: what then makes no sense any more is left out.
                   A task that is to be hit and lives elsewhere this time is spared, and another of that node is hit
  --cube FILE      another executable than dist/cube

Real time is not deterministic: a replay repeats the faults and the requests, not how processes, disks and cables interleave.
What failed once may pass when it is repeated; what one schedule finds half of the time it still finds.`;

/** Longer than the sweep for orphans takes to come round. */
const QUIET_MS = 70_000;

const { values } = parseArgs({ options: OPTIONS });
/** Where the run is written to. */
const file = (): string => values.keep ?? join(tmpdir(), `cube-soak-${seed}.json`);
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const script = values.replay === undefined ? undefined : cutTo(readSchedule(readFileSync(values.replay, "utf8")));
const seed = script?.seed ?? Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const kinds = chosen(values.faults);
const steps = Number(values.steps ?? Number.POSITIVE_INFINITY);
const endMs = performance.now() + Number(values.minutes) * 60_000;

await installTestPackages();
await closing(async (opened) => {
  await haveTestImage(opened);
  const copy = opened.use(new CubeCopy(values.cube));
  process.env.CUBE_BIN = copy.executable;
  const commit = Bun.spawnSync([copy.executable, "--version"]).stdout.toString().trim();
  console.log(`${commit}, ${script === undefined ? `seed ${seed}` : `the schedule of ${values.replay}`}`);
  const options = {
    commit,
    say: (line: string) => console.log(line),
    ...(values.keep !== undefined && { keep }),
  };
  report(
    script === undefined
      ? await soak(
          { ...options, seed, plan: plan(), quietMs: QUIET_MS, isOver: () => performance.now() > endMs },
          opened,
        )
      : await replay(script, options, opened),
  );
});

/** From the engine that answers; without one from an engine of this run's own, which nobody else sees. */
async function haveTestImage(opened: AsyncDisposableStack): Promise<void> {
  if (!(await new Engine().answers())) {
    const engine = opened.use(await PrivateEngine.startEmpty());
    process.env.DOCKER_HOST = `unix://${engine.socket}`;
  }
  makeTestImage();
  await requireDocker();
}

function keep(done: Schedule): void {
  writeFileSync(file(), scheduleText(done));
}

function cutTo(whole: Schedule): Schedule {
  return values.steps === undefined ? whole : { ...whole, steps: whole.steps.slice(0, Number(values.steps)) };
}

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

function report({ tally, failure, done }: SoakOutcome): void {
  if (values.append !== undefined) appendFileSync(values.append, `${JSON.stringify(tally)}\n`);
  const kept = values.append !== undefined && existsSync(values.append) ? readFileSync(values.append, "utf8") : "";
  console.log(`\n${reportOf(kept === "" ? [tally] : runsAt(tally.commit, kept))}`);
  if (failure === "") return;
  keep(done);
  console.log(`\nthe books did not balance:\n${failure}\nagain: scripts/soak --replay ${file()}`);
  process.exitCode = 1;
}
