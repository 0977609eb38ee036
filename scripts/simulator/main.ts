// Runs seeds of the simulator, or replays a plan: `scripts/sim --help`. Exit codes: 0 passed, 1 figures could not be kept, 2 wrong arguments, 3 a machine
// threw, 4 safety, 5 liveness, 6 a coverage mark was never hit, 130 it was interrupted.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { FaultKind, Plan } from "../../src/sim/faults.ts";
import { hex, reportOf } from "../../src/sim/report.ts";
import { EXIT_CODES, run } from "../../src/sim/run.ts";
import { withoutAmbient } from "./ambient.ts";
import { commitOf, ENGINE } from "./commit.ts";
import { addFigures } from "./kept-figures.ts";
import { runSeed, type SeedOptions, tellFailure } from "./one-seed.ts";
import { runSeeds } from "./run-seeds.ts";
import { sweepAll } from "./sweep.ts";

const HELP = `Runs the whole cluster in a simulation, with faults drawn from seeds.

  scripts/sim [--from N] [--count N | --minutes N] [--nodes N] [--kinds a,b]   seeds from N on, 100 of them when nothing is said
  scripts/sim --seed N                                                       one seed
  scripts/sim --replay FILE                                                  a plan, such as test/sim/regressions/*.json
  scripts/sim --sweep [NAME…] [--pairs N]                                    scripted scenarios, crashed at every effect and at pairs of them

  --jobs N        shares the seeds out over N processes (default: 1; 0: one for each processor)
  --append FILE   adds the figures of this run to those of others at the same commit, every few minutes and at its end; several runs may add to one file.
                  Seeds that it has already are not run again: a run that was ended goes on with the same command
  --append-minutes N   how often (default: 2)
  --keep DIR      writes the shortest schedule found of each failure there, as JSON (default: the working folder)
  --no-shrink     reports failures as they are
  --all           goes on after a failure
  --trace         prints the seed's whole remembered trace`;

/** Exit code when figures could not be kept. */
const UNKEPT = 1;

/** When neither their number nor the time is given. */
const SEEDS = 100;

const OPTIONS = {
  from: { type: "string", default: "1" },
  count: { type: "string" },
  minutes: { type: "string" },
  seed: { type: "string" },
  nodes: { type: "string" },
  kinds: { type: "string" },
  replay: { type: "string" },
  sweep: { type: "boolean", default: false },
  pairs: { type: "string", default: "20" },
  jobs: { type: "string", default: "1" },
  append: { type: "string" },
  "append-minutes": { type: "string", default: "2" },
  keep: { type: "string", default: "." },
  "no-shrink": { type: "boolean", default: false },
  all: { type: "boolean", default: false },
  trace: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

const { values, positionals } = readArguments();
const commit = commitOf();
if (values.help) console.log(HELP);
else if (values.sweep) sweepScenarios();
else if (values.replay !== undefined) replay(values.replay);
else if (values.seed !== undefined) one(values.seed);
else {
  await many().catch((error: unknown) => {
    // A file of figures that cannot be read or written; what was done so far is printed before.
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = UNKEPT;
  });
}

function readArguments() {
  try {
    const read = parseArgs({ options: OPTIONS, allowPositionals: true });
    // Only a sweep takes names.
    return read.values.sweep ? read : { ...parseArgs({ options: OPTIONS }), positionals: [] };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}. See --help`);
    process.exit(2);
  }
}

/** In this process, so that it can be watched while it runs. */
function one(text: string): void {
  const options = seedOptions();
  const { outcome, record } = runSeed(whole("seed", text), options);
  console.log(`seed ${text}: ${outcome.verdict}, trace ${hex(outcome.hash)}`);
  if (outcome.verdict !== "passed") console.log(tellFailure(outcome, options));
  if (values.append !== undefined) addFigures(values.append, commit, [record]);
  process.exitCode = EXIT_CODES[outcome.verdict];
}

async function many(): Promise<void> {
  const minutes = number("minutes", values.minutes);
  const { append } = values;
  process.exitCode = await runSeeds({
    ...seedOptions(),
    from: whole("from", values.from),
    count: number("count", values.count) ?? (minutes === undefined ? SEEDS : Infinity),
    minutes: minutes ?? Infinity,
    jobs: whole("jobs", values.jobs) || availableParallelism(),
    all: values.all,
    ...(append === undefined ? {} : { append }),
    appendMinutes: number("append-minutes", values["append-minutes"]) ?? 0,
  });
}

function seedOptions(): SeedOptions {
  const nodes = number("nodes", values.nodes);
  const kinds = values.kinds?.split(",") as FaultKind[] | undefined;
  return {
    commit,
    ...(nodes === undefined ? {} : { nodes }),
    ...(kinds === undefined ? {} : { kinds }),
    keep: values.keep,
    shrinks: !values["no-shrink"],
    traces: values.trace,
  };
}

function sweepScenarios(): void {
  const options = { pairs: whole("pairs", values.pairs), seed: whole("from", values.from), keep: values.keep, commit };
  process.exitCode = sweepAll(positionals, options);
}

function replay(file: string): void {
  const { plan } = JSON.parse(readFileSync(file, "utf8")) as { readonly plan: Plan };
  const outcome = withoutAmbient(() => run(plan));
  if (outcome.verdict === "passed") console.log(`${file}: passed, trace ${hex(outcome.hash)}`);
  else {
    process.exitCode = EXIT_CODES[outcome.verdict];
    console.log(reportOf(outcome, { commit, engine: ENGINE, replay: `scripts/sim --replay ${file}` }));
  }
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  console.error(`--${name} ${text}: a whole number is wanted`);
  process.exit(2);
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value > 0) return value;
  console.error(`--${name} ${text}: a number above 0 is wanted`);
  process.exit(2);
}
