/** Fourth stage of the tick: pending tasks get their nodes. A task that fits nowhere keeps its reasons and waits until something changes. Pure. */
import { type Cluster, specOf } from "../core/cluster.ts";
import type { Decision } from "../core/decision.ts";
import type { Draft } from "../core/draft.ts";
import { slotKey, taskName } from "../core/job.ts";
import { type Need, needKey, readNeed } from "../core/schedule.ts";
import { type Task, unseen } from "../core/task.ts";
import type { Derived } from "./derived.ts";

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
const PLACEMENTS_PER_TICK = 500;
/** Nodes looked at for full decisions in one tick. Past it a placement is recorded without its candidates, so that a tick stays short in a large cluster. */
const EXPLAINED_PER_TICK = 20_000;

/** Places what can be placed. One class of task that does not fit is tried once a tick, however many wait. */
export function scheduleTasks(context: ScheduleContext): void {
  const { derived } = context;
  if (!derived.capacityChanged) return;
  derived.capacityChanged = false;
  const round: Round = { misfits: new Map(), looks: 0 };
  let placed = 0;
  for (const id of [...derived.pending]) {
    if (placed >= PLACEMENTS_PER_TICK) {
      derived.capacityChanged = true;
      return;
    }
    const task = context.cluster.tasks.get(id);
    if (task && placeTask(context, task, round)) placed++;
  }
}

/** What one tick's placements share. */
interface Round {
  /** Decisions on classes that fit nowhere. */
  readonly misfits: Map<string, Decision>;
  /** Nodes looked at for full decisions. */
  looks: number;
}

function placeTask(context: ScheduleContext, task: Task, round: Round): boolean {
  const spec = specOf(context.cluster, task);
  if (!spec) return false;
  const need = readNeed(spec);
  const key = needKey(need);
  const known = round.misfits.get(key);
  const decision = known ? { ...known, taskId: task.id, jobId: task.jobId } : decide(context, task, { need, round });
  if (decision.nodeId === null) {
    round.misfits.set(key, decision);
    if (task.reason !== decision.summary) context.record(waiting(context, task, decision));
    return false;
  }
  context.record(binding(context, task, decision, decision.nodeId));
  return true;
}

function decide(context: ScheduleContext, task: Task, on: { readonly need: Need; readonly round: Round }): Decision {
  const { cluster, derived, nowMs } = context;
  const avoid = cluster.slots.get(slotKey(task.jobId, task.service, task.slot))?.avoid ?? [];
  const nodeId = on.round.looks < EXPLAINED_PER_TICK ? null : derived.placement.place(on.need, avoid);
  if (nodeId !== null) return briefDecision(context, task, nodeId);
  on.round.looks += cluster.nodes.size;
  return derived.placement.explain(on.need, avoid, { taskId: task.id, jobId: task.jobId }, nowMs);
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
  const text = `${nameOf(context.cluster, task)} is placed on ${node?.name ?? nodeId}`;
  return [
    { change: { kind: "decision.put", decision }, actor: "scheduler", text: "" },
    { change: { kind: "task.put", task: bound }, actor: "scheduler", text },
  ];
}

function waiting(context: ScheduleContext, task: Task, decision: Decision): Draft[] {
  const text = `${nameOf(context.cluster, task)} waits: ${decision.summary}`;
  return [
    { change: { kind: "decision.put", decision }, actor: "scheduler", text: "" },
    {
      change: { kind: "task.put", task: { ...task, reason: decision.summary, updatedMs: context.nowMs } },
      actor: "scheduler",
      text,
    },
  ];
}

function nameOf(cluster: Cluster, task: Task): string {
  const job = cluster.jobs.get(task.jobId);
  return job ? taskName(job, task.service, task.slot) : task.id;
}
