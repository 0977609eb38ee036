/**
 * How long the manager holds the event loop: the real manager on a real store in this process, beside nodes that only answer. Everything comes at once: hellos, large
 * jobs, their restart, their removal. A turn is what lies between two looks of a loop that never rests, so it counts whatever this thread does, the pretended nodes and
 * its part in the collection of garbage included; in time on the CPU, since the machine may have others to serve. `--check` ends with 1 when any turn was longer than
 * the limit. For Linux.
 */
import { dlopen } from "bun:ffi";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { toJobSpec } from "../../src/client/job-request.ts";
import type { Assignment } from "../../src/core/assignment.ts";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import type { TaskFact } from "../../src/core/task.ts";
import { unseen } from "../../src/core/task.ts";
import type { Command } from "../../src/manager/commands.ts";
import { type ManagerHost, openManager } from "../../src/manager/host.ts";
import type { WorkerLinks } from "../../src/manager/ports.ts";
import type { ManagerMessage, WorkerMessage } from "../../src/protocol/messages.ts";
import { openLevelStore } from "../../src/store/level.ts";
import { aNode } from "../../test/core/records.ts";
import { printTable } from "./table.ts";

const LIMIT_MS = 50;
const GOAL_MS = 10;
/** Messages that the nodes answer between two looks. */
const ANSWERS_AT_ONCE = 20;
const PATIENCE_MS = 300_000;

const OPTIONS = {
  check: { type: "boolean", default: false },
  nodes: { type: "string", default: "5000" },
  jobs: { type: "string", default: "10" },
  /** Tasks of each job. */
  tasks: { type: "string", default: "10000" },
} as const;

/** Nodes that do at once whatever they are told. */
class Nodes implements WorkerLinks {
  readonly #answers: (() => void)[] = [];
  #answered = 0;
  readonly #numbers = new Map<string, number>();
  #onMessage: (linkId: string, message: WorkerMessage) => void = () => {};

