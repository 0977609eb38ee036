/**
 * The last part of the expire stage of the tick: what follows from absences, for as many tasks as one tick bears. A node is looked at again when its next consequence is due,
 * or when something happened that may change what follows, so that a large outage costs nothing while nothing is due. Pure.
 */
import { planAbsence } from "../core/absence.ts";
import type { Cluster } from "../core/cluster.ts";
import type { Draft } from "../core/draft.ts";
import type { Time } from "../core/time.ts";
import type { Presence } from "./presence.ts";

/** Tasks of absent nodes judged in one tick; a node is never judged by halves. */
const JUDGED_PER_TICK = 1_000;
/** Changes made of them in one tick, past which no further node is begun. */
const CHANGES_PER_TICK = 100;
/** Milliseconds until a node is looked at again whose absence could not be acted on. */
const AGAIN_MS = 1_000;

/** What the stage works on. */
export interface AbsenceContext {
  readonly cluster: Cluster;
  readonly clusterId: string;
  readonly opening: string | undefined;
  readonly presence: Presence;
  readonly time: Time;
  readonly record: (drafts: readonly Draft[]) => void;
}

/** When each absent node has to be looked at. */
export class AbsenceStage {
  /** Monotonic ms. */
  readonly #dueMs = new Map<string, number>();
  #epoch = -1;
  #hasMore = false;

  /** True when a tick left nodes that were due. */
  get hasWork(): boolean {
    return this.#hasMore;
  }

  /** Monotonic time of the next consequence; null for none. */
  nextWakeMs(): number | null {
    let next = Number.POSITIVE_INFINITY;
    for (const dueMs of this.#dueMs.values()) next = Math.min(next, dueMs);
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /** Acts on what is due. */
  run(context: AbsenceContext): void {
    const { presence } = context;
    if (this.#epoch !== presence.epoch) {
      this.#epoch = presence.epoch;
      this.#dueMs.clear();
    }
    this.#hasMore = false;
    let judged = 0;
    let made = 0;
    for (const nodeId of presence.out()) {
      if ((this.#dueMs.get(nodeId) ?? 0) > context.time.monoMs) continue;
      if (judged >= JUDGED_PER_TICK || made >= CHANGES_PER_TICK) {
        this.#hasMore = true;
        return;
      }
      judged += 1 + (context.cluster.tasksOfNode.get(nodeId)?.size ?? 0);
      made += this.#judge(context, nodeId);
    }
  }

  /** The number of changes that were made. */
  #judge({ cluster, clusterId, opening, presence, time, record }: AbsenceContext, nodeId: string): number {
    const { monoMs, wallMs } = time;
    const outForMs = presence.outForMs(nodeId, monoMs);
    if (outForMs === null) {
      this.#dueMs.set(nodeId, monoMs + AGAIN_MS);
      return 0;
    }
    let held = false;
    const mayReplace = (): boolean => {
      const may = presence.mayReplace(nodeId, monoMs);
      held ||= !may;
      return may;
    };
    const plan = planAbsence({ cluster, clusterId, opening, nodeId, outForMs, mayReplace, nowMs: wallMs });
    record(plan.drafts);
    const nextInMs = Math.min(plan.nextInMs ?? Number.POSITIVE_INFINITY, held ? AGAIN_MS : Number.POSITIVE_INFINITY);
    this.#dueMs.set(nodeId, monoMs + nextInMs);
    return plan.drafts.length;
  }
}
