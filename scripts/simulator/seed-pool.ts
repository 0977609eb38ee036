// Shares seeds out over processes: each one gets the next seed when it is done with the last, so that what was run is without holes as far as it goes, and a
// slow seed keeps nobody else waiting.
import { join } from "node:path";
import type { SeedOptions } from "./one-seed.ts";
import type { Said } from "./seed-process.ts";
import type { SeedRecord } from "./tally.ts";

/** What is to be run, and who hears of it. */
export interface Pool {
  readonly jobs: number;
  readonly options: SeedOptions;
  /** The next seed; null when there is none left. */
  readonly next: () => number | null;
  readonly onRan: (record: SeedRecord) => void;
  /** The report of a failure, or that a process ended over a seed. */
  readonly onFailed: (report: string) => void;
  /** Ends all processes at once. Seeds that were under way have not been run. */
  readonly stop: AbortSignal;
}

type Child = Bun.Subprocess<"pipe", "pipe", "inherit">;

/** Runs them all. Comes back when no process is left. */
export async function runPool(pool: Pool): Promise<void> {
  await Promise.all(Array.from({ length: pool.jobs }, () => runLane(pool)));
}

/** One process after the other: a new one only when one has ended over a seed. */
async function runLane(pool: Pool): Promise<void> {
  for (let seed = next(pool); seed !== null; ) {
    const child = start(pool.options);
    const end = (): void => child.kill("SIGKILL");
    pool.stop.addEventListener("abort", end);
    try {
      seed = await feed(child, seed, pool);
    } finally {
      pool.stop.removeEventListener("abort", end);
      child.kill("SIGKILL");
      await child.exited;
    }
  }
}

function next({ stop, next }: Pool): number | null {
  return stop.aborted ? null : next();
}

/** Gives the process seeds until there are none or until it ends. Gives the seed that another process has to go on with, or null. */
async function feed(child: Child, first: number, pool: Pool): Promise<number | null> {
  const said = wholeLinesOf(child.stdout);
  for (let seed: number | null = first; seed !== null; seed = next(pool)) {
    child.stdin.write(`${seed}\n`);
    child.stdin.flush();
    const heard = await hear(said, pool);
    if (heard === "all") continue;
    if (pool.stop.aborted) {
      if (heard === "record")
        pool.onFailed(`seed ${seed} has failed; the schedule in ${pool.options.keep} was still being made smaller`);
      return null;
    }
    await child.exited;
    if (heard === "nothing") pool.onRan(lost(seed));
    pool.onFailed(`seed ${seed}: the process that ran it has ended (${child.signalCode ?? child.exitCode})`);
    return next(pool);
  }
  return null;
}

/** Hears what is said of one seed: all of it, its record without the report, or nothing, when the process ends before. */
async function hear(lines: AsyncGenerator<string>, { onRan, onFailed }: Pool): Promise<"all" | "record" | "nothing"> {
  const ran = await said(lines);
  if (ran?.kind !== "ran") return "nothing";
  onRan(ran.record);
  if (ran.record.verdict === "passed") return "all";
  const failed = await said(lines);
  if (failed?.kind !== "failed") return "record";
  onFailed(failed.report);
  return "all";
}

async function said(lines: AsyncGenerator<string>): Promise<Said | null> {
  const { value, done } = await lines.next();
  return done ? null : (JSON.parse(value) as Said);
}

/** A seed over which a process ends is a failure like a machine that throws. */
function lost(seed: number): SeedRecord {
  return {
    seed,
    verdict: "crashed",
    id: "ended",
    counts: false,
    virtualMs: 0,
    realMs: 0,
    faults: 0,
    commands: 0,
    marks: [],
  };
}

function start(options: SeedOptions): Child {
  const command = [process.execPath, join(import.meta.dir, "seed-process.ts"), JSON.stringify(options)];
  return Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
}

/** Whole lines alone, unlike client/lines.ts: what a process that was ended has said by halves is nothing. */
async function* wholeLinesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
