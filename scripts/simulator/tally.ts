// Counts seeds: how many were worth counting, how fast they ran, what failed and which coverage marks were hit. Several runs at one commit add up in a file.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { MARKS } from "../../src/sim/coverage.ts";
import { UNHITTABLE } from "../../src/sim/not-yet.ts";
import type { Outcome } from "../../src/sim/run.ts";

/** What a seed must have to count: 10 virtual minutes, 100 commands, 3 kinds of faults. */
const LEAST_MS = 600_000;
const LEAST_COMMANDS = 100;
const LEAST_KINDS = 3;

/** Figures of all runs at one commit. */
export interface Figures {
  readonly commit: string;
  /** Ranges of seeds, both ends included. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly seeds: number;
  /** Seeds that count. */
  readonly counted: number;
  readonly failed: readonly string[];
  readonly virtualHours: number;
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

export class Tally {
  readonly #commit: string;
  readonly #from: number;
  #last: number;
  #seeds = 0;
  #counted = 0;
  #failed: string[] = [];
  #virtualMs = 0;
  #realMs = 0;
  #faults = 0;
  #commands = 0;
  readonly #marks: Record<string, number> = {};

  constructor(commit: string, from: number) {
    this.#commit = commit;
    this.#from = from;
    this.#last = from - 1;
  }

  /** Runs something and counts its time. */
  timed<T>(run: () => T): T {
    const beganMs = performance.now();
    const value = run();
    this.#realMs += performance.now() - beganMs;
    return value;
  }

  add({ plan, verdict, violation, virtualMs, commands, marks }: Outcome): void {
    this.#seeds++;
    this.#last = plan.seed;
    this.#virtualMs += virtualMs;
    this.#faults += plan.faults.length;
    this.#commands += commands;
    for (const mark of marks) this.#marks[mark] = (this.#marks[mark] ?? 0) + 1;
    const kinds = new Set(plan.faults.map((fault) => fault.kind)).size;
    if (virtualMs >= LEAST_MS && commands >= LEAST_COMMANDS && kinds >= LEAST_KINDS) this.#counted++;
    if (verdict !== "passed") this.#failed.push(`${plan.seed} ${violation?.id ?? verdict}`);
  }

  get figures(): Figures {
    return {
      commit: this.#commit,
      ranges: [[this.#from, this.#last]],
      seeds: this.#seeds,
      counted: this.#counted,
      failed: this.#failed,
      virtualHours: this.#virtualMs / 3_600_000,
      seconds: this.#realMs / 1000,
      faults: this.#faults,
      commands: this.#commands,
      marks: this.#marks,
    };
  }

  summary(): string {
    return summaryOf(this.figures);
  }

  /** Adds these figures to those of the same commit in that file, and gives the sum. */
  appendTo(file: string): Figures {
    const kept = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Figures[]) : [];
    const earlier = kept.find((one) => one.commit === this.#commit);
    const sum = earlier === undefined ? this.figures : added(earlier, this.figures);
    writeFileSync(file, `${JSON.stringify([...kept.filter((one) => one !== earlier), sum], null, 2)}\n`);
    console.log(`in all at ${this.#commit}: ${summaryOf(sum)}`);
    return sum;
  }
}

function added(one: Figures, other: Figures): Figures {
  return {
    commit: one.commit,
    ranges: joined([...one.ranges, ...other.ranges]),
    seeds: one.seeds + other.seeds,
    counted: one.counted + other.counted,
    failed: [...one.failed, ...other.failed],
    virtualHours: one.virtualHours + other.virtualHours,
    seconds: one.seconds + other.seconds,
    faults: one.faults + other.faults,
    commands: one.commands + other.commands,
    marks: Object.fromEntries(
      MARKS.flatMap((mark) => {
        const hits = (one.marks[mark] ?? 0) + (other.marks[mark] ?? 0);
        return hits === 0 ? [] : [[mark, hits] as const];
      }),
    ),
  };
}

/** Ranges that touch become one; ranges that overlap would count seeds twice and are refused. */
function joined(ranges: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const sorted = ranges.toSorted(([one], [other]) => one - other);
  const result: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1]) throw new Error(`seeds ${from} to ${last[1]} are in the file already`);
    if (last !== undefined && from === last[1] + 1) last[1] = to;
    else result.push([from, to]);
  }
  return result;
}

function summaryOf(figures: Figures): string {
  const { seeds, counted, failed, virtualHours, seconds, faults, commands } = figures;
  const speed = Math.round((virtualHours * 3600) / seconds);
  const failures = failed.length === 0 ? "none failed" : `${failed.length} failed: ${failed.join(", ")}`;
  return `${seeds} seeds (${counted} count), ${failures}; ${faults} faults and ${commands} commands in ${virtualHours.toFixed(0)} h of virtual time, ${speed} times real time`;
}
