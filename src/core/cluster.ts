/**
 * The state of the cluster, in memory, and `apply`, its only writer. Everything here is derived from stored records by `apply` alone, so a state
 * loaded from the store equals the one that wrote it. Queries are read-only.
 */
import type { AccessToken } from "./access.ts";
import { unreachable } from "./assert.ts";
import type { Change, HandledRequest } from "./change.ts";
import type { Decision } from "./decision.ts";
import { findService, type Job, type Slot, slotKey, taskName } from "./job.ts";
import type { Node } from "./node.ts";
import type { TaskSpec } from "./spec.ts";
import { isTerminal, type Task, type TaskState } from "./task.ts";

/** Records by key, and what is derived from them. Outside this file it is read, never written. */
export interface Cluster {
  readonly jobs: ReadonlyMap<string, Job>;
  readonly slots: ReadonlyMap<string, Slot>;
  readonly tasks: ReadonlyMap<string, Task>;
  readonly nodes: ReadonlyMap<string, Node>;
  /** By task id, oldest first. */
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Requests with an idempotency key, oldest first. */
  readonly requests: ReadonlyMap<string, HandledRequest>;
  /** Tokens of the API, by name. */
  readonly tokens: ReadonlyMap<string, AccessToken>;
  /** Ids of all attempts, by slot key, oldest first. */
  readonly attempts: ReadonlyMap<string, ReadonlySet<string>>;
  /** Slot keys by job. */
  readonly slotsOfJob: ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids of tasks that are bound to a node and still have records there, by node. */
  readonly tasksOfNode: ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids of jobs by name; several when stopped ones share it. */
  readonly jobsByName: ReadonlyMap<string, ReadonlySet<string>>;
  /** By job, how many of its slots have a newest attempt in each state; no entry is 0. */
  readonly statesOfJob: ReadonlyMap<string, ReadonlyMap<TaskState, number>>;
}

class ClusterState implements Cluster {
  readonly jobs = new Map<string, Job>();
  readonly slots = new Map<string, Slot>();
  readonly tasks = new Map<string, Task>();
  readonly nodes = new Map<string, Node>();
  readonly decisions = new Map<string, Decision>();
  readonly requests = new Map<string, HandledRequest>();
  readonly tokens = new Map<string, AccessToken>();
  readonly attempts = new Map<string, Set<string>>();
  readonly slotsOfJob = new Map<string, Set<string>>();
  readonly tasksOfNode = new Map<string, Set<string>>();
  readonly jobsByName = new Map<string, Set<string>>();
  readonly statesOfJob = new Map<string, Map<TaskState, number>>();
}

/** A cluster without any record. */
export function emptyCluster(): Cluster {
  return new ClusterState();
}

/** Makes one change true. Total: any change may be applied to any state, and a remove of what is not there does nothing. */
export function apply(cluster: Cluster, change: Change): void {
  const state = cluster as ClusterState;
  switch (change.kind) {
    case "job.put":
      putJob(state, change.job);
      break;
    case "job.remove":
      removeJob(state, change.jobId);
      break;
    case "slot.put":
      putSlot(state, change.slot);
      break;
    case "slot.remove":
      removeSlot(state, change.key);
      break;
    case "task.put":
      putTask(state, change.task);
      break;
    case "task.remove":
      removeTask(state, change.taskId);
      break;
    case "node.put":
      state.nodes.set(change.node.id, change.node);
      break;
    case "node.remove":
      state.nodes.delete(change.nodeId);
      break;
    case "decision.put":
      // Delete first: the map stays in order of time, so pruning takes from its front.
      state.decisions.delete(change.decision.taskId);
      state.decisions.set(change.decision.taskId, change.decision);
      break;
    case "decision.remove":
      state.decisions.delete(change.taskId);
      break;
    case "request.put":
      state.requests.set(change.request.key, change.request);
      break;
    case "request.remove":
      state.requests.delete(change.key);
      break;
    case "access.put":
      state.tokens.set(change.access.name, change.access);
      break;
    case "access.remove":
      state.tokens.delete(change.name);
      break;
    default:
      unreachable(change);
  }
}

/** The change that undoes `change`, as things stand before it is applied. For the rollback of a batch that did not become durable. */
export function inverse(cluster: Cluster, change: Change): Change {
  switch (change.kind) {
    case "job.put":
    case "job.remove": {
      const jobId = change.kind === "job.put" ? change.job.id : change.jobId;
      const job = cluster.jobs.get(jobId);
      return job ? { kind: "job.put", job } : { kind: "job.remove", jobId };
    }
    case "slot.put":
    case "slot.remove": {
      const key = change.kind === "slot.put" ? slotKeyOf(change.slot) : change.key;
      const slot = cluster.slots.get(key);
      return slot ? { kind: "slot.put", slot } : { kind: "slot.remove", key };
    }
    case "task.put":
    case "task.remove": {
      const taskId = change.kind === "task.put" ? change.task.id : change.taskId;
      const task = cluster.tasks.get(taskId);
      return task ? { kind: "task.put", task } : { kind: "task.remove", taskId };
    }
    case "node.put":
    case "node.remove": {
      const nodeId = change.kind === "node.put" ? change.node.id : change.nodeId;
      const node = cluster.nodes.get(nodeId);
      return node ? { kind: "node.put", node } : { kind: "node.remove", nodeId };
    }
    case "decision.put":
    case "decision.remove": {
      const taskId = change.kind === "decision.put" ? change.decision.taskId : change.taskId;
      const decision = cluster.decisions.get(taskId);
      return decision ? { kind: "decision.put", decision } : { kind: "decision.remove", taskId };
    }
    case "request.put":
    case "request.remove": {
      const key = change.kind === "request.put" ? change.request.key : change.key;
      const request = cluster.requests.get(key);
      return request ? { kind: "request.put", request } : { kind: "request.remove", key };
    }
    case "access.put":
    case "access.remove": {
      const name = change.kind === "access.put" ? change.access.name : change.name;
      const access = cluster.tokens.get(name);
      return access ? { kind: "access.put", access } : { kind: "access.remove", name };
    }
    default:
      return unreachable(change);
  }
}

