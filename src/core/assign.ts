/** The assign stage of the tick: which tasks a node is to hold, and in which words it is told. Level-triggered: what is not in the set is to go. Pure. */
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
  return !task || task.nodeId === null || isGone(task) ? undefined : assignmentFor(cluster, task);
}

/** What any node would be told of it; undefined when its job has no such service any more. */
export function assignmentFor(cluster: Cluster, task: Task): Assignment | undefined {
  const job = cluster.jobs.get(task.jobId);
  const spec = specOf(cluster, task);
  if (!job || !spec) return undefined;
  return {
    taskId: task.id,
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
