// Builds the one executable: `bun scripts/build.ts [--target NAME] [--out FILE] [--entry FILE] [--base FILE]`, or `--all [--out FOLDER]` for every target.
// Everything is inside it, native LevelDB too; it must never need node_modules, nor obey a .env or bunfig.toml of the
// directory it is started in. `--base` names a bun executable of the target, to cross-compile without a network.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { version } from "../package.json";
import { literalBlessed } from "./build/blessed.ts";
import { commitOf } from "./build/commit.ts";
import { slimDockerode } from "./build/dockerode.ts";
import { embedLevelDb } from "./build/leveldb.ts";
import { ownTarget, parseTarget, TARGETS, type Target } from "./build/targets.ts";

const ROOT = resolve(import.meta.dir, "..");

type Job = { target: Target; outFile: string; entry: string; base: string | undefined };

const OPTIONS = {
  target: { type: "string" },
  out: { type: "string" },
  all: { type: "boolean", default: false },
  entry: { type: "string", default: join(ROOT, "src/main.ts") },
  base: { type: "string" },
} as const;

for (const job of jobsOrExplain()) {
  if (!(await build(job))) process.exitCode = 1;
}

function jobsOrExplain(): Job[] {
  try {
    return jobs();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

function jobs(): Job[] {
  const { all, base, entry, out, target } = parseArgs({ options: OPTIONS }).values;
  if (all) {
    if (base !== undefined || target !== undefined) {
      throw new Error("--all builds every target under its own name: it takes no --target or --base");
    }
    const folder = resolve(out ?? join(ROOT, "dist"));
    return TARGETS.map((each) => ({ target: each, entry, base, outFile: join(folder, `cube-${each}`) }));
  }
  const one = target === undefined ? ownTarget() : parseTarget(target);
  return [{ target: one, entry, base, outFile: resolve(out ?? join(ROOT, "dist/cube")) }];
}

async function build(job: Job): Promise<boolean> {
  mkdirSync(dirname(job.outFile), { recursive: true });
  removeAbandoned(dirname(job.outFile));
  // Built beside its place and moved there: whoever runs the old one keeps it, and the .map file leaves with the folder.
  const workFolder = mkdtempSync(join(dirname(job.outFile), ".build-"));
  try {
    const result = await compile(job, join(workFolder, "cube"));
    for (const { message, position } of result.logs) {
      console.error(position === null ? message : `${position.file}:${position.line}:${position.column}: ${message}`);
    }
    if (result.success) renameSync(join(workFolder, "cube"), job.outFile);
    console.log(`${result.success ? "built" : "could not build"} ${job.outFile} for ${job.target}`);
    return result.success;
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
}

/** Removes what killed builds have left: each is the size of an executable. A build takes seconds, never an hour. */
function removeAbandoned(folder: string): void {
  const anHourAgoMs = Date.now() - 3_600_000;
  for (const name of readdirSync(folder).filter((each) => each.startsWith(".build-"))) {
    const path = join(folder, name);
    if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < anHourAgoMs)
      rmSync(path, { recursive: true, force: true });
  }
}

function compile(job: Job, outFile: string): Promise<Bun.BuildOutput> {
  return Bun.build({
    entrypoints: [job.entry],
    root: ROOT,
    target: "bun",
    format: "esm", // bytecode with top-level await needs it
    bytecode: true,
    splitting: true, // in one piece, every import of node:* runs at once: `--version` would take three times as long
    sourcemap: "linked", // embedded: a stack trace names src/file.ts and the line
    allowUnresolved: [],
    throw: false,
    define: { CUBE_VERSION: JSON.stringify(version), CUBE_COMMIT: JSON.stringify(commitOf(ROOT)) },
    plugins: [embedLevelDb(job.target), literalBlessed(), slimDockerode()],
    compile: {
      target: `bun-${job.target}`,
      outfile: outFile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
      ...(job.base === undefined ? {} : { executablePath: job.base }),
    },
  });
}
