/** Invariants of slots, as containers really fill them: S5, S6. */
import { slotKey } from "../../core/job.ts";
import type { Checker } from "../checker.ts";
import type { Simulation } from "../simulation.ts";
import type { Container, SimEvent } from "../trace.ts";
import { mustHaveEnded } from "./handover.ts";
import { StartedFromBackup } from "./journals.ts";
import { type Stores, storesOf } from "./stores.ts";

/** Live containers by slot. */
class LiveSlots {
  readonly #bySlot = new Map<string, Set<Container>>();

  /** The others that live in its slot when a container starts; empty for every other event. */
  hear(event: SimEvent): readonly Container[] {
    if (event.kind !== "started" && event.kind !== "died") return [];
    const { container } = event;
    if (container.isForeign) return [];
    const key = slotKey(container.jobId, container.service, container.slot);
    const live = this.#bySlot.get(key) ?? new Set<Container>();
    this.#bySlot.set(key, live);
    if (event.kind === "died") {
      live.delete(container);
      if (live.size === 0) this.#bySlot.delete(key);
      return [];
    }
    const others = [...live].filter((one) => one !== container);
    live.add(container);
    return others;
  }
}

/**
 * S5: a slot is filled once, and once more for each node that holds it and was out of reach. A start beside a live container needs that the other's node was on
 * record as out of reach, or its task as lost, at some time since it began.
 */
export const slotsAreNotOverfilled: Checker = {
  id: "S5",
  rule: "a slot lives once, and once more only where a node that holds it has been out of reach",
  begin: (sim, violate) => {
    const stores = storesOf(sim);
    const live = new LiveSlots();
    const excuses = new Excuses(sim, stores);
    return {
      onEvent: (event, atMs) => {
        excuses.hear(event, atMs);
        for (const other of live.hear(event)) {
          if (event.kind !== "started" || excuses.has(other) || excuses.has(event.container)) continue;
          if (stores.isWhole || (stores.agreeOn(other) && stores.agreeOn(event.container)))
            violate(`${placeOf(other)} fills ${slotOf(other)}`, `and ${placeOf(event.container)} is started too`);
        }
      },
    };
  },
};

/** When nodes were out of reach, by the records of any manager. */
class Excuses {
  readonly #sim: Simulation;
  readonly #stores: Stores;
  /** When the node was last on record as out of reach. */
  readonly #outMs = new Map<string, number>();
  /** When a store was last replaced, or began or ended to adopt what two managers may have placed; it settles that once it has taken over. */
  #replacedMs = -1;
  /** When tasks came on record: two that rightly live beside each other may both start, and start again. */
  readonly #begunMs = new Map<string, number>();
  readonly fromBackup = new StartedFromBackup();

  constructor(sim: Simulation, stores: Stores) {
    this.#sim = sim;
    this.#stores = stores;
    stores.onDurable(({ change, atMs }) => {
      if (change.kind === "node.put" && change.node.state !== "ready") this.#outMs.set(change.node.id, atMs);
      if (change.kind === "task.put" && !this.#begunMs.has(change.task.id)) this.#begunMs.set(change.task.id, atMs);
    });
  }

  hear(event: SimEvent, atMs: number): void {
    const adopts = event.kind === "adopting" || (event.kind === "took-over" && event.how === "adoption");
    if (event.kind === "replaced" || adopts) this.#replacedMs = atMs;
    this.fromBackup.hear(event, atMs);
  }

  /** Whether an adoption has found it, or its store was replaced since: it goes on until what two managers have placed is settled. */
  isFound(one: Container): boolean {
    return this.#replacedMs >= (this.#begunMs.get(one.taskId) ?? one.startedMs);
  }

  /** Whether somebody could rightly take that container for lost. */
  has(one: Container): boolean {
    if (this.fromBackup.has(one)) return true;
    const outMs = this.#outMs.get(one.node) ?? -1;
    if (this.isFound(one) || outMs >= (this.#begunMs.get(one.taskId) ?? one.startedMs)) return true;
    for (const name of this.#sim.managers.keys()) {
      const { nodes, tasks } = this.#stores.of(name).cluster;
      if ((nodes.get(one.node)?.state ?? "ready") !== "ready") return true;
      if (tasks.get(one.taskId)?.fact.state === "lost") return true;
    }
    return false;
  }
}

/**
 * S6: what may not be replaced while nobody knows how it is lives once, always; and what ends by itself when it is left alone has ended before another one takes
 * its place.
 */
export const exclusiveSlotsLiveOnce: Checker = {
  id: "S6",
  rule: "a slot whose tasks stay with their node, or end there when they are left alone, lives at most once",
  begin: (sim, violate) => {
    const live = new LiveSlots();
    const stores = storesOf(sim);
    // What went with a replaced store, and was adopted by nobody, is known to nobody: people may fill its slot again.
    const excuses = new Excuses(sim, stores);
    const isForgotten = (one: Container): boolean =>
      excuses.fromBackup.has(one) || (!stores.isWhole && !stores.agreeOn(one));
    const workerSinceMs = new Map<string, number>();
    return {
      onEvent: (event, atMs) => {
        excuses.hear(event, atMs);
        if (event.kind === "process" && event.what === "starts") workerSinceMs.set(event.who, atMs);
        for (const other of live.hear(event)) {
          if (event.kind !== "started" || [other, event.container].some(isForgotten)) continue;
          // What its worker starts again was not put in the other's place just now: two may rightly go on for a while once a node is back.
          const isNew = other.taskId !== event.container.taskId && event.container.incarnation === 1;
          const sinceMs = workerSinceMs.get(other.node) ?? Number.NEGATIVE_INFINITY;
          if (isNew && mustHaveEnded(sim, other, { atMs, workerSinceMs: sinceMs }))
            violate(
              `${placeOf(other)} was to end ${other.spec.disconnect.stopAfterMs} ms after it was left alone`,
              `and ${placeOf(event.container)} is started in its place while it lives`,
            );
          if (excuses.isFound(other) && excuses.isFound(event.container)) continue;
          if (staysWithNode(event.container))
            violate(`${placeOf(other)} fills ${slotOf(other)}`, `and ${placeOf(event.container)} is started too`);
        }
      },
    };
  },
};

function staysWithNode({ spec }: Container): boolean {
  return !spec.disconnect.replace || spec.mounts.some((mount) => mount.kind === "volume" && mount.source !== "");
}

function slotOf({ service, slot, jobId }: Container): string {
  return `slot ${slot} of ${service} (${jobId.slice(0, 8)})`;
}

function placeOf({ node, taskId, incarnation }: Container): string {
  return `${node}/${taskId}.${incarnation}`;
}
