/**
 * Classes of tasks with equal needs, each with what is remembered of every node for it, so that a placement looks at what changed
 * since the last one instead of at every node. Caches only: dropping any of it changes the speed and never the answer.
 */
import type { ScorePart } from "./decision.ts";
import type { NodeTable } from "./node-table.ts";
import { ScoreTree } from "./pick.ts";
import type { Need } from "./schedule-input.ts";
import { needKey } from "./schedule-input.ts";
import { FAILED_HERE, quantise } from "./scores.ts";

/** Classes remembered at a time; beyond it the one unused for longest is forgotten. */
const MAX_CLASSES = 128;

/**
 * Classes that have a score tree. While there are fewer, a class gets one at once; after that a class without one is scanned,
 * and takes over the tree of the least asked one when it is asked more than twice as often. A margin keeps equals from swapping.
 */
const MAX_TREES = 64;
const TAKEOVER_MARGIN = 16;

/** After so many questions all counts are halved, so that old fame fades. */
const HALVING = 4_096;

const FAILED_KEY = quantise(FAILED_HERE);

/** One class of tasks against all nodes. */
export class TaskClass {
  readonly key: string;
  readonly need: Need;
  asked = 0;
  lastAsked = 0;
  forgotten = false;
  tree: ScoreTree | null = null;
  readonly #table: NodeTable;
  readonly #cpu: number;
  readonly #memory: number;
  readonly #disk: number;
  readonly #wantsPorts: boolean;
  #layout = -1;
  #epoch = 0;
  #changes = 0;
  #treeIsOld = true;
  /** By slot: 1 where no filter of the scheduler's own objects. */
  #eligible = new Uint8Array(0);
  /** `scoring.width` numbers for each distinct capacity. */
  #demands = new Float64Array(0);
  #shapes = 0;

  constructor(key: string, need: Need, table: NodeTable) {
    this.key = key;
    this.need = need;
    this.#table = table;
    // Nothing wanted always fits, also on a node that has shrunk below what runs on it.
    this.#cpu = need.resources.cpuMillis || -Infinity;
    this.#memory = need.resources.memoryBytes || -Infinity;
    this.#disk = need.resources.diskBytes || -Infinity;
    this.#wantsPorts = need.hostPorts.length > 0;
  }

