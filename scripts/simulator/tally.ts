// Counts seeds: how many were worth counting, how fast they ran, what failed and which coverage marks were hit. Figures are plain data and add up.
import { MARKS } from "../../src/sim/coverage.ts";
import { UNHITTABLE } from "../../src/sim/not-yet.ts";
import type { Outcome, Verdict } from "../../src/sim/run.ts";

/** What a seed must have to count: 10 virtual minutes, 100 commands, 3 kinds of faults. */
const LEAST_MS = 600_000;
const LEAST_COMMANDS = 100;
const LEAST_KINDS = 3;

/** What is counted of one seed; it goes from process to process as JSON. */
export interface SeedRecord {
  readonly seed: number;
  readonly verdict: Verdict;
  /** The violated invariant, or "". */
  readonly id: string;
  readonly counts: boolean;
  readonly virtualMs: number;
  readonly realMs: number;
  readonly faults: number;
  readonly commands: number;
  readonly marks: readonly string[];
}

/** Figures of all runs at one commit. */
export interface Figures {
  readonly commit: string;
  /** Ranges of seeds, both ends included, in rising order; neither overlaps nor touches the next one. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly seeds: number;
  /** Seeds that count. */
  readonly counted: number;
  readonly failed: readonly string[];
  readonly virtualHours: number;
  /** Summed over the processes that ran seeds side by side. */
  readonly seconds: number;
  readonly faults: number;
  readonly commands: number;
  /** How many seeds have hit each mark of coverage. */
  readonly marks: Readonly<Record<string, number>>;
}

/** So many seeds have to hit every mark together; fewer say nothing. */
const SOAK_SEEDS = 1_000;

/** Marks that these figures should have hit and have not. */
export function unhit({ seeds, marks }: Figures): readonly string[] {
  return seeds < SOAK_SEEDS ? [] : MARKS.filter((mark) => !UNHITTABLE.has(mark) && marks[mark] === undefined);
}

/** What is counted of a run that took so many ms. Pure. */
export function recordOf(outcome: Outcome, realMs: number): SeedRecord {
  const { plan, verdict, violation, virtualMs, commands, marks } = outcome;
  const kinds = new Set(plan.faults.map((fault) => fault.kind)).size;
  return {
    seed: plan.seed,
    verdict,
    id: violation?.id ?? "",
    counts: virtualMs >= LEAST_MS && commands >= LEAST_COMMANDS && kinds >= LEAST_KINDS,
    virtualMs,
    realMs,
    faults: plan.faults.length,
    commands,
    marks: [...marks],
  };
}

/** Figures of nothing yet. */
export function noFigures(commit: string): Figures {
  return {
    commit,
    ranges: [],
    seeds: 0,
    counted: 0,
    failed: [],
    virtualHours: 0,
    seconds: 0,
    faults: 0,
    commands: 0,
    marks: {},
  };
}

/** Figures with one seed more; throws when they have it already. Pure. */
export function withSeed(figures: Figures, record: SeedRecord): Figures {
  const { seed, verdict, id } = record;
  return {
    commit: figures.commit,
    ranges: withOne(figures.ranges, seed),
    seeds: figures.seeds + 1,
    counted: figures.counted + (record.counts ? 1 : 0),
    failed: verdict === "passed" ? figures.failed : [...figures.failed, `${seed} ${id || verdict}`],
    virtualHours: figures.virtualHours + record.virtualMs / 3_600_000,
    seconds: figures.seconds + record.realMs / 1000,
    faults: figures.faults + record.faults,
    commands: figures.commands + record.commands,
    marks: marksWith(figures.marks, record.marks),
  };
}

/** Whether those figures have that seed. Pure. */
export function hasSeed({ ranges }: Pick<Figures, "ranges">, seed: number): boolean {
  return ranges.some(([from, to]) => seed >= from && seed <= to);
}

/** For people, in one line. Pure. */
export function summaryOf(figures: Figures): string {
  const { seeds, counted, failed, virtualHours, faults, commands } = figures;
  const failures = failed.length === 0 ? "none failed" : `${failed.length} failed: ${failed.join(", ")}`;
  return `${seeds} seeds (${counted} count), ${failures}; ${faults} faults and ${commands} commands in ${virtualHours.toFixed(0)} h of virtual time, ${speedOf(figures)} times real time`;
}

/** Virtual time by real time, of one process. Pure. */
export function speedOf({ virtualHours, seconds }: Figures): number {
  return seconds === 0 ? 0 : Math.round((virtualHours * 3600) / seconds);
}

function marksWith(marks: Figures["marks"], more: readonly string[]): Figures["marks"] {
  return Object.fromEntries(
    MARKS.flatMap((mark) => {
      const hits = (marks[mark] ?? 0) + (more.includes(mark) ? 1 : 0);
      return hits === 0 ? [] : [[mark, hits] as const];
    }),
  );
}

/** Ranges that touch become one. */
function withOne(ranges: Figures["ranges"], seed: number): Figures["ranges"] {
  if (hasSeed({ ranges }, seed)) throw new Error(`seed ${seed} is counted already`);
  const sorted = [...ranges, [seed, seed] as const].toSorted(([one], [other]) => one - other);
  const joined: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && from === last[1] + 1) last[1] = to;
    else joined.push([from, to]);
  }
  return joined;
}
