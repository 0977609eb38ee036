/**
 * One manager and many workers over real TLS sockets: joined, heartbeating, and each given 20 tasks. The workers are the real ones with a runtime that only
 * pretends, in a few processes; the manager is the compiled executable with default flags. All in a network namespace of its own, where each worker has an
 * address of its own, because the manager limits what comes from one. Prints the manager's memory and CPU at each step. Needs root.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { JobResource } from "../../src/client/resources.ts";
import { Cube } from "../../test/e2e/cube.ts";
import { Network } from "../../test/e2e/namespaces.ts";
import { CubeCopy, closing } from "./cube.ts";
import { printTable } from "./table.ts";

const OPTIONS = {
  /** Another executable than dist/cube. */
  cube: { type: "string" },
  workers: { type: "string", default: "500" },
  tasks: { type: "string", default: "20" },
  /** Seconds of watching when all is still. */
  watch: { type: "string", default: "10" },
  /** Seconds that a step may take. */
  patience: { type: "string", default: "300" },
} as const;

const PORT = 5555;
/** Tasks that one job may have. */
const MOST_OF_A_JOB = 10_000;
const LOOK_MS = 250;

/** A process that runs many workers, and how many of them are linked. */
class Workers implements AsyncDisposable {
  linked = 0;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;

  constructor(enter: readonly string[], args: readonly string[]) {
    const program = join(import.meta.dir, "links-workers.ts");
    this.#process = Bun.spawn([...enter, process.execPath, program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    void this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) {
      this.linked = Number(decoder.decode(chunk, { stream: true }).trimEnd().split("\n").at(-1));
    }
    this.linked = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}

/** Of a process, from /proc: resident memory in MiB, its CPU so far in ms, its open files. */
function figuresOf(pid: number): { readonly mib: number; readonly cpuMs: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  // proc(5): utime and stime are fields 14 and 15, in clock ticks of 10 ms.
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * 10;
  return { mib: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024, cpuMs };
}

/** Everybody's address, all on the loopback of one namespace. */
function addAddresses(enter: readonly string[], count: number): void {
  const lines = Array.from(
    { length: count },
    (_, index) => `address add 10.8.${Math.floor(index / 250)}.${(index % 250) + 1}/32 dev lo`,
  );
  const { success, stderr } = Bun.spawnSync([...enter, "ip", "-batch", "-"], { stdin: Buffer.from(lines.join("\n")) });
  if (!success) throw new Error(`ip: ${stderr}`);
}

/** How long the manager lets a client wait for next to nothing; its patience when it gives no answer. */
async function answerMs(manager: Cube): Promise<number> {
  const begin = performance.now();
  await manager.api("/v1/manager").catch(() => undefined);
  return performance.now() - begin;
}

async function submit(manager: Cube, name: string, count: number): Promise<void> {
  const task = { image: "any", cpuMillis: 300, privileges: { network: "none" }, restart: "always" };
  const body = JSON.stringify({ name, count, ...task });
  const answer = await manager.api("/v1/jobs", { method: "POST", body });
  if (!answer.ok) throw new Error(await answer.text());
}

await closing(async (opened) => {
  const { values } = parseArgs({ options: OPTIONS });
  const [count, tasks] = [Number(values.workers), Number(values.tasks)];
  process.env.CUBE_BIN = opened.use(new CubeCopy(values.cube)).executable;
  const machine = opened.use(new Network()).machine("links");
  addAddresses(machine.enter, count);
  const args = ["--host", "0.0.0.0", "--port", String(PORT)];
  const manager = opened.use(new Cube({ enter: machine.enter, role: "manager", args }));
  await manager.start();
  const pid = manager.child?.pid ?? 0;
  const rows: string[][] = [];
  const workers: Workers[] = [];
  const linked = (): number => workers.reduce((sum, each) => sum + each.linked, 0);

  const step = async (what: string, isDone: () => Promise<boolean>): Promise<void> => {
    const [before, begin] = [figuresOf(pid).cpuMs, performance.now()];
    let slowest = 0;
    while (!(await isDone().catch(() => false))) {
      slowest = Math.max(slowest, await answerMs(manager));
      if (performance.now() - begin > Number(values.patience) * 1000)
        throw new Error(`not in time: ${what}\n${manager.log()}`);
      await Bun.sleep(LOOK_MS);
    }
    const seconds = (performance.now() - begin) / 1000;
    const { mib, cpuMs } = figuresOf(pid);
    const cpu = (cpuMs - before) / 1000;
    rows.push([
      what,
      seconds.toFixed(1),
      cpu.toFixed(2),
      `${((100 * cpu) / seconds).toFixed(0)} %`,
      mib.toFixed(0),
      slowest.toFixed(0),
      String(linked()),
    ]);
    console.error(rows.at(-1)?.join("  "));
  };
  const still = (): (() => Promise<boolean>) => {
    const endMs = performance.now() + Number(values.watch) * 1000;
    return async () => performance.now() > endMs;
  };

  await step("alone", async () => true);
  const processes = Math.min(4, availableParallelism());
  const share = Math.ceil(count / processes);
  for (let first = 0; first < count; first += share) {
    const of = [first, Math.min(share, count - first), PORT].map(String);
    const files = [join(manager.home, ".config/cube/join-token"), manager.home];
    workers.push(opened.use(new Workers(machine.enter, [...of, ...files])));
  }
  await step(`${count} workers join`, async () => linked() === count);
  await step("they heartbeat", still());
  let submitted = 0;
  const isRunning = async (): Promise<boolean> => {
    const answer = await manager.api("/v1/jobs?limit=1000");
    const { items } = (await answer.json()) as { items: readonly JobResource[] };
    return items.reduce((sum, { states }) => sum + (states.running ?? 0), 0) === submitted;
  };
  for (let job = 0; submitted < count * tasks; job++) {
    const more = Math.min(MOST_OF_A_JOB, count * tasks - submitted);
    await submit(manager, `many${job}`, more);
    submitted += more;
    await step(`${submitted} tasks run`, isRunning);
  }
  await step("they go on", still());
  const open = readFileSync(`/proc/${pid}/limits`, "utf8");
  const files = [...new Bun.Glob("*").scanSync({ cwd: `/proc/${pid}/fd`, onlyFiles: false })].length;
  printTable(["manager", "seconds", "CPU s", "of a core", "MiB", "slowest answer ms", "linked"], rows);
  console.log(`${files} open files of ${/open files\s+(\d+)/.exec(open)?.[1]}`);
  if (linked() < count) process.exitCode = 1;
});
