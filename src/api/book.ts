/**
 * The book's records as Cube's and back: its Task becomes a job of one service and one slot, jobs are shown as its Tasks, nodes as its Nodes. What the book's JSON
 * says and a JobSpec cannot is kept in a label, so that a task is shown as it was posted. Pure.
 */

import { nameFrom } from "../client/job-limits.ts";
import { type Cluster, currentTask, slotsOf } from "../core/cluster.ts";
import type { Job } from "../core/job.ts";
import type { BookStats, Node } from "../core/node.ts";
import {
  DEFAULT_HEALTH_RHYTHM,
  DEFAULT_RESTART,
  DEFAULT_TASK,
  type JobSpec,
  type PortMapping,
  type RestartCondition,
  type TaskSpec,
} from "../core/spec.ts";
import { isTerminal, type Task, type TaskState } from "../core/task.ts";
import type { Observation } from "../manager/commands.ts";
import { type BookTask, DecodeError, NIL_UUID, type PortMap, portKey, ZERO_TIME } from "./book-decode.ts";
import { nodeResource } from "./resources.ts";

/** The book's five states. */
export const BOOK_STATE = { Pending: 0, Scheduled: 1, Running: 2, Completed: 3, Failed: 4 } as const;

/** Label of a job that came as a book's task: that task's JSON. */
const BOOK_LABEL = "cube.book";
/** Label of a job that was posted to a worker: that node's id. */
export const BOOK_WORKER_LABEL = "cube.book.worker";

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

const RESTART: Readonly<Record<string, RestartCondition>> = {
  "": "no",
  no: "no",
  always: "always",
  "unless-stopped": "unless-stopped",
  "on-failure": "on-failure",
};

/** The job that a posted task asks for. `onNode` keeps it on one node, as a worker that it was posted to. Throws DecodeError for what no job can be. */
export function bookJob(task: BookTask, onNode = ""): JobSpec {
  const name = nameFrom(task.Name);
  const labels = { [BOOK_LABEL]: JSON.stringify(task), ...(onNode && { [BOOK_WORKER_LABEL]: onNode }) };
  return { name, labels, services: [{ name, count: 1, task: taskSpec(task, onNode) }] };
}

/** The id to submit under; "" lets the manager derive one, for a task that names none. */
export function bookJobId(task: BookTask): string {
  return task.ID === NIL_UUID ? "" : task.ID;
}

/** Every job's tasks as the book shows them, oldest job first: a lone task under its job's id, others under their own. */
export function bookTasks(cluster: Cluster, onNode?: string): BookTask[] {
  const jobs = [...cluster.jobs.values()].sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
  return jobs.flatMap((job) => tasksOfJob(cluster, job, onNode));
}

/** The job's only task as the book shows it. */
function bookTask(job: Job, task: Task | undefined): BookTask {
  const posted = postedTask(job) ?? unpostedTask(job, task);
  const fact = task?.fact;
  return {
    ...posted,
    ID: isLone(job) || !task ? job.id : task.id,
    ContainerID: fact?.containerId ?? "",
    State: bookState(job, task),
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
    Stats: bookStats(observation, tasks),
    Role: "worker",
    TaskCount: tasks,
  };
}

/** A node's Stats; parts that were not read are empty objects. */
export function bookStats(observation: Observation | undefined, tasks: number): BookNodeStats {
  const book = observation?.metrics?.book;
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

function taskSpec(task: BookTask, onNode: string): TaskSpec {
  const condition = RESTART[task.RestartPolicy];
  if (condition === undefined) {
    throw new DecodeError(`unknown RestartPolicy "${task.RestartPolicy}": "", always, unless-stopped or on-failure`);
  }
  return {
    ...DEFAULT_TASK,
    image: task.Image,
    resources: { cpuMillis: cpuMillis(task.Cpu), memoryBytes: task.Memory, diskBytes: task.Disk },
    ports: portMappings(task),
    restart: { ...DEFAULT_RESTART, condition },
    health: task.HealthCheck === "" ? null : { probe: healthProbe(task.HealthCheck), ...DEFAULT_HEALTH_RHYTHM },
    constraints: onNode ? [{ key: "node.id", operator: "==", value: onNode }] : [],
  };
}

/** A share too small to be counted is still a limit, not none. */
function cpuMillis(cores: number): number {
  return cores > 0 ? Math.max(1, Math.round(cores * 1_000)) : Math.round(cores * 1_000);
}

function healthProbe(path: string): { readonly kind: "http"; readonly path: string; readonly port: number } {
  return { kind: "http", path: path.startsWith("/") ? path : `/${path}`, port: 0 };
}

function portMappings(task: BookTask): PortMapping[] {
  const keys = new Set([...Object.keys(task.ExposedPorts ?? {}), ...Object.keys(task.PortBindings ?? {})]);
  return [...keys].map((key) => portMapping(key, task.PortBindings?.[key] ?? ""));
}

function portMapping(key: string, hostPort: string): PortMapping {
  const [, containerPort, protocol = "tcp"] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(key) ?? [];
  if (!containerPort) throw new DecodeError(`"${key}" is no port: 7777/tcp`);
  if (!/^\d{0,5}$/.test(hostPort)) throw new DecodeError(`"${hostPort}" is no host port`);
  return {
    containerPort: Number(containerPort),
    hostPort: Number(hostPort || 0),
    protocol: protocol === "udp" ? "udp" : "tcp",
    hostIp: "",
  };
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

function postedTask(job: Job): BookTask | undefined {
  const label = job.spec.labels[BOOK_LABEL];
  if (label === undefined) return undefined;
  try {
    return JSON.parse(label) as BookTask;
  } catch {
    // Anyone may set a label; then the specification speaks for itself.
    return undefined;
  }
}

/** A task that came another way, in the book's words. */
function unpostedTask(job: Job, task: Task | undefined): BookTask {
  const service = job.spec.services.find(({ name }) => name === task?.service) ?? job.spec.services[0];
  const spec = service?.task ?? DEFAULT_TASK;
  const bound = spec.ports.filter(({ hostPort }) => hostPort !== 0);
  return {
    ID: job.id,
    ContainerID: "",
    Name: isLone(job) || !task ? job.spec.name : `${job.spec.name}.${task.service}.${task.slot}`,
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
