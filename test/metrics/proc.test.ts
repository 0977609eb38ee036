/** The texts of /proc, as the kernel writes them. */
import { expect, test } from "bun:test";
import { cpuJiffies, cpuStats, loadStats, memStats, snakeCase } from "../../src/metrics/proc.ts";

const STAT = "cpu  10 2 30 400 50 6 7 8 9 1\ncpu0 5 1 15 200 25 3 3 4 4 0\nintr 1\n";

test("metrics: the first line of /proc/stat becomes the book's CpuStats", () => {
  expect(cpuStats(STAT)).toEqual({
    id: "cpu",
    user: 10,
    nice: 2,
    system: 30,
    idle: 400,
    iowait: 50,
    irq: 6,
    softirq: 7,
    steal: 8,
    guest: 9,
    guest_nice: 1,
  });
});

test("metrics: idle and waiting for a disk are not busy, guests are not counted twice", () => {
  expect(cpuJiffies(STAT)).toEqual({ busy: 63, total: 513 });
});

test("metrics: /proc/meminfo becomes snake case in kB", () => {
  const text =
    "MemTotal:       24684096 kB\nActive(anon):       1576 kB\nHugePages_Total:       7\nSReclaimable: 5 kB\n";
  expect(memStats(text)).toEqual({ mem_total: 24684096, active_anon: 1576, huge_pages_total: 7, s_reclaimable: 5 });
});

test.each([
  ["MemAvailable", "mem_available"],
  ["SwapCached", "swap_cached"],
  ["NFS_Unstable", "nfs_unstable"],
  ["Committed_AS", "committed_as"],
  ["DirectMap4k", "direct_map_4k"],
  ["KReclaimable", "k_reclaimable"],
  ["Hugepagesize", "hugepagesize"],
])("metrics: the field %s is named %s", (field, name) => {
  expect(snakeCase(field)).toBe(name);
});

test("metrics: /proc/loadavg becomes the book's LoadStats", () => {
  expect(loadStats("0.73 0.51 0.28 3/138 21712\n")).toEqual({
    last1min: 0.73,
    last5min: 0.51,
    last15min: 0.28,
    process_running: 3,
    process_total: 138,
    last_pid: 21712,
  });
});

test("metrics: a part that cannot be read is an empty object", () => {
  expect([cpuStats(""), memStats(""), loadStats("")]).toEqual([{}, {}, {}]);
  expect(cpuJiffies("garbage")).toBeNull();
});
