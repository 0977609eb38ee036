/** Core records as the resources that people see. Pure: cluster in, plain values out; nothing here is kept, so nothing can be out of date. */

import type {
  DialledResource,
  EventResource,
  JobResource,
  ManagerResource,
  MetricsResource,
  NodeResource,
  TaskResource,
} from "../client/resources.ts";
import type { Change, LoggedChange } from "../core/change.ts";
import { type Cluster, holdsResources, isCurrent, specOf } from "../core/cluster.ts";
import { containerName } from "../core/container-name.ts";
import { type Job, taskName } from "../core/job.ts";
import { allocatable, type Node } from "../core/node.ts";
import { ASSUMED, isBatch, type Resources, reservation, type TaskSpec } from "../core/spec.ts";
import type { Task } from "../core/task.ts";
import type { ManagerStatus, Observation } from "../manager/commands.ts";
import { NO_SIGHT, type NodeSight } from "./node-view.ts";
import type { ManagerInfo } from "./ports.ts";

const NOTHING: Resources = { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 };

/** A job with the states of its newest attempts. */
export function jobResource(cluster: Cluster, job: Job): JobResource {
  return {
    id: job.id,
    name: job.spec.name,
    kind: job.spec.services.every((service) => isBatch(service.task)) ? "batch" : "service",
    version: job.version,
    desired: job.desired,
    services: job.spec.services,
    labels: job.spec.labels,
    states: Object.fromEntries(cluster.statesOfJob.get(job.id) ?? []),
    actor: job.actor,
    createdMs: job.createdMs,
    updatedMs: job.updatedMs,
  };
}

/** A task; of one whose job is gone, what is still known. */
export function taskResource(cluster: Cluster, task: Task): TaskResource {
  const job = cluster.jobs.get(task.jobId);
  const spec = specOf(cluster, task);
  const { fact } = task;
  return {
    id: task.id,
    jobId: task.jobId,
    name: job ? taskName(job, task.service, task.slot) : `${task.jobId}.${task.service}.${task.slot}`,
    service: task.service,
    slot: task.slot,
    attempt: task.attempt,
    current: isCurrent(cluster, task),
    nodeId: task.nodeId ?? "",
    nodeName: nodeName(cluster, task.nodeId),
    runtime: spec?.runtime ?? "docker",
    image: spec?.image ?? "",
    command: spec?.command ?? [],
    reserved: spec ? reservation(spec) : ASSUMED,
    assumed: isAssumed(spec),
    desired: task.desired,
    state: fact.state,
    health: fact.health,
    incarnation: fact.incarnation,
    restarts: fact.restarts,
    containerId: fact.containerId,
    containerName: containerOf(task, { name: job && taskName(job, task.service, task.slot), spec }),
    ports: fact.ports,
    message: fact.message,
    reason: task.reason,
    restartInMs: fact.restartInMs,
    exits: fact.exits,
    createdMs: task.createdMs,
    updatedMs: task.updatedMs,
    startedMs: fact.startedMs,
    finishedMs: fact.finishedMs,
  };
}

/** What the engine knows the task's container by: "" without a container, or when too little is left of its job to say. */
function containerOf(
  task: Task,
  of: { readonly name: string | undefined; readonly spec: TaskSpec | undefined },
): string {
  if (task.fact.containerId === "" || of.name === undefined || of.spec?.runtime !== "docker") return "";
  return containerName({ name: of.name, taskId: task.id, incarnation: task.fact.incarnation });
}

/** A node with what its tasks hold, and what is seen of it beyond its record. */
export function nodeResource(cluster: Cluster, node: Node, sight: NodeSight = NO_SIGHT): NodeResource {
  const held = heldOn(cluster, node.id);
  return {
    id: node.id,
    name: node.name,
    address: node.address,
    local: node.local,
    os: node.os,
    arch: node.arch,
    version: node.version,
    labels: node.labels,
    capacity: node.capacity,
    allocatable: allocatable(node),
    allocated: held.resources,
    tasks: held.tasks,
    runtimes: node.runtimes,
    state: node.state,
    availability: node.availability,
    reason: node.reason,
    joinedMs: node.joinedMs,
    stateSinceMs: node.stateSinceMs,
    ...sight(node),
  };
}

/** A node's newest sample; null while there is neither a sample nor progress. */
export function metricsResource(
  nodeId: string,
  observation: Observation,
  seen: Pick<MetricsResource, "seenMs" | "link"> = {},
): MetricsResource | null {
  const { metrics, progress } = observation;
  if (!metrics && progress.length === 0) return null;
  return {
    nodeId,
    atMs: metrics?.atMs ?? 0,
    cpuMillis: metrics?.cpuMillis ?? 0,
    memoryUsedBytes: metrics?.memoryUsedBytes ?? 0,
    memoryTotalBytes: metrics?.memoryTotalBytes ?? 0,
    diskUsedBytes: metrics?.diskUsedBytes ?? 0,
    diskTotalBytes: metrics?.diskTotalBytes ?? 0,
    load: metrics?.load ?? [0, 0, 0],
    tasks: metrics?.tasks ?? [],
    progress,
    ...seen,
  };
}

