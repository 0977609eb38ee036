/**
 * Cube's records as the book's: jobs are shown as its Tasks, nodes as its Nodes. The other way is client/book-job.ts. Pure.
 */
import { type BookTask, type PortMap, ZERO_TIME } from "../client/book-decode.ts";
import { BOOK_STATE, postedTask } from "../client/book-job.ts";
import type { Assignment } from "../core/assignment.ts";
import { type Cluster, currentTask, slotsOf } from "../core/cluster.ts";
import type { Job } from "../core/job.ts";
import type { BookStats, Node, NodeMetrics } from "../core/node.ts";
import { DEFAULT_TASK, type PortMapping, portKey, type TaskSpec } from "../core/spec.ts";
import { isTerminal, type Task, type TaskFact, type TaskState } from "../core/task.ts";
import type { Observation } from "../manager/commands.ts";
import { nodeResource } from "./resources.ts";

const KIB = 1024;

/** The book's Node. Memory in kB, Disk in bytes. */
export interface BookNode {
  readonly Name: string;
  readonly Ip: string;
  readonly Api: string;
  readonly Memory: number;
  readonly MemoryAllocated: number;
  readonly Disk: number;
  readonly DiskAllocated: number;
  readonly Stats: BookNodeStats;
  readonly Role: string;
  readonly TaskCount: number;
}

export type BookNodeStats = BookStats & { readonly TaskCount: number };

/** Every job's tasks as the book shows them, oldest job first: a lone task under its job's id, others under their own. */
export function bookTasks(cluster: Cluster, onNode?: string): BookTask[] {
  const jobs = [...cluster.jobs.values()].sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
  return jobs.flatMap((job) => tasksOfJob(cluster, job, onNode));
}

/** The job's only task as the book shows it. */
function bookTask(job: Job, task: Task | undefined): BookTask {
  const posted = postedTask(job) ?? unpostedTask(job, task);
  const ID = isLone(job) || !task ? job.id : task.id;
  return { ...posted, ID, State: bookState(job, task), ...seenFacts(task?.fact) };
}

/** A task as its node holds it, for a worker that knows no jobs: one that was posted as it was posted, others in the book's words. */
export function heldTask(assignment: Assignment, fact: TaskFact): BookTask {
  const { jobId, taskId, name, service, slot, spec } = assignment;
  // A lone task has its job's name; any other one carries service and slot behind it.
  const ID = name.endsWith(`.${service}.${slot}`) ? taskId : jobId;
  const posted = postedTask(assignment) ?? inBook({ id: ID, name, spec });
  return { ...posted, ID, State: STATES[fact.state], ...seenFacts(fact) };
}

function seenFacts(
  fact: TaskFact | undefined,
): Pick<BookTask, "ContainerID" | "HostPorts" | "StartTime" | "FinishTime" | "RestartCount"> {
  return {
    ContainerID: fact?.containerId ?? "",
    HostPorts: hostPorts(fact?.ports ?? []),
    StartTime: bookTime(fact?.startedMs ?? 0),
    FinishTime: bookTime(fact?.finishedMs ?? 0),
    RestartCount: fact?.restarts ?? 0,
  };
}

/** A node as the book shows it. `port` is that of its worker's API. */
export function bookNode(
  cluster: Cluster,
  node: Node,
  { observation, port }: { readonly observation: Observation | undefined; readonly port: number },
): BookNode {
  const { allocated, tasks, capacity } = nodeResource(cluster, node);
  // The worker in the manager's process has no address of its own.
  const host = node.local ? "127.0.0.1" : node.address.replace(/:\d+$/, "") || node.name;
  const name = !node.local && /:\d+$/.test(node.address) ? node.address : `${host}:${port}`;
  return {
    Name: name,
    Ip: host,
    Api: `http://${name}`,
    Memory: Math.floor(capacity.memoryBytes / KIB),
    MemoryAllocated: Math.floor(allocated.memoryBytes / KIB),
    Disk: capacity.diskBytes,
    DiskAllocated: allocated.diskBytes,
    Stats: bookStats(observation?.metrics ?? null, tasks),
    Role: "worker",
    TaskCount: tasks,
  };
}

