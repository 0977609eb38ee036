/**
 * The scheduler's nodes as columns: what is free, and what scoring has worked out for each, one slot a node, in order of joining.
 * Derived from cluster state and rebuildable at any time. It knows nothing of classes of tasks: it notes which slots changed,
 * and whoever caches something for a slot reads those notes.
 */
import type { HostPort, Need, NodeView } from "./schedule-input.ts";
import { PortBook } from "./schedule-ports.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Scoring } from "./scores.ts";
import { NO_METRICS, quantise, roundClusterSize } from "./scores.ts";
import type { Resources } from "./spec.ts";

/** What is reserved on a node, whether or not that node is known at present. */
export class NodeUse {
  cpuMillis = 0;
  memoryBytes = 0;
  diskBytes = 0;
  tasks = 0;
  readonly ports = new PortBook();
  /** null while the node is unknown. */
  node: TableNode | null = null;

  /** Adds (sign 1) or takes away (sign −1) one task's reservation. */
  count(need: Need, sign: 1 | -1): void {
    this.cpuMillis += sign * need.resources.cpuMillis;
    this.memoryBytes += sign * need.resources.memoryBytes;
    this.diskBytes += sign * need.resources.diskBytes;
    this.tasks += sign;
    for (const port of need.hostPorts) this.#countPort(port, sign);
  }

  #countPort(port: HostPort, sign: 1 | -1): void {
    if (sign === 1) this.ports.take(port);
    else this.ports.free(port);
  }
}

/** A node in the table. */
export interface TableNode {
  view: NodeView;
  readonly use: NodeUse;
  slot: number;
  /** True once removed; its slot stays empty until the table is laid out again. */
  gone: boolean;
}

const MIN_CAPACITY = 16;

/** Columns over all nodes. Call `settle` before reading them. */
export class NodeTable {
  readonly scheduler: Scheduler;
  readonly scoring: Scoring;
  /** By slot, in order of joining; includes the gone ones. */
  nodes: TableNode[] = [];
  /** Columns hold this many slots; a power of two. */
  capacity = 0;
  /** Rises when slots moved or every cached number became void. */
  layout = 0;
  /** Rises with every change of a node's nature (state, labels, runtimes, capacity). */
  epoch = 0;
  cpuFree = new Float64Array(0);
  memoryFree = new Float64Array(0);
  diskFree = new Float64Array(0);
  /** Quantised; added to every cost on that node. */
  penalty = new Float64Array(0);
  /** `scoring.width` numbers a slot. */
  loads = new Float64Array(0);
  /** Which of the distinct capacities the node has. */
  shape = new Int32Array(0);
  /** The epoch in which its nature last changed. */
  changedIn = new Float64Array(0);
  shapes: Resources[] = [];
  clusterSize = 2;
  /** Slots that changed, as a ring of `capacity` entries; `changes` counts all that were ever noted. */
  changed = new Int32Array(0);
  changes = 0;

