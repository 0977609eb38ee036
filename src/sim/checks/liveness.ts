/** Invariants of progress once no fault lasts: L2, L3, L5. What they may take is counted from there on. */
import { holdsResources, specOf } from "../../core/cluster.ts";
import { allocatable } from "../../core/node.ts";
import { readNeed } from "../../core/schedule-input.ts";
import { isTerminal, type Task } from "../../core/task.ts";
import type { Checker } from "../checker.ts";
import { goneNodes } from "../faults.ts";
import { MANAGER, type Simulation } from "../simulation.ts";
import type { Container, SimEvent } from "../trace.ts";
import { type StoreMirror, storesOf } from "./stores.ts";

/**
 * Longest way back to a manager that is there, in ms: a call that is never answered (10 s), the longest back-off with its jitter (10 s), the hello (5 s), and a
 * former link that is only missed after a while (10 s), which refuses the new one once.
 */
const LINK_MS = 60_000;
/**
 * Longest life of what nobody wants, in ms: a whole list (60 s), the answer to a call that never comes (2 min), a back-off of the stop (1 min), its grace, and the
 * way of the order.
 */
const ORPHAN_MS = 300_000;
/** Longest wait of a task that fits, in ms. */
const PENDING_MS = 30_000;

/** Since when something has been so, by key; what is not so any more is forgotten. */
class Since {
  readonly #sinceMs = new Map<string, number>();

