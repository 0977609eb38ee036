/**
 * What Cube costs while nothing happens: memory and CPU of manager and worker, without a screen and with the UI in a terminal, with no tasks and with twenty;
 * and how long `cube --version` takes beside an empty program compiled in the same run. `--check` ends with 1 above the limits.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CubeCopy, closing, RunningCube } from "./cube.ts";
import { median, printTable } from "./table.ts";

const SETTLE_MS = 10_000;
const MEASURE_MS = 20_000;
const TASKS = { count: 20, cpuMillis: 50, network: "none" } as const;
const RUNS = 25;
/** Percent of one core. */
const CPU_LIMITS = { headless: { 0: 0.5, 20: 1.5 }, ui: { 0: 2, 20: 2 } } as const;
/** Over the empty program, ms. */
const VERSION_LIMIT_MS = 5;

const OPTIONS = {
  check: { type: "boolean", default: false },
  /** Another executable than dist/cube. */
  cube: { type: "string" },
} as const;

interface Idle {
  readonly who: keyof typeof CPU_LIMITS;
  readonly tasks: 0 | 20;
  readonly cpuPercent: number;
  readonly rssMiB: number;
  /** Without the pages that it shares with the executable's file. */
  readonly ownMiB: number;
}

/** Both at the same time: a process's time on the CPU is its own. */
async function idle(cubes: Readonly<Record<Idle["who"], RunningCube>>, tasks: Idle["tasks"]): Promise<Idle[]> {
  await Bun.sleep(SETTLE_MS);
  const begin = performance.now();
  const before = { headless: cubes.headless.cpuMs(), ui: cubes.ui.cpuMs() };
  await Bun.sleep(MEASURE_MS);
  return (["headless", "ui"] as const).map((who) => {
    const cpuMs = cubes[who].cpuMs() - before[who];
    return { who, tasks, cpuPercent: (100 * cpuMs) / (performance.now() - begin), ...memoryOf(cubes[who].pid) };
  });
}

function memoryOf(pid: number): { rssMiB: number; ownMiB: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return { rssMiB: kib("VmRSS") / 1024, ownMiB: kib("RssAnon") / 1024 };
}

/** Submits the tasks and waits until all of them run. */
async function fill(cube: RunningCube): Promise<void> {
  const running = new Set<string>();
  const all = Promise.withResolvers<void>();
  await using _events = await cube.events(({ task }) => {
    if (task?.state === "running") running.add(task.id);
    if (running.size === TASKS.count) all.resolve();
  });
  await cube.submit("idle", TASKS);
  await all.promise;
}

/** Median milliseconds from spawn to exit, in turns. */
async function startUp(copy: CubeCopy): Promise<{ emptyMs: number; versionMs: number }> {
  const empty = await emptyProgram(copy.directory);
  const times = { empty: [] as number[], version: [] as number[] };
  for (let i = 0; i < RUNS + 3; i++) {
    times.empty.push(timed([empty]));
    times.version.push(timed([copy.executable, "--version"]));
  }
  // The first ones fill the page cache.
  return { emptyMs: median(times.empty.slice(3)), versionMs: median(times.version.slice(3)) };
}

async function emptyProgram(directory: string): Promise<string> {
  const [source, outfile] = [join(directory, "empty.ts"), join(directory, "empty")];
  writeFileSync(source, "export {};\n");
  const options = { target: "bun", format: "esm", bytecode: true } as const;
  const built = await Bun.build({ entrypoints: [source], ...options, compile: { outfile } });
  if (!built.success) throw new Error("the empty program could not be built");
  return outfile;
}

function timed(command: string[]): number {
  const begin = performance.now();
  const { exitCode } = Bun.spawnSync(command, { stdin: "ignore", stdout: "ignore", stderr: "inherit" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ends with ${exitCode}`);
  return performance.now() - begin;
}

await closing(async (opened) => {
  const { values } = parseArgs({ options: OPTIONS });
  const copy = opened.use(new CubeCopy(values.cube));
  const { emptyMs, versionMs } = await startUp(copy);
  const headless = opened.use(await RunningCube.start(copy, false));
  const ui = opened.use(await RunningCube.start(copy, true));
  const empty = await idle({ headless, ui }, 0);
  for (const cube of [headless, ui]) await fill(cube);
  const results = [...empty, ...(await idle({ headless, ui }, 20))];
  printTable(
    ["idle", "tasks", "CPU % of a core", "limit", "RSS MiB", "own MiB"],
    results.map(({ who, tasks, cpuPercent, rssMiB, ownMiB }) => {
      const figures = [cpuPercent.toFixed(2), CPU_LIMITS[who][tasks].toFixed(1), rssMiB.toFixed(0), ownMiB.toFixed(0)];
      return [who === "ui" ? "manager and UI" : "headless", String(tasks), ...figures];
    }),
  );
  const over = versionMs - emptyMs;
  console.log(
    `cube --version ${versionMs.toFixed(1)} ms, an empty program ${emptyMs.toFixed(1)} ms: ${over.toFixed(1)} ms more (limit ${VERSION_LIMIT_MS})`,
  );
  const tooMuch = over > VERSION_LIMIT_MS || results.some((one) => one.cpuPercent > CPU_LIMITS[one.who][one.tasks]);
  if (values.check && tooMuch) process.exitCode = 1;
});
