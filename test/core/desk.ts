// The manager's stages on a desk, to be run one by one and in any order: the real plans on real records with everything derived from them, and workers
// whose messages wait until they are taken. Every change is held against the rules on its way in: nothing that may only rise ever falls.
import { expect } from "bun:test";
import { planAbsence } from "../../src/core/absence.ts";
import { apply, type currentTask, emptyCluster, slotKeyOf, slotKeyOfTask } from "../../src/core/cluster.ts";
import type { Draft } from "../../src/core/draft.ts";
import { ingestFacts, ingestRemoved, ingestTaskFacts } from "../../src/core/ingest.ts";
import type { Node } from "../../src/core/node.ts";
import { planNodeRemove } from "../../src/core/node-removal.ts";
import { pruneSlot } from "../../src/core/prune.ts";
import { reconcileSlot } from "../../src/core/reconcile.ts";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import type { CommandContext, Planned } from "../../src/core/submit.ts";
import { DESIRED_STATES, isTerminal, rank, type Task } from "../../src/core/task.ts";
import { Derived } from "../../src/manager/derived.ts";
import { Presence } from "../../src/manager/presence.ts";
import { scheduleTasks } from "../../src/manager/schedule-stage.ts";
import { Sessions } from "../../src/manager/sessions.ts";
import { Hand, type Report } from "./hand.ts";
import { aNode, NOW } from "./records.ts";

const IDENTITY = { clusterId: "c", instanceId: "i", term: 1, lineage: "l", revision: 0 };
const HEARTBEAT_MS = 5_000;

/** A manager in parts, with its workers. */
export class Desk {
  readonly cluster = emptyCluster();
  readonly hands = new Map<string, Hand>();
  readonly derived: Derived;
  /** Attempts that an absence has put another one beside. */
  readonly replaced = new Set<string>();
  /** Slots that have ever had two live attempts by right. */
  readonly doubled = new Set<string>();
  /** Nodes that have said that they have less than they once had: what was placed may be too much by now. */
  readonly shrunk = new Set<string>();
  revision = 0;
  #monoMs = 0;
  #links = 0;
  readonly #presence = new Presence(0);
  readonly #sessions = new Sessions();

