/**
 * What each manager's store holds, built from what became durable and from nothing else. One mirror a run, shared by all checkers; it believes no machine,
 * and is told of a store that somebody has replaced.
 */
import type { Change, LoggedChange } from "../../core/change.ts";
import { apply, type Cluster, emptyCluster } from "../../core/cluster.ts";
import { isTerminal } from "../../core/task.ts";
import { MANAGER, type Simulation } from "../simulation.ts";
import type { SimEvent } from "../trace.ts";

/** One manager's durable state. */
export interface StoreMirror {
  readonly manager: string;
  cluster: Cluster;
  /** Of the newest durable change. */
  revision: number;
  /** The manager makes records of what its workers hold. */
  isAdopting: boolean;
  /** How often somebody has put another store in its place. */
  replacements: number;
  /** Which tasks it has given to which nodes since it was put there; with each the number, among all durable changes of the run, of the one that did. */
  placed: Map<string, number>;
  /** All that were ever on its record there, with the number of the change that put them there. */
  known: Map<string, number>;
  /** The number of the last change before it was put there. */
  since: number;
}

/** A durable change, before it counts in the mirror. */
export interface Durable {
  readonly store: StoreMirror;
  readonly logged: LoggedChange;
  readonly change: Change;
  /** The whole batch that it is a part of. */
  readonly batch: readonly LoggedChange[];
  readonly atMs: number;
}

type Listener = (durable: Durable) => void;

/** The mirrors of a run. */
export class Stores {
  readonly #sim: Simulation;
  readonly #mirrors = new Map<string, StoreMirror>();
  readonly #listeners: Listener[] = [];
  /** What each store has placed that was ever there. */
  readonly #placed: Map<string, number>[] = [];
  #number = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
    sim.watch((event, atMs) => this.#hear(event, atMs));
  }

  /** The mirror of that manager's store; empty for one that has kept nothing. */
  of(manager: string): StoreMirror {
    let mirror = this.#mirrors.get(manager);
    if (mirror === undefined) {
      mirror = {
        manager,
        cluster: emptyCluster(),
        revision: 0,
        isAdopting: false,
        replacements: 0,
        placed: this.#placesAnew(),
        known: new Map(),
        since: 0,
      };
      this.#mirrors.set(manager, mirror);
    }
    return mirror;
  }

