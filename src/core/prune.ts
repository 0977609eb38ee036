/** Keeps histories within their bounds: old attempts, decisions, remembered requests. Pure. */
import { type Cluster, slotKeyOf } from "./cluster.ts";
import { DECISIONS_KEPT } from "./decision.ts";
import { type Draft, quiet } from "./draft.ts";
import type { Slot } from "./job.ts";
import { isGone } from "./reconcile.ts";
import { isTerminal, type Task } from "./task.ts";

/** Ended attempts of a slot whose containers are kept for their logs; older ones are removed from the node. */
const CONTAINERS_KEPT = 2;
/** Ended attempts of a slot whose records are kept. */
const ATTEMPTS_KEPT = 5;
/** Requests with an idempotency key that are remembered. */
const REQUESTS_KEPT = 10_000;

const ACTOR = "manager";
/** Rows pruned in one tick, so that a large backlog never makes a long one. */
const PER_TICK = 100;

/** Old attempts of one slot: first their containers go, then their records. */
export function pruneSlot(cluster: Cluster, slot: Slot): Draft[] {
  const ended: Task[] = [];
  for (const id of cluster.attempts.get(slotKeyOf(slot)) ?? []) {
    const task = cluster.tasks.get(id);
    if (task && id !== slot.taskId && isTerminal(task.fact.state)) ended.push(task);
  }
  const drafts: Draft[] = [];
  ended.slice(0, -CONTAINERS_KEPT).forEach((task, i) => {
    const forgotten = task.nodeId === null || isGone(task);
    if (forgotten && i < ended.length - ATTEMPTS_KEPT)
      drafts.push(quiet({ kind: "task.remove", taskId: task.id }, ACTOR));
    else if (task.nodeId !== null && task.desired !== "remove") {
      drafts.push(quiet({ kind: "task.put", task: { ...task, desired: "remove" } }, ACTOR));
    }
  });
  return drafts;
}

/** The oldest decisions and requests past their bounds. */
export function pruneHistories(cluster: Cluster): Draft[] {
  const drafts: Draft[] = [];
  for (const taskId of oldest(cluster.decisions.keys(), cluster.decisions.size - DECISIONS_KEPT)) {
    drafts.push(quiet({ kind: "decision.remove", taskId }, ACTOR));
  }
  for (const key of oldest(cluster.requests.keys(), cluster.requests.size - REQUESTS_KEPT)) {
    drafts.push(quiet({ kind: "request.remove", key }, ACTOR));
  }
  return drafts;
}

function oldest(keys: Iterable<string>, surplus: number): string[] {
  const found: string[] = [];
  if (surplus <= 0) return found;
  for (const key of keys) {
    if (found.length >= Math.min(surplus, PER_TICK)) break;
    found.push(key);
  }
  return found;
}
