// Runs seeds of the simulator, or replays a plan: `scripts/sim --help`. Exit codes: 0 passed, 2 wrong arguments, 3 a machine threw, 4 safety, 5 liveness,
// 6 a coverage mark was never hit.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { drawPlan } from "../../src/sim/draw.ts";
import type { FaultKind, Plan } from "../../src/sim/faults.ts";
import { hex, reportOf } from "../../src/sim/report.ts";
import { EXIT_CODES, type Outcome, run } from "../../src/sim/run.ts";
import { shrink } from "../../src/sim/shrink.ts";
import { withoutAmbient } from "./ambient.ts";
import { commitOf } from "./commit.ts";
import { sweepAll } from "./sweep.ts";
import { Tally, unhit } from "./tally.ts";

const HELP = `Runs the whole cluster in a simulation, with faults drawn from seeds.

  scripts/sim [--from N] [--count N | --minutes N] [--nodes N] [--kinds a,b]   seeds from N on
  scripts/sim --seed N                                                       one seed
  scripts/sim --replay FILE                                                  a plan, such as test/sim/regressions/*.json
  scripts/sim --sweep [NAME…] [--pairs N]                                    scripted scenarios, crashed at every effect and at pairs of them

  --append FILE   adds the figures of this run to those of others at the same commit
  --keep DIR      writes the shortest schedule found of each failure there, as JSON (default: the working folder)
  --no-shrink     reports failures as they are
  --all           goes on after a failure
  --trace         prints the seed's whole remembered trace`;

/** Exit code when a mark of coverage was never hit. */
const NEVER_HIT = 6;

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
  append: { type: "string" },
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
else runSeeds();

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

function runSeeds(): void {
  const from = whole("seed", values.seed ?? values.from);
  const count = values.seed !== undefined ? 1 : (number("count", values.count) ?? (values.minutes ? Infinity : 100));
  const minutes = number("minutes", values.minutes) ?? Infinity;
  const tally = new Tally(commit, from);
  const endsMs = performance.now() + minutes * 60_000;
  let seed = from;
  for (; seed < from + count && performance.now() < endsMs; seed++) {
    const outcome = tally.timed(() => withoutAmbient(() => run(planOf(seed))));
    tally.add(outcome);
    if (values.seed !== undefined) console.log(`seed ${seed}: ${outcome.verdict}, trace ${hex(outcome.hash)}`);
    if (outcome.verdict === "passed") continue;
    fail(outcome);
    if (!values.all) break;
  }
  console.log(tally.summary());
  const figures = values.append === undefined ? tally.figures : tally.appendTo(values.append);
  const missed = unhit(figures);
  if (missed.length === 0) return;
  console.error(`never hit, although it should happen: ${missed.join(", ")}`);
  process.exitCode ||= NEVER_HIT;
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
    console.log(reportOf(outcome, { commit, replay: `scripts/sim --replay ${file}` }));
  }
}

/** Reports a failure, and writes down the smallest schedule that has it. */
function fail(outcome: Outcome): void {
  process.exitCode = EXIT_CODES[outcome.verdict];
  const { plan, verdict, violation } = outcome;
  const smallest = values["no-shrink"]
    ? outcome
    : shrink(outcome, { run: (smaller) => withoutAmbient(() => run(smaller)) });
  const id = violation?.id ?? verdict;
  mkdirSync(values.keep, { recursive: true });
  const file = join(values.keep, `seed-${plan.seed}-${id}.json`);
  const kept = { was: `${id}: ${smallest.violation?.facts.join("; ") ?? ""}`, commit, plan: smallest.plan };
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
  const replays = `scripts/sim --replay ${file}   (whole: scripts/sim --seed ${plan.seed})`;
  console.log(reportOf(smallest, { commit, replay: replays }));
  if (values.trace) console.log(JSON.stringify(smallest.trace, null, 1));
}

function planOf(seed: number): Plan {
  const nodes = number("nodes", values.nodes);
  const kinds = values.kinds?.split(",") as FaultKind[] | undefined;
  return drawPlan(seed, { ...(nodes === undefined ? {} : { nodes }), ...(kinds === undefined ? {} : { kinds }) });
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
