/**
 * The manager as a pure machine. Inputs fill an inbox; one tick empties it: ingest → expire → reconcile → schedule → assign → prune.
 * A tick gives the changes to make durable and the effects that wait for them; it never does anything itself. While a commit is under way there is no tick.
 */

import { disconnected } from "../core/absence.ts";
import type { Double } from "../core/adopt-task.ts";
import type { Change, LoggedChange } from "../core/change.ts";
import { apply, type Cluster, inverse } from "../core/cluster.ts";
import type { Draft } from "../core/draft.ts";
import { ingestFacts, ingestRemoved, ingestTaskFacts, stepBack } from "../core/ingest.ts";
import { lostNodes } from "../core/lost-records.ts";
import { pruneHistories, pruneSlot } from "../core/prune.ts";
import { reconcileSlot } from "../core/reconcile.ts";
import { ingestRefusal, keepRefusal } from "../core/refusal.ts";
import type { Scheduler } from "../core/schedule.ts";
import { type Planned, refuse } from "../core/submit.ts";
import type { Task } from "../core/task.ts";
import type { Time } from "../core/time.ts";
import { refusal } from "../protocol/fence.ts";
import { type ManagerIdentity, type Opening, PROTOCOL, type WorkerMessage } from "../protocol/messages.ts";
import { AbsenceStage } from "./absence-stage.ts";
import { heartbeatFor } from "./beat.ts";
import { cautionOf } from "./caution.ts";
import type { Command, CommandResult, Observation } from "./commands.ts";
import { Derived, type DerivedBooks } from "./derived.ts";
import { Inbox, type InboxFigures, type ManagerInput } from "./inbox.ts";
import { planCommand, type StoredCommand } from "./plan.ts";
import { Presence } from "./presence.ts";
import { scheduleTasks } from "./schedule-stage.ts";
import { type ManagerEffect, Sessions } from "./sessions.ts";

export type { ManagerInput };

/** One tick's outcome. Effects are released, in order, once the changes are durable; `undo` takes the changes back, last first. */
export interface Tick {
  readonly changes: readonly LoggedChange[];
  readonly effects: readonly ManagerEffect[];
  readonly undo: readonly Change[];
}

/** How a manager differs from another. */
export interface ManagerOptions {
  readonly identity: Omit<ManagerIdentity, "revision">;
  /** Openings of its store, for its workers; left out for none. */
  readonly past?: readonly Opening[];
  readonly scheduler: Scheduler;
  /** Milliseconds between a worker's heartbeats in a small cluster; with many nodes they are further apart. */
  readonly heartbeatMs: number;
  /** Whether the manager's own worker goes on taking tasks once a node has joined from elsewhere. */
  readonly keepLocalWorker: boolean;
  /** Messages of one link that may wait for a tick; the inbox has a bound of its own when left out. */
  readonly messagesOfLink?: number;
  /** After an adoption: copies of tasks that are to end; left out for none. */
  readonly doubles?: readonly Double[];
}

/** Slots looked at in one tick, and changes made of them past which no further one is begun; the rest wait for the next, so that a turn stays short. */
const SLOTS_PER_TICK = 1_000;
const SLOT_CHANGES_PER_TICK = 100;
/** Nodes counted as out in one tick. */
const GONE_PER_TICK = 50;
/** Metrics older than this many heartbeats do not count as fresh. */
const FRESH_HEARTBEATS = 3;
/** The wall clock this far ahead of the monotonic one since the last look: the machine has slept. */
const SLEPT_MS = 5_000;

/** The pure manager. `cluster` is its state; readers look only between a commit and the next tick. */
export class ManagerMachine {
  readonly cluster: Cluster;
  readonly #options: ManagerOptions;
  readonly #presence: Presence;
  /** A first turn was made. */
  #hasBegun = false;
  readonly #derived: Derived;
  readonly #sessions: Sessions;
  readonly #observations = new Map<string, Observation>();
  /** The longest that a worker was told: one that was told less beats more often than it must. */
  #heartbeatMs: number;
  readonly #inbox: Inbox;
  readonly #absence = new AbsenceStage();
  #revision: number;
  /** What the store held when this manager began. */
  readonly #loadedRevision: number;
  #time: Time = { monoMs: 0, wallMs: 0, bootId: "" };
  #changes: LoggedChange[] = [];
  #undo: Change[] = [];
  #effects: ManagerEffect[] = [];

