/**
 * What the simulated tasks and machines of the demo use: each task has a share of what it reserves, and breathes slowly about it. Pure, and in whole numbers,
 * so that the same moment of the same task is the same figure everywhere.
 */
import type { TaskUsage } from "../core/node.ts";
import { isBatch, reservation } from "../core/spec.ts";
import { BEGIN_MS } from "./machine-clock.ts";
import { hashText } from "./random.ts";
import type { Container } from "./trace.ts";
import type { Measure } from "./worker-process.ts";

const MINUTE = 60_000;
/** What a machine uses by itself. */
const IDLE = { cpuMillis: 90, memoryBytes: 420 * 1024 * 1024 };
/** A task needs so much longer than its warming up until its memory is full, in ms. */
const FILLING_MS = 30 * MINUTE;
const WARMING_MS = 12_000;

/** How nodes of the demo measure themselves. */
export const demoUse: Measure = (facts, live, atMs) => {
  const tasks = live.filter((one) => !one.isForeign).map((one) => usageOf(one, atMs));
  const { capacity } = facts;
  const sum = (read: (task: TaskUsage) => number): number => tasks.reduce((all, task) => all + read(task), 0);
  const cpuMillis = Math.min(
    capacity.cpuMillis,
    IDLE.cpuMillis + wave(atMs, 45_000, hashText(facts.id), 40) + sum((task) => task.cpuMillis),
  );
  const disk = 180 + (hashText(facts.id) % 350) + 6 * tasks.length;
  return {
    cpuMillis,
    memoryUsedBytes: Math.min(capacity.memoryBytes, IDLE.memoryBytes + sum((task) => task.memoryBytes)),
    memoryTotalBytes: capacity.memoryBytes,
    diskUsedBytes: Math.floor((capacity.diskBytes * Math.min(980, disk)) / 1_000),
    diskTotalBytes: capacity.diskBytes,
    load: [
      loadOf(cpuMillis),
      loadOf(cpuMillis - wave(atMs, 5 * MINUTE, 1, 200)),
      loadOf(cpuMillis - wave(atMs, 15 * MINUTE, 2, 200)),
    ],
    tasks,
    atMs,
    book: null,
  };
};

function usageOf(one: Container, atMs: number): TaskUsage {
  const own = hashText(one.taskId);
  const { cpuMillis, memoryBytes } = reservation(one.spec);
  const upMs = Math.max(0, atMs - BEGIN_MS - one.startedMs);
  const steady = isBatch(one.spec) ? 820 : 220 + (own % 420);
  const breath =
    wave(atMs, 40_000 + (own % 50_000), own, 90) + wave(atMs, 7 * MINUTE + (own % (4 * MINUTE)), own >>> 8, 110);
  const warming = upMs < WARMING_MS ? 300 : 0;
  const filled = 380 + (own % 260) + Math.floor((180 * Math.min(upMs % (2 * FILLING_MS), FILLING_MS)) / FILLING_MS);
  return {
    taskId: one.taskId,
    cpuMillis: Math.max(1, Math.floor((cpuMillis * Math.max(20, Math.min(1_000, steady + breath + warming))) / 1_000)),
    memoryBytes: Math.floor((memoryBytes * filled) / 1_000),
  };
}

/** A triangle between −height and height that returns every `periodMs`, shifted by `phase`. */
function wave(atMs: number, periodMs: number, phase: number, height: number): number {
  const at = (atMs + (phase % periodMs)) % periodMs;
  const up = Math.abs(2 * at - periodMs);
  return Math.floor((2 * height * up) / periodMs) - height;
}

/** Two digits, as machines say it. */
function loadOf(cpuMillis: number): number {
  return Math.max(0, Math.floor(cpuMillis / 10)) / 100;
}
