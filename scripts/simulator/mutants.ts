// Plants bugs, one at a time, in copies of the machines, and counts how many random seeds the simulator's checkers need to find each:
// `bun scripts/simulator/mutants.ts [NAME…]`. The sources themselves are never touched.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { MUTATIONS, type Mutation } from "../../test/sim/mutations.ts";
import type { Found, Wanted } from "./hunt.ts";

const ROOT = resolve(import.meta.dir, "../..");
/** A bug that so many random seeds do not find is not found. */
const MOST_SEEDS = 2_000;

if (import.meta.main) await printAll(process.argv.slice(2));

/** Looks for the planted bug with seeds from 1 on. Throws when the text to alter is not there exactly once. */
async function hunt(mutation: Mutation, most = MOST_SEEDS): Promise<Found> {
  const folder = mkdtempSync(join(tmpdir(), "cube-mutant-"));
  try {
    plant(mutation, folder);
    const { by, kinds } = mutation;
    const wanted: Wanted = { by: [by], most, ...(kinds === undefined ? {} : { kinds }) };
    return await findIn(folder, wanted);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Hunts all of them, two at a time, and calls back with each as it is found or not. */
export async function huntAll(
  mutations: readonly Mutation[],
  onEnd: (mutation: Mutation, found: Found | Error) => void,
): Promise<void> {
  const left = [...mutations];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift())
      onEnd(next, await hunt(next).catch((error: unknown) => asError(error)));
  };
  await Promise.all([work(), work()]);
}

/** The altered text; throws with a hint when the mutation does not fit the source any more. */
export function altered({ name, file, find, replace }: Mutation, source: string): string {
  const many = source.split(find).length - 1;
  if (many === 1) return source.replace(find, () => replace);
  throw new Error(
    `${name}: the text to alter is in ${file} ${many} times, not once. The code has changed: look for the condition in it, or choose another one`,
  );
}

/** Puts a copy of what the simulator needs into that folder, with the bug in it. */
export function plant(mutation: Mutation, folder: string): void {
  copySources(folder);
  const path = join(folder, mutation.file);
  writeFileSync(path, altered(mutation, readFileSync(path, "utf8")));
}

/** Puts a copy of what the simulator needs into that folder, as it is. */
export function copySources(folder: string): void {
  for (const part of ["src/core", "src/manager", "src/worker", "src/protocol", "src/sim", "scripts/simulator"]) {
    mkdirSync(join(folder, part), { recursive: true });
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
}

async function findIn(folder: string, wanted: Wanted): Promise<Found> {
  const command = [process.execPath, join(folder, "scripts/simulator/hunt.ts"), JSON.stringify(wanted)];
  const child = Bun.spawn(command, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const [told, complaint] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`the altered machines do not run: ${complaint}`);
  return JSON.parse(told.trim().split("\n").at(-1) ?? "") as Found;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function printAll(names: readonly string[]): Promise<void> {
  const chosen = MUTATIONS.filter(({ name }) => names.length === 0 || names.includes(name));
  await huntAll(chosen, (mutation, found) => {
    console.log(`${mutation.name}: ${found instanceof Error ? found.message : sentence(mutation, found)}`);
    if (found instanceof Error || found.seed === null) process.exitCode = 1;
  });
}

function sentence({ by }: Mutation, { seed, id, facts, others }: Found): string {
  const besides = Object.entries(others).map(([other, times]) => `${other} ${times} times`);
  const also = besides.length === 0 ? "" : ` (before that ${besides.join(", ")})`;
  return seed === null ? `not found by ${by}${also}` : `${id} at seed ${seed}${also}: ${facts.join("; ")}`;
}