  /** Takes over loaded state. Everything derived is made from it here, so a restart is the same path as a crash. */
  constructor(cluster: Cluster, options: ManagerOptions & { readonly revision: number; readonly time: Time }) {
    this.cluster = cluster;
    this.#options = options;
    this.#inbox = new Inbox(options.messagesOfLink);
    this.#revision = options.revision;
    this.#loadedRevision = options.revision;
    this.#time = options.time;
    this.#sessions = new Sessions(options.doubles ?? []);
    this.#heartbeatMs = heartbeatFor(cluster.nodes.size, options.heartbeatMs);
    const { monoMs } = options.time;
    this.#presence = new Presence(monoMs);
    this.#derived = new Derived(cluster, options.scheduler, { presence: this.#presence, monoMs });
  }

  get revision(): number {
    return this.#revision;
  }

  /** What is counted along with each change, for a recount. */
  get books(): DerivedBooks {
    return this.#derived.books;
  }

  /** What waits for a tick. */
  get waiting(): InboxFigures {
    return this.#inbox.figures;
  }

  get observations(): ReadonlyMap<string, Observation> {
    return this.#observations;
  }

  /** Puts an input into the inbox. Heartbeats are observations: they take effect at once and are never durable. */
  receive(input: ManagerInput, time: Time): void {
    if (input.kind === "message" && input.message.kind === "heartbeat")
      this.#observe(input.linkId, input.message, time);
    else this.#inbox.put(input);
  }

  /** True when a tick would find something to do without time passing. */
  get hasWork(): boolean {
    const isBusy = !this.#inbox.isEmpty || this.#derived.hasWork || this.#sessions.hasWork;
    return isBusy || this.#presence.hasMore || this.#absence.hasWork;
  }