  /** True while no store was ever replaced: then what runs is what a store says. */
  get isWhole(): boolean {
    return [...this.#mirrors.values()].every(({ replacements }) => replacements === 0);
  }

  /**
   * Whether every manager that lives has that task on that node, and alive. A store that went back, or a second manager on a copy, does not: what one has ended
   * the other lets go on. While none of them lives nobody says what both have begun.
   */
  agreeOn({ taskId, node }: { readonly taskId: string; readonly node: string }): boolean {
    const living = [...this.#sim.managers].filter(([, { manager }]) => manager.parts.process.alive);
    const isOnRecord = (manager: string): boolean => {
      const task = this.of(manager).cluster.tasks.get(taskId);
      return task?.nodeId === node && !isTerminal(task.fact.state);
    };
    return living.length > 0 && living.every(([name]) => isOnRecord(name));
  }

  /**
   * Whether two stores have placed that task, one of them here and another one there: a copy knows nothing of the other's placements, and one that went back none that
   * came after. What an adoption writes down is no placement but what a node says, and that has only what some store has placed there.
   */
  arePlacedApart(taskId: string, here: string, there: string): boolean {
    return this.#placed.some(
      (one) =>
        one.has(placementOf(taskId, here)) &&
        this.#placed.some((other) => other !== one && other.has(placementOf(taskId, there))),
    );
  }

  /**
   * Whether the store of every manager that lives had all of these tasks on record on that node when it placed the last of them there. What one store has as over and
   * another lets go on is not known.
   */
  areKnownTogether(nodeId: string, taskIds: readonly string[]): boolean {
    const living = [...this.#sim.managers].filter(([, { manager }]) => manager.parts.process.alive);
    const stores = living.length === 0 ? [this.of(MANAGER)] : living.map(([name]) => this.of(name));
    const isDisputed = taskIds.some((id) => this.#isInDispute(id, nodeId));
    return !isDisputed && stores.every((store) => knows(store, nodeId, taskIds));
  }

  /** Whether one store has it as over, or has forgotten it, and another one lets it live there. */
  #isInDispute(taskId: string, nodeId: string): boolean {
    const thatKnow = [...this.#mirrors.values()].filter(({ known }) => known.has(placementOf(taskId, nodeId)));
    const alive = thatKnow.filter(({ cluster }) => {
      const task = cluster.tasks.get(taskId);
      return task !== undefined && !isTerminal(task.fact.state);
    });
    return alive.length > 0 && alive.length < thatKnow.length;
  }

  /** Whether a store has that incarnation on record as over, and none has it as anything else: whoever gives orders by it says so to a worker that has forgotten. */
  knowAsOver({ taskId, incarnation }: { readonly taskId: string; readonly incarnation: number }): boolean {
    const facts = [...this.#mirrors.values()].flatMap(({ cluster }) => cluster.tasks.get(taskId)?.fact ?? []);
    return facts.length > 0 && facts.every((fact) => isTerminal(fact.state) || fact.incarnation > incarnation);
  }

  /** Calls back with each durable change, before it counts. */
  onDurable(listener: Listener): void {
    this.#listeners.push(listener);
  }

  #hear(event: SimEvent, atMs: number): void {
    if (event.kind === "durable") this.#take(this.of(event.manager), event.changes, atMs);
    else if (event.kind === "replaced") this.#reload(event.manager);
    else if (event.kind === "adopting") this.of(event.manager).isAdopting = true;
    else if (event.kind === "took-over") this.of(event.manager).isAdopting = false;
  }

  #take(store: StoreMirror, batch: readonly LoggedChange[], atMs: number): void {
    for (const logged of batch) {
      const { change, revision } = logged;
      for (const listener of this.#listeners) listener({ store, logged, change, batch, atMs });
      this.#notePlacement(store, change);
      apply(store.cluster, change);
      store.revision = revision;
    }
  }

  #notePlacement({ isAdopting, cluster, placed, known }: StoreMirror, change: Change): void {
    this.#number++;
    if (change.kind !== "task.put") return;
    const { id, nodeId } = change.task;
    if (nodeId === null || cluster.tasks.get(id)?.nodeId === nodeId) return;
    known.set(placementOf(id, nodeId), this.#number);
    if (!isAdopting) placed.set(placementOf(id, nodeId), this.#number);
  }

  #placesAnew(): Map<string, number> {
    const placed = new Map<string, number>();
    this.#placed.push(placed);
    return placed;
  }

  #reload(manager: string): void {
    const image = this.#sim.managers.get(manager)?.store.image();
    const store = this.of(manager);
    store.cluster = emptyCluster();
    for (const change of image?.rows.values() ?? []) apply(store.cluster, change);
    store.revision = image?.revision ?? 0;
    store.replacements++;
    store.placed = this.#placesAnew();
    store.since = this.#number;
    store.known = new Map(
      [...store.cluster.tasks.values()].map(({ id, nodeId }) => [placementOf(id, nodeId ?? ""), store.since]),
    );
  }
}

/** A task that it has only found there, or forgotten, was not in its books when it placed the others. */
function knows({ placed, known, since }: StoreMirror, nodeId: string, taskIds: readonly string[]): boolean {
  const placements = taskIds.map((id) => placementOf(id, nodeId));
  const lastNumber = Math.max(since, ...placements.map((one) => placed.get(one) ?? 0));
  return placements.every((one) => (known.get(one) ?? Number.POSITIVE_INFINITY) <= lastNumber);
}

function placementOf(taskId: string, nodeId: string): string {
  return `${taskId}@${nodeId}`;
}

const known = new WeakMap<Simulation, Stores>();

/** The mirrors of that run; the first who asks must do so before it begins. */
export function storesOf(sim: Simulation): Stores {
  let stores = known.get(sim);
  if (stores === undefined) {
    stores = new Stores(sim);
    known.set(sim, stores);
  }
  return stores;
}