/** A node's Stats; parts that were not read are empty objects. */
export function bookStats(metrics: NodeMetrics | null, tasks: number): BookNodeStats {
  const book = metrics?.book;
  return {
    MemStats: book?.MemStats ?? {},
    DiskStats: book?.DiskStats ?? {},
    CpuStats: book?.CpuStats ?? {},
    LoadStats: book?.LoadStats ?? {},
    TaskCount: tasks,
  };
}

/** True for a job whose task is not over and is wanted to run: what the book's stop applies to. */
export function bookRuns(job: Job, task: Task | undefined): boolean {
  return job.desired === "run" && !(task && isTerminal(task.fact.state));
}

/** RFC 3339 as Go writes it, without trailing zeros; 0 is Go's zero time. */
function bookTime(ms: number): string {
  if (ms === 0) return ZERO_TIME;
  return new Date(ms).toISOString().replace(/\.?0*Z$/, "Z");
}

const STATES: Readonly<Record<TaskState, number>> = {
  pending: BOOK_STATE.Pending,
  assigned: BOOK_STATE.Scheduled,
  accepted: BOOK_STATE.Scheduled,
  pulling: BOOK_STATE.Scheduled,
  ready: BOOK_STATE.Scheduled,
  starting: BOOK_STATE.Scheduled,
  running: BOOK_STATE.Running,
  stopping: BOOK_STATE.Running,
  complete: BOOK_STATE.Completed,
  stopped: BOOK_STATE.Completed,
  failed: BOOK_STATE.Failed,
  rejected: BOOK_STATE.Failed,
  lost: BOOK_STATE.Failed,
};

function bookState(job: Job, task: Task | undefined): number {
  if (task) return STATES[task.fact.state];
  return job.desired === "run" ? BOOK_STATE.Pending : BOOK_STATE.Completed;
}

function tasksOfJob(cluster: Cluster, job: Job, onNode: string | undefined): BookTask[] {
  const tasks = slotsOf(cluster, job.id).map((slot) => currentTask(cluster, slot));
  // A job of this very moment has no slot yet, but it has been accepted.
  const shown = tasks.length === 0 ? [undefined] : tasks;
  return shown.filter((task) => onNode === undefined || task?.nodeId === onNode).map((task) => bookTask(job, task));
}

function hostPorts(ports: readonly PortMapping[]): PortMap | null {
  if (ports.length === 0) return null;
  const groups = Map.groupBy(ports, portKey);
  return Object.fromEntries(
    [...groups].map(([key, group]) => [
      key,
      group.map(({ hostIp, hostPort }) => ({ HostIp: hostIp || "0.0.0.0", HostPort: String(hostPort) })),
    ]),
  );
}

function isLone(job: Job): boolean {
  return job.spec.services.length === 1 && job.spec.services[0]?.count === 1;
}

/** A task that came another way, in the book's words. */
function unpostedTask(job: Job, task: Task | undefined): BookTask {
  const service = job.spec.services.find(({ name }) => name === task?.service) ?? job.spec.services[0];
  const name = isLone(job) || !task ? job.spec.name : `${job.spec.name}.${task.service}.${task.slot}`;
  return inBook({ id: job.id, name, spec: service?.task ?? DEFAULT_TASK });
}

function inBook({ id, name, spec }: { readonly id: string; readonly name: string; readonly spec: TaskSpec }): BookTask {
  const bound = spec.ports.filter(({ hostPort }) => hostPort !== 0);
  return {
    ID: id,
    ContainerID: "",
    Name: name,
    State: 0,
    Image: spec.image,
    Cpu: spec.resources.cpuMillis / 1_000,
    Memory: spec.resources.memoryBytes,
    Disk: spec.resources.diskBytes,
    ExposedPorts: spec.ports.length === 0 ? null : Object.fromEntries(spec.ports.map((port) => [portKey(port), {}])),
    HostPorts: null,
    PortBindings:
      bound.length === 0 ? null : Object.fromEntries(bound.map((port) => [portKey(port), String(port.hostPort)])),
    RestartPolicy: spec.restart.condition === "no" ? "" : spec.restart.condition,
    StartTime: ZERO_TIME,
    FinishTime: ZERO_TIME,
    HealthCheck: spec.health?.probe.kind === "http" ? spec.health.probe.path : "",
    RestartCount: 0,
  };
}
