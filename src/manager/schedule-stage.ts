/** The schedule stage of the tick: pending tasks get their nodes. A task that fits nowhere keeps its reasons and waits until something changes. Pure. */
import { type Cluster, nameOfTask } from "../core/cluster.ts";
import type { Decision } from "../core/decision.ts";
import type { Draft } from "../core/draft.ts";
import { slotKey } from "../core/job.ts";
import { isBeingEmptied } from "../core/reconcile.ts";
import type { Need } from "../core/schedule.ts";
import { type Task, unseen } from "../core/task.ts";
import type { Derived } from "./derived.ts";
import type { PendingGroup } from "./pending.ts";

/** What the stage works on; `record` applies drafts at once, so that each placement sees the one before. */
export interface ScheduleContext {
  readonly cluster: Cluster;
  readonly derived: Derived;
  /** Name of the scheduler. */
  readonly scheduler: string;
  /** Wall clock, ms since 1970. */
  readonly nowMs: number;
  readonly record: (drafts: readonly Draft[]) => void;
}

/** Placements in one tick; the rest wait for the next. */
const PLACEMENTS_PER_TICK = 60;
/** Nodes looked at for full decisions in one tick. Past it a placement is recorded without its candidates, so that a tick stays short in a large cluster. */
const LOOKS_PER_TICK = 5_000;
/** Candidates and refusals written down in one tick; what comes after is recorded without them. */
const DETAILS_PER_TICK = 500;
/** Tasks that wait looked at in one tick, and told anew why they wait. */
const WAITING_PER_TICK = 1_000;
const TOLD_PER_TICK = 30;

/** What is left of one tick's bounds. */
interface Round {
  /** Nodes looked at for full decisions. */
  looks: number;
  /** Candidates and refusals written down. */
  details: number;
}

/** Places what can be placed, kinds of tasks taking turns. A kind that does not fit is tried again only once something has changed that could help. */
export function scheduleTasks(context: ScheduleContext): void {
  const { derived } = context;
  if (derived.pending.size === 0) return;
  if (derived.capacityChanged) derived.pending.unpark();
  derived.capacityChanged = false;
  const round: Round = { looks: 0, details: 0 };
  for (let placed = 0; placed < PLACEMENTS_PER_TICK; placed++) {
    const next = derived.pending.next();
    if (next === undefined) break;
    tryGroup(context, next, round);
  }
  tellWaiting(context, round);
}

function tryGroup(context: ScheduleContext, next: { group: PendingGroup; taskId: string }, round: Round): void {
  const task = context.cluster.tasks.get(next.taskId);
  if (task === undefined || context.cluster.jobs.get(task.jobId) === undefined) {
    // Without its job nobody knows what it needs.
    context.derived.pending.delete(next.taskId);
    return;
  }
  if (context.cluster.jobs.get(task.jobId)?.desired !== "run") {
    context.record(unwanted(context, task));
    return;
  }
  const slot = context.cluster.slots.get(slotKey(task.jobId, task.service, task.slot));
  if (slot !== undefined && isBeingEmptied(context.cluster, slot)) {
    if (task.reason !== BEING_EMPTIED) context.record(held(context, task));
    // It is there again once that attempt has ended, or its node is out.
    context.derived.pending.delete(task.id);
    return;
  }
  const decision = decide(context, { task, need: next.group.need }, round);
  if (decision === null) return;
  if (decision.nodeId === null) context.derived.pending.park(next.group, decision);
  else context.record(binding(context, task, noted(decision, round), decision.nodeId));
}

