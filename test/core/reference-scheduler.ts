/**
 * The scheduler as one would write it on a blackboard: a full scan with the formulas as they are printed, no cache of any kind.
 * It shares no code with src/core's index; tests and the benchmark hold the fast one against it.
 */
import type { Need, NodeView, SchedulerName } from "../../src/core/schedule.ts";
import type { Resources } from "../../src/core/spec.ts";

interface Held {
  readonly nodeId: string;
  readonly need: Need;
}

/** What the tasks of one node hold together. */
class Used {
  cpuMillis = 0;
  memoryBytes = 0;
  diskBytes = 0;
  readonly ports: Port[] = [];

  add(need: Need): this {
    for (const figure of FIGURES) this[figure] += need.resources[figure];
    this.ports.push(...need.hostPorts);
    return this;
  }
}

/** The same interface as Placement, as far as answers go. */
export class ReferenceScheduler {
  readonly #name: SchedulerName;
  readonly #nodes = new Map<string, NodeView>();
  readonly #held = new Map<string, Held>();
  readonly #used = new Map<string, Used>();
  #lastUsed: NodeView | null = null;
  #sorted: NodeView[] | null = null;

  constructor(name: SchedulerName) {
    this.#name = name;
  }

  putNode(view: NodeView): void {
    this.#nodes.set(view.id, view);
    this.#sorted = null;
  }

  removeNode(id: string): void {
    this.#nodes.delete(id);
    this.#sorted = null;
  }

  reserve(taskId: string, nodeId: string, need: Need): void {
    const held = this.#held.get(taskId);
    if (held?.nodeId === nodeId && JSON.stringify(held.need) === JSON.stringify(need)) return;
    this.release(taskId);
    this.#held.set(taskId, { nodeId, need });
    this.#used.set(nodeId, (this.#used.get(nodeId) ?? new Used()).add(need));
    this.#lastUsed = this.#nodes.get(nodeId) ?? this.#lastUsed;
  }

  release(taskId: string): void {
    const held = this.#held.get(taskId);
    if (held === undefined) return;
    this.#held.delete(taskId);
    // Counted anew from the tasks that are left, never taken away from a sum.
    const left = [...this.#held.values()].filter((other) => other.nodeId === held.nodeId);
    this.#used.set(
      held.nodeId,
      left.reduce((used, other) => used.add(other.need), new Used()),
    );
  }

  place(need: Need, avoid: readonly string[]): string | null {
    const size = this.#clusterSize();
    let best: NodeView | null = null;
    let lowest = Infinity;
    for (const node of this.#inTurn()) {
      const used = this.#used.get(node.id) ?? new Used();
      if (!fits(node, used, need)) continue;
      const penalty = (node.measured ? 0 : 1e9) + (avoid.includes(node.id) ? 2e9 : 0);
      const rounded = Math.round((this.#score(node, used, need, size) + penalty) * 1_048_576);
      if (rounded >= lowest) continue;
      lowest = rounded;
      best = node;
    }
    return best?.id ?? null;
  }

  allocated(nodeId: string): Resources {
    const { cpuMillis, memoryBytes, diskBytes } = this.#used.get(nodeId) ?? new Used();
    return { cpuMillis, memoryBytes, diskBytes };
  }

  #inTurn(): readonly NodeView[] {
    this.#sorted ??= [...this.#nodes.values()].sort((a, b) => a.joinedMs - b.joinedMs || (a.id < b.id ? -1 : 1));
    const nodes = this.#sorted;
    const last = this.#lastUsed ?? nodes[0];
    if (this.#name !== "roundrobin" || last === undefined) return nodes;
    const behind = (node: NodeView) =>
      node.joinedMs > last.joinedMs || (node.joinedMs === last.joinedMs && node.id > last.id);
    return [...nodes.filter(behind), ...nodes.filter((node) => !behind(node))];
  }

  #clusterSize(): number {
    const ready = [...this.#nodes.values()].filter((node) => node.refusal === "").length;
    return 2 ** Math.ceil(Math.log2(Math.max(2, ready)));
  }

  #score(node: NodeView, used: Used, need: Need, size: number): number {
    if (this.#name === "roundrobin") return 1;
    return this.#name === "pack" ? packCost(node, used, need) : marginalCost(node, used, need, size);
  }
}

type Figure = "cpuMillis" | "memoryBytes" | "diskBytes";
const FIGURES: readonly Figure[] = ["cpuMillis", "memoryBytes", "diskBytes"];
const AT_LEAST = { cpuMillis: 100, memoryBytes: 64 * 1024 * 1024, diskBytes: 0 };

function fits(node: NodeView, used: Used, need: Need): boolean {
  if (node.refusal !== "" || !node.runtimes.includes(need.runtime)) return false;
  for (const { key, operator, value } of need.constraints) {
    const same = attribute(node, key) === value;
    if (operator === "==" ? !same : same) return false;
  }
  for (const figure of FIGURES) {
    const wanted = need.resources[figure];
    if (wanted > 0 && used[figure] + wanted > node.allocatable[figure]) return false;
  }
  return !need.hostPorts.some((mine) => used.ports.some((other) => clash(mine, other)));
}

type Port = Need["hostPorts"][number];

function clash(a: Port, b: Port): boolean {
  const everywhere = (ip: string) => ["", "0.0.0.0", "::"].includes(ip);
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return everywhere(a.hostIp) || everywhere(b.hostIp) || a.hostIp === b.hostIp;
}

function attribute(node: NodeView, key: string): string | undefined {
  if (key === "node.id") return node.id;
  if (key === "node.hostname") return node.name;
  if (key === "node.platform.os") return node.os;
  if (key === "node.platform.arch") return node.arch;
  return node.labels[key.replace(/^node\.labels\./, "")];
}

/** H = Σ n^(u+d) − n^u, as in the paper. */
function marginalCost(node: NodeView, used: Used, need: Need, n: number): number {
  let total = 0;
  for (const figure of FIGURES) {
    const capacity = node.allocatable[figure];
    if (capacity === 0) continue;
    const reserved = used[figure] / capacity;
    const inSteps = (use: number) => Math.min(1, Math.round((use / capacity) * 64) / 64);
    const own = Math.max(reserved, inSteps(node.measuredTasks[figure]));
    const u = Math.min(1.5, own + inSteps(node.measured?.[figure] ?? 0));
    const d = Math.max(need.resources[figure], AT_LEAST[figure]) / capacity;
    total += n ** (u + d) - n ** u;
  }
  return total;
}

/** 1 − (20 − 10^free cpu − 10^free memory)/18 + imbalance, all after placement. */
function packCost(node: NodeView, used: Used, need: Need): number {
  const free = (figure: Figure) => {
    const capacity = node.allocatable[figure];
    return capacity === 0 ? 0 : (capacity - used[figure] - need.resources[figure]) / capacity;
  };
  const fit = Math.min(18, Math.max(0, 20 - 10 ** free("cpuMillis") - 10 ** free("memoryBytes")));
  const asked = need.resources.diskBytes > 0 ? FIGURES : FIGURES.slice(0, 2);
  const shares = asked.map(free);
  return 1 - fit / 18 + (Math.max(...shares) - Math.min(...shares));
}