  /** What people have to know, such as that absences are not acted on just now, in words; "" for nothing. */
  get caution(): string {
    return cautionOf(this.cluster, this.#presence, this.#time.monoMs);
  }

  /** Monotonic time of the next tick that is needed without input; null for none. */
  nextWakeMs(): number | null {
    const { monoMs } = this.#time;
    const times = [
      this.#derived.nextWakeMs(),
      this.#presence.nextWakeMs(monoMs, this.#heartbeatMs),
      this.#absence.nextWakeMs(),
    ].filter((at) => at !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** One turn. Not to be called while the changes of the last one are on their way to the store. */
  tick(time: Time): Tick {
    if (this.#hasSlept(time)) this.#presence.settle(time.monoMs);
    this.#time = time;
    this.#changes = [];
    this.#undo = [];
    this.#effects = [];
    if (!this.#hasBegun) this.#record(lostNodes(this.cluster, time.wallMs));
    this.#hasBegun = true;
    for (const linkId of this.#inbox.takeFlooding()) this.#effects.push({ kind: "close", linkId });
    for (const input of this.#inbox.take()) this.#ingest(input);
    this.#expire();
    this.#reconcile();
    scheduleTasks({
      cluster: this.cluster,
      derived: this.#derived,
      scheduler: this.#options.scheduler.name,
      nowMs: time.wallMs,
      record: (drafts) => this.#record(drafts),
    });
    this.#assign();
    this.#record(pruneHistories(this.cluster));
    return { changes: this.#changes, effects: this.#effects, undo: this.#undo.reverse() };
  }

  #ingest(input: ManagerInput): void {
    if (input.kind === "command") this.#command(input.ticket, input.command, input.actor);
    else if (input.kind === "message") this.#message(input.linkId, input.message);
    else {
      const nodeId = this.#sessions.close(input.linkId);
      if (nodeId === undefined) return;
      this.#presence.unlinked(nodeId);
      this.#derived.linkChanged(nodeId);
    }
  }

  #command(ticket: number, command: Command, actor: string): void {
    const planned = command.kind === "nodes.trust-loss" ? this.#trustLoss() : this.#plan(command, actor);
    if (planned.ok) this.#record(planned.drafts);
    // Its worker is a stranger from now on: it is to say so, or to stay away.
    if (planned.ok && command.kind === "node.remove") this.#forget(command.nodeId);
    if (command.kind === "node.availability") this.#keepRefusal(command.nodeId);
    const result: CommandResult = planned.ok
      ? { ok: true, jobId: planned.jobId, created: planned.created, revision: this.#revision }
      : planned;
    this.#effects.push({ kind: "reply", ticket, result });
  }

  #plan(command: StoredCommand, actor: string): Planned {
    return planCommand(command, {
      cluster: this.cluster,
      clusterId: this.#options.identity.clusterId,
      actor,
      revision: this.#revision,
      nowMs: this.#time.wallMs,
    });
  }

  /** Nothing to store: it ends with the absence, and a new manager judges for itself. */
  #trustLoss(): Planned {
    if (this.#presence.trustLoss()) return { ok: true, jobId: "", created: false, drafts: [] };
    const hint = "a manager that has just started gives nodes time to come back: ask again after that";
    return refuse("conflict", "no node is out of reach by now: none is taken for lost", hint);
  }

  #message(linkId: string, message: WorkerMessage): void {
    const nodeId = this.#sessions.nodeOf(linkId);
    if (nodeId !== undefined) this.#presence.seen(nodeId, this.#time.monoMs);
    if (message.kind === "hello") this.#hello(linkId, message);
    else if (nodeId === undefined || message.kind === "heartbeat") return;
    else if (message.kind === "report") this.#report({ linkId, nodeId }, message);
    else if (message.kind === "refused") this.#refusedBy(nodeId, message.reason);
    else if (message.kind === "held") return;
    else if (message.facts.id === nodeId) {
      this.#record(ingestFacts(this.cluster, message.facts, this.#time.wallMs));
      this.#keepRefusal(nodeId);
    }
  }

  #keepRefusal(nodeId: string): void {
    this.#record(keepRefusal(this.cluster, nodeId, this.#presence.refusers().get(nodeId)));
  }

  /** A worker does not follow this manager: nothing can be placed there, and people have to know. */
  #refusedBy(nodeId: string, reason: string): void {
    if (this.#presence.refusers().get(nodeId) === reason) return;
    this.#presence.refusedBy(nodeId, reason);
    this.#derived.linkChanged(nodeId);
    this.#record(ingestRefusal(this.cluster, nodeId, reason));
  }

  #report(
    from: { readonly linkId: string; readonly nodeId: string },
    report: Extract<WorkerMessage, { kind: "report" }>,
  ): void {
    const { linkId, nodeId } = from;
    // Whoever does not follow this manager knows more than it does: replacing or ending anything by its word would be wrong.
    if (this.#presence.refusers().has(nodeId)) return;
    const nowMs = this.#time.wallMs;
    this.#record(ingestTaskFacts(this.cluster, { nodeId, facts: report.facts, nowMs }));
    this.#record(ingestRemoved(this.cluster, { nodeId, removed: report.removed, nowMs }));
    // The first parts of a large report have no number: it is answered with its last.
    if (report.number > 0)
      this.#effects.push({ kind: "send", linkId, message: { kind: "ack", number: report.number } });
    if (!report.full || !this.#presence.reported(nodeId)) return;
    this.#derived.linkChanged(nodeId);
    this.#derived.markNode(nodeId);
  }

  #hello(linkId: string, hello: Extract<WorkerMessage, { kind: "hello" }>): void {
    if (hello.protocol.min > PROTOCOL.max || hello.protocol.max < PROTOCOL.min) {
      const reason = `protocol ${hello.protocol.min}-${hello.protocol.max} is not spoken here (${PROTOCOL.min}-${PROTOCOL.max}): upgrade the older of manager and worker`;
      this.#effects.push({ kind: "send", linkId, message: { kind: "refused", reason } });
      return;
    }
    this.#sessions.open(linkId, hello.facts.id);
    this.#presence.linked(hello.facts.id, { local: hello.facts.local, monoMs: this.#time.monoMs });
    this.#derived.linkChanged(hello.facts.id);
    const isNew = !this.cluster.nodes.has(hello.facts.id);
    this.#record(ingestFacts(this.cluster, hello.facts, this.#time.wallMs));
    if (isNew && !hello.facts.local && !this.#options.keepLocalWorker) this.#record(stepBack(this.cluster));
    const protocol = Math.min(PROTOCOL.max, hello.protocol.max);
    const manager = this.#identityFor(hello.seen);
    const heartbeatMs = heartbeatFor(this.cluster.nodes.size, this.#options.heartbeatMs);
    this.#heartbeatMs = Math.max(this.#heartbeatMs, heartbeatMs);
    const { past = [] } = this.#options;
    const welcome = { kind: "welcome", manager, past, protocol, heartbeatMs } as const;
    this.#effects.push({ kind: "send", linkId, message: welcome });
    const reason = refusal(hello.seen, manager, past);
    if (reason !== null) this.#refusedBy(hello.facts.id, reason);
  }

  #observe(linkId: string, beat: Extract<WorkerMessage, { kind: "heartbeat" }>, time: Time): void {
    const nodeId = this.#sessions.nodeOf(linkId);
    if (nodeId === undefined) return;
    this.#presence.seen(nodeId, time.monoMs);
    this.#observations.set(nodeId, { metrics: beat.metrics, progress: beat.progress, seenMonoMs: time.monoMs });
    const freshUntilMs = time.monoMs + FRESH_HEARTBEATS * this.#heartbeatMs;
    this.#derived.measured(nodeId, beat.metrics, freshUntilMs);
  }

  /** Waits that are over, metrics that are no longer fresh, nodes that have gone out, and what follows for their tasks. */
  #expire(): void {
    const { monoMs, wallMs } = this.#time;
    this.#derived.expire(monoMs);
    for (const nodeId of this.#presence.judge(monoMs, this.#heartbeatMs, GONE_PER_TICK)) {
      const node = this.cluster.nodes.get(nodeId);
      this.#hangUp(nodeId);
      this.#derived.linkChanged(nodeId);
      if (node?.state !== "ready") continue;
      this.#record([disconnected(node, wallMs)]);
      // Slots that wait for the end of something there wait for it no longer.
      this.#derived.markNode(nodeId);
    }
    this.#absence.run({
      cluster: this.cluster,
      clusterId: this.#options.identity.clusterId,
      opening: this.#options.identity.mark,
      presence: this.#presence,
      time: this.#time,
      record: (drafts) => this.#record(drafts),
    });
  }

  /** A link that carries no heartbeats is closed, so that the node comes back with a hello and a whole report. */
  #hangUp(nodeId: string): void {
    const linkId = this.#sessions.linkOf(nodeId);
    if (linkId === undefined) return;
    this.#sessions.close(linkId);
    this.#presence.unlinked(nodeId);
    this.#effects.push({ kind: "close", linkId });
  }

  #forget(nodeId: string): void {
    this.#hangUp(nodeId);
    this.#observations.delete(nodeId);
  }

