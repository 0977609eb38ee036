/**
 * Somebody who follows the first manager's changes by their numbers, as api/event-stream.ts lets people do, and keeps a copy of the state from them. Now and then
 * it is away; what it has missed it reads from the log, or it is told to begin anew. It only looks: a run is the same with and without it.
 */
import type { LoggedChange } from "../core/change.ts";
import { apply, type Cluster, emptyCluster } from "../core/cluster.ts";
import { storesOf } from "./checks/stores.ts";
import type { Dice } from "./random.ts";
import { MANAGER, type Simulation } from "./simulation.ts";
import type { SimEvent } from "./trace.ts";

/** Changes that are kept for those who were away; far fewer than in earnest, so that runs come to the bound. */
const KEPT = 200;
/** Means of how long it follows, and is away, in ms. */
const HERE_MS = 60_000;
const AWAY_MS = 20_000;

export class Follower {
  readonly #sim: Simulation;
  readonly #dice: Dice;
  readonly #onResync: (() => void)[] = [];
  readonly #log: LoggedChange[] = [];
  #copy = emptyCluster();
  #sent = 0;
  #isAway = false;
  #turnsMs = HERE_MS;
  /** Another store was put in the place of the one whose changes it has: its numbers may stand for other changes there. */
  #isReplaced = false;

  constructor(sim: Simulation) {
    this.#sim = sim;
    this.#dice = sim.streams.of("follower");
    sim.watch((event, atMs) => this.#hear(event, atMs));
  }

  /** What it has made of the changes; null while it is away, or cannot know what it has missed. */
  get copy(): Cluster | null {
    return this.#isAway || this.#isReplaced ? null : this.#copy;
  }

  /** Calls back whenever it is told to begin anew. */
  onResync(listener: () => void): void {
    this.#onResync.push(listener);
  }

  #hear(event: SimEvent, atMs: number): void {
    if (!("manager" in event) || event.manager !== MANAGER) return;
    if (event.kind === "replaced") this.#isReplaced = true;
    if (event.kind !== "durable" && event.kind !== "took-over") return;
    if (event.kind === "durable") this.#log.push(...event.changes);
    if (atMs >= this.#turnsMs) {
      this.#isAway = !this.#isAway;
      this.#turnsMs = atMs + this.#dice.exponential(this.#isAway ? AWAY_MS : HERE_MS);
    }
    if (!this.#isAway) this.#catchUp();
    this.#log.splice(0, this.#log.length - KEPT);
  }

  #catchUp(): void {
    const { revision } = storesOf(this.#sim).of(MANAGER);
    const first = this.#log[0]?.revision ?? revision + 1;
    const isYounger = this.#sent > revision;
    if (isYounger || this.#isReplaced || first > this.#sent + 1) {
      // Of a store that was replaced and is not younger nobody tells it: people look anew by themselves.
      if (isYounger || !this.#isReplaced) for (const listener of this.#onResync) listener();
      this.#beginAnew(revision);
      return;
    }
    for (const logged of this.#log) {
      if (logged.revision <= this.#sent) continue;
      apply(this.#copy, logged.change);
      this.#sent = logged.revision;
    }
  }

  #beginAnew(revision: number): void {
    this.#log.length = 0;
    this.#copy = emptyCluster();
    for (const change of this.#sim.manager.store.image().rows.values()) apply(this.#copy, change);
    this.#sent = revision;
    this.#isReplaced = false;
  }
}

const known = new WeakMap<Simulation, Follower>();

/** The follower of that run; the first who asks must do so before it begins. */
export function followerOf(sim: Simulation): Follower {
  let follower = known.get(sim);
  if (follower === undefined) {
    // What it compares with hears first.
    storesOf(sim);
    follower = new Follower(sim);
    known.set(sim, follower);
  }
  return follower;
}
