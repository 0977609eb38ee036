// The executable as a user gets it: one file, away from the checkout and from node_modules, in surroundings that are
// unkind to it. Cube itself is started by its cheapest command; what only shows with a store open is tried on a probe
// that the same build makes. What Cube does as a cluster is tested in test/e2e.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../package.json";
import { knownPackage } from "../scripts/build/known-package.ts";
import { cubeBin } from "./setup/cube-bin.ts";
import { ROOT } from "./setup/source-tree.ts";

type Ended = { code: number; out: string; err: string };

const BUILD_LIMIT_MS = 60_000;
const PROBE_FINE: Ended = { code: 0, out: '{"value":"stored","planted":"nothing"}\n', err: "" };
const canMount = Bun.which("unshare") !== null && Bun.spawnSync(["unshare", "--mount", "true"]).success;

const folder = mkdtempSync(join(tmpdir(), "cube-packaging-"));
const cube = join(folder, "cube");
const probe = join(folder, "probe");

beforeAll(() => {
  copyFileSync(cubeBin(), cube);
  chmodSync(cube, 0o755);
});

beforeAll(() => {
  const command = [process.execPath, "scripts/build.ts", "--entry", "test/setup/probe.ts", "--out", probe];
  const run = Bun.spawnSync(command, { cwd: ROOT });
  if (!run.success) throw new Error(`the probe could not be built\n${run.stderr}`);
}, BUILD_LIMIT_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("packaging: --version says the version and the commit it was built from", () => {
  const run = start(cube, ["--version"]);
  expect(run).toEqual({ code: 0, out: expect.stringContaining(version), err: "" });
  expect(run.out).toMatch(/\b([0-9a-f]{12}(-dirty)?|unknown)\b/);
});

test("packaging: it names no folder of the machine it was built on", () => {
  expect(readFileSync(cube).includes(`${ROOT}/`)).toBe(false);
});

test("packaging: code that a bunfig.toml of the current directory preloads does not run", () => {
  const cwd = madeFolder("with-bunfig", {
    "bunfig.toml": 'preload = ["./planted.ts"]\n',
    "planted.ts": 'console.log("planted code ran");\nprocess.exit(7);\n',
  });
  expect(start(cube, ["--version"], { cwd })).toEqual(start(cube, ["--version"]));
});

test("packaging: a .env of the current directory is not obeyed", () => {
  const cwd = madeFolder("with-dotenv", { ".env": "PLANTED=planted\n" });
  expect(start(probe, ["store"], { cwd })).toEqual(PROBE_FINE);
});

test("packaging: the store opens where the folder for temporary files is missing", () => {
  const cwd = madeFolder("no-tmp", {});
  expect(start(probe, ["store"], { cwd, env: { TMPDIR: join(folder, "is-not-there") } })).toEqual(PROBE_FINE);
});

test.skipIf(!canMount)("packaging: the store opens where the folder for temporary files is mounted noexec", () => {
  const cwd = madeFolder("noexec-tmp", { "tmp/.keep": "" });
  const env = { TMPDIR: join(cwd, "tmp") };
  const script = 'mount -t tmpfs -o noexec tmpfs "$TMPDIR" && exec "$@"';
  expect(start("unshare", ["--mount", "sh", "-c", script, "sh", probe, "store"], { cwd, env })).toEqual(PROBE_FINE);
});

test("packaging: the store's library is not left behind", () => {
  const cwd = madeFolder("left-behind", { "tmp/.keep": "" });
  start(probe, ["store"], { cwd, env: { TMPDIR: join(cwd, "tmp") } });
  expect([...new Bun.Glob("**/*").scanSync({ cwd: join(cwd, "tmp"), dot: true })]).toEqual([".keep"]);
});

test("packaging: the build refuses a package whose files it does not know", () => {
  const file = Bun.resolveSync("classic-level", ROOT);
  expect(() => knownPackage(file, "classic-level", "2.0.0")).toThrow(
    /knows classic-level 2\.0\.0, but .* is installed/,
  );
});

function madeFolder(name: string, files: Record<string, string>): string {
  const made = join(folder, name);
  mkdirSync(join(made, "tmp"), { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(made, file), content);
  return made;
}

function start(
  program: string,
  args: string[],
  { cwd = folder, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): Ended {
  // No variable of this process: a value it has set would hide one that a file sets.
  const run = Bun.spawnSync([program, ...args], {
    cwd,
    env: { PATH: "/usr/bin:/bin:/usr/sbin", HOME: folder, ...env },
  });
  return { code: run.exitCode, out: run.stdout.toString(), err: run.stderr.toString() };
}
