// The part of scripts/test that comes after the packages are installed: prepares the machine, runs checks and tests,
// puts the machine back, and counts. Its last line must be "N passed, N failed", and "0 failed" must never hide a
// failure: a check, a test file that does not load, or a run without any test gives a non-zero exit code.
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { dockerSwitchedOff } from "../test/setup/docker.ts";
import { startEngine } from "./test-machine/engine.ts";
import { makeTestImage } from "./test-machine/image.ts";
import { installTestPackages } from "./test-machine/packages.ts";

type Outcome = { passed: number; failed: number; exitCode: number };

/** For a test that names no limit of its own; it only bounds what hangs, on a machine that is busy too. */
const TEST_LIMIT_MS = 30_000;
const ROOT = resolve(import.meta.dir, "..");
const patterns = process.argv.slice(2);
const workFolder = mkdtempSync(join(tmpdir(), "cube-test-"));

// Without this, a signal would end this process alone: the tests and an engine started here would stay.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.once("exit", () => rmSync(workFolder, { recursive: true, force: true }));

await installTestPackages();
const engine = dockerSwitchedOff() ? undefined : await startEngine();
let outcome: Outcome;
let checksPassed: boolean;
try {
  if (engine !== undefined) makeTestImage();
  checksPassed = patterns.length > 0 || (await run(["scripts/check.ts"])) === 0;
  outcome = await runTests(placeExecutable());
} finally {
  await engine?.stop();
}
report();

/** Copies the executable to where no node_modules is in reach. Undefined when it could not be built. */
function placeExecutable(): string | undefined {
  const built = process.env.CUBE_BUILT;
  if (built === undefined) return undefined;
  const placed = join(workFolder, "cube");
  copyFileSync(resolve(ROOT, built), placed);
  chmodSync(placed, 0o755);
  return placed;
}

async function runTests(executable: string | undefined): Promise<Outcome> {
  const summary = join(workFolder, "junit.xml");
  const args = ["test", `--timeout=${TEST_LIMIT_MS}`, "--reporter=junit", `--reporter-outfile=${summary}`, ...patterns];
  const exitCode = await run(args, executable === undefined ? {} : { CUBE_BIN: executable });
  return { ...countTests(summary), exitCode };
}

function countTests(summary: string): { passed: number; failed: number } {
  const totals = /<testsuites [^>]*>/.exec(readFileSync(summary, { encoding: "utf8", flag: "a+" }))?.[0] ?? "";
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(totals)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  return { passed: count("tests") - failed - count("skipped"), failed };
}

function report(): void {
  const built = process.env.CUBE_BUILT !== undefined;
  if (!built) console.log("the executable could not be built, see above");
  if (!checksPassed) console.log("a check failed, see above");
  // A test file that does not even load fails no test of its own, but fails the run.
  const failed = outcome.exitCode === 0 ? outcome.failed : Math.max(1, outcome.failed);
  process.exitCode = built && checksPassed && failed === 0 && outcome.passed > 0 ? 0 : 1;
  console.log(`${outcome.passed} passed, ${failed} failed`);
}

async function run(args: string[], env: Record<string, string> = {}): Promise<number> {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const end = () => child.kill();
  process.once("exit", end);
  const exitCode = await child.exited;
  process.off("exit", end);
  return exitCode;
}
