/** Limits of the worker's own control group, from made-up file trees. */
import { expect, test } from "bun:test";
import { cgroupLimits, cgroupMemoryUsed } from "../../src/metrics/cgroup.ts";

const tree = (files: Record<string, string>) => (path: string) => files[path] ?? null;

test("metrics: a v2 group's quota and memory limit are found, the tightest level counts", () => {
  const read = tree({
    "/proc/self/cgroup": "0::/system.slice/cube.service\n",
    "/sys/fs/cgroup/system.slice/cube.service/cpu.max": "150000 100000\n",
    "/sys/fs/cgroup/system.slice/cube.service/memory.max": "max\n",
    "/sys/fs/cgroup/system.slice/memory.max": "268435456\n",
  });
  expect(cgroupLimits(read)).toEqual({ cpuMillis: 1_500, memoryBytes: 268_435_456 });
});

test("metrics: a v1 container's limits are found at the root of its own view", () => {
  const read = tree({
    "/proc/self/cgroup": "5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "67108864\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
  });
  expect(cgroupLimits(read)).toEqual({ cpuMillis: 500, memoryBytes: 67_108_864 });
});

test("metrics: no limit anywhere is no limit", () => {
  const read = tree({
    "/proc/self/cgroup": "5:memory:/\n3:cpu:/\n0::/\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu.max": "max 100000\n",
  });
  expect(cgroupLimits(read)).toEqual({ cpuMillis: null, memoryBytes: null });
});

test("metrics: memory in use leaves out the page cache that can go", () => {
  const read = tree({
    "/proc/self/cgroup": "0::/a\n",
    "/sys/fs/cgroup/a/memory.current": "1000000\n",
    "/sys/fs/cgroup/a/memory.stat": "anon 5\ninactive_file 400000\n",
  });
  expect(cgroupMemoryUsed(read)).toBe(600_000);
});
