/** Fifth stage of the tick: which tasks a node is to hold, and in which words it is told. Level-triggered: what is not in the set is to go. Pure. */
import type { Assignment } from "./assignment.ts";
import { type Cluster, specOf } from "./cluster.ts";
import { taskName } from "./job.ts";
import { isGone } from "./reconcile.ts";
import type { Task } from "./task.ts";

/** The whole set of a node. */
export function assignmentsOf(cluster: Cluster, nodeId: string): Assignment[] {
  const assignments: Assignment[] = [];
  for (const id of cluster.tasksOfNode.get(nodeId) ?? []) {
    const assignment = assignmentOf(cluster, id);
    if (assignment) assignments.push(assignment);
  }
  return assignments;
}

/** What its node is told of a task; undefined when the node is to have nothing of it. */
export function assignmentOf(cluster: Cluster, taskId: string): Assignment | undefined {
  const task = cluster.tasks.get(taskId);
  const job = task && cluster.jobs.get(task.jobId);
  const spec = task && specOf(cluster, task);
  if (!task || !job || !spec || task.nodeId === null || isGone(task)) return undefined;
  return {
    taskId,
    jobId: task.jobId,
    name: taskName(job, task.service, task.slot),
    service: task.service,
    slot: task.slot,
    attempt: task.attempt,
    jobCreatedMs: job.createdMs,
    ...(task.opening === undefined ? {} : { opening: task.opening }),
    spec,
    desired: task.desired,
    restartSerial: task.restartSerial,
    // For a worker that has lost its journal: ends stay ends, and no incarnation is used twice.
    known: task.fact,
  };
}

/** True when the node has to be told: its part of the record changed, not just what it said itself. */
export function concernsNode(before: Task | undefined, after: Task): boolean {
  if (after.nodeId === null) return false;
  return (
    !before ||
    before.nodeId !== after.nodeId ||
    before.desired !== after.desired ||
    before.restartSerial !== after.restartSerial ||
    isGone(before) !== isGone(after)
  );
}
