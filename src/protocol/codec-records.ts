/**
 * Schemas of the records inside messages: what a task is, how it is, what a node says of itself. Held against the core's types by the compiler in both
 * directions, so that a field that is added there cannot be forgotten here. Shape only: what a value may be is decided where it is submitted.
 */
import { z } from "zod";
import type { Assignment } from "../core/assignment.ts";
import type { NodeFacts, NodeMetrics } from "../core/node.ts";
import type { HealthCheck, Resources, TaskSpec } from "../core/spec.ts";
import { DESIRED_STATES, TASK_STATES, type TaskExit, type TaskFact } from "../core/task.ts";
import type { ManagerIdentity } from "./messages.ts";

/** One schema for each field of T, none missing. */
type Fields<T> = Readonly<Record<keyof T, z.ZodType>>;

const text = z.string();
const texts = z.array(text);
const words = z.record(text, text);
const figures = z.record(text, z.number());
/** An amount, a count or a time. */
const whole = z.int();
const number = z.number();

const resources: z.ZodType<Resources> = z.strictObject({
  cpuMillis: whole,
  memoryBytes: whole,
  diskBytes: whole,
} satisfies Fields<Resources>);

const port = z.strictObject({
  containerPort: whole,
  hostPort: whole,
  protocol: z.enum(["tcp", "udp"]),
  hostIp: text,
} satisfies Fields<TaskSpec["ports"][number]>);

const health: z.ZodType<HealthCheck> = z.strictObject({
  probe: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("http"), path: text, port: whole }),
    z.strictObject({ kind: z.literal("tcp"), port: whole }),
    z.strictObject({ kind: z.literal("exec"), command: texts }),
  ]),
  intervalMs: whole,
  timeoutMs: whole,
  retries: whole,
  startPeriodMs: whole,
} satisfies Fields<HealthCheck>);

const spec: z.ZodType<TaskSpec> = z.strictObject({
  runtime: z.enum(["docker", "process"]),
  image: text,
  command: texts,
  entrypoint: texts.nullable(),
  env: words,
  workingDir: text,
  user: text,
  resources,
  ports: z.array(port),
  mounts: z.array(
    z.strictObject({
      kind: z.enum(["bind", "volume", "tmpfs"]),
      source: text,
      target: text,
      readOnly: z.boolean(),
    } satisfies Fields<TaskSpec["mounts"][number]>),
  ),
  restart: z.strictObject({
    condition: z.enum(["no", "on-failure", "always", "unless-stopped"]),
    attempts: whole,
    windowMs: whole,
    delayMs: whole,
    maxDelayMs: whole,
  } satisfies Fields<TaskSpec["restart"]>),
  pull: z.enum(["always", "missing", "never"]),
  health: health.nullable(),
  stopSignal: text,
  stopGraceMs: whole,
  disconnect: z.strictObject({
    replace: z.boolean(),
    replaceAfterMs: whole,
    lostAfterMs: whole,
    stopAfterMs: whole.nullable(),
    reconcile: z.enum(["keep_original", "keep_replacement"]),
  } satisfies Fields<TaskSpec["disconnect"]>),
  labels: words,
  constraints: z.array(
    z.strictObject({ key: text, operator: z.enum(["==", "!="]), value: text } satisfies Fields<
      TaskSpec["constraints"][number]
    >),
  ),
  privileges: z.strictObject({
    privileged: z.boolean(),
    network: z.enum(["bridge", "host", "none"]),
    hostNamespaces: z.array(z.enum(["pid", "ipc", "uts"])),
    devices: texts,
    capAdd: texts,
  } satisfies Fields<TaskSpec["privileges"]>),
} satisfies Fields<TaskSpec>);

const exit = z.strictObject({
  incarnation: whole,
  code: whole.nullable(),
  oomKilled: z.boolean(),
  reason: text,
  atMs: number,
} satisfies Fields<TaskExit>);

/** What a worker says of one task. */
export const factSchema: z.ZodType<TaskFact> = z.strictObject({
  taskId: text,
  incarnation: whole.nonnegative(),
  state: z.enum(TASK_STATES),
  health: z.enum(["unknown", "healthy", "unhealthy"]),
  containerId: text,
  ports: z.array(port),
  message: text,
  restartInMs: number.nullable(),
  restarts: whole,
  startedMs: number,
  finishedMs: number,
  exits: z.array(exit),
} satisfies Fields<TaskFact>);

/** A task as its node gets it. */
export const assignmentSchema: z.ZodType<Assignment> = z.strictObject({
  taskId: text,
  jobId: text,
  name: text,
  service: text,
  slot: whole,
  attempt: whole,
  jobCreatedMs: z.number().exactOptional(),
  opening: text.exactOptional(),
  spec,
  desired: z.enum(DESIRED_STATES),
  restartSerial: whole,
  known: factSchema.exactOptional(),
} satisfies Fields<Assignment>);

/** Who the manager is. */
export const managerSchema: z.ZodType<ManagerIdentity> = z.strictObject({
  clusterId: text,
  instanceId: text,
  term: whole.nonnegative(),
  lineage: text,
  revision: whole.nonnegative(),
  mark: text.exactOptional(),
} satisfies Fields<ManagerIdentity>);

/** What a node says of itself. */
export const nodeFactsSchema: z.ZodType<NodeFacts> = z.strictObject({
  id: text,
  name: text,
  machineId: text,
  address: text,
  os: text,
  arch: text,
  version: text,
  labels: words,
  capacity: resources,
  reserved: resources,
  runtimes: z.array(
    z.strictObject({ kind: z.enum(["docker", "process"]), version: text, problem: text } satisfies Fields<
      NodeFacts["runtimes"][number]
    >),
  ),
  local: z.boolean(),
} satisfies Fields<NodeFacts>);

/** One sample of a node. */
export const metricsSchema: z.ZodType<NodeMetrics> = z.strictObject({
  cpuMillis: number,
  memoryUsedBytes: number,
  memoryTotalBytes: number,
  diskUsedBytes: number,
  diskTotalBytes: number,
  load: z.tuple([number, number, number]),
  tasks: z.array(
    z.strictObject({ taskId: text, cpuMillis: number, memoryBytes: number } satisfies Fields<
      NodeMetrics["tasks"][number]
    >),
  ),
  atMs: number,
  book: z
    .strictObject({
      MemStats: figures,
      DiskStats: figures,
      CpuStats: z.record(text, z.union([number, text])),
      LoadStats: figures,
    } satisfies Fields<NonNullable<NodeMetrics["book"]>>)
    .nullable(),
} satisfies Fields<NodeMetrics>);