  open(handlers: Parameters<WorkerLinks["open"]>[0]): Disposable {
    this.#onMessage = handlers.onMessage;
    return { [Symbol.dispose]: () => (this.#onMessage = () => {}) };
  }

  close(): void {}

  send(linkId: string, message: ManagerMessage): void {
    if (message.kind === "welcome") this.#report(linkId, [], { full: true, removed: [] });
    if (message.kind !== "assignments") return;
    const facts = message.put.map(factOf);
    const removed = message.put.filter(({ desired }) => desired === "remove").map(({ taskId }) => taskId);
    if (facts.length > 0) this.#report(linkId, facts, { full: false, removed });
  }

  hello(name: string): void {
    const capacity = { cpuMillis: 8_000, memoryBytes: 2 ** 34, diskBytes: 2 ** 38 };
    const facts = aNode(name, { local: false, capacity });
    const protocol = { min: 1, max: 1 };
    this.#onMessage(name, { kind: "hello", protocol, facts, bootId: "b", setNumber: 0, seen: null });
  }

  /** Lets some answers go. */
  answer(): void {
    for (let i = 0; i < ANSWERS_AT_ONCE && this.#answered < this.#answers.length; i++) {
      this.#answers[this.#answered]?.();
      this.#answers[this.#answered++] = () => {};
    }
  }

  #report(linkId: string, facts: readonly TaskFact[], rest: { full: boolean; removed: readonly string[] }): void {
    const number = (this.#numbers.get(linkId) ?? 0) + 1;
    this.#numbers.set(linkId, number);
    this.#answers.push(() => this.#onMessage(linkId, { kind: "report", number, facts, ...rest }));
  }
}

function factOf({ taskId, desired, restartSerial }: Assignment): TaskFact {
  const incarnation = 1 + restartSerial;
  const state = desired === "run" || desired === "ready" ? ("running" as const) : ("stopped" as const);
  return { ...unseen(taskId, "assigned"), incarnation, state, containerId: "box", startedMs: 1 };
}

const libc = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
/** clock_gettime(2): time on the CPU of the thread that asks. */
const CLOCK_THREAD_CPUTIME_ID = 3;
const timespec = new BigInt64Array(2);

function cpuMs(): number {
  libc.symbols.clock_gettime(CLOCK_THREAD_CPUTIME_ID, timespec);
  return Number(timespec[0]) * 1000 + Number(timespec[1]) / 1e6;
}

/** Turns shorter than this are those in which nothing happened. */
const NOTHING_MS = 0.2;

/** The length of every turn in which something happened. */
class Turns {
  #lengths: number[] = [];
  #running = true;

  constructor(between: () => void) {
    let last = cpuMs();
    const look = (): void => {
      const now = cpuMs();
      if (now - last > NOTHING_MS) this.#lengths.push(now - last);
      between();
      last = now;
      if (this.#running) setImmediate(look);
    };
    setImmediate(look);
  }

  /** Those since the last time, the shortest first. */
  take(): readonly number[] {
    const lengths = this.#lengths.sort((a, b) => a - b);
    this.#lengths = [];
    return lengths;
  }

  stop(): void {
    this.#running = false;
  }
}

const { values } = parseArgs({ options: OPTIONS });
const directory = mkdtempSync(join(tmpdir(), "cube-turns-"));
const nodes = new Nodes();
const rows: string[][] = [];
let longest = 0;

async function open(): Promise<ManagerHost> {
  const opened = await openManager({
    store: openLevelStore({ directory, nowMs: Date.now }),
    links: nodes,
    clock: { now: () => ({ monoMs: performance.now(), wallMs: Date.now(), bootId: "b" }) },
    log: { info() {}, warn() {}, error: (text) => console.error(text) },
    scheduler: SCHEDULERS.epvm,
    clusterId: "c",
    instanceId: "i",
    // Nobody sends a heartbeat here.
    heartbeatMs: 3_600_000,
    keepLocalWorker: false,
  });
  if (!opened.ok) throw new Error(opened.failure.message);
  opened.value.start();
  return opened.value;
}

const manager = await open();
const turns = new Turns(() => nodes.answer());

async function step(what: string, isDone: () => boolean): Promise<void> {
  const begin = performance.now();
  while (!isDone()) {
    if (performance.now() - begin > PATIENCE_MS) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - begin) / 1000;
  const busy = turns.take();
  const most = busy.at(-1) ?? 0;
  longest = Math.max(longest, most);
  const at = (share: number): string => (busy[Math.floor(busy.length * share)] ?? 0).toFixed(1);
  const above = busy.filter((ms) => ms > GOAL_MS).length;
  rows.push([what, seconds.toFixed(1), String(busy.length), at(0.5), at(0.99), most.toFixed(1), String(above)]);
  console.error(rows.at(-1)?.join("  "));
}

const order = (command: Command): Promise<unknown> => manager.execute(command, "bench");

try {
  const [count, jobs, tasks] = [Number(values.nodes), Number(values.jobs), Number(values.tasks)];
  const cluster = await manager.read();
  const running = (): number =>
    [...cluster.statesOfJob.values()].reduce((sum, of) => sum + (of.get("running") ?? 0), 0);
  turns.take();
  for (let i = 0; i < count; i++) nodes.hello(`n${i}`);
  await step(`${count} nodes say hello`, () => cluster.nodes.size === count);
  const ids = Array.from({ length: jobs }, (_, i) => `job${i}`);
  const request = { count: tasks, image: "any", cpuMillis: 300, privileges: { network: "none" as const } };
  const specs = ids.map((name) => toJobSpec({ name, ...request }));
  turns.take();
  for (const spec of specs) void order({ kind: "job.submit", id: spec.name, spec, idempotencyKey: "" });
  await step(`${jobs} jobs of ${tasks} tasks at once`, () => running() === jobs * tasks);
  await order({ kind: "job.restart", jobId: "job0" });
  const isRestarted = (slot: number): boolean =>
    cluster.tasks.get(cluster.slots.get(`job0/job0/${slot}`)?.taskId ?? "")?.fact.incarnation === 2;
  let answered = 0;
  await step("one of them restarts", () => {
    while (answered < tasks && isRestarted(answered)) answered++;
    return answered === tasks;
  });
  for (const jobId of ids) void order({ kind: "job.remove", jobId });
  await step("all are removed", () => cluster.tasks.size === 0 && cluster.jobs.size === 0);
  printTable(["", "seconds", "turns", "median ms", "99 % ms", "longest ms", `above ${GOAL_MS} ms`], rows);
  if (longest > LIMIT_MS) console.log(`above the limit of ${LIMIT_MS} ms`);
  if (values.check && longest > LIMIT_MS) process.exitCode = 1;
} finally {
  turns.stop();
  await manager.close();
  rmSync(directory, { recursive: true, force: true });
}
