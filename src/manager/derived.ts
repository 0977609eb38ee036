/**
 * What the manager keeps beside the records to find its work without searching: the placement index, slots to look at, tasks to place, deadlines.
 * All of it can be made again from the records; nothing here is ever stored. Pure.
 */
import type { Change } from "../core/change.ts";
import { type Cluster, holdsResources, specOf } from "../core/cluster.ts";
import { slotKey } from "../core/job.ts";
import type { NodeMetrics } from "../core/node.ts";
import { isGone } from "../core/reconcile.ts";
import { Placement, type Scheduler, viewNode } from "../core/schedule.ts";
import type { Resources } from "../core/spec.ts";
import { isTerminal, type Task } from "../core/task.ts";
import { DirtySlots } from "./dirty-slots.ts";
import { Pending } from "./pending.ts";
import type { Presence } from "./presence.ts";

/** A task that ran this long without an end has a clean record. */
const RAN_LONG_MS = 600_000;

/** What follows from the records alone, whatever has happened on the way to them: for whoever recounts. */
export interface DerivedBooks {
  /** What each task without a node needs, by the task's id. */
  readonly pending: ReadonlyMap<string, string>;
  /** Slots whose wait has not ended, or has and was not begun anew. */
  readonly waits: ReadonlySet<string>;
  /** Tasks whose clean run is being timed. */
  readonly running: ReadonlySet<string>;
  /** What is reserved on a node that is in the records. */
  readonly allocated: (nodeId: string) => Resources;
}

/** Made from the records at start, then kept in step by `follow`. */
export class Derived {
  readonly placement: Placement;
  /** Tasks to place. */
  readonly pending = new Pending();
  /** Slots to look at. */
  readonly dirty: DirtySlots;
  /** True when a task that fitted nowhere might fit by now. */
  capacityChanged = true;
  readonly #cluster: Cluster;
  readonly #waits = new Map<string, number>();
  /** No wait ends before this, and no metrics cease to be fresh before that: both only move on by themselves. */
  #firstWaitMs = Number.POSITIVE_INFINITY;
  #firstStaleMs = Number.POSITIVE_INFINITY;
  readonly #waited = new Set<string>();
  readonly #runningSince = new Map<string, number>();
  readonly #ranLong = new Set<string>();
  readonly #presence: Presence;
  readonly #metrics = new Map<string, { readonly metrics: NodeMetrics | null; readonly freshUntilMs: number }>();

  constructor(cluster: Cluster, scheduler: Scheduler, at: { readonly presence: Presence; readonly monoMs: number }) {
    const { monoMs } = at;
    this.#cluster = cluster;
    this.#presence = at.presence;
    this.placement = new Placement(scheduler);
    this.dirty = new DirtySlots(cluster);
    for (const node of cluster.nodes.values()) {
      this.#presence.expect(node.id, { local: node.local, monoMs });
      this.#putNode(node.id);
    }
    for (const task of cluster.tasks.values()) this.#followTask(task, undefined, monoMs);
    for (const slot of cluster.slots.values()) this.#followWait(slot, monoMs);
    for (const job of cluster.jobs.values()) this.#markJob(job.id);
  }

  get hasWork(): boolean {
    return !this.dirty.isEmpty || this.pending.hasWork || (this.pending.size > 0 && this.capacityChanged);
  }

