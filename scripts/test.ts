// The part of scripts/test that comes after the packages are installed: prepares the machine, runs checks and tests,
// puts the machine back, and counts. Its last line must be "N passed, N failed", and "0 failed" must never hide a
// failure: a check, a test file that does not load, or a run without any test gives a non-zero exit code.
import { chmodSync, copyFileSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
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
const END_TO_END = "e2e";
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

/** Tests of the executable mostly wait, for clocks and containers; the others compute. Side by side they take half as long. */
async function runTests(executable: string | undefined): Promise<Outcome> {
  const env: Record<string, string> = executable === undefined ? {} : { CUBE_BIN: executable };
  if (patterns.length > 0) return runLane("all", patterns, { env, stdout: "inherit" });
  const others = readdirSync(join(ROOT, "test")).filter((name) => name !== END_TO_END);
  const [first, second] = await Promise.all([
    runLane("end-to-end", [`test/${END_TO_END}/`], { env, stdout: "inherit" }),
    runLane(
      "others",
      others.map((name) => `test/${name}`),
      { env, stdout: "later" },
    ),
  ]);
  const { passed, failed, exitCode } = second;
  return { passed: first.passed + passed, failed: first.failed + failed, exitCode: first.exitCode || exitCode };
}

/** Runs the test files whose paths have one of those parts. */
async function runLane(name: string, parts: readonly string[], options: RunOptions): Promise<Outcome> {
  const summary = join(workFolder, `${name}.xml`);
  const args = ["test", `--timeout=${TEST_LIMIT_MS}`, "--reporter=junit", `--reporter-outfile=${summary}`, ...parts];
  const exitCode = await run(args, options);
  const totals = /<testsuites [^>]*>/.exec(readFileSync(summary, { encoding: "utf8", flag: "a+" }))?.[0] ?? "";
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(totals)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  // A test file that does not even load fails no test of its own, but fails the run.
  return {
    passed: count("tests") - failed - count("skipped"),
    failed: exitCode === 0 ? failed : Math.max(1, failed),
    exitCode,
  };
}

function report(): void {
  const built = process.env.CUBE_BUILT !== undefined;
  if (!built) console.log("the executable could not be built, see above");
  if (!checksPassed) console.log("a check failed, see above");
  const { failed } = outcome;
  process.exitCode = built && checksPassed && failed === 0 && outcome.passed > 0 ? 0 : 1;
  console.log(`${outcome.passed} passed, ${failed} failed`);
}

interface RunOptions {
  readonly env?: Record<string, string>;
  /** `later`: all at once when it has ended, so that two lanes do not mix their lines. */
  readonly stdout?: "inherit" | "later";
}

async function run(args: string[], { env = {}, stdout = "inherit" }: RunOptions = {}): Promise<number> {
  const log = join(workFolder, `output-${args.length}-${performance.now()}`);
  const output = stdout === "inherit" ? "inherit" : openSync(log, "a");
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", output, output],
  });
  const end = () => child.kill();
  process.once("exit", end);
  const exitCode = await child.exited;
  process.off("exit", end);
  if (stdout === "later") console.log(readFileSync(log, "utf8"));
  return exitCode;
}
