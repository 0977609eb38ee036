/**
 * From the client's POST to the client seeing `running` on `/v1/events`, for one task and for many at once, beside the same engine called directly with the
 * same create bodies in the same run. Trials alternate, so that both sides see the same machine. With `--link` the worker is a process of its own that has joined over
 * TLS, as on another machine. `--check` ends with 1 above the limit.
 */
import { parseArgs } from "node:util";
import { CubeCopy, closing, RunningCube } from "./cube.ts";
import { DirectEngine, type Load } from "./engine.ts";
import { median, printTable } from "./table.ts";

const LIMIT = 1.2;

/** What is started; direct calls at each of the widths, and the best of them is the floor. */
interface Scenario extends Load {
  readonly widths: readonly number[];
  readonly trials: number;
}

const OPTIONS = {
  check: { type: "boolean", default: false },
  /** The worker beyond a link instead of in the manager's process. */
  link: { type: "boolean", default: false },
  /** Another executable than dist/cube. */
  cube: { type: "string" },
  ones: { type: "string", default: "20" },
  manies: { type: "string", default: "3" },
  /** Of the containers: "none" costs less, on both sides. */
  network: { type: "string", default: "bridge" },
} as const;

/** A task without figures counts as 100 thousandths of a core, so that 18 fit on two cores; 50 fit when they ask for less, and are held to it. */
function scenarios(ones: number, manies: number, network: Load["network"]): readonly Scenario[] {
  return [
    { count: 1, cpuMillis: 0, network, widths: [1], trials: ones },
    { count: 18, cpuMillis: 0, network, widths: [2, 4, 8], trials: manies },
    { count: 50, cpuMillis: 35, network, widths: [4, 8, 16], trials: manies },
  ];
}

interface Measured {
  readonly cubeMs: number[];
  /** Time of cube's process on the CPU. */
  readonly cpuMs: number[];
  readonly directMs: ReadonlyMap<number, number[]>;
}

let jobs = 0;

/** One job, from its POST until all of its tasks are seen running. */
async function trial(cube: RunningCube, load: Load, into: Measured): Promise<void> {
  const running = new Set<string>();
  const all = Promise.withResolvers<number>();
  await using _events = await cube.events(({ task }) => {
    if (task?.state === "running") running.add(task.id);
    if (running.size === load.count) all.resolve(performance.now());
  });
  const cpuBefore = cube.cpuMs();
  const begin = performance.now();
  const jobId = await cube.submit(`bench-${jobs++}`, load);
  into.cubeMs.push((await all.promise) - begin);
  into.cpuMs.push(cube.cpuMs() - cpuBefore);
  await cube.remove(jobId);
}

async function measure(on: { cube: RunningCube; direct: DirectEngine }, scenario: Scenario): Promise<Measured> {
  const { widths, trials } = scenario;
  const measured: Measured = {
    cubeMs: [],
    cpuMs: [],
    directMs: new Map(widths.map((width) => [width, [] as number[]])),
  };
  const turns = [
    () => trial(on.cube, scenario, measured),
    ...widths.map((width) => async () => {
      measured.directMs.get(width)?.push(await on.direct.trial(scenario, width));
    }),
  ];
  for (let i = 0; i < trials; i++) {
    // Each goes first once: an engine is still busy with the removals of whoever went before.
    for (let at = 0; at < turns.length; at++) await turns[(i + at) % turns.length]?.();
  }
  return measured;
}

/** Rows of the table, and how many times the floor Cube takes. */
function rowsOf({ count, cpuMillis }: Load, measured: Measured): { rows: string[][]; ratio: number } {
  const floorMs = Math.min(...[...measured.directMs.values()].map(median));
  const leastMs = Math.min(...[...measured.directMs.values()].flat());
  const what = `${count} ${count === 1 ? "task" : "tasks"}${cpuMillis === 0 ? "" : ` of ${cpuMillis / 1000} CPU`}`;
  const row = (name: string, times: readonly number[], cpu: string): string[] => {
    const figures = [median(times), Math.min(...times), Math.max(...times)].map((ms) => ms.toFixed(0));
    const ratios = [median(times) / floorMs, Math.min(...times) / leastMs].map((ratio) => ratio.toFixed(2));
    return [`${what}, ${name}`, String(times.length), ...figures, ...ratios, cpu];
  };
  const direct = [...measured.directMs].map(([width, times]) => row(`direct, ${width} at a time`, times, ""));
  const cpu = (median(measured.cpuMs) / count).toFixed(1);
  return { rows: [...direct, row("cube", measured.cubeMs, cpu)], ratio: median(measured.cubeMs) / floorMs };
}

await closing(async (opened) => {
  const { values } = parseArgs({ options: OPTIONS });
  const copy = opened.use(new CubeCopy(values.cube));
  const cube = opened.use(await (values.link ? RunningCube.startLinked(copy) : RunningCube.start(copy, false)));
  const direct = opened.use(new DirectEngine());
  const network = values.network === "none" ? "none" : "bridge";
  await measure({ cube, direct }, { count: 4, cpuMillis: 0, network, widths: [1], trials: 1 });
  const results: ReturnType<typeof rowsOf>[] = [];
  for (const scenario of scenarios(Number(values.ones), Number(values.manies), network)) {
    if (scenario.trials > 0) results.push(rowsOf(scenario, await measure({ cube, direct }, scenario)));
  }
  printTable(
    ["ms", "trials", "median", "least", "most", "of floor", "least of least", "cube's CPU a task"],
    results.flatMap((result) => result.rows),
  );
  const worst = Math.max(...results.map((result) => result.ratio));
  if (worst > LIMIT) console.log(`above the limit of ${LIMIT} times the floor`);
  if (values.check && worst > LIMIT) process.exitCode = 1;
});
