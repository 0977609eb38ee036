/**
 * From a snapshot back to the records that a manager keeps, so that a manager can go on from there. What the API does not say is filled in from what it does: the numbers of a
 * slot from its attempts, the nodes that it avoids from where they failed. Pure.
 */
import { AVOIDED_NODES, type Job, type Slot, slotKey } from "../core/job.ts";
import type { Node, NodeMetrics } from "../core/node.ts";
import type { SchedulerName } from "../core/scheduler.ts";
import type { Resources } from "../core/spec.ts";
import type { Task } from "../core/task.ts";
import type { ClusterPicture } from "../core/what-if.ts";
import type { JobResource, MetricsResource, NodeResource, TaskResource } from "./resources.ts";
import type { ClusterSnapshot } from "./snapshot.ts";

/** The snapshot's records; `scheduler` is the manager's, as a name that is known here. */
export function pictureOf(snapshot: ClusterSnapshot, scheduler: SchedulerName): ClusterPicture {
  const { manager, savedMs, nodes, jobs, metrics } = snapshot;
  const versions = new Map(jobs.map((job) => [job.id, job.version]));
  const tasks = oldestFirst(snapshot.tasks);
  return {
    clusterId: manager.clusterId,
    scheduler,
    nowMs: savedMs,
    nodes: nodes.map(nodeOf),
    jobs: jobs.map(jobOf),
    slots: slotsOf(jobs, tasks),
    tasks: tasks.map((task) => taskOf(task, versions.get(task.jobId) ?? 1)),
    metrics: new Map(metrics.filter(({ atMs }) => atMs > 0).map((each) => [each.nodeId, metricsOf(each)])),
  };
}

/** Of one moment in the order of the snapshot, which is the manager's own; earlier attempts, which it has at its end, before the newest. */
function oldestFirst(tasks: readonly TaskResource[]): TaskResource[] {
  const earlier = tasks.filter(({ current }) => !current).sort((a, b) => a.attempt - b.attempt);
  return [...earlier, ...tasks.filter(({ current }) => current)].sort((a, b) => a.createdMs - b.createdMs);
}

function nodeOf(node: NodeResource): Node {
  const { id, name, address, local, os, arch, version, labels, capacity, runtimes } = node;
  const { state, availability, reason, joinedMs, stateSinceMs } = node;
  const facts = { id, name, machineId: "", address, local, os, arch, version, labels, capacity, runtimes };
  return { ...facts, reserved: less(capacity, node.allocatable), state, availability, reason, joinedMs, stateSinceMs };
}

function less(a: Resources, b: Resources): Resources {
  return {
    cpuMillis: a.cpuMillis - b.cpuMillis,
    memoryBytes: a.memoryBytes - b.memoryBytes,
    diskBytes: a.diskBytes - b.diskBytes,
  };
}

function jobOf(job: JobResource): Job {
  const { id, name, version, desired, services, labels, actor, createdMs, updatedMs } = job;
  const spec = { name, services, labels };
  return { id, version, spec, desired, restartSerial: 0, startSerial: 1, actor, createdMs, updatedMs };
}

function taskOf(task: TaskResource, jobVersion: number): Task {
  const { id, jobId, service, slot, attempt, nodeId, desired, reason, createdMs, updatedMs } = task;
  const { incarnation, state, health, containerId, ports, message, restartInMs, restarts } = task;
  const { startedMs, finishedMs, exits } = task;
  return {
    ...{ id, jobId, jobVersion, service, slot, attempt, nodeId: nodeId || null, desired, restartSerial: 0 },
    fact: {
      ...{ taskId: id, incarnation, state, health, containerId, ports, message, restartInMs, restarts },
      ...{ startedMs, finishedMs, exits },
    },
    ...{ reason, createdMs, updatedMs },
  };
}

function metricsOf({
  nodeId: _,
  progress: _progress,
  seenMs: _seen,
  link: _link,
  ...sample
}: MetricsResource): NodeMetrics {
  return { ...sample, book: null };
}

/** Every slot that has a task, and those that a job should have: a manager must not fill one that the real one leaves empty. */
function slotsOf(jobs: readonly JobResource[], tasks: readonly TaskResource[]): Slot[] {
  const slots = new Map<string, Slot>();
  for (const { id: jobId, services } of jobs) {
    for (const { name: service, count } of services) {
      for (let index = 0; index < count; index++) put(slots, emptySlot({ jobId, service, index }));
    }
  }
  const attempts = Map.groupBy(tasks, ({ jobId, service, slot }) => slotKey(jobId, service, slot));
  for (const found of attempts.values()) put(slots, filledSlot(found));
  return [...slots.values()];
}

function put(slots: Map<string, Slot>, slot: Slot): void {
  slots.set(slotKey(slot.jobId, slot.service, slot.index), slot);
}

/** As an adoption leaves it: it had its attempt, and nobody knows what became of that. */
function emptySlot(at: Pick<Slot, "jobId" | "service" | "index">): Slot {
  return { ...at, attempt: 1, taskId: "", startSerial: 1, failures: 0, waitMs: 0, avoid: [] };
}

function filledSlot(attempts: readonly TaskResource[]): Slot {
  const sorted = attempts.toSorted((a, b) => a.attempt - b.attempt);
  const { jobId = "", service = "", slot: index = 0, attempt = 1 } = sorted.at(-1) ?? {};
  const taskId = sorted.find(({ current }) => current)?.id ?? "";
  return { ...emptySlot({ jobId, service, index }), attempt, taskId, avoid: avoided(sorted) };
}

/** Nodes where earlier attempts did not stay; whoever stops or completes a task and starts it again begins with none. */
function avoided(attempts: readonly TaskResource[]): readonly string[] {
  let avoid: string[] = [];
  for (const { nodeId, state, current } of attempts) {
    if (current || nodeId === "") continue;
    avoid = state === "stopped" || state === "complete" ? [] : [...avoid.filter((id) => id !== nodeId), nodeId];
  }
  return avoid.slice(-AVOIDED_NODES);
}
