/**
 * CPU and memory of running containers from the cgroup files of this machine, v1 and v2 (14 us each); where they cannot be read, from the engine's stats,
 * asked for in the background, because they take most of a second: the answer then is the last one known. Never waits for the engine.
 */
import { readFileSync } from "node:fs";
import type { Engine } from "./docker-engine.ts";

/** What one container uses. */
export interface Usage {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

interface Reading {
  readonly cpuNs: number;
  readonly memoryBytes: number;
}

/** Where a container's figures are. */
type Source =
  | { readonly kind: "v1"; readonly cpu: string; readonly memory: string; readonly stat: string }
  | { readonly kind: "v2"; readonly directory: string }
  | { readonly kind: "stats" };

interface Known {
  readonly source: Source;
  reading: Reading | null;
  atMs: number;
  /** The last answer of the engine, for `stats`. */
  answer: Reading | null;
  asking: boolean;
}

const CGROUP = "/sys/fs/cgroup";
const USEC = 1_000;

/** Remembers the last reading of each container. */
export class UsageReader {
  readonly #engine: () => Engine;
  readonly #known = new Map<string, Known>();
  readonly #monotonicMs: () => number;

  constructor(engine: () => Engine, monotonicMs: () => number = () => performance.now()) {
    this.#engine = engine;
    this.#monotonicMs = monotonicMs;
  }

  /** To be told of every running container once its main process is known. */
  learn(instanceId: string, pid: number): void {
    if (this.#known.has(instanceId)) return;
    const source = this.#engine().local ? cgroupSource(instanceId, pid) : ({ kind: "stats" } as const);
    this.#known.set(instanceId, { source, reading: null, atMs: 0, answer: null, asking: false });
  }

  knows(instanceId: string): boolean {
    return this.#known.has(instanceId);
  }

  /** Forgets all but these, so that memory follows what runs. */
  keepOnly(instanceIds: ReadonlySet<string>): void {
    for (const id of this.#known.keys()) if (!instanceIds.has(id)) this.#known.delete(id);
  }

  /** Use since the last call; null when it cannot be read (yet). The first call has no time to measure over: CPU is 0. */
  read(instanceId: string): Usage | null {
    const known = this.#known.get(instanceId);
    if (known === undefined) return null;
    if (known.source.kind === "stats") this.#ask(instanceId, known);
    const reading = known.source.kind === "stats" ? known.answer : readCgroup(known.source);
    if (reading === null) return null;
    const nowMs = this.#monotonicMs();
    const cpuNs = known.reading ? Math.max(0, reading.cpuNs - known.reading.cpuNs) : 0;
    const elapsedMs = nowMs - known.atMs;
    known.reading = reading;
    known.atMs = nowMs;
    return { cpuMillis: elapsedMs > 0 ? Math.round(cpuNs / elapsedMs / 1_000) : 0, memoryBytes: reading.memoryBytes };
  }

  #ask(instanceId: string, known: Known): void {
    if (known.asking) return;
    known.asking = true;
    void this.#engine()
      .call("GET", `/containers/${instanceId}/stats?stream=false&one-shot=true`)
      .then((asked) => {
        known.asking = false;
        known.answer = asked.ok && asked.value.status === 200 ? statsReading(asked.value.body) : null;
      });
  }
}

/** Finds the cgroup of a process; it must name the container, or the number belongs to another machine's or namespace's process. */
function cgroupSource(instanceId: string, pid: number): Source {
  try {
    const groups = new Map<string, string>();
    for (const line of readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n")) {
      const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (path.includes(instanceId)) for (const name of controllers.split(",")) groups.set(name, path);
    }
    const { cpu, memory } = { cpu: groups.get("cpuacct"), memory: groups.get("memory") };
    if (cpu && memory) return v1Source(cpu, memory);
    const unified = groups.get("");
    if (unified && readV2(`${CGROUP}${unified}`)) return { kind: "v2", directory: `${CGROUP}${unified}` };
  } catch {
    // No /proc, another namespace, or it has just ended.
  }
  return { kind: "stats" };
}

function v1Source(cpu: string, memory: string): Source {
  const stat = `${CGROUP}/memory${memory}/memory.stat`;
  const source: Source = {
    kind: "v1",
    cpu: `${CGROUP}/cpuacct${cpu}/cpuacct.usage`,
    memory: `${CGROUP}/memory${memory}/memory.usage_in_bytes`,
    stat,
  };
  return readCgroup(source) ? source : { kind: "stats" };
}

function readCgroup(source: Exclude<Source, { kind: "stats" }>): Reading | null {
  if (source.kind === "v2") return readV2(source.directory);
  try {
    const used = Number(readFileSync(source.memory, "utf8"));
    const idle = figure(readFileSync(source.stat, "utf8"), "total_inactive_file");
    return { cpuNs: Number(readFileSync(source.cpu, "utf8")), memoryBytes: Math.max(0, used - idle) };
  } catch {
    return null;
  }
}

function readV2(directory: string): Reading | null {
  try {
    const used = Number(readFileSync(`${directory}/memory.current`, "utf8"));
    const idle = figure(readFileSync(`${directory}/memory.stat`, "utf8"), "inactive_file");
    const cpuNs = figure(readFileSync(`${directory}/cpu.stat`, "utf8"), "usage_usec") * USEC;
    return { cpuNs, memoryBytes: Math.max(0, used - idle) };
  } catch {
    return null;
  }
}

/** Page cache that can go at any time does not count as used, as in the engine's own tools. */
function figure(text: string, name: string): number {
  const at = text.startsWith(`${name} `) ? 0 : text.indexOf(`\n${name} `) + 1;
  return at === 0 && !text.startsWith(`${name} `) ? 0 : Number.parseInt(text.slice(at + name.length + 1), 10);
}

function statsReading(body: unknown): Reading | null {
  const stats = body as {
    readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
    readonly memory_stats?: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> };
  } | null;
  const cpuNs = stats?.cpu_stats?.cpu_usage?.total_usage;
  if (cpuNs === undefined) return null;
  const { usage = 0, stats: parts = {} } = stats?.memory_stats ?? {};
  return { cpuNs, memoryBytes: Math.max(0, usage - (parts.total_inactive_file ?? parts.inactive_file ?? 0)) };
}
