// Builds the one executable: `bun scripts/build.ts [--target NAME] [--out FILE] [--all] [--entry FILE] [--base FILE]`.
// Everything is inside it, native LevelDB too; it must never need node_modules, nor obey a .env or bunfig.toml of the
// directory it is started in. `--base` names a bun executable of the target, to cross-compile without a network.
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
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

const { values: options } = parseArgs({
  options: {
    target: { type: "string" },
    out: { type: "string" },
    all: { type: "boolean", default: false },
    entry: { type: "string", default: join(ROOT, "src/main.ts") },
    base: { type: "string" },
  },
});

for (const job of jobs()) await build(job);

function jobs(): Job[] {
  const { entry, base } = options;
  if (options.all) {
    if (options.out !== undefined || base !== undefined) throw new Error("--all takes neither --out nor --base");
    return TARGETS.map((target) => ({ target, entry, base, outFile: join(ROOT, `dist/cube-${target}`) }));
  }
  const target = options.target === undefined ? ownTarget() : parseTarget(options.target);
  return [{ target, entry, base, outFile: resolve(options.out ?? join(ROOT, "dist/cube")) }];
}

async function build(job: Job): Promise<void> {
  mkdirSync(dirname(job.outFile), { recursive: true });
  // Built beside its place and moved there: whoever runs the old one keeps it, and the .map file leaves with the folder.
  const workFolder = mkdtempSync(join(dirname(job.outFile), ".build-"));
  try {
    await compile(job, join(workFolder, "cube"));
    renameSync(join(workFolder, "cube"), job.outFile);
  } finally {
    rmSync(workFolder, { recursive: true, force: true });
  }
  console.log(`built ${job.outFile} for ${job.target}`);
}

async function compile(job: Job, outFile: string): Promise<void> {
  const result = await Bun.build({
    entrypoints: [job.entry],
    root: ROOT,
    target: "bun",
    format: "esm", // bytecode with top-level await needs it
    bytecode: true,
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
  if (!result.success) throw new Error(`the build failed\n${result.logs.map(String).join("\n")}`);
  for (const log of result.logs) console.error(String(log));
}
