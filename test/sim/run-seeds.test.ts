// Runs of many seeds, as a person starts them: shared out over processes, interrupted, killed, and several at once on one file. No seed is lost or counted twice.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commitOf } from "../../scripts/simulator/commit.ts";
import { altered, copySources, plant } from "../../scripts/simulator/mutants.ts";
import type { Figures } from "../../scripts/simulator/tally.ts";
import { EXIT_CODES } from "../../src/sim/run.ts";
import { until } from "../e2e/until.ts";
import { MUTATIONS } from "./mutations.ts";

const LIMIT_MS = 120_000;
/** Seeds that take little time. */
const SMALL = ["--nodes", "1", "--kinds", "crash"];

/** A copy of the sources, so that nobody changes them between two runs; in no repository. */
let copy = "";
let folder = "";
const figures = (): Figures[] => JSON.parse(readFileSync(join(folder, "figures.json"), "utf8")) as Figures[];
const isKept = (): boolean => existsSync(join(folder, "figures.json")) && (figures()[0]?.seeds ?? 0) > 0;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "cube-seeds-copy-"));
  copySources(copy);
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cube-seeds-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function command(args: readonly string[], root = copy): string[] {
  return [process.execPath, join(root, "scripts/simulator/main.ts"), ...args];
}

async function ran(args: readonly string[], root = copy) {
  const child = Bun.spawn(command(args, root), { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const [told, complaint] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { exitCode: await child.exited, told, complaint };
}

/** Processes that it has started and that still run. */
function childrenOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, "utf8").trim().split(" ").filter(Boolean).map(Number) : [];
}