/** null when it fits nowhere and there is no room in this tick to say why. */
function decide(
  context: ScheduleContext,
  on: { readonly task: Task; readonly need: Need },
  round: Round,
): Decision | null {
  const { cluster, derived, nowMs } = context;
  const { task, need } = on;
  const avoid = cluster.slots.get(slotKey(task.jobId, task.service, task.slot))?.avoid ?? [];
  const isFull = round.looks > 0 && round.looks + cluster.nodes.size > LOOKS_PER_TICK;
  if (isFull || round.details >= DETAILS_PER_TICK) {
    const nodeId = derived.placement.place(need, avoid);
    if (nodeId !== null) return briefDecision(context, task, nodeId);
    if (isFull) return null;
  }
  round.looks += cluster.nodes.size;
  return derived.placement.explain(need, avoid, { taskId: task.id, jobId: task.jobId }, nowMs);
}

/** The decision as it is written down: whole as long as there is room for its parts. */
function noted(decision: Decision, round: Round): Decision {
  const parts = decision.candidates.length + decision.refusals.length;
  if (round.details + parts > DETAILS_PER_TICK && round.details > 0)
    return { ...decision, candidates: [], refusals: [] };
  round.details += parts;
  return decision;
}

/** Those that wait keep the reason with them, and a decision of their own. */
function tellWaiting(context: ScheduleContext, round: Round): void {
  const { pending } = context.derived;
  let told = 0;
  for (let looked = 0; looked < WAITING_PER_TICK && told < TOLD_PER_TICK; looked++) {
    const next = pending.nextUntold();
    if (next === undefined) return;
    const task = context.cluster.tasks.get(next.taskId);
    if (task === undefined || task.reason === next.refusal.summary) continue;
    const decision = { ...next.refusal, taskId: task.id, jobId: task.jobId };
    context.record(waiting(context, task, noted(decision, round)));
    told++;
  }
}

function briefDecision(context: ScheduleContext, task: Task, nodeId: string): Decision {
  return {
    taskId: task.id,
    jobId: task.jobId,
    scheduler: context.scheduler,
    nodeId,
    candidates: [],
    candidateCount: 0,
    refusals: [],
    refusalCount: 0,
    summary: `placed on ${context.cluster.nodes.get(nodeId)?.name ?? nodeId} in a large batch: candidates were not recorded`,
    atMs: context.nowMs,
  };
}

function binding(context: ScheduleContext, task: Task, decision: Decision, nodeId: string): Draft[] {
  const node = context.cluster.nodes.get(nodeId);
  const bound: Task = {
    ...task,
    nodeId,
    fact: unseen(task.id, "assigned"),
    reason: decision.summary,
    updatedMs: context.nowMs,
  };
  const text = `${nameOfTask(context.cluster, task)} is placed on ${node?.name ?? nodeId}`;
  return [
    { change: { kind: "decision.put", decision }, actor: "scheduler", text: "" },
    { change: { kind: "task.put", task: bound }, actor: "scheduler", text },
  ];
}

/** Its job was stopped, and reconciliation has not come to its slot yet: it ends as it would there. */
function unwanted(context: ScheduleContext, task: Task): Draft[] {
  const fact = { ...task.fact, state: "stopped" as const, message: "stopped before it was placed" };
  const ended: Task = { ...task, desired: "stop", fact, updatedMs: context.nowMs };
  return [{ change: { kind: "task.put", task: ended }, actor: "manager", text: "" }];
}

/** An adoption has found another attempt in its slot, which is told to end. */
const BEING_EMPTIED = "the attempt before it is ending";

function held({ cluster, nowMs }: ScheduleContext, task: Task): Draft[] {
  const change = { kind: "task.put" as const, task: { ...task, reason: BEING_EMPTIED, updatedMs: nowMs } };
  return [{ change, actor: "scheduler", text: `${nameOfTask(cluster, task)} waits: ${BEING_EMPTIED}` }];
}

function waiting(context: ScheduleContext, task: Task, decision: Decision): Draft[] {
  const text = `${nameOfTask(context.cluster, task)} waits: ${decision.summary}`;
  return [
    { change: { kind: "decision.put", decision }, actor: "scheduler", text: "" },
    {
      change: { kind: "task.put", task: { ...task, reason: decision.summary, updatedMs: context.nowMs } },
      actor: "scheduler",
      text,
    },
  ];
}
