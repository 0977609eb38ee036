/** CPU and memory of a process and its descendants, from /proc. Memory that they share is counted once for each; a process that left its parent is not seen. */
import { readdirSync, readFileSync } from "node:fs";
import { readStat } from "./process-supervisor.ts";

/** Clock ticks a second: 100 on every Linux that Bun runs on (USER_HZ is part of the kernel's interface). */
const TICK_MS = 10;
/** Descendants looked at, for a task that forks without end. */
const FAMILY_MAX = 1_000;

/** Remembers the last reading of each instance. */
export class ProcessUsage {
  readonly #last = new Map<string, { readonly cpuMs: number; readonly atMs: number }>();

  /** Use since the last call for this id; null when the process is gone. The first call has no time to measure over: CPU is 0. */
  read(id: string, pid: number): { readonly cpuMillis: number; readonly memoryBytes: number } | null {
    const family = familyOf(pid);
    if (family.length === 0) return null;
    const cpuMs = family.reduce((sum, member) => sum + (readStat(member)?.cpuTicks ?? 0), 0) * TICK_MS;
    const memoryBytes = family.reduce((sum, member) => sum + residentBytes(member), 0);
    const atMs = performance.now();
    const last = this.#last.get(id);
    this.#last.set(id, { cpuMs, atMs });
    const elapsedMs = last ? atMs - last.atMs : 0;
    const usedMs = last ? Math.max(0, cpuMs - last.cpuMs) : 0;
    return { cpuMillis: elapsedMs > 0 ? Math.round((1_000 * usedMs) / elapsedMs) : 0, memoryBytes };
  }

  forget(id: string): void {
    this.#last.delete(id);
  }
}

function familyOf(pid: number): readonly number[] {
  if (readStat(pid) === null) return [];
  const family = [pid];
  for (let at = 0; at < family.length && family.length < FAMILY_MAX; at++) family.push(...childrenOf(family[at] ?? 0));
  return family;
}

/** Every thread may have children. */
function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
