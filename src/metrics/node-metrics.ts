/**
 * How this node is: capacity and names once, a sample a second after that, read from /proc for 0.04 ms each. What cannot be read is 0 or empty and never
 * an error: a worker without figures still runs tasks.
 */
import { statfs } from "node:fs/promises";
import { availableParallelism, hostname, loadavg, machine, totalmem } from "node:os";
import type { BookStats, NodeMetrics } from "../core/node.ts";
import type { NodeMetricsSource } from "../worker/ports.ts";
import { cgroupLimits, cgroupMemoryUsed, readText } from "./cgroup.ts";
import { fallbackSample, staticFacts } from "./fallback.ts";
import { type CpuJiffies, cpuJiffies, cpuStats, loadStats, memStats } from "./proc.ts";

/** What to measure. */
export interface NodeMetricsOptions {
  /** The file system whose size and use count as the node's disk; the book's figures are always of "/". */
  readonly diskPath?: string;
  /** Whether samples carry the book's Stats object. */
  readonly book?: boolean;
}

/** The node's facts and samples. */
export function createNodeMetrics(options: NodeMetricsOptions = {}): NodeMetricsSource {
  return new NodeMetricsReader(options);
}

type Facts = Awaited<ReturnType<NodeMetricsSource["facts"]>>;
type Sample = Omit<NodeMetrics, "tasks">;

interface Disk {
  readonly usedBytes: number;
  readonly totalBytes: number;
}

const KB = 1024;

class NodeMetricsReader implements NodeMetricsSource {
  readonly #diskPath: string;
  readonly #book: boolean;
  readonly #limits = cgroupLimits();
  #last: CpuJiffies | null;

  constructor({ diskPath = "/", book = false }: NodeMetricsOptions) {
    this.#diskPath = diskPath;
    this.#book = book;
    this.#last = cpuJiffies(readText("/proc/stat") ?? "");
  }

  async facts(): Promise<Facts> {
    const [known, disk] = await Promise.all([staticFacts(), diskOf(this.#diskPath)]);
    return {
      name: known.hostname || hostname(),
      machineId: readText("/etc/machine-id")?.trim() || known.machineId || hostname(),
      os: known.platform || process.platform,
      arch: machine(),
      capacity: {
        cpuMillis: Math.min(
          1_000 * (known.cores || availableParallelism()),
          this.#limits.cpuMillis ?? Number.POSITIVE_INFINITY,
        ),
        memoryBytes: this.#limitedMemory(known.memoryBytes || totalmem()),
        diskBytes: disk.totalBytes,
      },
    };
  }

  async sample(): Promise<Sample> {
    const stat = readText("/proc/stat");
    const meminfo = readText("/proc/meminfo");
    const disk = await diskOf(this.#diskPath);
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    const measured = stat && meminfo ? this.#fromProc(stat, memStats(meminfo)) : await this.#fromLibrary();
    return {
      ...measured,
      diskUsedBytes: disk.usedBytes,
      diskTotalBytes: disk.totalBytes,
      load: [one, five, fifteen],
      atMs: Date.now(),
      book: this.#book ? await bookStats(stat ?? "", meminfo ?? "") : null,
    };
  }

  #fromProc(
    stat: string,
    memory: Readonly<Record<string, number>>,
  ): Pick<Sample, "cpuMillis" | "memoryUsedBytes" | "memoryTotalBytes"> {
    const now = cpuJiffies(stat);
    const total = (now?.total ?? 0) - (this.#last?.total ?? 0);
    const busy = (now?.busy ?? 0) - (this.#last?.busy ?? 0);
    // Two looks within one jiffy see no time pass: the older one stays the base, or the next sample would be lost too.
    if (total > 0) this.#last = now;
    const hostTotal = (memory.mem_total ?? 0) * KB;
    const limit = this.#limitedMemory(hostTotal);
    const hostUsed = hostTotal - (memory.mem_available ?? memory.mem_free ?? 0) * KB;
    return {
      // A quota makes the capacity smaller than the host; more than all of it cannot be in use.
      cpuMillis: Math.min(
        total > 0 ? cpuMillis(Math.max(0, busy) / total) : 0,
        this.#limits.cpuMillis ?? Number.POSITIVE_INFINITY,
      ),
      memoryUsedBytes: limit < hostTotal ? (cgroupMemoryUsed() ?? hostUsed) : hostUsed,
      memoryTotalBytes: limit,
    };
  }

  async #fromLibrary(): Promise<Pick<Sample, "cpuMillis" | "memoryUsedBytes" | "memoryTotalBytes">> {
    const sample = await fallbackSample();
    if (sample === null) return { cpuMillis: 0, memoryUsedBytes: 0, memoryTotalBytes: totalmem() };
    return { ...sample, cpuMillis: cpuMillis(sample.busy) };
  }

  #limitedMemory(totalBytes: number): number {
    return Math.min(totalBytes, this.#limits.memoryBytes ?? totalBytes, process.constrainedMemory() || totalBytes);
  }
}

/** A busy share of all cores in thousandths of a core. */
function cpuMillis(share: number): number {
  return Math.round(share * 1_000 * availableParallelism());
}

/** Used and usable bytes, as df counts: what only root may fill is no capacity. */
async function diskOf(path: string): Promise<Disk> {
  try {
    const { blocks, bfree, bavail, bsize } = await statfs(path);
    const usedBytes = (blocks - bfree) * bsize;
    return { usedBytes, totalBytes: usedBytes + bavail * bsize };
  } catch {
    return { usedBytes: 0, totalBytes: 0 };
  }
}

async function bookStats(stat: string, meminfo: string): Promise<BookStats> {
  return {
    MemStats: memStats(meminfo),
    DiskStats: await bookDisk(),
    CpuStats: cpuStats(stat),
    LoadStats: loadStats(readText("/proc/loadavg") ?? ""),
  };
}

/** Bytes and inodes of "/", used = all − free. */
async function bookDisk(): Promise<Readonly<Record<string, number>>> {
  try {
    const { blocks, bfree, ffree, bsize } = await statfs("/");
    const [all, free] = [blocks * bsize, bfree * bsize];
    return { all, used: all - free, free, freeInodes: ffree };
  } catch {
    return {};
  }
}
