/**
 * The operator of a run: once all is healed, does what the program tells people to do where it must not help itself, and nothing else. A worker that
 * refuses the manager is answered by --adopt, a damaged store by --accept-loss, nodes that are really gone by trust-loss, and a slot that an adoption left
 * empty by a start.
 */
import type { Cluster } from "../core/cluster.ts";
import { goneNodes } from "./faults.ts";
import { MANAGER, type SimNode, type Simulation } from "./simulation.ts";

/** How long it takes until somebody has read a message and acts, in ms; longer than an adoption and the first reports after it. */
const PATIENCE_MS = 60_000;

export class Operator {
  readonly #sim: Simulation;
  readonly #gone: ReadonlySet<string>;
  #nextMs: number;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#gone = goneNodes(sim.plan);
    this.#nextMs = sim.nowMs + PATIENCE_MS;
  }

  /** Looks at what the program says, and acts on it: one thing a minute. */
  look(): void {
    const { manager } = this.#sim.manager;
    const { machine, isOk } = manager;
    if (this.#sim.nowMs < this.#nextMs) return;
    if (this.#acceptLoss()) this.#nextMs = this.#sim.nowMs + PATIENCE_MS;
    if (machine === null || !isOk) return;
    if (
      this.#removeClones(machine.cluster) ||
      this.#removeGone(machine.cluster) ||
      this.#adopt() ||
      this.#trustLoss(machine.caution, machine.cluster) ||
      this.#startEmptySlots(machine.cluster)
    )
      this.#nextMs = this.#sim.nowMs + PATIENCE_MS;
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
    const core = [...this.#sim.nodes].filter(([name]) => !this.#gone.has(name));
    const refusing = core.filter(([, { worker }]) => (worker.machine?.refused() ?? "") !== "");
    if (refusing.length === 0) return false;
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
    const empty = [...slots.values()].filter((slot) => slot.taskId === "" && jobs.get(slot.jobId)?.desired === "run");
    for (const jobId of new Set(empty.map((slot) => slot.jobId)))
      this.#sim.manager.manager.execute({ kind: "job.start", jobId }, () => {});
    return empty.length > 0;
  }
}

/** "Its journal was lost … stop their containers there by hand" (adoption.ts): nobody knows what they are for. */
function endStrays({ worker, engine }: SimNode): void {
  const strays = worker.machine?.holdings().filter(({ assignment }) => assignment === null) ?? [];
  const ids = new Set(strays.map(({ fact }) => fact.taskId));
  for (const one of engine.live()) if (!one.isForeign && ids.has(one.taskId)) engine.removeByHand(one, false);
}