/** The manager as it is now. */
export function managerResource(
  info: ManagerInfo,
  status: ManagerStatus,
  dialled: readonly DialledResource[] = [],
): ManagerResource {
  const workerProblem = info.workerProblem?.() ?? "";
  const unlinked = dialled.filter(({ linked }) => !linked);
  return {
    clusterId: status.clusterId,
    name: info.name,
    version: info.version,
    commit: info.commit,
    pid: info.pid,
    scheduler: status.scheduler,
    revision: status.revision,
    startedMs: info.startedMs,
    dataDir: info.dataDir,
    health: status.health,
    problem: status.problem,
    ...(status.caution !== "" && { caution: status.caution }),
    ...(status.notice !== "" && { notice: status.notice }),
    ...(workerProblem !== "" && { workerProblem }),
    ...(unlinked.length > 0 && { unlinked }),
  };
}

/**
 * Changes as events, each with the record that it put. What follows from tasks (a job's states, a node's allocations) has no change of its own, so the last
 * event of the list that touches a job or a node carries that one too, and that of a slot the task which holds it from then on: a mirror that folds events
 * stays in step.
 */
export function eventResources(
  cluster: Cluster,
  changes: readonly LoggedChange[],
  sight: NodeSight = NO_SIGHT,
): EventResource[] {
  const jobs = new Set<string>();
  const nodes = new Set<string>();
  const put = new Set(changes.flatMap(({ change }) => (change.kind === "task.put" ? [change.task.id] : [])));
  const events: EventResource[] = [];
  for (let at = changes.length - 1; at >= 0; at--) {
    const logged = changes[at];
    if (!logged) continue;
    const touched = subjects(cluster, logged.change);
    const job = takeOnce(jobs, touched.jobId, cluster.jobs);
    const node = takeOnce(nodes, touched.nodeId, cluster.nodes);
    // A task may get its slot back without a change of its own; one that is put here tells for itself.
    const holder = logged.change.kind === "slot.put" ? takeOnce(put, touched.taskId, cluster.tasks) : undefined;
    events.push({
      revision: logged.revision,
      atMs: logged.atMs,
      actor: logged.actor,
      text: logged.text,
      kind: logged.change.kind,
      ...touched,
      ...(job && { job: jobResource(cluster, job) }),
      ...(node && { node: nodeResource(cluster, node, sight) }),
      ...(holder && { task: taskResource(cluster, holder) }),
      ...(logged.change.kind === "task.put" && { task: taskResource(cluster, logged.change.task) }),
      ...(logged.change.kind === "decision.put" && { decision: logged.change.decision }),
    });
  }
  return events.reverse();
}

function takeOnce<T>(taken: Set<string>, id: string, records: ReadonlyMap<string, T>): T | undefined {
  if (id === "" || taken.has(id)) return undefined;
  taken.add(id);
  return records.get(id);
}

interface Subjects {
  readonly jobId: string;
  readonly taskId: string;
  readonly nodeId: string;
}

const NO_SUBJECTS: Subjects = { jobId: "", taskId: "", nodeId: "" };

function subjects(cluster: Cluster, change: Change): Subjects {
  switch (change.kind) {
    case "job.put":
      return { ...NO_SUBJECTS, jobId: change.job.id };
    case "job.remove":
      return { ...NO_SUBJECTS, jobId: change.jobId };
    case "slot.put":
      return { ...NO_SUBJECTS, jobId: change.slot.jobId, taskId: change.slot.taskId };
    case "task.put":
      return { jobId: change.task.jobId, taskId: change.task.id, nodeId: change.task.nodeId ?? "" };
    case "task.remove":
      return { ...NO_SUBJECTS, jobId: cluster.tasks.get(change.taskId)?.jobId ?? "", taskId: change.taskId };
    case "node.put":
      return { ...NO_SUBJECTS, nodeId: change.node.id };
    case "node.remove":
      return { ...NO_SUBJECTS, nodeId: change.nodeId };
    case "decision.put":
      return { jobId: change.decision.jobId, taskId: change.decision.taskId, nodeId: change.decision.nodeId ?? "" };
    case "decision.remove":
      return { ...NO_SUBJECTS, taskId: change.taskId };
    case "request.put":
      return { ...NO_SUBJECTS, jobId: change.request.jobId };
    case "slot.remove":
    case "request.remove":
    case "access.put":
    case "access.remove":
      return NO_SUBJECTS;
  }
}

function heldOn(cluster: Cluster, nodeId: string): { resources: Resources; tasks: number } {
  let resources = NOTHING;
  let tasks = 0;
  for (const id of cluster.tasksOfNode.get(nodeId) ?? []) {
    const task = cluster.tasks.get(id);
    if (!task || !holdsResources(task)) continue;
    const spec = specOf(cluster, task);
    resources = sum(resources, spec ? reservation(spec) : ASSUMED);
    tasks++;
  }
  return { resources, tasks };
}

function sum(a: Resources, b: Resources): Resources {
  return {
    cpuMillis: a.cpuMillis + b.cpuMillis,
    memoryBytes: a.memoryBytes + b.memoryBytes,
    diskBytes: a.diskBytes + b.diskBytes,
  };
}

function nodeName(cluster: Cluster, nodeId: string | null): string {
  return nodeId === null ? "" : (cluster.nodes.get(nodeId)?.name ?? "");
}

function isAssumed(spec: TaskSpec | undefined): boolean {
  return !spec || spec.resources.cpuMillis === 0 || spec.resources.memoryBytes === 0;
}
