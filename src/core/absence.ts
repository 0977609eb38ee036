/**
 * What becomes of the tasks of a node that is out of reach: at `replaceAfterMs` a replacement is placed while the original may still come back; at
 * `lostAfterMs` the original is lost for good. A task whose data lies on the node stays with it. Pure.
 */
import { type Cluster, isCurrent, nameOfTask, slotKeyOfTask, specOf } from "./cluster.ts";
import type { Draft } from "./draft.ts";
import { patience } from "./handover.ts";
import { AVOIDED_NODES } from "./job.ts";
import type { Node } from "./node.ts";
import { newAttempt } from "./reconcile.ts";
import type { TaskSpec } from "./spec.ts";
import { isTerminal, type Task } from "./task.ts";

/** A node that is out, for how long that has counted, and whether the brake lets its tasks be replaced now. */
export interface Absence {
  readonly cluster: Cluster;
  readonly clusterId: string;
  /** As reconciliation has it. */
  readonly opening?: string | undefined;
  readonly nodeId: string;
  readonly outForMs: number;
  readonly mayReplace: () => boolean;
  /** Wall clock, ms since 1970; for the records' dates. */
  readonly nowMs: number;
}

/** Changes that are due, and in how many milliseconds the next ones are; null for never. */
export interface AbsencePlan {
  readonly drafts: readonly Draft[];
  readonly nextInMs: number | null;
}

/** How often it is looked whether another attempt has ended at last, in ms. */
const OTHER_LOOK_MS = 1_000;

/** A node that was there has not been heard of for too long. */
export function disconnected(node: Node, nowMs: number): Draft {
  return {
    change: { kind: "node.put", node: { ...node, state: "disconnected", reason: "no heartbeat", stateSinceMs: nowMs } },
    actor: "manager",
    text: `node ${node.name} is disconnected`,
  };
}

/** Judges every task of the node. */
export function planAbsence(absence: Absence): AbsencePlan {
  const drafts: Draft[] = [];
  let nextInMs = Number.POSITIVE_INFINITY;
  for (const id of absence.cluster.tasksOfNode.get(absence.nodeId) ?? []) {
    const task = absence.cluster.tasks.get(id);
    const spec = task && specOf(absence.cluster, task);
    if (!task || !spec || isTerminal(task.fact.state) || staysWithNode(spec)) continue;
    const judged = judgeTask(absence, task, spec);
    drafts.push(...judged);
    if (judged.length === 0 && isDue(absence, task, spec) && hasOther(absence.cluster, task))
      nextInMs = Math.min(nextInMs, OTHER_LOOK_MS);
    const { replaceAfterMs, lostAfterMs } = patience(spec);
    for (const dueMs of [replaceAfterMs, lostAfterMs]) {
      if (dueMs > absence.outForMs) nextInMs = Math.min(nextInMs, dueMs - absence.outForMs);
    }
  }
  return { drafts, nextInMs: nextInMs === Number.POSITIVE_INFINITY ? null : nextInMs };
}

/** True for a task that must stay with its node: by its own word, or because a named volume there holds its data. */
export function staysWithNode(spec: TaskSpec): boolean {
  return !spec.disconnect.replace || spec.mounts.some((mount) => mount.kind === "volume" && mount.source !== "");
}

function judgeTask(absence: Absence, task: Task, spec: TaskSpec): Draft[] {
  if (absence.outForMs >= patience(spec).lostAfterMs) return [lost(absence, task)];
  const due = isDue(absence, task, spec);
  return due && !hasOther(absence.cluster, task) && absence.mayReplace() ? replace(absence, task) : [];
}

function isDue({ outForMs, cluster }: Absence, task: Task, spec: TaskSpec): boolean {
  return outForMs >= patience(spec).replaceAfterMs && task.desired === "run" && isCurrent(cluster, task);
}

/**
 * An attempt of the slot that lives on a node that is there: with an original that is back reconcile decides between the two, and one that was told to end has
 * to do so first.
 */
function hasOther(cluster: Cluster, task: Task): boolean {
  return [...(cluster.attempts.get(slotKeyOfTask(task)) ?? [])].some((id) => {
    const other = cluster.tasks.get(id);
    if (!other || id === task.id || isTerminal(other.fact.state)) return false;
    return cluster.nodes.get(other.nodeId ?? "")?.state === "ready";
  });
}

function lost(absence: Absence, task: Task): Draft {
  const message = `its node has been out of reach for ${Math.round(absence.outForMs / 1000)} s`;
  const fact = { ...task.fact, state: "lost" as const, message };
  return {
    change: { kind: "task.put", task: { ...task, fact, lingers: true, updatedMs: absence.nowMs } },
    actor: "manager",
    text: `${nameOfTask(absence.cluster, task)} is lost: ${message}`,
  };
}

function replace(absence: Absence, task: Task): Draft[] {
  const job = absence.cluster.jobs.get(task.jobId);
  const slot = absence.cluster.slots.get(slotKeyOfTask(task));
  if (!job || !slot || job.desired !== "run") return [];
  const avoid = [...slot.avoid.filter((id) => id !== absence.nodeId), absence.nodeId].slice(-AVOIDED_NODES);
  const [first, ...rest] = newAttempt(absence, job, { ...slot, avoid, waitMs: 0 });
  const node = absence.cluster.nodes.get(absence.nodeId)?.name ?? absence.nodeId;
  const text = `${nameOfTask(absence.cluster, task)} is replaced: node ${node} is out of reach`;
  return first ? [{ ...first, text }, ...rest] : [];
}
