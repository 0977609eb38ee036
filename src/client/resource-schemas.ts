/** Schemas of the resources, held against resources.ts by the compiler: what the HTTP API promises to answer, in its OpenAPI document and in its tests. Loaded by the server only. */
import { z } from "zod";
import { ACCESS_ROLES } from "../core/access.ts";
import type { JobSpec, ServiceSpec, TaskSpec } from "../core/spec.ts";
import { DESIRED_STATES, TASK_STATES } from "../core/task.ts";
import type {
  CreatedToken,
  DecisionResource,
  DialledResource,
  ErrorResource,
  EventResource,
  JobResource,
  JoinResource,
  ManagerResource,
  MetricsResource,
  NodeResource,
  TaskResource,
  TokenResource,
} from "./resources.ts";

const int = z.int();
const ms = z.int().describe("milliseconds since 1970; 0 for not yet");
const words = z.record(z.string(), z.string());

const resourcesSchema = z.strictObject({ cpuMillis: int, memoryBytes: int, diskBytes: int });
const portSchema = z.strictObject({
  containerPort: int,
  hostPort: int,
  protocol: z.enum(["tcp", "udp"]),
  hostIp: z.string(),
});
export const probeSchema = z.union([
  z.strictObject({ kind: z.literal("http"), path: z.string(), port: int }),
  z.strictObject({ kind: z.literal("tcp"), port: int }),
  z.strictObject({ kind: z.literal("exec"), command: z.array(z.string()) }),
]);
export const constraintSchema = z.strictObject({ key: z.string(), operator: z.enum(["==", "!="]), value: z.string() });
export const privilegesSchema = z.strictObject({
  privileged: z.boolean(),
  network: z.enum(["bridge", "host", "none"]),
  hostNamespaces: z.array(z.enum(["pid", "ipc", "uts"])),
  devices: z.array(z.string()),
  capAdd: z.array(z.string()),
});
export const disconnectSchema = z.strictObject({
  replace: z.boolean(),
  replaceAfterMs: int,
  lostAfterMs: int,
  stopAfterMs: int.nullable(),
  reconcile: z.enum(["keep_original", "keep_replacement"]),
});
const mountSchema = z.strictObject({
  kind: z.enum(["bind", "volume", "tmpfs"]),
  source: z.string(),
  target: z.string(),
  readOnly: z.boolean(),
});
export const restartConditionSchema = z.enum(["no", "on-failure", "always", "unless-stopped"]);

const taskSpecSchema: z.ZodType<TaskSpec> = z.strictObject({
  runtime: z.enum(["docker", "process"]),
  image: z.string(),
  command: z.array(z.string()),
  entrypoint: z.array(z.string()).nullable(),
  env: words,
  workingDir: z.string(),
  user: z.string(),
  resources: resourcesSchema,
  ports: z.array(portSchema),
  mounts: z.array(mountSchema),
  restart: z.strictObject({
    condition: restartConditionSchema,
    attempts: int,
    windowMs: int,
    delayMs: int,
    maxDelayMs: int,
  }),
  pull: z.enum(["always", "missing", "never"]),
  health: z
    .strictObject({ probe: probeSchema, intervalMs: int, timeoutMs: int, retries: int, startPeriodMs: int })
    .nullable(),
  stopSignal: z.string(),
  stopGraceMs: int,
  disconnect: disconnectSchema,
  labels: words,
  constraints: z.array(constraintSchema),
  privileges: privilegesSchema,
});
const serviceSpecSchema: z.ZodType<ServiceSpec> = z.strictObject({
  name: z.string(),
  count: int,
  task: taskSpecSchema,
});

/** A JobSpec, exact and complete. */
export const jobSpecSchema: z.ZodType<JobSpec> = z.strictObject({
  name: z.string(),
  services: z.array(serviceSpecSchema),
  labels: words,
});

const taskState = z.enum(TASK_STATES);

export const jobSchema: z.ZodType<JobResource> = z.strictObject({
  id: z.string(),
  name: z.string(),
  kind: z.enum(["service", "batch"]),
  version: int,
  desired: z.enum(["run", "stop", "remove"]),
  services: z.array(serviceSpecSchema),
  labels: words,
  states: z.partialRecord(taskState, int).describe("newest attempts by state"),
  actor: z.string(),
  createdMs: ms,
  updatedMs: ms,
}) as z.ZodType<JobResource>;

export const taskSchema: z.ZodType<TaskResource> = z.strictObject({
  id: z.string(),
  jobId: z.string(),
  name: z.string(),
  service: z.string(),
  slot: int,
  attempt: int,
  current: z.boolean(),
  nodeId: z.string(),
  nodeName: z.string(),
  runtime: z.enum(["docker", "process"]),
  image: z.string(),
  command: z.array(z.string()),
  reserved: resourcesSchema,
  assumed: z.boolean(),
  desired: z.enum(DESIRED_STATES),
  state: taskState,
  health: z.enum(["unknown", "healthy", "unhealthy"]),
  incarnation: int,
  restarts: int,
  containerId: z.string(),
  containerName: z.string(),
  ports: z.array(portSchema),
  message: z.string(),
  reason: z.string(),
  restartInMs: z.number().nullable(),
  exits: z.array(
    z.strictObject({ incarnation: int, code: int.nullable(), oomKilled: z.boolean(), reason: z.string(), atMs: ms }),
  ),
  createdMs: ms,
  updatedMs: ms,
  startedMs: ms,
  finishedMs: ms,
});

const dialledBySchema = z.enum(["manager", "worker"]);

