// The file in which runs at one commit add up (`--append`). Several runs may add to it at the same time, and any of them may be killed at any moment: the file
// is always whole, and no seed is in it twice.
import { Database } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { type Figures, hasSeed, noFigures, type SeedRecord, withSeed } from "./tally.ts";

/** How long another run may take to add its figures, in ms. */
const WAIT_MS = 60_000;

/** What came of adding. */
export interface Added {
  /** Of this commit, with what was added. */
  readonly sum: Figures;
  /** Seeds that another run had added meanwhile: they are not counted twice. */
  readonly twice: readonly number[];
}

/** Figures of that commit in the file; none when there is no such file. Throws when it cannot be read. */
export function readFigures(file: string, commit: string): Figures {
  return readAll(file).find((one) => one.commit === commit) ?? noFigures(commit);
}

/** Adds seeds to those of the same commit. Throws when the file cannot be read or written; it is then as it was. */
export function addFigures(file: string, commit: string, records: readonly SeedRecord[]): Added {
  return alone(file, () => {
    const all = readAll(file);
    const earlier = all.find((one) => one.commit === commit);
    const [fresh, twice] = split(records, earlier ?? noFigures(commit));
    const sum = fresh.reduce(withSeed, earlier ?? noFigures(commit));
    if (fresh.length > 0) replace(file, [...all.filter((one) => one !== earlier), sum]);
    return { sum, twice: twice.map(({ seed }) => seed) };
  });
}

function split(records: readonly SeedRecord[], earlier: Figures): [SeedRecord[], SeedRecord[]] {
  const [fresh, twice]: [SeedRecord[], SeedRecord[]] = [[], []];
  for (const record of records) (hasSeed(earlier, record.seed) ? twice : fresh).push(record);
  return [fresh, twice];
}

function readAll(file: string): Figures[] {
  if (!existsSync(file)) return [];
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Figures[];
  } catch (error) {
    throw new Error(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** One run at a time. The lock is the kernel's, by way of SQLite: it ends with the process that holds it, however that ends. */
function alone<T>(file: string, act: () => T): T {
  using lock = new Database(`${file}.lock`, { create: true });
  lock.run(`PRAGMA busy_timeout = ${WAIT_MS}`);
  lock.run("BEGIN EXCLUSIVE");
  return act();
}

function replace(file: string, all: readonly Figures[]): void {
  const fresh = `${file}.${process.pid}.new`;
  const descriptor = openSync(fresh, "w");
  try {
    writeFileSync(descriptor, `${JSON.stringify(all, null, 2)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(fresh, file);
}