  constructor() {
    this.derived = new Derived(this.cluster, SCHEDULERS.epvm, { presence: this.#presence, monoMs: 0 });
  }

  get context(): CommandContext {
    return { cluster: this.cluster, clusterId: "c", actor: "test", revision: this.revision, nowMs: NOW };
  }

  command(planned: Planned): boolean {
    if (planned.ok) this.#record(planned.drafts);
    return planned.ok;
  }

  removeNode(nodeId: string): void {
    if (this.command(planNodeRemove(this.context, { nodeId, force: true }))) this.part(nodeId);
  }

  /** A hello: a new node, or one that is back, or one that is as it was and has a new link. */
  join(nodeId: string, cpuMillis: number): void {
    const hand = this.hands.get(nodeId) ?? new Hand(nodeId);
    this.hands.set(nodeId, hand);
    hand.relink(`l${++this.#links}`);
    const facts: Node = aNode(nodeId, { local: false, capacity: { ...aNode("any").capacity, cpuMillis } });
    const before = this.cluster.nodes.get(nodeId)?.capacity.cpuMillis ?? 0;
    if (cpuMillis < before) this.shrunk.add(nodeId);
    this.#sessions.open(hand.linkId, nodeId);
    this.#presence.linked(nodeId, { local: false, monoMs: this.#monoMs });
    this.derived.linkChanged(nodeId);
    const { state: _, availability: __, reason: ___, joinedMs: ____, stateSinceMs: _____, ...said } = facts;
    this.#record(ingestFacts(this.cluster, said, NOW));
    hand.report(true);
  }

  /** The node's link breaks. */
  part(nodeId: string): void {
    const linkId = this.#sessions.linkOf(nodeId);
    if (linkId === undefined) return;
    this.#sessions.close(linkId);
    this.hands.get(nodeId)?.relink("");
    this.#presence.unlinked(nodeId);
    this.derived.linkChanged(nodeId);
  }

  /** Its worker dies, and all that it knew with it. */
  wipe(nodeId: string): void {
    this.part(nodeId);
    this.hands.get(nodeId)?.wipe();
  }

  isLinked(nodeId: string): boolean {
    return this.#sessions.linkOf(nodeId) !== undefined;
  }

  /** Time passes: waits end, and what has no link is found out of reach, with all that follows. */
  advance(ms: number): void {
    this.#monoMs += ms;
    for (const nodeId of this.hands.keys()) if (this.isLinked(nodeId)) this.#presence.seen(nodeId, this.#monoMs);
    this.derived.expire(this.#monoMs);
    for (const nodeId of this.#presence.judge(this.#monoMs, HEARTBEAT_MS)) this.#gone(nodeId);
    for (const nodeId of this.#presence.out()) this.#actOnAbsence(nodeId);
  }

  #gone(nodeId: string): void {
    this.part(nodeId);
    this.derived.linkChanged(nodeId);
    const node = this.cluster.nodes.get(nodeId);
    if (node?.state !== "ready") return;
    const change = { kind: "node.put" as const, node: { ...node, state: "disconnected" as const } };
    this.#record([{ change, actor: "manager", text: "" }]);
  }

  #actOnAbsence(nodeId: string): void {
    const outForMs = this.#presence.outForMs(nodeId, this.#monoMs);
    if (outForMs === null) return;
    const mayReplace = () => this.#presence.mayReplace(nodeId, this.#monoMs);
    const { drafts } = planAbsence({ cluster: this.cluster, clusterId: "c", nodeId, outForMs, mayReplace, nowMs: NOW });
    for (const { change } of drafts) {
      if (change.kind !== "slot.put") continue;
      const original = this.cluster.slots.get(slotKeyOf(change.slot))?.taskId ?? "";
      this.replaced.add(original);
      this.doubled.add(slotKeyOf(change.slot));
    }
    this.#record(drafts);
  }

  /** Looks at so many of the slots that ask for it. */
  reconcile(slots: number): void {
    for (let i = 0; i < slots; i += 1) {
      const at = this.derived.dirty.take();
      if (!at) return;
      const waited = (key: string) => this.derived.waited(key);
      const ranLong = (taskId: string) => this.derived.ranLong(taskId);
      const away = (nodeId: string) => this.#presence.isAway(nodeId);
      const { cluster } = this;
      this.#record(reconcileSlot({ cluster, clusterId: "c", nowMs: NOW, waited, ranLong, away }, at));
      const slot = cluster.slots.get(at.key);
      if (slot) this.#record(pruneSlot(cluster, slot));
    }
  }

  /** Places what is pending; nothing else may come of it. */
  schedule(): void {
    const { cluster, derived } = this;
    const record = (drafts: readonly Draft[]) => {
      for (const { change } of drafts) if (change.kind === "task.put") this.#checkPlacement(change.task);
      this.#record(drafts);
    };
    scheduleTasks({ cluster, derived, scheduler: "epvm", nowMs: NOW, record });
  }

  #checkPlacement(task: Task): void {
    const before = this.cluster.tasks.get(task.id);
    expect(before?.nodeId).toBe(null);
    if (task.nodeId === null) return;
    const node = this.cluster.nodes.get(task.nodeId);
    expect([task.desired, this.cluster.jobs.get(task.jobId)?.desired]).toEqual(["run", "run"]);
    expect([node?.state, node?.availability, this.isLinked(task.nodeId)]).toEqual(["ready", "eligible", true]);
  }

  /** Tells the workers what they are to hold. */
  assign(): void {
    for (const effect of this.#sessions.assignments(this.cluster, IDENTITY)) {
      if (effect.kind !== "send" || effect.message.kind !== "assignments") continue;
      this.hands.get(this.#sessions.nodeOf(effect.linkId) ?? "")?.inbox.push(effect.message);
    }
  }

  /** A report arrives. One of an older link is of nobody. */
  hear(report: Report): void {
    const nodeId = this.#sessions.nodeOf(report.linkId);
    if (nodeId === undefined) return;
    this.#record(ingestTaskFacts(this.cluster, { nodeId, facts: report.facts, nowMs: NOW }));
    this.#record(ingestRemoved(this.cluster, { nodeId, removed: report.removed, nowMs: NOW }));
    if (!report.full || !this.#presence.reported(nodeId)) return;
    this.derived.linkChanged(nodeId);
    this.derived.markNode(nodeId);
  }

  #record(drafts: readonly Draft[]): void {
    for (const { change } of drafts) {
      const id = change.kind === "task.put" ? change.task.id : change.kind === "task.remove" ? change.taskId : "";
      const before = this.cluster.tasks.get(id);
      if (change.kind === "task.put" && before) expectRise(before, change.task);
      if (change.kind === "task.remove" && before) this.replaced.delete(id);
      if (change.kind === "slot.put") this.#followSlot(change.slot);
      if (change.kind === "job.put") {
        const known = this.cluster.jobs.get(change.job.id);
        expect(change.job.startSerial).toBeGreaterThanOrEqual(known?.startSerial ?? 0);
      }
      apply(this.cluster, change);
      this.revision += 1;
      this.derived.follow(change, { before, monoMs: this.#monoMs });
      this.#sessions.follow(change, before);
    }
  }

  /** An attempt that its slot goes back to is the slot's own again; nothing makes an attempt's number fall or come twice. */
  #followSlot(slot: Parameters<typeof currentTask>[1]): void {
    const before = this.cluster.slots.get(slotKeyOf(slot));
    expect(slot.attempt).toBeGreaterThanOrEqual(before?.attempt ?? 0);
    if (before?.taskId !== slot.taskId) this.replaced.delete(slot.taskId);
  }
}

/** Neither facts nor what is wanted, nor who a task belongs to, ever goes back; an end is final. */
function expectRise(before: Task, after: Task): void {
  const [was, is] = [before.fact, after.fact];
  const falls =
    is.incarnation < was.incarnation || (is.incarnation === was.incarnation && rank(is.state) < rank(was.state));
  expect([falls, DESIRED_STATES.indexOf(after.desired) < DESIRED_STATES.indexOf(before.desired)]).toEqual([
    false,
    false,
  ]);
  if (isTerminal(was.state)) expect([is.incarnation, is.state]).toEqual([was.incarnation, was.state]);
  expect(after.restartSerial).toBeGreaterThanOrEqual(before.restartSerial);
  if (before.nodeId !== null) expect(after.nodeId).toBe(before.nodeId);
  expect(slotKeyOfTask(after)).toBe(slotKeyOfTask(before));
}
