/**
 * Where a task goes: the index that the manager asks. A scheduler plugs in with its three phases, feasibility, scoring, picking.
 * Derived from cluster state and rebuildable at any time; it must never be the only place where anything is known.
 */
import type { Decision } from "./decision.ts";
import { explainDecision } from "./explain.ts";
import type { NodeUse, TableNode } from "./node-table.ts";
import { compareJoining, NodeTable } from "./node-table.ts";
import { ClassIndex } from "./schedule-classes.ts";
import type { Need, NodeView } from "./schedule-input.ts";
import { needKey, readNeed, viewNode } from "./schedule-input.ts";
import type { Scheduler, SchedulerName } from "./scheduler.ts";
import { EPVM } from "./schedulers/epvm.ts";
import { PACK } from "./schedulers/pack.ts";
import { ROUND_ROBIN } from "./schedulers/roundrobin.ts";
import type { Resources } from "./spec.ts";

// The words of this interface, so that the manager needs no other file.
export type { Need, NodeView, Scheduler, SchedulerName };
export { needKey, readNeed, viewNode };

/** Every scheduler, by the name that users give. */
export const SCHEDULERS: Readonly<Record<SchedulerName, Scheduler>> = {
  epvm: EPVM,
  roundrobin: ROUND_ROBIN,
  pack: PACK,
};

interface Reservation {
  readonly nodeId: string;
  readonly use: NodeUse;
  readonly need: Need;
}

/** A mutable index of nodes and reservations. `place` and `explain` change no answer: only nodes and reservations do. */
export class Placement {
  readonly #scheduler: Scheduler;
  readonly #table: NodeTable;
  readonly #classes: ClassIndex;
  readonly #reservations = new Map<string, Reservation>();
  /** The node last reserved on; round robin goes on behind it, also once it is gone. */
  #lastUsed: Pick<NodeView, "id" | "joinedMs"> | null = null;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.#table = new NodeTable(scheduler);
    this.#classes = new ClassIndex(this.#table);
  }

  /** Adds the node, or replaces what is known of it. False when nothing is new but measurements, which let no task fit that did not. */
  putNode(view: NodeView): boolean {
    return this.#table.put(view);
  }

  /** Takes the node away. Its reservations stay counted, should it come back, until they are released. */
  removeNode(id: string): void {
    this.#table.remove(id);
  }

  /** Counts the task on that node, which need not be known yet. The same again changes nothing; another node or need moves it. */
  reserve(taskId: string, nodeId: string, need: Need): void {
    const held = this.#reservations.get(taskId);
    if (held !== undefined && held.nodeId === nodeId && sameNeed(held.need, need)) return;
    if (held !== undefined) this.release(taskId);
    const use = this.#table.useOf(nodeId);
    use.count(need, 1);
    this.#table.noteUse(use);
    this.#reservations.set(taskId, { nodeId, use, need });
    const node = use.node;
    if (node !== null) this.#lastUsed = node.view;
  }

  /** Undoes `reserve`; false, and nothing happens, for a task that has no reservation. */
  release(taskId: string): boolean {
    const held = this.#reservations.get(taskId);
    if (held === undefined) return false;
    this.#reservations.delete(taskId);
    held.use.count(held.need, -1);
    this.#table.noteUse(held.use);
    this.#table.dropIfUnused(held.nodeId, held.use);
    return true;
  }

  /** What is reserved on that node; all zero for one that is unknown. */
  allocated(nodeId: string): Resources {
    return this.#table.allocated(nodeId);
  }

  /** The node for such a task, null when none fits. Reserves nothing. Nodes to avoid are taken only when nothing else fits. */
  place(need: Need, avoid: readonly string[]): string | null {
    this.#table.settle();
    const slot = this.#classes.ask(need).best(this.#start(), this.#slotsOf(avoid));
    return slot < 0 ? null : (this.#table.nodes[slot]?.view.id ?? null);
  }

  /** The same answer as `place` gives now, with every reason. It looks at every node. `nowWallMs` is only written down. */
  explain(
    need: Need,
    avoid: readonly string[],
    task: { readonly taskId: string; readonly jobId: string },
    nowWallMs: number,
  ): Decision {
    this.#table.settle();
    return explainDecision({
      table: this.#table,
      taskClass: this.#classes.find(need),
      start: this.#start(),
      avoided: this.#slotsOf(avoid),
      task,
      nowWallMs,
    });
  }

  #slotsOf(nodeIds: readonly string[]): readonly number[] {
    if (nodeIds.length === 0) return NO_SLOTS;
    const slots = nodeIds.map((id) => this.#table.find(id)?.slot ?? -1);
    return slots.filter((slot) => slot >= 0);
  }

  /** The slot with which ties begin. */
  #start(): number {
    if (this.#scheduler.picking === "first") return 0;
    const { nodes } = this.#table;
    // The book's LastWorker begins at 0, so the very first task goes to the second node.
    const next = this.#lastUsed === null ? nodes.findIndex((node) => !node.gone) + 1 : after(nodes, this.#lastUsed);
    return next >= nodes.length ? 0 : next;
  }
}

const NO_SLOTS: readonly number[] = [];

function sameNeed(a: Need, b: Need): boolean {
  return a === b || needKey(a) === needKey(b);
}

/** The first slot whose node joined after that one. */
function after(nodes: readonly TableNode[], last: Pick<NodeView, "id" | "joinedMs">): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const node = nodes[middle];
    if (node !== undefined && compareJoining(node.view, last) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