  /** The keys that have been among these for longer than that. */
  longerThan(limitMs: number, keys: readonly string[], nowMs: number): string[] {
    const now = new Set(keys);
    for (const key of this.#sinceMs.keys()) if (!now.has(key)) this.#sinceMs.delete(key);
    for (const key of keys) if (!this.#sinceMs.has(key)) this.#sinceMs.set(key, nowMs);
    return keys.filter((key) => nowMs - (this.#sinceMs.get(key) ?? nowMs) > limitMs);
  }
}

/** Whether all is healed, and since when the first manager has been there without a break. */
class Healed {
  isSo = false;
  managerSinceMs = 0;
  /** Links by node: a newer one is there before the older one is ended. */
  readonly linked = new Map<string, number>();

  hear(event: SimEvent, atMs: number): void {
    if (event.kind === "healed") {
      this.isSo = true;
      this.managerSinceMs = atMs;
    }
    if (event.kind === "process" && event.who === MANAGER) this.managerSinceMs = atMs;
    // A manager that takes over ends all links, and takes them again.
    if (event.kind === "took-over" || event.kind === "adopting") this.managerSinceMs = atMs;
    if (event.kind === "linked" && event.manager === MANAGER) this.#count(event.node, 1);
    if (event.kind === "unlinked" && event.manager === MANAGER) this.#count(event.node, -1);
    if (event.kind === "process" && event.what === "dies") {
      if (event.who === MANAGER) this.linked.clear();
    }
  }

  isLinked(node: string): boolean {
    return (this.linked.get(node) ?? 0) > 0;
  }

  #count(node: string, by: 1 | -1): void {
    this.linked.set(node, Math.max(0, (this.linked.get(node) ?? 0) + by));
  }
}

/** L2: every worker is linked again soon. */
export const workersComeBack: Checker = {
  id: "L2",
  rule: "once no fault lasts every worker is linked within a minute of its manager's presence",
  begin: (sim, violate) => {
    const healed = new Healed();
    const since = new Since();
    return {
      onEvent: (event, atMs) => healed.hear(event, atMs),
      recount: () => {
        if (!healed.isSo || sim.nowMs - healed.managerSinceMs <= LINK_MS) return;
        const gone = goneNodes(sim.plan);
        const away = [...sim.nodes.keys()].filter((name) => !gone.has(name) && !healed.isLinked(name));
        for (const name of since.longerThan(LINK_MS, away, sim.nowMs))
          violate(`${name} has no link for ${LINK_MS / 1000} s`, `${MANAGER} is there since ${healed.managerSinceMs}`);
      },
    };
  },
};

/** L3: nothing that nobody wants lives on, or is left behind dead. A worker that refuses its manager ends nothing until an operator has acted. */
export const orphansEnd: Checker = {
  id: "L3",
  rule: "once no fault lasts no container lives on, or is kept, that nobody wants",
  begin: (sim, violate) => {
    const healed = new Healed();
    const since = new Since();
    const store = storesOf(sim).of(MANAGER);
    return {
      onEvent: (event, atMs) => healed.hear(event, atMs),
      recount: () => {
        if (!healed.isSo) return;
        const orphans = orphansOf(sim, store).map(
          (one) => `${one.node}/${one.taskId}.${one.incarnation} is ${one.status}`,
        );
        for (const what of since.longerThan(ORPHAN_MS, orphans, sim.nowMs))
          violate(what, `nobody has wanted it for ${ORPHAN_MS / 1000} s`);
      },
    };
  },
};

function orphansOf(sim: Simulation, store: StoreMirror): Container[] {
  const gone = goneNodes(sim.plan);
  return [...sim.nodes.values()].flatMap(({ plan, engine, worker }) => {
    if (gone.has(plan.name) || (worker.machine?.refused() ?? "refused") !== "") return [];
    const own = [...engine.containers.values()].filter((one) => !one.isForeign);
    return own.filter((one) => !isWanted(one, store.cluster.tasks.get(one.taskId), plan.name));
  });
}

/** What has ended is kept for its output until its task is to be removed; what never ran, until its task is over. */
function isWanted({ status }: Container, task: Task | undefined, node: string): boolean {
  if (task === undefined || task.nodeId !== node || task.desired === "remove") return false;
  return status === "exited" || !isTerminal(task.fact.state);
}

/** L5: what fits somewhere is not left waiting. */
export const whatFitsIsPlaced: Checker = {
  id: "L5",
  rule: "once no fault lasts a task that fits is placed within 30 s",
  begin: (sim, violate) => {
    const healed = new Healed();
    const since = new Since();
    const store = storesOf(sim).of(MANAGER);
    return {
      onEvent: (event, atMs) => healed.hear(event, atMs),
      recount: () => {
        if (!healed.isSo || sim.nowMs - healed.managerSinceMs <= LINK_MS) return;
        const pending = [...store.cluster.tasks.values()].filter((task) => isPending(task));
        const fitting = pending.filter((task) => fitsSomewhere(sim, healed, store, task)).map(({ id }) => id);
        for (const id of since.longerThan(PENDING_MS, fitting, sim.nowMs))
          violate(`${id} waits: ${store.cluster.tasks.get(id)?.reason}`, "it fits on a node that is there");
      },
    };
  },
};

function isPending({ nodeId, fact, desired }: Task): boolean {
  return nodeId === null && !isTerminal(fact.state) && desired === "run";
}

function fitsSomewhere(sim: Simulation, healed: Healed, store: StoreMirror, task: Task): boolean {
  const { cluster } = store;
  const spec = specOf(cluster, task);
  if (spec === undefined || spec.constraints.length > 0) return false;
  const need = readNeed(spec);
  return [...cluster.nodes.values()].some((node) => {
    const isThere = node.state === "ready" && node.availability === "eligible" && healed.isLinked(node.id);
    if (!isThere || (sim.nodes.get(node.id)?.worker.machine?.refused() ?? "refused") !== "") return false;
    if (node.runtimes.some(({ problem }) => problem !== "")) return false;
    const held = [...cluster.tasks.values()].filter((one) => one.nodeId === node.id && holdsResources(one));
    const needs = held.flatMap((one) => specOf(cluster, one) ?? []).map(readNeed);
    const room = allocatable(node);
    const fits = (["cpuMillis", "memoryBytes", "diskBytes"] as const).every(
      (what) => needs.reduce((sum, { resources }) => sum + resources[what], need.resources[what]) <= room[what],
    );
    const taken = new Set(needs.flatMap(({ hostPorts }) => hostPorts.map(({ port }) => port)));
    return fits && need.hostPorts.every(({ port }) => !taken.has(port));
  });
}
