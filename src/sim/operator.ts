/**
 * The operator of a run: once all is healed, does what the program tells people to do where it must not help itself, and nothing else. A worker that
 * refuses the manager is answered by --adopt, a damaged store by --accept-loss, nodes that are really gone by trust-loss, and a slot that an adoption left
 * empty by a start.
 */
import { type Cluster, slotKeyOf } from "../core/cluster.ts";
import type { Slot } from "../core/job.ts";
import { type FaultKind, goneNodes } from "./faults.ts";
import { MANAGER, type SimNode, type Simulation } from "./simulation.ts";

/** How long it takes until somebody has read a message and acts, in ms; longer than an adoption and the first reports after it. */
const PATIENCE_MS = 60_000;

/** Faults after which any worker may rightly refuse the manager, or a slot be left empty by an adoption: its store is another one. */
const OF_STORES: ReadonlySet<FaultKind> = new Set(["store-rollback", "store-wipe", "store-gap", "second-manager"]);
/** Faults after which the worker of their node may: it holds what nobody knows, or has seen what it has forgotten. */
const OF_WORKERS: ReadonlySet<FaultKind> = new Set(["journal-wipe", "journal-rollback", "clone", "clone-disk"]);

export class Operator {
  readonly #sim: Simulation;
  readonly #gone: ReadonlySet<string>;
  /** Somebody had a reason to adopt: whatever comes of that is no riddle. */
  #hasAdopted: boolean;
  #nextMs: number;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#gone = goneNodes(sim.plan);
    this.#hasAdopted = sim.plan.faults.some(({ kind }) => OF_STORES.has(kind));
    this.#nextMs = sim.nowMs + PATIENCE_MS;
  }

  /** Looks at what the program says, and acts on it: one thing a minute. Gives what nobody's deed explains, and must not be mended by hand; else "". */
  look(): string {
    const { manager } = this.#sim.manager;
    const { machine, isOk } = manager;
    if (this.#sim.nowMs < this.#nextMs) return "";
    if (this.#acceptLoss()) this.#nextMs = this.#sim.nowMs + PATIENCE_MS;
    if (machine === null || !isOk) return "";
    const problem = this.#hasAdopted ? "" : this.#wrongNeed(machine.cluster);
    if (problem !== "") return problem;
    if (
      this.#removeClones(machine.cluster) ||
      this.#removeGone(machine.cluster) ||
      this.#adopt() ||
      this.#trustLoss(machine.caution, machine.cluster) ||
      this.#startEmptySlots(machine.cluster)
    )
      this.#nextMs = this.#sim.nowMs + PATIENCE_MS;
    return "";
  }

  /** Where no store was replaced, nor anything of a node that refuses, the cluster has to get well without a person. */
  #wrongNeed({ slots, jobs }: Cluster): string {
    const { faults } = this.#sim.plan;
    for (const [name, { worker }] of this.#refusing()) {
      const isExplained = faults.some((fault) => OF_WORKERS.has(fault.kind) && "node" in fault && fault.node === name);
      if (!isExplained) return `${name} refuses its manager: ${worker.machine?.refused()}`;
    }
    const [empty] = emptySlots({ slots, jobs });
    return empty === undefined ? "" : `${slotKeyOf(empty)} is left empty`;
  }

  #refusing(): [string, SimNode][] {
    const core = [...this.#sim.nodes].filter(([name]) => !this.#gone.has(name));
    return core.filter(([, { worker }]) => (worker.machine?.refused() ?? "") !== "");
  }

  /** A clone was there first while the manager did not know the node: "if the machine was replaced, `cube node rm` and join anew" (session.ts). */
  #removeClones({ nodes }: Cluster): boolean {
    const wrong = [...this.#sim.nodes].filter(([name, { worker }]) => {
      const known = nodes.get(name);
      const machineId = known?.machineId ?? "";
      return machineId !== "" && !this.#gone.has(name) && machineId !== worker.parts.facts.machineId;
    });
    for (const [nodeId] of wrong)
      this.#sim.manager.manager.execute({ kind: "node.remove", nodeId, force: true }, () => {});
    return wrong.length > 0;
  }

  /** A task "is held by n2, but belongs to n3": where n3 is gone for good, `cube node rm` (adopt-task.ts). */
  #removeGone({ nodes, tasksOfNode }: Cluster): boolean {
    const held = new Set(
      [...this.#sim.nodes.values()].flatMap(({ worker }) =>
        (worker.machine?.refused() ?? "") === "" ? [] : [...(worker.machine?.runs.keys() ?? [])],
      ),
    );
    const known = [...this.#gone].filter((nodeId) => nodes.has(nodeId));
    const holders = known.filter((nodeId) => [...(tasksOfNode.get(nodeId) ?? [])].some((id) => held.has(id)));
    for (const nodeId of holders)
      this.#sim.manager.manager.execute({ kind: "node.remove", nodeId, force: true }, () => {});
    return holders.length > 0;
  }

  /** The way out that a damaged store names (load.ts), where nobody has a backup. */
  #acceptLoss(): boolean {
    const { manager, store } = this.#sim.manager;
    if (store.damage === "") return false;
    const one = this.#sim.process(MANAGER);
    if (one.process.alive) one.die();
    store.acceptLoss();
    this.#sim.tell({ kind: "replaced", manager: MANAGER, how: "loss" });
    manager.start(true);
    return true;
  }

  /** The way out that a refusal names (fence.ts). */
  #adopt(): boolean {
    const refusing = this.#refusing();
    if (refusing.length === 0) return false;
    this.#hasAdopted = true;
    for (const [, node] of refusing) endStrays(node);
    const one = this.#sim.process(MANAGER);
    if (one.process.alive) one.die();
    this.#sim.manager.manager.start(true);
    return true;
  }

  /** Only when it is true: everybody who is out is gone. */
  #trustLoss(caution: string, { nodes }: Cluster): boolean {
    if (!caution.includes("trust-loss")) return false;
    const out = [...nodes.values()].filter((node) => node.state === "disconnected");
    if (!out.every((node) => this.#gone.has(node.id))) return false;
    this.#sim.manager.manager.execute({ kind: "nodes.trust-loss" }, () => {});
    return true;
  }

  /** A slot that nobody who answered an adoption holds "stays empty until `cube start`" (core/adopt.ts); everybody in the core has answered by now. */
  #startEmptySlots({ slots, jobs }: Cluster): boolean {
    const empty = emptySlots({ slots, jobs });
    for (const jobId of new Set(empty.map((slot) => slot.jobId)))
      this.#sim.manager.manager.execute({ kind: "job.start", jobId }, () => {});
    return empty.length > 0;
  }
}

function emptySlots({ slots, jobs }: Pick<Cluster, "slots" | "jobs">): Slot[] {
  return [...slots.values()].filter((slot) => slot.taskId === "" && jobs.get(slot.jobId)?.desired === "run");
}

/** "Its journal was lost … stop their containers there by hand" (adoption.ts): nobody knows what they are for. */
function endStrays({ worker, engine }: SimNode): void {
  const strays = worker.machine?.holdings().filter(({ assignment }) => assignment === null) ?? [];
  const ids = new Set(strays.map(({ fact }) => fact.taskId));
  for (const one of engine.live()) if (!one.isForeign && ids.has(one.taskId)) engine.removeByHand(one, false);
}
