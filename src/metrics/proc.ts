/** Reads the texts of /proc: CPU jiffies, memory, load, and the book's figures from them. Pure: text in, numbers out; a part that makes no sense is empty. */

/** Fields of a CPU line of /proc/stat in their order (proc(5)), under the book's names. */
const CPU_FIELDS = [
  "user",
  "nice",
  "system",
  "idle",
  "iowait",
  "irq",
  "softirq",
  "steal",
  "guest",
  "guest_nice",
] as const;

/** Busy and all jiffies since boot, over all cores. */
export interface CpuJiffies {
  readonly busy: number;
  readonly total: number;
}

/** The book's CpuStats: the first line of /proc/stat, in jiffies; `{}` when there is none. */
export function cpuStats(stat: string): Readonly<Record<string, number | string>> {
  const [id, ...figures] = (stat.split("\n", 1)[0] ?? "").trim().split(/\s+/);
  if (id !== "cpu" || figures.length < 4) return {};
  return { id, ...Object.fromEntries(CPU_FIELDS.map((name, at) => [name, Number(figures[at] ?? 0)])) };
}

/** Busy is everything but idle and iowait; guest time is counted in user already. */
export function cpuJiffies(stat: string): CpuJiffies | null {
  const stats = cpuStats(stat);
  if (stats.id !== "cpu") return null;
  const sum = (names: readonly string[]) => names.reduce((total, name) => total + Number(stats[name]), 0);
  const busy = sum(["user", "nice", "system", "irq", "softirq", "steal"]);
  return { busy, total: busy + sum(["idle", "iowait"]) };
}

/** The book's MemStats: every field of /proc/meminfo in snake case, in kB as it stands there. */
export function memStats(meminfo: string): Readonly<Record<string, number>> {
  const stats: Record<string, number> = {};
  for (const line of meminfo.split("\n")) {
    const [, name, figure] = /^(\S+):\s+(\d+)/.exec(line) ?? [];
    if (name !== undefined) stats[snakeCase(name)] = Number(figure);
  }
  return stats;
}

/** MemTotal → mem_total, Active(anon) → active_anon, SReclaimable → s_reclaimable, HugePages_Free → huge_pages_free, DirectMap4k → direct_map_4k. */
export function snakeCase(name: string): string {
  return name
    .replace(/\(([^)]*)\)/g, "_$1")
    .replace(/([a-z])([A-Z0-9])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase();
}

/** The book's LoadStats from /proc/loadavg. */
export function loadStats(loadavg: string): Readonly<Record<string, number>> {
  const match = /^([\d.]+) ([\d.]+) ([\d.]+) (\d+)\/(\d+) (\d+)/.exec(loadavg);
  if (match === null) return {};
  const [one, five, fifteen, running, total, last] = match.slice(1).map(Number);
  return {
    last1min: one ?? 0,
    last5min: five ?? 0,
    last15min: fifteen ?? 0,
    process_running: running ?? 0,
    process_total: total ?? 0,
    last_pid: last ?? 0,
  };
}
