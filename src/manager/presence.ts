/**
 * Who is there. Judges by heartbeats which nodes are out of reach, since when, and whether their absence may be acted on: not while the manager settles after a
 * start or a wake, not while it is probably itself the one that is cut off, and not for too many nodes at a time. In memory only; pure.
 * Source of the rules and figures: Swarm's 3 missed heartbeats, Kubernetes' 55 % of a zone, Borg's rate limit on rescheduling.
 */

import { RETURN_MS } from "../protocol/messages.ts";

/** A node's link, as far as it matters here. */
interface Attendance {
  /** Monotonic ms of the last sign of life; of the manager's start for a node it has not heard of since. */
  seenMs: number;
  linked: boolean;
  /** True once it has reported all its tasks over this link: only then is what it says complete. */
  reported: boolean;
  /** Monotonic ms since when it counts as out; null while it is there. */
  outSinceMs: number | null;
  /** It had been out, and is linked again without having reported yet. */
  isReturning: boolean;
  /** True once the brake has let its tasks be replaced. */
  released: boolean;
  /** An operator vouches that it is gone, until it is back. */
  lossTrusted: boolean;
  /** Why it does not follow this manager's orders, as it said over this link; "" while it does. */
  refusal: string;
  /** The worker inside the manager's process: its absence says nothing about the network. */
  local: boolean;
}

/** Heartbeats that a node may miss. */
const MISSED_HEARTBEATS = 3;
/** After a start or a wake nobody is judged for this long. */
const SETTLE_MS = RETURN_MS;
/** Out at once, of more than two nodes: then rather the manager is cut off. */
const ISOLATION_SHARE = 0.55;
const ISOLATION_MIN_NODES = 3;
/** Nodes whose tasks may be replaced within a minute: at least this many, or this share of all. */
const BRAKE_NODES = 5;
const BRAKE_SHARE = 0.02;
const BRAKE_WINDOW_MS = 60_000;

/** What is known of an absence begins anew with the next one. */
const THERE = { outSinceMs: null, released: false, lossTrusted: false } as const;

/** The attendance list. All times are monotonic milliseconds. */
export class Presence {
  readonly #nodes = new Map<string, Attendance>();
  /** Nodes that are out. */
  readonly #out = new Set<string>();
  /** Linked nodes that do not follow this manager, and why. */
  readonly #refusers = new Map<string, string>();
  readonly #replacedAtMs: number[] = [];
  /** Before this nobody can have missed enough heartbeats: signs of life only move it on. */
  #earliestMs = 0;
  #epoch = 0;
  #hasMore = false;
  /** Whether anybody elsewhere is there, as of that epoch. */
  #witness = { epoch: -1, found: false };
  /** Nodes elsewhere. */
  #remote = 0;
  #settledAtMs: number;
  #isolated = false;

  constructor(monoMs: number) {
    this.#settledAtMs = monoMs + SETTLE_MS;
  }

