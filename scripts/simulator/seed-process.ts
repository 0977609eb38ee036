// A process that runs seeds for another one: it reads a seed per line and writes what came of it as lines of JSON. It ends when there is nothing more to read,
// and so also when whoever gave the seeds is gone.
import { writeSync } from "node:fs";
import { runSeed, type SeedOptions, tellFailure } from "./one-seed.ts";
import type { SeedRecord } from "./tally.ts";

/** What it says: of each seed its record, and then of one that failed the report. */
export type Said =
  | { readonly kind: "ran"; readonly record: SeedRecord }
  | { readonly kind: "failed"; readonly report: string };

const STDOUT = 1;
/** Until it is tried again when the reader is slow, in ms. */
const FULL_MS = 5;

if (import.meta.main) await serve(JSON.parse(process.argv[2] ?? "") as SeedOptions);

async function serve(options: SeedOptions): Promise<void> {
  // A terminal sends it to all processes at once; the one that gives the seeds decides.
  process.on("SIGINT", () => {});
  for await (const line of console) {
    const { outcome, record } = runSeed(Number(line), options);
    say({ kind: "ran", record });
    if (outcome.verdict !== "passed") say({ kind: "failed", report: tellFailure(outcome, options) });
  }
}

/** At once and whole: a seed keeps the process busy, and nothing may wait for it behind. */
function say(said: Said): void {
  const bytes = Buffer.from(`${JSON.stringify(said)}\n`);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(STDOUT, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Bun.sleepSync(FULL_MS);
    }
  }
}