  readonly #byId = new Map<string, TableNode>();
  readonly #uses = new Map<string, NodeUse>();
  readonly #shapeByKey = new Map<string, number>();
  #ready = 0;
  #gone = 0;
  #stale = true;

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
    this.scoring = scheduler.scoring;
  }

  /** False when nothing but measurements changed. */
  put(view: NodeView): boolean {
    const known = this.#byId.get(view.id);
    if (known !== undefined) return this.#replace(known, view);
    this.#add(view);
    return true;
  }

  remove(id: string): void {
    const node = this.#byId.get(id);
    if (node === undefined) return;
    this.#byId.delete(id);
    this.#countReady(node.view, -1);
    node.gone = true;
    node.use.node = null;
    this.#gone++;
    this.dropIfUnused(id, node.use);
    this.#noteNature(node);
  }

  /** The reservations on a node, counted also while it is unknown. */
  useOf(nodeId: string): NodeUse {
    const known = this.#uses.get(nodeId);
    if (known !== undefined) return known;
    const use = new NodeUse();
    this.#uses.set(nodeId, use);
    return use;
  }

  /** Forgets the reservations of a node that neither is known nor has any. */
  dropIfUnused(nodeId: string, use: NodeUse): void {
    if (use.node === null && use.tasks === 0) this.#uses.delete(nodeId);
  }

  allocated(nodeId: string): Resources {
    const { cpuMillis, memoryBytes, diskBytes } = this.#uses.get(nodeId) ?? NOTHING;
    return { cpuMillis, memoryBytes, diskBytes };
  }

  find(nodeId: string): TableNode | undefined {
    return this.#byId.get(nodeId);
  }

  /** Nodes that are known now. */
  get count(): number {
    return this.#byId.size;
  }

  /** To be called after a node's reservations changed. */
  noteUse(use: NodeUse): void {
    if (use.node === null || this.#stale) return;
    this.#describe(use.node);
    this.#note(use.node.slot);
  }

  /** Brings the columns up to date with what was put and removed; nothing is done when nothing changed. */
  settle(): void {
    if (roundClusterSize(this.#ready) !== this.clusterSize) this.#stale = true;
    // Empty slots and capacities that no node has any more cost time and memory: beyond half of all they are taken out.
    if (this.#gone > MIN_CAPACITY && this.#gone * 2 > this.nodes.length) this.#stale = true;
    if (this.shapes.length > 2 * this.nodes.length + MIN_CAPACITY) this.#stale = true;
    if (this.#stale) this.#layOut();
  }

  #add(view: NodeView): void {
    const use = this.useOf(view.id);
    const node: TableNode = { view, use, slot: this.nodes.length, gone: false };
    use.node = node;
    const last = this.nodes.at(-1);
    this.nodes.push(node);
    this.#byId.set(view.id, node);
    this.#countReady(view, 1);
    if (node.slot >= this.capacity || (last !== undefined && compareJoining(last.view, view) >= 0)) this.#stale = true;
    this.#noteNature(node);
  }

  #replace(node: TableNode, view: NodeView): boolean {
    const before = node.view;
    this.#countReady(before, -1);
    this.#countReady(view, 1);
    node.view = view;
    if (compareJoining(before, view) !== 0) this.#stale = true;
    const isOther = !sameNature(before, view);
    if (isOther) this.#noteNature(node);
    else if (!this.#stale) this.#noteMetrics(node);
    return isOther;
  }

  #countReady(view: NodeView, sign: 1 | -1): void {
    if (view.refusal === "") this.#ready += sign;
  }

  #noteNature(node: TableNode): void {
    if (this.#stale) return;
    this.epoch++;
    this.changedIn[node.slot] = this.epoch;
    this.shape[node.slot] = this.#shapeOf(node.view.allocatable);
    this.#describe(node);
    this.#note(node.slot);
  }

  #note(slot: number): void {
    this.changed[this.changes & (this.capacity - 1)] = slot;
    this.changes++;
  }

  /** Metrics come every second from every node and are mostly at rest: then nothing is noted, and nothing scored again. */
  #noteMetrics(node: TableNode): void {
    const { width } = this.scoring;
    const from = node.slot * width;
    const penalty = this.penalty[node.slot];
    const loads = this.loads.slice(from, from + width);
    this.#describe(node);
    const moved = penalty !== this.penalty[node.slot] || loads.some((load, i) => load !== this.loads[from + i]);
    if (moved) this.#note(node.slot);
  }

  /** Works out the node's columns. */
  #describe({ slot, use, view }: TableNode): void {
    const { allocatable, measured, measuredTasks } = view;
    this.cpuFree[slot] = allocatable.cpuMillis - use.cpuMillis;
    this.memoryFree[slot] = allocatable.memoryBytes - use.memoryBytes;
    this.diskFree[slot] = allocatable.diskBytes - use.diskBytes;
    this.penalty[slot] = measured === null ? quantise(NO_METRICS) : 0;
    const load = { allocatable, allocated: use, measured, measuredTasks, clusterSize: this.clusterSize };
    this.scoring.describeNode(load, this.loads, slot * this.scoring.width);
  }

  #shapeOf(allocatable: Resources): number {
    const key = `${allocatable.cpuMillis} ${allocatable.memoryBytes} ${allocatable.diskBytes}`;
    const known = this.#shapeByKey.get(key);
    if (known !== undefined) return known;
    this.#shapeByKey.set(key, this.shapes.length);
    this.shapes.push(allocatable);
    return this.shapes.length - 1;
  }

  #layOut(): void {
    this.nodes = this.nodes.filter((node) => !node.gone).sort((a, b) => compareJoining(a.view, b.view));
    this.#gone = 0;
    this.clusterSize = roundClusterSize(this.#ready);
    this.#allocate(this.nodes.length + 1);
    this.#shapeByKey.clear();
    this.shapes = [];
    this.layout++;
    this.#stale = false;
    this.nodes.forEach((node, slot) => {
      node.slot = slot;
      this.#noteNature(node);
    });
  }

  #allocate(slots: number): void {
    let capacity = MIN_CAPACITY;
    while (capacity < slots) capacity *= 2;
    this.capacity = capacity;
    this.cpuFree = new Float64Array(capacity);
    this.memoryFree = new Float64Array(capacity);
    this.diskFree = new Float64Array(capacity);
    this.penalty = new Float64Array(capacity);
    this.loads = new Float64Array(capacity * this.scoring.width);
    this.shape = new Int32Array(capacity);
    this.changedIn = new Float64Array(capacity);
    this.changed = new Int32Array(capacity);
  }
}

const NOTHING: Resources = { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 };

/** Order of joining, then of ids: the order that breaks ties. Pure. */
export function compareJoining(a: Pick<NodeView, "joinedMs" | "id">, b: Pick<NodeView, "joinedMs" | "id">): number {
  if (a.joinedMs !== b.joinedMs) return a.joinedMs - b.joinedMs;
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

/** True when the views differ in measurements at most. */
function sameNature(a: NodeView, b: NodeView): boolean {
  return (
    a.refusal === b.refusal &&
    a.name === b.name &&
    a.os === b.os &&
    a.arch === b.arch &&
    sameResources(a.allocatable, b.allocatable) &&
    a.runtimes.length === b.runtimes.length &&
    a.runtimes.every((runtime, i) => runtime === b.runtimes[i]) &&
    sameLabels(a.labels, b.labels)
  );
}

function sameResources(a: Resources, b: Resources): boolean {
  return a.cpuMillis === b.cpuMillis && a.memoryBytes === b.memoryBytes && a.diskBytes === b.diskBytes;
}

function sameLabels(a: NodeView["labels"], b: NodeView["labels"]): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}
