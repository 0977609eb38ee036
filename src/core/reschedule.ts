/** What follows the end of an attempt: nothing, or another attempt after a delay. The manager only replaces; restarts are the worker's. Pure. */
import { AVOIDED_NODES, type Slot } from "./job.ts";
import { isBatch, type TaskSpec } from "./spec.ts";
import type { Task } from "./task.ts";

/** Five seconds, doubling to ten minutes (Nomad's and Swarm's range; semantics.md, Reschedule). */
const FIRST_DELAY_MS = 5_000;
const MAX_DELAY_MS = 600_000;
/** Ends of a batch slot's attempts since its start after which it is over; another attempt that an absence made counts only by its end. */
const BATCH_ATTEMPTS = 3;

/** `over`: the slot stays as it is. `again`: a new attempt once `waitMs` have passed. */
export type Verdict = { readonly kind: "over" } | { readonly kind: "again"; readonly slot: Slot };

/** Judges the end of the slot's newest attempt. `ranLong` says that it ran well for ten minutes, which clears a service's record. */
export function judgeEnd(
  slot: Slot,
  ended: { readonly task: Task; readonly spec: TaskSpec; readonly ranLong: boolean; readonly otherNodes: boolean },
): Verdict {
  const { task, spec } = ended;
  const state = task.fact.state;
  if (state === "complete") return { kind: "over" };
  const clears = ended.ranLong && !isBatch(spec);
  const failures = (clears ? 0 : slot.failures) + 1;
  if (isBatch(spec) && !batchGoesOn(failures, state, ended.otherNodes)) return { kind: "over" };
  const waitMs = state === "stopped" ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 10));
  return { kind: "again", slot: { ...slot, failures, waitMs, avoid: remember(slot.avoid, task.nodeId) } };
}

/** A batch task that ran and failed is over. One that was lost, or was refused by its node, may be tried on another. */
function batchGoesOn(failures: number, state: Task["fact"]["state"], otherNodes: boolean): boolean {
  if (state === "failed" || failures >= BATCH_ATTEMPTS) return false;
  return state !== "rejected" || otherNodes;
}

function remember(avoid: readonly string[], nodeId: string | null): readonly string[] {
  if (nodeId === null) return avoid;
  return [...avoid.filter((id) => id !== nodeId), nodeId].slice(-AVOIDED_NODES);
}
