/**
 * The scheduler as one would write it on a blackboard: a full scan with the formulas as they are printed, no cache of any kind.
 * It shares no code with src/core's index; tests and the benchmark hold the fast one against it.
 */
import type { Need, NodeView, SchedulerName } from "../../src/core/schedule.ts";

interface Held {
  readonly nodeId: string;
  readonly need: Need;
}

/** The same interface as Placement, as far as answers go. */
export class ReferenceScheduler {
  readonly #name: SchedulerName;
  readonly #nodes = new Map<string, NodeView>();
  readonly #held = new Map<string, Held>();
  #lastUsed: NodeView | null = null;

  constructor(name: SchedulerName) {
    this.#name = name;
  }

  putNode(view: NodeView): void {
    this.#nodes.set(view.id, view);
  }

  removeNode(id: string): void {
    this.#nodes.delete(id);
  }

  reserve(taskId: string, nodeId: string, need: Need): void {
    const held = this.#held.get(taskId);
    if (held?.nodeId === nodeId && JSON.stringify(held.need) === JSON.stringify(need)) return;
    this.#held.set(taskId, { nodeId, need });
    this.#lastUsed = this.#nodes.get(nodeId) ?? this.#lastUsed;
  }

  release(taskId: string): void {
    this.#held.delete(taskId);
  }

  place(need: Need, avoid: readonly string[]): string | null {
    const ring = this.#inTurn(this.#sorted());
    const taken = this.#taken();
    const size = this.#clusterSize();
    let best: NodeView | null = null;
    let lowest = Infinity;
    for (const node of ring) {
      const held = taken.get(node.id) ?? [];
      if (!fits(node, held, need)) continue;
      const score =
        this.#score(node, held, need, size) + (node.measured ? 0 : 1e9) + (avoid.includes(node.id) ? 2e9 : 0);
      const rounded = Math.round(score * 1_048_576);
      if (rounded >= lowest) continue;
      lowest = rounded;
      best = node;
    }
    return best?.id ?? null;
  }

  allocated(nodeId: string): { cpuMillis: number; memoryBytes: number; diskBytes: number } {
    const held = this.#taken().get(nodeId) ?? [];
    return {
      cpuMillis: sum(held, "cpuMillis"),
      memoryBytes: sum(held, "memoryBytes"),
      diskBytes: sum(held, "diskBytes"),
    };
  }

  #sorted(): NodeView[] {
    return [...this.#nodes.values()].sort((a, b) => a.joinedMs - b.joinedMs || (a.id < b.id ? -1 : 1));
  }

  #inTurn(nodes: NodeView[]): NodeView[] {
    if (this.#name !== "roundrobin") return nodes;
    const last = this.#lastUsed ?? nodes[0];
    if (last === undefined) return nodes;
    const behind = (node: NodeView) =>
      node.joinedMs > last.joinedMs || (node.joinedMs === last.joinedMs && node.id > last.id);
    return [...nodes.filter(behind), ...nodes.filter((node) => !behind(node))];
  }

  #taken(): Map<string, Need[]> {
    const taken = new Map<string, Need[]>();
    for (const { nodeId, need } of this.#held.values()) taken.set(nodeId, [...(taken.get(nodeId) ?? []), need]);
    return taken;
  }

  #clusterSize(): number {
    const ready = [...this.#nodes.values()].filter((node) => node.refusal === "").length;
    return 2 ** Math.ceil(Math.log2(Math.max(2, ready)));
  }

  #score(node: NodeView, held: readonly Need[], need: Need, size: number): number {
    if (this.#name === "roundrobin") return 1;
    return this.#name === "pack" ? packCost(node, held, need) : marginalCost(node, held, need, size);
  }
}

type Figure = "cpuMillis" | "memoryBytes" | "diskBytes";
const FIGURES: readonly Figure[] = ["cpuMillis", "memoryBytes", "diskBytes"];
const AT_LEAST = { cpuMillis: 100, memoryBytes: 64 * 1024 * 1024, diskBytes: 0 };

function sum(held: readonly Need[], figure: Figure): number {
  return held.reduce((total, need) => total + need.resources[figure], 0);
}

function fits(node: NodeView, held: readonly Need[], need: Need): boolean {
  if (node.refusal !== "" || !node.runtimes.includes(need.runtime)) return false;
  for (const { key, operator, value } of need.constraints) {
    const same = attribute(node, key) === value;
    if (operator === "==" ? !same : same) return false;
  }
  for (const figure of FIGURES) {
    const wanted = need.resources[figure];
    if (wanted > 0 && sum(held, figure) + wanted > node.allocatable[figure]) return false;
  }
  const ports = held.flatMap((other) => other.hostPorts);
  return !need.hostPorts.some((mine) => ports.some((other) => clash(mine, other)));
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
function marginalCost(node: NodeView, held: readonly Need[], need: Need, n: number): number {
  let total = 0;
  for (const figure of FIGURES) {
    const capacity = node.allocatable[figure];
    if (capacity === 0) continue;
    const reserved = sum(held, figure) / capacity;
    const measured = Math.min(1, Math.round(((node.measured?.[figure] ?? 0) / capacity) * 64) / 64);
    const u = Math.max(reserved, measured);
    const d = Math.max(need.resources[figure], AT_LEAST[figure]) / capacity;
    total += n ** (u + d) - n ** u;
  }
  return total;
}

/** 1 − (20 − 10^free cpu − 10^free memory)/18 + imbalance, all after placement. */
function packCost(node: NodeView, held: readonly Need[], need: Need): number {
  const free = (figure: Figure) => {
    const capacity = node.allocatable[figure];
    return capacity === 0 ? 0 : (capacity - sum(held, figure) - need.resources[figure]) / capacity;
  };
  const fit = Math.min(18, Math.max(0, 20 - 10 ** free("cpuMillis") - 10 ** free("memoryBytes")));
  const asked = need.resources.diskBytes > 0 ? FIGURES : FIGURES.slice(0, 2);
  const shares = asked.map(free);
  return 1 - fit / 18 + (Math.max(...shares) - Math.min(...shares));
}
