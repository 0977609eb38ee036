/**
 * From the loss of a node to its tasks running elsewhere, with default settings, on a real cluster: three nodes in network namespaces with an engine each. A
 * trial cuts a node off without a word to anybody, as a pulled cable does, and reads the events that the manager gives its clients. Needs root and an engine.
 * `--check` ends with 1 when any trial took longer than the limit.
 */
import { parseArgs } from "node:util";
import { RealCluster } from "../../test/e2e/real-cluster.ts";
import { CubeCopy, closing } from "./cube.ts";
import { median, printTable } from "./table.ts";

const LIMIT_MS = 12_000;

const OPTIONS = {
  check: { type: "boolean", default: false },
  /** Another executable than dist/cube. */
  cube: { type: "string" },
  trials: { type: "string", default: "10" },
  /** Tasks on the node that is lost. */
  tasks: { type: "string", default: "5" },
} as const;

/** Milliseconds from the cut. */
interface Trial {
  /** Until the manager counts the node as disconnected. */
  readonly disconnectedMs: number;
  /** Until the manager has made the last replacement. */
  readonly replacedMs: number;
  /** Until the last of its tasks runs elsewhere. */
  readonly runningMs: number;
}

async function trial(cluster: RealCluster, number: number, tasks: number): Promise<Trial> {
  const [victim] = cluster.nodes.slice(number % cluster.nodes.length);
  if (!victim) throw new Error("there is no node");
  const job = `trial${number}`;
  await cluster.placeOn(victim.name, { name: job, count: tasks });
  const [begin, beginWall] = [performance.now(), Date.now()];
  victim.machine.cut("both");
  await cluster.nodeIs(victim.name, "disconnected");
  const disconnectedMs = performance.now() - begin;
  const elsewhere = await cluster.until("all run elsewhere", async () => {
    const found = (await cluster.tasksOf(job)).filter(
      ({ state, nodeName }) => state === "running" && nodeName !== victim.name,
    );
    return found.length === tasks && found;
  });
  const runningMs = performance.now() - begin;
  victim.machine.heal();
  await cluster.ready();
  await cluster.remove(job);
  const replacedMs = Math.max(...elsewhere.map(({ createdMs }) => createdMs)) - beginWall;
  return { disconnectedMs, replacedMs, runningMs };
}

await closing(async (opened) => {
  const { values } = parseArgs({ options: OPTIONS });
  process.env.CUBE_BIN = opened.use(new CubeCopy(values.cube)).executable;
  const cluster = opened.use(await RealCluster.start());
  const tasks = Number(values.tasks);
  await cluster.untilSettled();
  const trials: Trial[] = [];
  for (let number = 0; number < Number(values.trials); number++) trials.push(await trial(cluster, number, tasks));
  const row = (what: string, times: readonly number[]): string[] => {
    const figures = [median(times), Math.min(...times), Math.max(...times)];
    return [what, String(times.length), ...figures.map((ms) => (ms / 1000).toFixed(2))];
  };
  const running = trials.map(({ runningMs }) => runningMs);
  printTable(
    ["seconds from the cut", "trials", "median", "least", "most"],
    [
      row(
        "node disconnected",
        trials.map(({ disconnectedMs }) => disconnectedMs),
      ),
      row(
        "replacements made",
        trials.map(({ replacedMs }) => replacedMs),
      ),
      row(`${tasks} tasks run elsewhere`, running),
    ],
  );
  const slow = Math.max(...running) > LIMIT_MS;
  if (slow) console.log(`above the limit of ${LIMIT_MS / 1000} s`);
  if (values.check && slow) process.exitCode = 1;
});