  /** The integer that is compared: cost and penalty of that node, Infinity when it cannot. Needs `catchUp` first. */
  keyOf(slot: number): number {
    const table = this.#table;
    if (this.#eligible[slot] !== 1) return Infinity;
    if (this.#cpu > (table.cpuFree[slot] as number) || this.#memory > (table.memoryFree[slot] as number))
      return Infinity;
    if (this.#disk > (table.diskFree[slot] as number)) return Infinity;
    if (this.#wantsPorts && this.#lacksPorts(slot)) return Infinity;
    const { scoring, loads } = table;
    const cost = scoring.cost(loads, slot * scoring.width, this.#demands, this.#demandAt(slot));
    return quantise(cost) + (table.penalty[slot] as number);
  }

  /** The summands of that node's cost. */
  partsOf(slot: number): readonly ScorePart[] {
    const { scoring, loads } = this.#table;
    return scoring.parts(loads, slot * scoring.width, this.#demands, this.#demandAt(slot));
  }

  /** The best slot, ties from `start` on; −1 when none fits. Avoided slots are taken only when no other fits. */
  best(start: number, avoided: readonly number[]): number {
    this.catchUp();
    return this.tree === null ? this.#scan(start, avoided) : this.#ask(this.tree, start, avoided);
  }

  /** Takes over what changed in the table since the last time. */
  catchUp(): void {
    const table = this.#table;
    if (this.#layout !== table.layout) this.#begin();
    if (this.#shapes < table.shapes.length) this.#describeShapes();
    if (this.#epoch < table.epoch) this.#judgeNatures();
    if (this.tree !== null) this.#catchUpTree(this.tree);
    this.#changes = table.changes;
  }

  /** Gives the class a tree, or takes it away. */
  keepTree(keep: boolean): void {
    this.tree = keep ? new ScoreTree(Math.max(1, this.#table.capacity)) : null;
    this.#treeIsOld = true;
  }

  /** Lets go of everything that is remembered; a Need that lives on may still point here. */
  forget(): void {
    this.forgotten = true;
    this.tree = null;
    this.#eligible = new Uint8Array(0);
    this.#demands = new Float64Array(0);
    this.#layout = -1;
  }

  #begin(): void {
    this.#layout = this.#table.layout;
    this.#epoch = 0;
    this.#shapes = 0;
    this.#eligible = new Uint8Array(this.#table.capacity);
    if (this.tree !== null) this.keepTree(true);
  }

  #describeShapes(): void {
    const { shapes, scoring, clusterSize } = this.#table;
    const demands = new Float64Array(Math.max(1, shapes.length * scoring.width));
    demands.set(this.#demands.subarray(0, this.#shapes * scoring.width));
    for (let shape = this.#shapes; shape < shapes.length; shape++) {
      const allocatable = shapes[shape];
      if (allocatable === undefined) continue;
      scoring.describeDemand(
        { resources: this.need.resources, allocatable, clusterSize },
        demands,
        shape * scoring.width,
      );
    }
    this.#demands = demands;
    this.#shapes = shapes.length;
  }

  #judgeNatures(): void {
    const { nodes, changedIn, epoch } = this.#table;
    for (let slot = 0; slot < nodes.length; slot++) {
      if ((changedIn[slot] as number) > this.#epoch) this.#eligible[slot] = this.#isEligible(slot) ? 1 : 0;
    }
    this.#epoch = epoch;
  }

  #isEligible(slot: number): boolean {
    const node = this.#table.nodes[slot];
    if (node === undefined || node.gone) return false;
    const standing = { view: node.view, allocated: node.use, ports: node.use.ports };
    return this.#table.scheduler.feasibility.every((filter) => filter.object(standing, this.need) === null);
  }

  #catchUpTree(tree: ScoreTree): void {
    const { changes, changed, capacity, nodes } = this.#table;
    // Beyond a quarter of the slots building anew is cheaper; the ring of changes never laps that.
    if (this.#treeIsOld || changes - this.#changes > capacity >> 2) {
      tree.build((slot) => this.keyOf(slot), nodes.length);
      this.#treeIsOld = false;
      return;
    }
    for (let change = this.#changes; change < changes; change++) {
      const slot = changed[change & (capacity - 1)] as number;
      tree.set(slot, this.keyOf(slot));
    }
  }

  #ask(tree: ScoreTree, start: number, avoided: readonly number[]): number {
    if (avoided.length === 0) return tree.first(start);
    const keys = avoided.map((slot) => tree.key(slot));
    avoided.forEach((slot, i) => {
      tree.set(slot, (keys[i] as number) + FAILED_KEY);
    });
    const best = tree.first(start);
    avoided.forEach((slot, i) => {
      tree.set(slot, keys[i] as number);
    });
    return best;
  }

  /** Every key once, in order from `start`, around the end. */
  #scan(start: number, avoided: readonly number[]): number {
    const slots = this.#table.nodes.length;
    const ahead = this.#lowest(start, slots, avoided);
    const behind = this.#lowest(0, start, avoided);
    return behind.key < ahead.key ? behind.slot : ahead.slot;
  }

  /** The lowest key of a range. The same keys as `keyOf`, with everything that does not change kept outside the loop. */
  #lowest(from: number, to: number, avoided: readonly number[]): { slot: number; key: number } {
    const { scoring, loads, cpuFree, memoryFree, diskFree, penalty, shape } = this.#table;
    const { width } = scoring;
    const eligible = this.#eligible;
    const demands = this.#demands;
    const cpu = this.#cpu;
    const memory = this.#memory;
    const disk = this.#disk;
    const wantsPorts = this.#wantsPorts;
    let best = -1;
    let lowest = Infinity;
    for (let slot = from; slot < to; slot++) {
      if (cpu > (cpuFree[slot] as number) || memory > (memoryFree[slot] as number)) continue;
      const cost = scoring.cost(loads, slot * width, demands, (shape[slot] as number) * width);
      let key = quantise(cost) + (penalty[slot] as number);
      if (key >= lowest || eligible[slot] === 0 || disk > (diskFree[slot] as number)) continue;
      if (wantsPorts && this.#lacksPorts(slot)) continue;
      if (avoided.length > 0 && avoided.includes(slot)) key += FAILED_KEY;
      if (key >= lowest) continue;
      lowest = key;
      best = slot;
    }
    return { slot: best, key: lowest };
  }

  #lacksPorts(slot: number): boolean {
    const ports = this.#table.nodes[slot]?.use.ports;
    return ports === undefined || this.need.hostPorts.some((port) => ports.isTaken(port));
  }

  #demandAt(slot: number): number {
    return (this.#table.shape[slot] as number) * this.#table.scoring.width;
  }
}

/** The classes that are remembered, and which of them have a tree. */
export class ClassIndex {
  readonly #table: NodeTable;
  readonly #byKey = new Map<string, TaskClass>();
  /** Callers that keep one Need for all tasks of a service spare themselves its key. */
  readonly #byNeed = new WeakMap<Need, TaskClass>();
  readonly #trees = new Set<TaskClass>();
  #clock = 0;

  constructor(table: NodeTable) {
    this.#table = table;
  }

  /** The class of this need, with a tree if it deserves one. */
  ask(need: Need): TaskClass {
    const found = this.find(need);
    this.#clock++;
    found.asked++;
    found.lastAsked = this.#clock;
    if (this.#clock % HALVING === 0) for (const each of this.#byKey.values()) each.asked >>= 1;
    if (found.tree === null) this.#considerTree(found);
    return found;
  }

  /** The class of this need, without counting the question. */
  find(need: Need): TaskClass {
    const quick = this.#byNeed.get(need);
    if (quick !== undefined && !quick.forgotten) return quick;
    const key = needKey(need);
    const found = this.#byKey.get(key) ?? this.#add(key, need);
    this.#byNeed.set(need, found);
    return found;
  }

  #add(key: string, need: Need): TaskClass {
    if (this.#byKey.size >= MAX_CLASSES) this.#forgetOldest();
    const added = new TaskClass(key, need, this.#table);
    added.lastAsked = this.#clock;
    this.#byKey.set(key, added);
    return added;
  }

  #forgetOldest(): void {
    const oldest = [...this.#byKey.values()].reduce((a, b) => (b.lastAsked < a.lastAsked ? b : a));
    this.#byKey.delete(oldest.key);
    this.#trees.delete(oldest);
    oldest.forget();
  }

  #considerTree(candidate: TaskClass): void {
    if (this.#trees.size >= MAX_TREES) {
      const coolest = [...this.#trees].reduce((a, b) => (b.asked < a.asked ? b : a));
      if (candidate.asked <= 2 * coolest.asked + TAKEOVER_MARGIN) return;
      coolest.keepTree(false);
      this.#trees.delete(coolest);
    }
    candidate.keepTree(true);
    this.#trees.add(candidate);
  }
}
