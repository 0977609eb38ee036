// Runs many seeds in processes of their own, adds up what came of them, and keeps the figures as they grow: whatever ends the run, minutes are lost and not hours.
import { EXIT_CODES } from "../../src/sim/run.ts";
import { addFigures, readFigures } from "./kept-figures.ts";
import type { SeedOptions } from "./one-seed.ts";
import { Progress, progressLine } from "./progress.ts";
import { runPool } from "./seed-pool.ts";
import { type Figures, hasSeed, noFigures, type SeedRecord, summaryOf, unhit, withSeed } from "./tally.ts";

/** Exit code when a mark of coverage was never hit. */
const NEVER_HIT = 6;
/** Exit code of whatever was ended by Ctrl-C. */
const INTERRUPTED = 130;

/** Which seeds, how, and where the figures go. */
export interface SeedsOptions extends SeedOptions {
  readonly from: number;
  /** Infinity for as many as there is time for. */
  readonly count: number;
  readonly minutes: number;
  readonly jobs: number;
  /** Whether it goes on after a failure. */
  readonly all: boolean;
  /** The file in which runs add up; none when left out. */
  readonly append?: string;
  readonly appendMinutes: number;
}

/** Runs them, prints what came of it, and gives the exit code. */
export async function runSeeds(options: SeedsOptions): Promise<number> {
  const run = new SeedsRun(options);
  await run.toEnd();
  return run.exitCode;
}

class SeedsRun {
  readonly #options: SeedsOptions;
  /** Of this run alone. */
  #figures: Figures;
  /** What the file had when it began: seeds that need not be run again. */
  readonly #earlier: Figures;
  /** Not in the file yet. */
  #fresh: SeedRecord[] = [];
  #sum: Figures | null = null;
  #nextSeed: number;
  #skipped = 0;
  #failure = 0;
  readonly #endsMs: number;
  readonly #stop = new AbortController();
  readonly #progress: Progress;

  constructor(options: SeedsOptions) {
    const { commit, append, from, minutes, jobs } = options;
    this.#options = options;
    this.#figures = noFigures(commit);
    this.#earlier = append === undefined ? noFigures(commit) : readFigures(append, commit);
    this.#nextSeed = from;
    this.#endsMs = performance.now() + minutes * 60_000;
    this.#progress = new Progress(process.stderr, () =>
      progressLine(this.#figures, {
        leftMs: this.#endsMs - performance.now(),
        leftSeeds: from + options.count - this.#nextSeed,
        jobs,
      }),
    );
  }

  async toEnd(): Promise<void> {
    const { jobs, appendMinutes } = this.#options;
    const stop = (): void => this.#stop.abort();
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, stop);
    const keeper = setInterval(() => this.#keepForNow(), appendMinutes * 60_000);
    try {
      await runPool({
        jobs,
        options: this.#options,
        next: () => this.#next(),
        onRan: (record) => this.#ran(record),
        onFailed: (report) => this.#print(report),
        stop: this.#stop.signal,
      });
    } finally {
      clearInterval(keeper);
      this.#progress[Symbol.dispose]();
      for (const signal of signals) process.off(signal, stop);
      this.#tell();
    }
  }

  get exitCode(): number {
    if (this.#failure !== 0) return this.#failure;
    if (this.#stop.signal.aborted) return INTERRUPTED;
    return unhit(this.#sum ?? this.#figures).length > 0 ? NEVER_HIT : 0;
  }

  #next(): number | null {
    const { from, count, all } = this.#options;
    while (hasSeed(this.#earlier, this.#nextSeed) && this.#nextSeed < from + count) {
      this.#nextSeed++;
      this.#skipped++;
    }
    const isOver = this.#nextSeed >= from + count || performance.now() >= this.#endsMs;
    return isOver || (this.#failure !== 0 && !all) ? null : this.#nextSeed++;
  }

  #ran(record: SeedRecord): void {
    this.#figures = withSeed(this.#figures, record);
    if (this.#options.append !== undefined) this.#fresh.push(record);
    // The same for the same failures, whichever process is the first.
    const code = EXIT_CODES[record.verdict];
    if (code !== 0) this.#failure = Math.min(code, this.#failure || code);
  }

  /** Seeds that ran since the last time go into the file. */
  #keep(): void {
    const { append, commit } = this.#options;
    if (append === undefined) return;
    const { sum, twice } = addFigures(append, commit, this.#fresh);
    this.#fresh = [];
    this.#sum = sum;
    if (twice.length > 0) this.#warn(`another run has added these seeds to ${append} too: ${twice.join(", ")}`);
  }

  /** Amid a run a file that cannot be written is no reason to end: it is tried again. */
  #keepForNow(): void {
    try {
      this.#keep();
    } catch (error) {
      this.#warn(`not kept yet: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #tell(): void {
    const { append, commit } = this.#options;
    if (this.#skipped > 0) this.#warn(`${this.#skipped} seeds were in ${append} already, and were not run again`);
    console.log(summaryOf(this.#figures));
    this.#keep();
    if (this.#sum !== null) console.log(`in all at ${commit}: ${summaryOf(this.#sum)}`);
    const missed = unhit(this.#sum ?? this.#figures);
    if (missed.length > 0) console.error(`never hit, although it should happen: ${missed.join(", ")}`);
  }

  #print(report: string): void {
    this.#progress.clear();
    console.log(report);
  }

  #warn(text: string): void {
    this.#progress.clear();
    console.error(text);
  }
}
