/**
 * systeminformation, loaded only when it is needed: the static facts at start, and samples on systems without /proc. It forks a dozen commands for some
 * answers, so nothing here may be called once a second on Linux. Every answer may be missing; no failure of it may stop a worker.
 */

/** Static facts as it knows them; "" and 0 for unknown. */
export interface StaticFacts {
  readonly hostname: string;
  readonly platform: string;
  readonly cores: number;
  readonly machineId: string;
  readonly memoryBytes: number;
}

/** One sample. */
export interface FallbackSample {
  /** Busy share of all cores, 0 to 1. */
  readonly busy: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
}

/** Past this the facts of the `os` module must do. */
const FACTS_TIMEOUT_MS = 3_000;

/** Asks once for everything static. Never rejects. */
export async function staticFacts(): Promise<StaticFacts> {
  const none: StaticFacts = { hostname: "", platform: "", cores: 0, machineId: "", memoryBytes: 0 };
  const late = Promise.withResolvers<StaticFacts>();
  const timer = setTimeout(() => late.resolve(none), FACTS_TIMEOUT_MS);
  try {
    return await Promise.race([askStatic(), late.promise]);
  } catch {
    return none;
  } finally {
    clearTimeout(timer);
  }
}

async function askStatic(): Promise<StaticFacts> {
  const si = await import("systeminformation");
  const [system, cpu, ids, memory] = await Promise.all([si.osInfo(), si.cpu(), si.uuid(), si.mem()]);
  return {
    hostname: system.hostname,
    platform: system.platform,
    cores: cpu.cores,
    machineId: ids.os || ids.hardware,
    memoryBytes: memory.total,
  };
}

/** One sample where there is no /proc; null when that fails too. */
export async function fallbackSample(): Promise<FallbackSample | null> {
  try {
    const si = await import("systeminformation");
    const [load, memory] = await Promise.all([si.currentLoad(), si.mem()]);
    const memoryUsedBytes = memory.total - memory.available;
    return { busy: load.currentLoad / 100, memoryUsedBytes, memoryTotalBytes: memory.total };
  } catch {
    return null;
  }
}
