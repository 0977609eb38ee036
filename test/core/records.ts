/** Records for tests: whole and valid, with only what a test names being different. */
import type { Change } from "../../src/core/change.ts";
import { apply, type Cluster, emptyCluster } from "../../src/core/cluster.ts";
import { taskId } from "../../src/core/ids.ts";
import type { Job, Slot } from "../../src/core/job.ts";
import type { Node } from "../../src/core/node.ts";
import {
  DEFAULT_RESTART,
  DEFAULT_TASK,
  type JobSpec,
  type RestartCondition,
  type TaskSpec,
} from "../../src/core/spec.ts";
import { type Task, type TaskFact, unseen } from "../../src/core/task.ts";

/** Time of all records that a test does not date. */
export const NOW = 1_700_000_000_000;

/** A docker task of busybox. */
export function aSpec(overrides: Partial<TaskSpec> = {}, restart: RestartCondition = "always"): TaskSpec {
  return { ...DEFAULT_TASK, image: "busybox:1", restart: { ...DEFAULT_RESTART, condition: restart }, ...overrides };
}

/** A job of one service named like it. */
export function aJobSpec(name: string, task: TaskSpec = aSpec(), count = 1): JobSpec {
  return { name, services: [{ name, count, task }], labels: {} };
}

/** A job that is to run; its id is its name. */
export function aJob(name: string, overrides: Partial<Job> = {}): Job {
  return {
    id: name,
    version: 1,
    spec: aJobSpec(name),
    desired: "run",
    restartSerial: 0,
    startSerial: 1,
    actor: "test",
    createdMs: NOW,
    updatedMs: NOW,
    ...overrides,
  };
}

/** The only slot of such a job, at its first attempt. */
export function aSlot(job: string, overrides: Partial<Slot> = {}): Slot {
  const attempt = overrides.attempt ?? 1;
  return {
    jobId: job,
    service: job,
    index: 0,
    attempt,
    taskId: idOf(job, attempt, overrides.index ?? 0),
    startSerial: 1,
    failures: 0,
    waitMs: 0,
    avoid: [],
    ...overrides,
  };
}

/** Id of an attempt in the cluster "c". */
export function idOf(job: string, attempt = 1, slot = 0): string {
  return taskId({ clusterId: "c", jobId: job, service: job, slot, attempt, jobCreatedMs: NOW });
}

/** An attempt of such a slot, unplaced. */
export function aTask(job: string, overrides: Partial<Task> = {}, fact: Partial<TaskFact> = {}): Task {
  const attempt = overrides.attempt ?? 1;
  const id = idOf(job, attempt, overrides.slot ?? 0);
  return {
    id,
    jobId: job,
    jobVersion: 1,
    service: job,
    slot: 0,
    attempt,
    nodeId: null,
    desired: "run",
    restartSerial: 0,
    fact: { ...unseen(id), ...fact },
    reason: "",
    createdMs: NOW,
    updatedMs: NOW,
    ...overrides,
  };
}

/** A ready node of 4 cores, 8 GiB memory and 100 GiB disk, with docker. */
export function aNode(name: string, overrides: Partial<Node> = {}): Node {
  return {
    id: name,
    name,
    machineId: `machine-${name}`,
    address: "in-process",
    os: "linux",
    arch: "x64",
    version: "test",
    labels: {},
    capacity: { cpuMillis: 4_000, memoryBytes: 8 * 2 ** 30, diskBytes: 100 * 2 ** 30 },
    reserved: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
    runtimes: [{ kind: "docker", version: "20.10", problem: "" }],
    local: true,
    state: "ready",
    availability: "eligible",
    reason: "",
    joinedMs: NOW,
    stateSinceMs: NOW,
    ...overrides,
  };
}

/** A cluster of these records. */
export function aCluster(...records: (Job | Slot | Task | Node)[]): Cluster {
  const cluster = emptyCluster();
  for (const record of records) apply(cluster, putOf(record));
  return cluster;
}

function putOf(record: Job | Slot | Task | Node): Change {
  if ("fact" in record) return { kind: "task.put", task: record };
  if ("index" in record) return { kind: "slot.put", slot: record };
  if ("spec" in record) return { kind: "job.put", job: record };
  return { kind: "node.put", node: record };
}
