// Records of every kind for the stores' tests: whole and realistic, and different for different numbers.
import type { AccessToken } from "../../src/core/access.ts";
import type { Change, HandledRequest, LoggedChange } from "../../src/core/change.ts";
import type { Decision } from "../../src/core/decision.ts";
import { type Job, type Slot, slotKey } from "../../src/core/job.ts";
import type { Node } from "../../src/core/node.ts";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { type Task, type TaskState, unseen } from "../../src/core/task.ts";

const MIB = 1024 * 1024;

/** When the samples were made; ms since 1970. */
export const SAMPLE_MS = 1_790_000_000_000;

export function sampleJob(id: string, version = 1): Job {
  const task = {
    ...DEFAULT_TASK,
    image: "docker.io/library/nginx:1.29",
    env: { GREETING: "grüß Gott 👋", QUOTES: '"\\\n' },
    resources: { cpuMillis: 250, memoryBytes: 64 * MIB, diskBytes: 0 },
    ports: [{ containerPort: 80, hostPort: 0, protocol: "tcp" as const, hostIp: "" }],
    health: {
      probe: { kind: "http" as const, path: "/", port: 80 },
      intervalMs: 10_000,
      timeoutMs: 3_000,
      retries: 3,
      startPeriodMs: 0,
    },
  };
  return {
    id,
    version,
    spec: { name: `web-${id}`, services: [{ name: "web", count: 2, task }], labels: { team: "a" } },
    desired: "run",
    restartSerial: 0,
    startSerial: 1,
    actor: "user:sample",
    createdMs: SAMPLE_MS,
    updatedMs: SAMPLE_MS + version,
  };
}

export function sampleSlot(jobId: string, index: number): Slot {
  const taskId = `${jobId}-${index}-1`;
  return {
    jobId,
    service: "web",
    index,
    attempt: 1,
    taskId,
    startSerial: 1,
    failures: 2,
    waitMs: 1_500,
    avoid: ["n2"],
  };
}

export function sampleTask(id: string, state: TaskState = "running"): Task {
  const exits = [{ incarnation: 1, code: 137, oomKilled: true, reason: "out of memory", atMs: SAMPLE_MS }];
  return {
    id,
    jobId: "job-1",
    jobVersion: 1,
    service: "web",
    slot: 0,
    attempt: 1,
    nodeId: state === "pending" ? null : "n1",
    desired: "run",
    restartSerial: 0,
    fact: { ...unseen(id), state, incarnation: 2, health: "healthy", containerId: "c0ffee", restarts: 1, exits },
    reason: "",
    createdMs: SAMPLE_MS,
    updatedMs: SAMPLE_MS + 10,
  };
}

export function sampleNode(id: string): Node {
  return {
    id,
    name: `node-${id}`,
    machineId: "0f".repeat(16),
    address: "10.0.0.1",
    os: "linux",
    arch: "x64",
    version: "0.1.0",
    labels: { zone: "b" },
    capacity: { cpuMillis: 4_000, memoryBytes: 8_192 * MIB, diskBytes: 100_000 * MIB },
    reserved: { cpuMillis: 100, memoryBytes: 256 * MIB, diskBytes: 0 },
    runtimes: [{ kind: "docker", version: "20.10.24", problem: "" }],
    local: true,
    state: "ready",
    availability: "eligible",
    reason: "",
    joinedMs: SAMPLE_MS,
    stateSinceMs: SAMPLE_MS,
  };
}

export function sampleDecision(taskId: string): Decision {
  return {
    taskId,
    jobId: "job-1",
    scheduler: "epvm",
    nodeId: "n1",
    candidates: [{ nodeId: "n1", nodeName: "node-n1", score: 0.25, parts: [{ name: "cpu", value: 0.125 }] }],
    candidateCount: 1,
    refusals: [{ nodeId: "n2", nodeName: "node-n2", filter: "memory", reason: "lacks 512 MiB memory" }],
    refusalCount: 1,
    summary: "2 nodes: 1 lacks 512 MiB memory",
    atMs: SAMPLE_MS,
  };
}

export function sampleRequest(key: string): HandledRequest {
  return { key, digest: "d1", jobId: "job-1", atMs: SAMPLE_MS };
}

export function sampleAccess(name: string): AccessToken {
  return { name, role: "operate", hash: "h".repeat(43), createdMs: SAMPLE_MS, createdBy: "unix:sample" };
}

/** One put of every kind of record. */
export function onePutOfEach(id: string): Change[] {
  return [
    { kind: "job.put", job: sampleJob(id) },
    { kind: "slot.put", slot: sampleSlot(id, 0) },
    { kind: "task.put", task: sampleTask(`${id}-0-1`) },
    { kind: "node.put", node: sampleNode(`node-of-${id}`) },
    { kind: "decision.put", decision: sampleDecision(`${id}-0-1`) },
    { kind: "request.put", request: sampleRequest(`user/${id}`) },
    { kind: "access.put", access: sampleAccess(`token-of-${id}`) },
  ];
}

/** The removes that undo `onePutOfEach`. */
export function oneRemoveOfEach(id: string): Change[] {
  return [
    { kind: "job.remove", jobId: id },
    { kind: "slot.remove", key: slotKey(id, "web", 0) },
    { kind: "task.remove", taskId: `${id}-0-1` },
    { kind: "node.remove", nodeId: `node-of-${id}` },
    { kind: "decision.remove", taskId: `${id}-0-1` },
    { kind: "request.remove", key: `user/${id}` },
    { kind: "access.remove", name: `token-of-${id}` },
  ];
}

/** These changes with the revisions that follow `after`. */
export function logged(after: number, changes: readonly Change[], atMs = SAMPLE_MS): LoggedChange[] {
  return changes.map((change, index) => ({
    revision: after + 1 + index,
    atMs,
    actor: "scheduler",
    text: `${change.kind} #${after + 1 + index}`,
    change,
  }));
}

/** A put of a task that is different for each revision. */
export function taskPut(after: number, id = `task-${after + 1}`): LoggedChange[] {
  return logged(after, [{ kind: "task.put", task: { ...sampleTask(id), updatedMs: SAMPLE_MS + after } }]);
}

/** Records in an order of their own, for comparing what is in no promised order. */
export function sorted(records: readonly Change[]): Change[] {
  const text = new Map(records.map((record) => [record, JSON.stringify(record)]));
  return [...records].sort((a, b) => ((text.get(a) ?? "") < (text.get(b) ?? "") ? -1 : 1));
}

/** The live records after these changes: the reference that every store is held against. */
export function applied(changes: readonly LoggedChange[]): Change[] {
  const live = new Map<string, Change>();
  for (const { change } of changes) {
    const [table, verb] = change.kind.split(".");
    const key = `${table}/${referenceId(change)}`;
    if (verb === "put") live.set(key, change);
    else live.delete(key);
  }
  return sorted([...live.values()]);
}

function referenceId(change: Change): string {
  switch (change.kind) {
    case "job.put":
      return change.job.id;
    case "job.remove":
      return change.jobId;
    case "slot.put":
      return slotKey(change.slot.jobId, change.slot.service, change.slot.index);
    case "task.put":
      return change.task.id;
    case "node.put":
      return change.node.id;
    case "node.remove":
      return change.nodeId;
    case "decision.put":
      return change.decision.taskId;
    case "task.remove":
    case "decision.remove":
      return change.taskId;
    case "request.put":
      return change.request.key;
    case "slot.remove":
    case "request.remove":
      return change.key;
    case "access.put":
      return change.access.name;
    case "access.remove":
      return change.name;
  }
}