/** Key of a slot record. */
export function slotKeyOf(slot: Pick<Slot, "jobId" | "service" | "index">): string {
  return slotKey(slot.jobId, slot.service, slot.index);
}

/** Key of the slot that a task fills. */
export function slotKeyOfTask(task: Task): string {
  return slotKey(task.jobId, task.service, task.slot);
}

/** What a task runs; undefined when its job is gone. */
export function specOf(cluster: Cluster, task: Task): TaskSpec | undefined {
  const job = cluster.jobs.get(task.jobId);
  return job && findService(job, task.service)?.task;
}

/** A task's name for people; its id once its job is gone. */
export function nameOfTask(cluster: Cluster, task: Task): string {
  const job = cluster.jobs.get(task.jobId);
  return job ? taskName(job, task.service, task.slot) : task.id;
}

/** The newest attempt of a slot; undefined before the first. */
export function currentTask(cluster: Cluster, slot: Slot): Task | undefined {
  return cluster.tasks.get(slot.taskId);
}

/** True for the newest attempt of its slot. */
export function isCurrent(cluster: Cluster, task: Task): boolean {
  return cluster.slots.get(slotKeyOfTask(task))?.taskId === task.id;
}

/** The slots of a job, in order of their keys' insertion. */
export function slotsOf(cluster: Cluster, jobId: string): Slot[] {
  const slots: Slot[] = [];
  for (const key of cluster.slotsOfJob.get(jobId) ?? []) {
    const slot = cluster.slots.get(key);
    if (slot) slots.push(slot);
  }
  return slots;
}

/** All attempts of a job's slots that still have records. */
export function tasksOf(cluster: Cluster, jobId: string): Task[] {
  const tasks: Task[] = [];
  for (const key of cluster.slotsOfJob.get(jobId) ?? []) {
    for (const id of cluster.attempts.get(key) ?? []) {
      const task = cluster.tasks.get(id);
      if (task) tasks.push(task);
    }
  }
  return tasks;
}

/** True while a task counts against its node: bound to one and not known to be over there. */
export function holdsResources(task: Task): boolean {
  return task.nodeId !== null && (!isTerminal(task.fact.state) || task.lingers === true);
}

function putJob(state: ClusterState, job: Job): void {
  const before = state.jobs.get(job.id);
  if (before && before.spec.name !== job.spec.name) unindex(state.jobsByName, before.spec.name, job.id);
  state.jobs.set(job.id, job);
  index(state.jobsByName, job.spec.name, job.id);
}

function removeJob(state: ClusterState, jobId: string): void {
  const job = state.jobs.get(jobId);
  if (!job) return;
  state.jobs.delete(jobId);
  unindex(state.jobsByName, job.spec.name, jobId);
}

function putSlot(state: ClusterState, slot: Slot): void {
  const key = slotKeyOf(slot);
  count(state, state.slots.get(key), -1);
  state.slots.set(key, slot);
  count(state, slot, 1);
  index(state.slotsOfJob, slot.jobId, key);
}

function removeSlot(state: ClusterState, key: string): void {
  const slot = state.slots.get(key);
  if (!slot) return;
  count(state, slot, -1);
  state.slots.delete(key);
  unindex(state.slotsOfJob, slot.jobId, key);
}

function putTask(state: ClusterState, task: Task): void {
  const before = state.tasks.get(task.id);
  if (before?.nodeId && before.nodeId !== task.nodeId) unindex(state.tasksOfNode, before.nodeId, task.id);
  const key = slotKeyOfTask(task);
  const slot = state.slots.get(key);
  const counted = slot?.taskId === task.id ? slot : undefined;
  count(state, counted, -1);
  state.tasks.set(task.id, task);
  count(state, counted, 1);
  index(state.attempts, key, task.id);
  index(state.slotsOfJob, task.jobId, key);
  if (task.nodeId) index(state.tasksOfNode, task.nodeId, task.id);
}

function removeTask(state: ClusterState, taskId: string): void {
  const task = state.tasks.get(taskId);
  if (!task) return;
  const slot = state.slots.get(slotKeyOfTask(task));
  if (slot?.taskId === taskId) count(state, slot, -1);
  state.tasks.delete(taskId);
  unindex(state.attempts, slotKeyOfTask(task), taskId);
  if (task.nodeId) unindex(state.tasksOfNode, task.nodeId, taskId);
}

/** Adds the state of the slot's newest attempt to its job's figures, or takes it away. */
function count(state: ClusterState, slot: Slot | undefined, sign: 1 | -1): void {
  const task = slot && state.tasks.get(slot.taskId);
  if (!slot || !task || task.jobId !== slot.jobId || task.service !== slot.service || task.slot !== slot.index) return;
  let states = state.statesOfJob.get(slot.jobId);
  if (!states) {
    states = new Map();
    state.statesOfJob.set(slot.jobId, states);
  }
  const left = (states.get(task.fact.state) ?? 0) + sign;
  if (left > 0) states.set(task.fact.state, left);
  else states.delete(task.fact.state);
  if (states.size === 0) state.statesOfJob.delete(slot.jobId);
}

function index(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set) set.add(value);
  else map.set(key, new Set([value]));
}

function unindex(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (!set?.delete(value)) return;
  if (set.size === 0) map.delete(key);
}