  /** For a recount. It goes through all that waits and runs; nothing in it changes anything. */
  get books(): DerivedBooks {
    return {
      pending: this.pending.needs(),
      waits: new Set([...this.#waits.keys(), ...this.#waited]),
      running: new Set(this.#runningSince.keys()),
      allocated: (nodeId) => this.placement.allocated(nodeId),
    };
  }

  waited(key: string): boolean {
    return this.#waited.has(key);
  }

  ranLong(taskId: string): boolean {
    return this.#ranLong.has(taskId);
  }

  /** A link of the node came or went, or it was judged: it may take tasks now, or no more. */
  linkChanged(nodeId: string): void {
    if (this.#presence.refusal(nodeId) !== "") this.#metrics.delete(nodeId);
    this.#putNode(nodeId);
  }

  /** The node's tasks have to be looked at anew. */
  markNode(nodeId: string): void {
    for (const id of this.#cluster.tasksOfNode.get(nodeId) ?? []) {
      const task = this.#cluster.tasks.get(id);
      if (!task) continue;
      this.#mark(task.jobId, task.service, task.slot);
      this.#wakeWaiting(task);
    }
  }

  measured(nodeId: string, metrics: NodeMetrics | null, freshUntilMs: number): void {
    this.#metrics.set(nodeId, { metrics, freshUntilMs });
    this.#firstStaleMs = Math.min(this.#firstStaleMs, freshUntilMs);
    this.#putNode(nodeId);
  }

  /** Ends waits and freshness that are over. */
  expire(monoMs: number): void {
    if (this.#firstWaitMs <= monoMs) this.#endWaits(monoMs);
    if (this.#firstStaleMs <= monoMs) this.#dropStale(monoMs);
  }

  #endWaits(monoMs: number): void {
    let firstMs = Number.POSITIVE_INFINITY;
    for (const [key, untilMs] of this.#waits) {
      if (untilMs > monoMs) {
        firstMs = Math.min(firstMs, untilMs);
        continue;
      }
      this.#waits.delete(key);
      this.#waited.add(key);
      this.dirty.mark(key);
    }
    this.#firstWaitMs = firstMs;
  }

  #dropStale(monoMs: number): void {
    let firstMs = Number.POSITIVE_INFINITY;
    for (const [nodeId, { freshUntilMs }] of this.#metrics) {
      if (freshUntilMs > monoMs) {
        firstMs = Math.min(firstMs, freshUntilMs);
        continue;
      }
      this.#metrics.delete(nodeId);
      this.#putNode(nodeId);
    }
    this.#firstStaleMs = firstMs;
  }

  /** Monotonic time of the next thing that `expire` would find; null for none. */
  nextWakeMs(): number | null {
    let next = Number.POSITIVE_INFINITY;
    for (const untilMs of this.#waits.values()) next = Math.min(next, untilMs);
    for (const { freshUntilMs } of this.#metrics.values()) next = Math.min(next, freshUntilMs);
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /** Keeps everything in step with a change that was just applied; `before` is the task's record before it. */
  follow(change: Change, at: { readonly before: Task | undefined; readonly monoMs: number }): void {
    switch (change.kind) {
      case "task.put":
        this.#followTask(change.task, at.before, at.monoMs);
        break;
      case "task.remove":
        this.#dropTask(change.taskId, at.before);
        break;
      case "job.put":
        this.#markJob(change.job.id);
        break;
      case "slot.put":
        this.#followWait(change.slot, at.monoMs);
        break;
      case "slot.remove":
        this.#waits.delete(change.key);
        this.#waited.delete(change.key);
        break;
      case "node.put":
        this.#presence.expect(change.node.id, { local: change.node.local, monoMs: at.monoMs });
        this.#putNode(change.node.id);
        break;
      case "node.remove":
        this.placement.removeNode(change.nodeId);
        this.#presence.forget(change.nodeId);
        break;
      default:
        break;
    }
  }

  #dropTask(taskId: string, before: Task | undefined): void {
    this.pending.delete(taskId);
    this.#release(taskId);
    this.#runningSince.delete(taskId);
    this.#ranLong.delete(taskId);
    if (before) this.#mark(before.jobId, before.service, before.slot);
  }

  #followTask(task: Task, before: Task | undefined, monoMs: number): void {
    const ended = isTerminal(task.fact.state);
    if (task.nodeId === null && !ended) this.#addPending(task);
    else this.pending.delete(task.id);
    if (holdsResources(task)) this.#reserve(task);
    else this.#release(task.id);
    this.#followRun(task, monoMs);
    const endedNow = ended && !(before && isTerminal(before.fact.state));
    const siblings = this.#cluster.attempts.get(slotKey(task.jobId, task.service, task.slot))?.size ?? 0;
    // With several attempts in a slot, how one of them is may decide about another.
    if (endedNow || isGone(task) || siblings > 1) this.#mark(task.jobId, task.service, task.slot);
    if (endedNow && siblings > 1) this.#wakeWaiting(task);
  }

  /** What waits in the task's slot for its end may be placed now. */
  #wakeWaiting({ jobId, service, slot }: Task): void {
    for (const id of this.#cluster.attempts.get(slotKey(jobId, service, slot)) ?? []) {
      const other = this.#cluster.tasks.get(id);
      if (other && other.nodeId === null && !isTerminal(other.fact.state)) this.#addPending(other);
    }
  }

  #addPending(task: Task): void {
    const spec = specOf(this.#cluster, task);
    if (spec) this.pending.add(task.id, spec);
  }

  /** Ten minutes in one piece count, by the manager's monotonic clock. */
  #followRun(task: Task, monoMs: number): void {
    const runs = task.fact.state === "running" && task.fact.health !== "unhealthy";
    const sinceMs = this.#runningSince.get(task.id);
    if (runs && sinceMs === undefined) this.#runningSince.set(task.id, monoMs);
    if (runs || sinceMs === undefined) return;
    if (monoMs - sinceMs >= RAN_LONG_MS) this.#ranLong.add(task.id);
    this.#runningSince.delete(task.id);
  }

  #reserve(task: Task): void {
    const spec = specOf(this.#cluster, task);
    if (spec && task.nodeId !== null) this.placement.reserve(task.id, task.nodeId, this.pending.needOf(spec));
  }

  #release(taskId: string): void {
    if (this.placement.release(taskId)) this.capacityChanged = true;
  }

  #followWait(
    slot: { readonly jobId: string; readonly service: string; readonly index: number; readonly waitMs: number },
    monoMs: number,
  ): void {
    const key = slotKey(slot.jobId, slot.service, slot.index);
    this.#waited.delete(key);
    if (slot.waitMs <= 0) {
      this.#waits.delete(key);
      return;
    }
    this.#waits.set(key, monoMs + slot.waitMs);
    this.#firstWaitMs = Math.min(this.#firstWaitMs, monoMs + slot.waitMs);
  }

  #putNode(nodeId: string): void {
    const node = this.#cluster.nodes.get(nodeId);
    if (!node) return;
    const view = viewNode(node, this.#metrics.get(nodeId)?.metrics ?? null);
    const refusal = view.refusal || this.#presence.refusal(nodeId);
    if (this.placement.putNode({ ...view, refusal })) this.capacityChanged = true;
  }

  #markJob(jobId: string): void {
    const job = this.#cluster.jobs.get(jobId);
    if (job) this.dirty.markJob(job);
  }

  #mark(jobId: string, service: string, index: number): void {
    this.dirty.mark(slotKey(jobId, service, index));
  }
}