  /** A stored node, before it is heard of. */
  expect(nodeId: string, as: { readonly local: boolean; readonly monoMs: number }): void {
    if (this.#nodes.has(nodeId)) return;
    this.#earliestMs = Math.min(this.#earliestMs, as.monoMs);
    if (!as.local) this.#remote++;
    this.#nodes.set(nodeId, {
      seenMs: as.monoMs,
      linked: false,
      reported: false,
      outSinceMs: null,
      isReturning: false,
      released: false,
      lossTrusted: false,
      refusal: "",
      local: as.local,
    });
  }

  forget(nodeId: string): void {
    if (this.#nodes.get(nodeId)?.local === false) this.#remote--;
    this.#nodes.delete(nodeId);
    this.#out.delete(nodeId);
    this.#refusers.delete(nodeId);
    this.#epoch++;
  }

  /** Rises with whatever may change what follows from an absence, time apart. */
  get epoch(): number {
    return this.#epoch;
  }

  linked(nodeId: string, as: { readonly local: boolean; readonly monoMs: number }): void {
    this.expect(nodeId, as);
    const node = this.#nodes.get(nodeId);
    this.#refusers.delete(nodeId);
    this.#epoch++;
    if (!node) return;
    const isReturning = node.outSinceMs !== null;
    if (node.local !== as.local) this.#remote += as.local ? -1 : 1;
    Object.assign(node, {
      linked: true,
      local: as.local,
      reported: false,
      isReturning,
      refusal: "",
      seenMs: as.monoMs,
    });
  }

  /** It does not follow this manager; "" when it does again. */
  refusedBy(nodeId: string, reason: string): void {
    const node = this.#nodes.get(nodeId);
    if (!node) return;
    node.refusal = reason;
    if (node.linked && reason !== "") this.#refusers.set(nodeId, reason);
    else this.#refusers.delete(nodeId);
  }

  /** Linked nodes that do not follow this manager, and why. */
  refusers(): ReadonlyMap<string, string> {
    return this.#refusers;
  }

  /** A sign of life. */
  seen(nodeId: string, monoMs: number): void {
    const node = this.#nodes.get(nodeId);
    if (node) node.seenMs = monoMs;
  }

  /** A whole report over a link: from now on the node is back. Gives true when it had been away until then: what was left open about its tasks can be decided. */
  reported(nodeId: string): boolean {
    const node = this.#nodes.get(nodeId);
    if (!node?.linked) return false;
    const wasAway = this.isAway(nodeId);
    this.#out.delete(nodeId);
    this.#epoch++;
    // It is judged again from here on.
    this.#earliestMs = Math.min(this.#earliestMs, node.seenMs);
    Object.assign(node, { reported: true, isReturning: false, ...THERE });
    return wasAway;
  }

  unlinked(nodeId: string): void {
    const node = this.#nodes.get(nodeId);
    this.#refusers.delete(nodeId);
    this.#epoch++;
    if (!node) return;
    const { isReturning } = node;
    Object.assign(node, { linked: false, reported: false, isReturning: false });
    if (!isReturning) return;
    // It was there, if only to greet, and counts as there on record: it has to be missed anew.
    this.#out.delete(nodeId);
    this.#earliestMs = Math.min(this.#earliestMs, node.seenMs);
    Object.assign(node, THERE);
  }

  /** Nobody is judged for a while: the manager has slept, or been stopped. What was out stays out, and its time begins anew. */
  settle(monoMs: number): void {
    this.#settledAtMs = monoMs + SETTLE_MS;
    this.#epoch++;
    for (const node of this.#nodes.values()) {
      node.seenMs = Math.max(node.seenMs, monoMs);
      if (node.outSinceMs !== null) node.outSinceMs = monoMs;
    }
  }

  settling(monoMs: number): boolean {
    return monoMs < this.#settledAtMs;
  }

  /** True while more than half of all nodes are out at once: replacement rests until they return, or an operator says otherwise. */
  get isolated(): boolean {
    return this.#isolated;
  }

  /** An operator vouches that the nodes that are out now are gone; of those that go later nothing is said. False when none is out. */
  trustLoss(): boolean {
    for (const id of this.#out) {
      const node = this.#nodes.get(id);
      if (node) node.lossTrusted = true;
    }
    this.#isolated = false;
    this.#epoch++;
    return this.#out.size > 0;
  }

  /** True when the last judgement left nodes that have gone out. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** Finds the nodes that have gone out by now, at most `most` of them at a time. */
  judge(monoMs: number, heartbeatMs: number, most = Number.POSITIVE_INFINITY): readonly string[] {
    this.#hasMore = false;
    if (this.settling(monoMs)) return [];
    const gone =
      monoMs < this.#earliestMs ? [] : this.#findGone(monoMs, { patienceMs: MISSED_HEARTBEATS * heartbeatMs, most });
    const isolationChanged = this.#judgeIsolation(monoMs);
    if (gone.length > 0 || isolationChanged) this.#epoch++;
    return gone;
  }

  #findGone(monoMs: number, { patienceMs, most }: { readonly patienceMs: number; readonly most: number }): string[] {
    const gone: string[] = [];
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const [nodeId, node] of this.#nodes) {
      if (node.outSinceMs !== null) continue;
      const limitMs = node.seenMs + patienceMs;
      if (monoMs < limitMs) {
        earliestMs = Math.min(earliestMs, limitMs);
        continue;
      }
      if (gone.length >= most) {
        this.#hasMore = true;
        earliestMs = monoMs;
        break;
      }
      node.outSinceMs = monoMs;
      this.#out.add(nodeId);
      gone.push(nodeId);
    }
    this.#earliestMs = earliestMs;
    return gone;
  }

  /** Why a node may not be given tasks, as the rest of a sentence that begins with its name; "" when it may. */
  refusal(nodeId: string): string {
    const node = this.#nodes.get(nodeId);
    if (!node?.linked) return "has no link";
    if (node.refusal !== "") return "refuses this manager";
    return node.outSinceMs === null ? "" : "is coming back";
  }

  /** True while nobody can know how the node's tasks are: it is out, or back without having reported yet. */
  isAway(nodeId: string): boolean {
    const node = this.#nodes.get(nodeId);
    return node !== undefined && !(node.linked && node.reported && node.outSinceMs === null);
  }

  /** Nodes that are out, the one that went first first. */
  out(): ReadonlySet<string> {
    return this.#out;
  }

  isOut(nodeId: string): boolean {
    return this.#out.has(nodeId);
  }

  /** How long a node has counted as out, while that counts; null while it is there, or nobody may conclude anything from its absence. */
  outForMs(nodeId: string, monoMs: number): number | null {
    const node = this.#nodes.get(nodeId);
    if (!node || node.outSinceMs === null || node.linked || this.settling(monoMs)) return null;
    return this.isHeldBack(nodeId) ? null : monoMs - node.outSinceMs;
  }

  /** True for a node that is out while the manager may as well be cut off itself, so that nothing follows from it. */
  isHeldBack(nodeId: string): boolean {
    const node = this.#nodes.get(nodeId);
    if (!node || node.outSinceMs === null || node.linked || node.lossTrusted) return false;
    return this.#isolated || !this.#hasWitness();
  }

  /** Takes a place under the brake for the replacement of a node's tasks; false when the minute's are used up. */
  mayReplace(nodeId: string, monoMs: number): boolean {
    const node = this.#nodes.get(nodeId);
    if (!node) return true;
    if (node.released) return true;
    while ((this.#replacedAtMs[0] ?? monoMs) <= monoMs - BRAKE_WINDOW_MS) this.#replacedAtMs.shift();
    if (this.#replacedAtMs.length >= Math.max(BRAKE_NODES, Math.floor(this.#nodes.size * BRAKE_SHARE))) return false;
    this.#replacedAtMs.push(monoMs);
    node.released = true;
    return true;
  }

  /** Monotonic time at which `judge` could find something new; null for never. */
  nextWakeMs(monoMs: number, heartbeatMs: number): number | null {
    if (this.#nodes.size === 0) return null;
    if (this.settling(monoMs)) return this.#settledAtMs;
    let next = Number.POSITIVE_INFINITY;
    for (const node of this.#nodes.values()) {
      if (node.outSinceMs === null) next = Math.min(next, node.seenMs + MISSED_HEARTBEATS * heartbeatMs);
    }
    for (const brakeMs of this.#replacedAtMs) {
      if (brakeMs + BRAKE_WINDOW_MS > monoMs) next = Math.min(next, brakeMs + BRAKE_WINDOW_MS);
    }
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /** An absence counts only while somebody else far away is there: otherwise it is as likely our own. */
  #hasWitness(): boolean {
    if (this.#witness.epoch !== this.#epoch) this.#witness = { epoch: this.#epoch, found: this.#findWitness() };
    return this.#witness.found;
  }

  #findWitness(): boolean {
    for (const other of this.#nodes.values())
      if (!other.local && other.linked && other.outSinceMs === null) return true;
    return false;
  }

  #judgeIsolation(monoMs: number): boolean {
    if (this.#out.size === 0 && !this.#isolated) return false;
    const { out, remote } = this.#countOut(monoMs);
    // It begins when many go at once; it lasts until enough of them are back.
    const isolated = remote >= ISOLATION_MIN_NODES && out >= Math.max(1, remote * ISOLATION_SHARE);
    if (isolated === this.#isolated) return false;
    this.#isolated = isolated;
    // Out of isolation the others come back one by one: the last of them must not be judged before it could.
    if (!isolated) this.settle(monoMs);
    return true;
  }

  /** Nodes elsewhere and how many of them are out, before isolation only those that have gone just now. Those that an operator took for lost are not asked. */
  #countOut(monoMs: number): { readonly out: number; readonly remote: number } {
    let out = 0;
    let remote = this.#remote;
    for (const id of this.#out) {
      const node = this.#nodes.get(id);
      if (!node || node.local || node.outSinceMs === null) continue;
      if (node.lossTrusted) remote--;
      else if (this.#isolated || node.outSinceMs > monoMs - SETTLE_MS) out++;
    }
    return { out, remote };
  }
}
