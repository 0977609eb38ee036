/**
 * What the control group of this process leaves of the machine, v1 and v2: a worker in a limited container or unit must not offer the whole host. Looks at
 * the group and all above it; a file that is not there limits nothing.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** null where nothing limits. */
export interface CgroupLimits {
  readonly cpuMillis: number | null;
  readonly memoryBytes: number | null;
}

/** Reads a file whole; null when it cannot be. */
export type ReadText = (path: string) => string | null;

const ROOT = "/sys/fs/cgroup";
/** v1 says "no limit" by a number near 2^63. */
const NO_LIMIT = 2 ** 60;

/** A file's text, or null. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** The limits that hold now. */
export function cgroupLimits(read: ReadText = readText): CgroupLimits {
  const groups = ownGroups(read);
  const cpu = [
    ...levels(groups.get("cpu")).map((path) => cpuV1(read, `${ROOT}/cpu${path}`)),
    ...levels(groups.get("")).map((path) => cpuV2(read(join(ROOT, path, "cpu.max")))),
  ];
  const memory = [
    ...levels(groups.get("memory")).map((path) => bytes(read(join(ROOT, "memory", path, "memory.limit_in_bytes")))),
    ...levels(groups.get("")).map((path) => bytes(read(join(ROOT, path, "memory.max")))),
  ];
  return { cpuMillis: least(cpu), memoryBytes: least(memory) };
}

/** Bytes in use by this process's group, page cache that can go left out; null when it cannot be read. */
export function cgroupMemoryUsed(read: ReadText = readText): number | null {
  const groups = ownGroups(read);
  for (const path of levels(groups.get("memory"))) {
    const used = difference(read, join(ROOT, "memory", path), "memory.usage_in_bytes", "total_inactive_file");
    if (used !== null) return used;
  }
  for (const path of levels(groups.get(""))) {
    const used = difference(read, join(ROOT, path), "memory.current", "inactive_file");
    if (used !== null) return used;
  }
  return null;
}

function difference(read: ReadText, directory: string, total: string, idle: string): number | null {
  const used = bytes(read(join(directory, total)));
  if (used === null) return null;
  const match = new RegExp(`^${idle} (\\d+)$`, "m").exec(read(join(directory, "memory.stat")) ?? "");
  return Math.max(0, used - Number(match?.[1] ?? 0));
}

/** Controller → path; "" is the unified hierarchy. */
function ownGroups(read: ReadText): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path !== undefined) for (const name of (controllers ?? "").split(",")) groups.set(name, path);
  }
  return groups;
}

/** The path and all above it, down to the root, which is where a container's own view begins. */
function levels(path: string | undefined): readonly string[] {
  if (path === undefined) return [];
  const found = [path];
  for (let at = path; at !== dirname(at); at = dirname(at)) found.push(dirname(at));
  return found;
}

function cpuV1(read: ReadText, directory: string): number | null {
  const quota = Number(read(join(directory, "cpu.cfs_quota_us")) ?? "-1");
  const period = Number(read(join(directory, "cpu.cfs_period_us")) ?? "0");
  return quota > 0 && period > 0 ? Math.floor((1_000 * quota) / period) : null;
}

/** "max 100000" or "150000 100000" (cgroup v2, cpu.max). */
function cpuV2(text: string | null): number | null {
  const [quota, period] = (text ?? "max").trim().split(" ").map(Number);
  return quota && period ? Math.floor((1_000 * quota) / period) : null;
}

function bytes(text: string | null): number | null {
  const figure = Number(text?.trim() || "NaN");
  return Number.isFinite(figure) && figure > 0 && figure < NO_LIMIT ? figure : null;
}

function least(figures: readonly (number | null)[]): number | null {
  const limits = figures.filter((figure) => figure !== null);
  return limits.length === 0 ? null : Math.min(...limits);
}