export const nodeSchema: z.ZodType<NodeResource> = z.strictObject({
  id: z.string(),
  name: z.string(),
  address: z.string(),
  local: z.boolean(),
  os: z.string(),
  arch: z.string(),
  version: z.string(),
  labels: words,
  capacity: resourcesSchema,
  allocatable: resourcesSchema,
  allocated: resourcesSchema,
  tasks: int,
  runtimes: z.array(z.strictObject({ kind: z.enum(["docker", "process"]), version: z.string(), problem: z.string() })),
  state: z.enum(["ready", "disconnected", "lost"]),
  availability: z.enum(["eligible", "cordoned", "draining"]),
  reason: z.string(),
  joinedMs: ms,
  stateSinceMs: ms,
  dialledBy: dialledBySchema.exactOptional(),
  roundTripMs: z.number().exactOptional(),
  protocol: int.exactOptional(),
  linkedSinceMs: ms.exactOptional(),
  heartbeatAgeMs: z.number().exactOptional(),
  awaited: z.boolean().exactOptional(),
  dialledAt: z.array(z.string()).exactOptional(),
});

/** An address that the manager dials. */
export const dialledSchema: z.ZodType<DialledResource> = z.strictObject({
  address: z.string(),
  nodeId: z.string().describe("the node that was found there; empty before its first link"),
  linked: z.boolean(),
  problem: z.string().describe("why there is no link; empty for none or not yet"),
  configured: z.boolean().describe("of --workers: forgotten, it comes back with the manager's next start"),
});

/** All of them. */
export const dialledListSchema = z.array(dialledSchema);

/** What a new node needs. */
export const joinSchema: z.ZodType<JoinResource> = z.strictObject({
  token: z.string(),
  addresses: z.array(z.string()).describe("where other machines find the manager; empty while it listens on loopback"),
});

export const metricsSchema: z.ZodType<MetricsResource> = z.strictObject({
  nodeId: z.string(),
  atMs: ms,
  cpuMillis: z.number(),
  memoryUsedBytes: z.number(),
  memoryTotalBytes: z.number(),
  diskUsedBytes: z.number(),
  diskTotalBytes: z.number(),
  load: z.tuple([z.number(), z.number(), z.number()]),
  tasks: z.array(z.strictObject({ taskId: z.string(), cpuMillis: z.number(), memoryBytes: z.number() })),
  progress: z.array(z.strictObject({ taskId: z.string(), text: z.string() })),
  seenMs: ms.exactOptional(),
  link: z
    .strictObject({
      address: z.string(),
      dialledBy: dialledBySchema.exactOptional(),
      roundTripMs: z.number().exactOptional(),
      protocol: int.exactOptional(),
      linkedSinceMs: ms.exactOptional(),
    })
    .exactOptional(),
});

const scoreParts = z.array(z.strictObject({ name: z.string(), value: z.number() }));
export const decisionSchema: z.ZodType<DecisionResource> = z.strictObject({
  taskId: z.string(),
  jobId: z.string(),
  scheduler: z.string(),
  nodeId: z.string().nullable(),
  candidates: z.array(
    z.strictObject({ nodeId: z.string(), nodeName: z.string(), score: z.number(), parts: scoreParts }),
  ),
  candidateCount: int,
  refusals: z.array(
    z.strictObject({ nodeId: z.string(), nodeName: z.string(), filter: z.string(), reason: z.string() }),
  ),
  refusalCount: int,
  summary: z.string(),
  atMs: ms,
});

export const eventSchema: z.ZodType<EventResource> = z.strictObject({
  revision: int,
  atMs: ms,
  actor: z.string(),
  text: z.string(),
  kind: z.string(),
  jobId: z.string(),
  taskId: z.string(),
  nodeId: z.string(),
  job: jobSchema.exactOptional(),
  task: taskSchema.exactOptional(),
  node: nodeSchema.exactOptional(),
  decision: decisionSchema.exactOptional(),
});

export const managerSchema: z.ZodType<ManagerResource> = z.strictObject({
  clusterId: z.string(),
  name: z.string(),
  version: z.string(),
  commit: z.string(),
  pid: int,
  scheduler: z.string(),
  revision: int,
  startedMs: ms,
  dataDir: z.string(),
  health: z.enum(["ok", "read-only", "recovering"]),
  problem: z.string(),
  caution: z.string().exactOptional(),
  notice: z.string().exactOptional(),
  workerProblem: z.string().exactOptional(),
  unlinked: z.array(dialledSchema).exactOptional(),
});

export const tokenSchema: z.ZodType<TokenResource> = z.strictObject({
  name: z.string(),
  role: z.enum(ACCESS_ROLES),
  createdMs: ms,
  createdBy: z.string(),
  lastUsedMs: ms.describe("0 for not since the manager was started"),
});

export const createdTokenSchema: z.ZodType<CreatedToken> = z.strictObject({
  token: tokenSchema,
  secret: z.string().describe("given here once, and kept nowhere"),
});

/** Every token. */
export const tokensSchema = z.array(tokenSchema);

export const errorSchema: z.ZodType<ErrorResource> = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }),
});

/** A page of a list of these. */
export function pageSchema<T>(item: z.ZodType<T>) {
  return z.strictObject({ items: z.array(item), cursor: z.string(), revision: int });
}

/** Answer to a submission. */
export const submittedSchema = z.strictObject({ job: jobSchema, created: z.boolean() });

/** Answer to a question for events. */
export const eventsSchema = z.strictObject({ items: z.array(eventSchema), revision: int, gap: z.boolean() });

/** Answer to a question for health. */
export const healthSchema = z.strictObject({
  health: z.enum(["ok", "read-only", "recovering"]),
  problem: z.string(),
  workerProblem: z.string().exactOptional(),
  revision: int,
});

/** Answer to what is done after it. */
export const acceptedSchema = z.strictObject({ accepted: z.literal(true) });

/** The newest samples. */
export const samplesSchema = z.array(metricsSchema);