  /** The monotonic clock stands still while the machine sleeps; the wall clock does not. */
  #hasSlept(time: Time): boolean {
    if (this.#time.bootId === "") return false;
    return time.wallMs - this.#time.wallMs - (time.monoMs - this.#time.monoMs) > SLEPT_MS;
  }

  #reconcile(): void {
    const context = {
      cluster: this.cluster,
      clusterId: this.#options.identity.clusterId,
      opening: this.#options.identity.mark,
      nowMs: this.#time.wallMs,
      waited: (key: string) => this.#derived.waited(key),
      ranLong: (taskId: string) => this.#derived.ranLong(taskId),
      away: (nodeId: string) => this.#presence.isAway(nodeId),
    };
    const end = this.#changes.length + SLOT_CHANGES_PER_TICK;
    for (let i = 0; i < SLOTS_PER_TICK && this.#changes.length < end; i++) {
      const at = this.#derived.dirty.take();
      if (!at) return;
      this.#record(reconcileSlot(context, at));
      const slot = this.cluster.slots.get(at.key);
      if (slot) this.#record(pruneSlot(this.cluster, slot));
    }
  }

  #assign(): void {
    for (const effect of this.#sessions.assignments(this.cluster, this.identity)) this.#effects.push(effect);
  }

  /**
   * Revisions rise by themselves: a store that was restored soon has more of them than it had when it was left. What counts for a worker that has obeyed
   * another process is how much this one began with.
   */
  #identityFor(seen: ManagerIdentity | null): ManagerIdentity {
    const identity = this.identity;
    const isOwn = seen === null || seen.instanceId === identity.instanceId;
    return isOwn ? identity : { ...identity, revision: this.#loadedRevision };
  }

  /** Who this manager is to its workers, as of now. */
  get identity(): ManagerIdentity {
    return { ...this.#options.identity, revision: this.#revision };
  }

  /** The only place where state changes: history, memory, and what is derived from them. */
  #record(drafts: readonly Draft[]): void {
    for (const draft of drafts) {
      this.#undo.push(inverse(this.cluster, draft.change));
      const before = taskBefore(this.cluster, draft.change);
      apply(this.cluster, draft.change);
      this.#revision++;
      this.#changes.push({ revision: this.#revision, atMs: this.#time.wallMs, ...draft });
      this.#derived.follow(draft.change, { before, monoMs: this.#time.monoMs });
      this.#sessions.follow(draft.change, before);
    }
  }
}

/** The task that a change is about, as it was. */
function taskBefore(cluster: Cluster, change: Change): Task | undefined {
  if (change.kind === "task.put") return cluster.tasks.get(change.task.id);
  return change.kind === "task.remove" ? cluster.tasks.get(change.taskId) : undefined;
}