describe("sim: many seeds", () => {
  test(
    "shared out over processes each seed runs once, and the figures are those of one process",
    async () => {
      const seeds = ["--from", "20", "--count", "7", ...SMALL, "--append"];
      const [one, three] = [
        await ran([...seeds, join(folder, "one.json")]),
        await ran([...seeds, join(folder, "three.json"), "--jobs", "3"]),
      ];
      expect([one.exitCode, three.exitCode]).toEqual([0, 0]);
      const [alone, shared] = ["one.json", "three.json"].map((file) => {
        const [{ seconds, commit, ...rest }] = JSON.parse(readFileSync(join(folder, file), "utf8")) as [Figures];
        expect(commit).toBe("unknown");
        expect(seconds).toBeGreaterThan(0);
        return { ...rest, virtualHours: rest.virtualHours.toFixed(6) };
      });
      expect(alone).toMatchObject({ ranges: [[20, 26]], seeds: 7, failed: [] });
      expect(shared).toEqual(alone);
      expect(three.told).toStartWith("7 seeds (");
    },
    LIMIT_MS,
  );

  test(
    "Ctrl-C at a terminal ends all processes, and what was done so far is printed and kept",
    async () => {
      let screen = "";
      const args = ["--minutes", "30", "--jobs", "2", ...SMALL, "--append", "figures.json", "--append-minutes", "0.01"];
      const child = Bun.spawn(command(args), {
        cwd: folder,
        terminal: {
          cols: 100,
          rows: 30,
          data: (_, data) => {
            screen += Buffer.from(data).toString();
          },
        },
      });
      await until(
        "it shows how far it is, and keeps it",
        () => isKept() && /\d seeds in 2 processes, 0 failed/.test(screen),
      );
      const children = childrenOf(child.pid);
      expect(children).toHaveLength(2);
      child.terminal?.write("\x03");
      expect(await child.exited).toBe(130);
      expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
      const [kept] = figures();
      await until("the sum is printed", () => screen.includes(`: ${kept?.seeds} seeds (`));
      expect(kept?.ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0)).toBe(kept?.seeds ?? 0);
    },
    LIMIT_MS,
  );

  test(
    "what was kept outlasts a kill, and the same command goes on from there",
    async () => {
      const args = ["--from", "40", ...SMALL, "--append", "figures.json", "--append-minutes", "0.01"];
      const child = Bun.spawn(command([...args, "--minutes", "30", "--jobs", "2"]), {
        cwd: folder,
        stdio: ["ignore", "ignore", "ignore"],
      });
      await until("figures are kept", isKept);
      const children = childrenOf(child.pid);
      child.kill("SIGKILL");
      await child.exited;
      await until("its processes have ended too", () => !children.some((pid) => existsSync(`/proc/${pid}`)));
      const before = figures()[0]?.seeds ?? 0;
      const again = await ran([...args, "--count", String(before + 4)]);
      expect(again.complaint).toContain(`${before} seeds were in figures.json already`);
      expect(figures()).toMatchObject([{ ranges: [[40, 43 + before]], seeds: before + 4 }]);
    },
    LIMIT_MS,
  );

  test(
    "runs that keep their figures in one file at the same time add up, and no seed counts twice",
    async () => {
      const args = (from: number) => [
        "--from",
        String(from),
        "--count",
        "6",
        ...SMALL,
        "--append",
        "figures.json",
        "--append-minutes",
        "0.002",
      ];
      const both = await Promise.all([ran(args(60)), ran(args(63))]);
      expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      expect(figures()).toMatchObject([{ ranges: [[60, 68]], seeds: 9 }]);
      expect(readdirSync(folder).filter((name) => name.endsWith(".new"))).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "a file of figures that cannot be read is named before any seed runs, and stays as it is",
    async () => {
      writeFileSync(join(folder, "figures.json"), "[{");
      const { exitCode, told, complaint } = await ran(["--count", "1", ...SMALL, "--append", "figures.json"]);
      expect([exitCode, told]).toEqual([1, ""]);
      expect(complaint).toStartWith("figures.json cannot be read: ");
      expect(readFileSync(join(folder, "figures.json"), "utf8")).toBe("[{");
    },
    LIMIT_MS,
  );

  test(
    "failures are reported by name, written down and counted, whichever process has them",
    async () => {
      const [mutation] = MUTATIONS.filter(({ by }) => by === "S1");
      if (mutation === undefined) throw new Error("no bug is planted for S1");
      const root = join(folder, "altered");
      plant(mutation, root);
      const args = ["--count", "12", "--jobs", "2", "--all", "--no-shrink", "--append", "figures.json"];
      const { exitCode, told } = await ran([...args, "--kinds", mutation.kinds?.join(",") ?? ""], root);
      expect(exitCode).toBe(EXIT_CODES.safety);
      const [kept] = figures();
      expect(kept?.seeds).toBe(12);
      expect(kept?.failed.length).toBeGreaterThan(0);
      for (const failure of kept?.failed ?? []) {
        const [seed, id] = failure.split(" ");
        expect(told).toContain(`seed ${seed} at commit`);
        expect(told).toContain(`(whole: scripts/sim --seed ${seed} --kinds ${mutation.kinds?.join(",")})`);
        expect(existsSync(join(folder, `seed-${seed}-${id}.json`))).toBe(true);
      }
    },
    LIMIT_MS,
  );

  test(
    "a failure that is still being made smaller at Ctrl-C is told and counted, and has its schedule already",
    async () => {
      const endless = join(folder, "altered");
      copySources(endless);
      const shrink = join(endless, "src/sim/shrink.ts");
      writeFileSync(
        shrink,
        readFileSync(shrink, "utf8").replace("toEnd(): Outcome {", "toEnd(): Outcome {\n    for (;;) {}"),
      );
      const [mutation] = MUTATIONS.filter(({ by }) => by === "S1");
      if (mutation === undefined) throw new Error("no bug is planted for S1");
      const machine = join(endless, mutation.file);
      writeFileSync(machine, altered(mutation, readFileSync(machine, "utf8")));
      const args = ["--count", "12", "--kinds", mutation.kinds?.join(",") ?? "", "--append", "figures.json"];
      const child = Bun.spawn(command(args, endless), { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
      const schedules = (): string[] => readdirSync(folder).filter((name) => name.startsWith("seed-"));
      await until("a schedule is there", () => schedules().length > 0, { limitMs: LIMIT_MS });
      child.kill("SIGINT");
      expect(await child.exited).toBe(EXIT_CODES.safety);
      expect(await child.stdout.text()).toContain("was still being made smaller");
      expect(figures()[0]?.failed.map((one) => one.replace(" ", "-"))).toEqual(
        schedules().map((name) => name.replace("seed-", "").replace(".json", "")),
      );
    },
    LIMIT_MS,
  );

  test("the commit is that of the checkout in which the program lies, wherever it is started", () => {
    const program = `import { commitOf } from ${JSON.stringify(join(import.meta.dir, "../../scripts/simulator/commit.ts"))}; console.log(commitOf());`;
    const away = Bun.spawnSync([process.execPath, "-e", program], {
      cwd: folder,
      env: { ...process.env, GIT_DIR: "/" },
    });
    const withoutPlus = (commit: string): string => commit.trim().replace("+", "");
    expect(withoutPlus(away.stdout.toString())).toBe(withoutPlus(commitOf()));
  });
});
