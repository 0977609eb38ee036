// The executable as a user gets it: one file, away from the checkout and from node_modules, in surroundings that are
// unkind to it. Started here by its cheapest command; what it does as a cluster is tested in test/e2e.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../package.json";
import { cubeBin } from "./setup/cube-bin.ts";
import { ROOT } from "./setup/source-tree.ts";

let folder: string;
let cube: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cube-packaging-"));
  cube = join(folder, "cube");
  copyFileSync(cubeBin(), cube);
  chmodSync(cube, 0o755);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("packaging: --version says the version and the commit it was built from", () => {
  const run = start(["--version"]);
  expect(run).toEqual({ code: 0, out: expect.stringContaining(version), err: "" });
  expect(run.out).toMatch(/\b([0-9a-f]{12}(-dirty)?|unknown)\b/);
});

test("packaging: a .env of the current directory is not obeyed", () => {
  // Bun would print this for every program that loads the file: an option it does not know ends the program.
  const cwd = madeFolder("with-dotenv", { ".env": "CUBE_DATA_DIR=/nowhere\nBUN_CONFIG_VERBOSE_FETCH=curl\n" });
  expect(start(["--version"], { cwd })).toEqual(start(["--version"]));
});

test("packaging: a bunfig.toml of the current directory is not obeyed", () => {
  const cwd = madeFolder("with-bunfig", {
    "bunfig.toml": 'preload = ["./planted.ts"]\n',
    "planted.ts": 'console.log("planted code ran"); process.exit(7);\n',
  });
  expect(start(["--version"], { cwd })).toEqual(start(["--version"]));
});

test("packaging: it names no folder of the machine it was built on", () => {
  const content = readFileSync(cube);
  expect(content.includes(`${ROOT}/`)).toBe(false);
  expect(content.includes("node_modules/classic-level/prebuilds")).toBe(false);
});

test("packaging: it starts where the folder for temporary files is missing", () => {
  const env = { TMPDIR: join(folder, "is-not-there") };
  expect(start(["--version"], { env })).toEqual(start(["--version"]));
});

function madeFolder(name: string, files: Record<string, string>): string {
  const made = join(folder, name);
  mkdirSync(made);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(made, file), content);
  return made;
}

function start(
  args: string[],
  { cwd = folder, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): { code: number; out: string; err: string } {
  // No variable of this process: a value it has set would hide one that a file sets.
  const run = Bun.spawnSync([cube, ...args], { cwd, env: { PATH: "/usr/bin:/bin", HOME: folder, ...env } });
  return { code: run.exitCode, out: run.stdout.toString(), err: run.stderr.toString() };
}
