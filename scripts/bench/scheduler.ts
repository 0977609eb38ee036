/**
 * Placements per second (place and reserve) of each scheduler at 100, 1,000 and 5,000 nodes, for one class of task and for a hundred
 * classes mixed; beside it the naive full scan in the same run. Every cell is first held against that scan, answer by answer.
 * `--check` ends with 1 when a scheduler is below its floor at 5,000 nodes.
 */
import type { Need, NodeView, SchedulerName } from "../../src/core/schedule.ts";
import { Placement, SCHEDULERS } from "../../src/core/schedule.ts";
import { ReferenceScheduler } from "../../test/core/reference-scheduler.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const SIZES = [100, 1_000, 5_000] as const;
const MIXES = [1, 100] as const;
/** Placements per second at 5,000 nodes, by classes in the mix. */
const FLOORS: Readonly<Record<number, number>> = { 1: 100_000, 100: 30_000 };
const NODES_AT_FLOOR = 5_000;
const CELL_MS = 600;
const SCAN_MS = 150;
const SAMPLE = 200;

/** What a cell drives: the fast index or the full scan. */
interface Placer {
  putNode(view: NodeView): void;
  place(need: Need, avoid: readonly string[]): string | null;
  reserve(taskId: string, nodeId: string, need: Need): void;
  release(taskId: string): void;
}

/** Three shapes of node, each busy to its own degree. */
function makeNodes(count: number): NodeView[] {
  const shapes = [
    { cpuMillis: 8_000, memoryBytes: 32 * GIB, diskBytes: 200 * GIB },
    { cpuMillis: 16_000, memoryBytes: 64 * GIB, diskBytes: 400 * GIB },
    { cpuMillis: 32_000, memoryBytes: 96 * GIB, diskBytes: 800 * GIB },
  ] as const;
  return Array.from({ length: count }, (_, i) => {
    const allocatable = shapes[i % 3] ?? shapes[0];
    const busy = ((i * 7_919) % 64) / 256;
    return {
      id: `node-${String(i).padStart(5, "0")}`,
      name: `node-${i}`,
      joinedMs: i,
      labels: { zone: `z${i % 4}` },
      os: "linux",
      arch: "x64",
      runtimes: ["docker"],
      refusal: "",
      allocatable,
      measuredTasks: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
      measured: {
        cpuMillis: Math.round(allocatable.cpuMillis * busy),
        memoryBytes: Math.round(allocatable.memoryBytes * busy),
        diskBytes: Math.round(allocatable.diskBytes * busy),
      },
    };
  });
}

/** That many classes, all different; in the mix every tenth wants one zone. */
function makeNeeds(classes: number): Need[] {
  return Array.from({ length: classes }, (_, i) => ({
    runtime: "docker" as const,
    resources: {
      cpuMillis: 100 + 10 * (i % 40),
      memoryBytes: (64 + 16 * ((i * 37) % 61)) * MIB,
      diskBytes: (i % 3) * GIB,
    },
    hostPorts: [],
    constraints: i % 10 === 9 ? [{ key: "zone", operator: "==" as const, value: `z${i % 4}` }] : [],
  }));
}

/** An endless stream of placements; past `kept` live tasks each one also ends the oldest, so that room never runs out. */
class Stream {
  readonly #placer: Placer;
  readonly #needs: readonly Need[];
  readonly #kept: number;
  #next = 0;
  #random = 12_345;

  constructor(placer: Placer, nodes: readonly NodeView[], needs: readonly Need[]) {
    this.#placer = placer;
    this.#needs = needs;
    this.#kept = nodes.length * 20;
    for (const view of nodes) placer.putNode(view);
  }

  /** Places the next task; the need is drawn, so that no order of classes helps. */
  step(): string {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) >>> 0;
    const need = this.#needs[(this.#random >>> 8) % this.#needs.length] as Need;
    if (this.#next >= this.#kept) this.#placer.release(`t${this.#next - this.#kept}`);
    const nodeId = this.#placer.place(need, []);
    if (nodeId === null) throw new Error("the benchmark's cluster is full");
    this.#placer.reserve(`t${this.#next}`, nodeId, need);
    this.#next++;
    return nodeId;
  }

  /** Steps per second over about that long. */
  rate(forMs: number): number {
    const begin = performance.now();
    let steps = 0;
    let elapsed = 0;
    while (elapsed < forMs) {
      for (let i = 0; i < 20; i++) this.step();
      steps += 20;
      elapsed = performance.now() - begin;
    }
    return (steps / elapsed) * 1_000;
  }
}

interface Cell {
  readonly name: SchedulerName;
  readonly nodes: number;
  readonly classes: number;
  readonly fast: number;
  readonly scan: number;
}

function measure(name: SchedulerName, count: number, classes: number): Cell {
  const nodes = makeNodes(count);
  const needs = makeNeeds(classes);
  const fast = new Stream(new Placement(SCHEDULERS[name]), nodes, needs);
  const scan = new Stream(new ReferenceScheduler(name), nodes, needs);
  for (let i = 0; i < SAMPLE; i++) {
    const [got, wanted] = [fast.step(), scan.step()];
    if (got !== wanted) throw new Error(`${name}, ${count} nodes, placement ${i}: ${got} instead of ${wanted}`);
  }
  const scanRate = scan.rate(SCAN_MS);
  // Once without counting, so that the compiler has seen it all.
  fast.rate(CELL_MS / 3);
  return { name, nodes: count, classes, fast: fast.rate(CELL_MS), scan: scanRate };
}

function column(value: number): string {
  return String(Math.round(value))
    .replace(/\B(?=(\d{3})+$)/g, ",")
    .padStart(12);
}

function print(cell: Cell): void {
  const times = `${(cell.fast / cell.scan).toFixed(0)}x`.padStart(8);
  console.log(
    `${cell.name.padEnd(12)}${column(cell.nodes)}${column(cell.classes)}${column(cell.fast)}${column(cell.scan)}${times}`,
  );
}

function belowFloor({ nodes, classes, fast }: Cell): boolean {
  return nodes === NODES_AT_FLOOR && fast < (FLOORS[classes] ?? 0);
}

function main(): void {
  console.log(`scheduler         nodes     classes  per second   full scan`);
  const slow: Cell[] = [];
  for (const name of Object.keys(SCHEDULERS) as SchedulerName[]) {
    for (const nodes of SIZES) {
      for (const classes of MIXES) {
        const cell = measure(name, nodes, classes);
        print(cell);
        if (belowFloor(cell)) slow.push(cell);
      }
    }
  }
  for (const { name, classes } of slow) {
    console.log(
      `too slow: ${name} at 5,000 nodes, ${classes} classes: the floor is ${column(FLOORS[classes] ?? 0).trim()} per second`,
    );
  }
  if (process.argv.includes("--check") && slow.length > 0) process.exit(1);
}

main();
