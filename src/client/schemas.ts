/**
 * Schemas of what is asked of the API: they validate every request at the server and are what its OpenAPI document is made of. Unknown keys are refused with the
 * nearest known one. Loaded by the server, and by a command that reads a file; never on the way of an ordinary command.
 */
import { z } from "zod";
import { ACCESS_ROLES } from "../core/access.ts";
import { didYouMean } from "../core/closest.ts";
import { ClientError } from "./cluster-client.ts";
import { type Problem, refuseProblems } from "./job-limits.ts";
import type { JobRequest, ServiceRequest, TaskRequest } from "./job-request.ts";
import {
  constraintSchema,
  disconnectSchema,
  privilegesSchema,
  probeSchema,
  restartConditionSchema,
} from "./resource-schemas.ts";
import type { TokenRequest } from "./resources.ts";

const size = z.union([z.number(), z.string()]).describe('bytes, or a size such as "512m" (units of 1024)');
const duration = z.union([z.number(), z.string()]).describe('milliseconds, or a time such as "10s"');
const texts = z.array(z.string());

const resourceFields = {
  cpus: z.union([z.number(), z.string()]).describe("cores, such as 0.5").exactOptional(),
  cpuMillis: z.number().describe("thousandths of a core").exactOptional(),
  memory: size.exactOptional(),
  memoryBytes: size.exactOptional(),
  disk: size.exactOptional(),
  diskBytes: size.exactOptional(),
};

const portRequest = z.union([
  z.string().describe("80, 8080:80 or 127.0.0.1:8080:80/udp"),
  z.number(),
  z.strictObject({
    containerPort: z.number(),
    hostPort: z.number().exactOptional(),
    protocol: z.enum(["tcp", "udp"]).exactOptional(),
    hostIp: z.string().exactOptional(),
  }),
]);

const mountRequest = z.union([
  z.string().describe("/on/node:/in/task or volume:/in/task, with :ro to protect it"),
  z.strictObject({
    kind: z.enum(["bind", "volume", "tmpfs"]).exactOptional(),
    source: z.string().exactOptional(),
    target: z.string(),
    readOnly: z.boolean().exactOptional(),
  }),
]);

const restartRequest = z.union([
  restartConditionSchema,
  z.strictObject({
    condition: restartConditionSchema.exactOptional(),
    attempts: z.number().exactOptional(),
    window: duration.exactOptional(),
    windowMs: duration.exactOptional(),
    delay: duration.exactOptional(),
    delayMs: duration.exactOptional(),
    maxDelay: duration.exactOptional(),
    maxDelayMs: duration.exactOptional(),
  }),
]);

const healthRequest = z.strictObject({
  probe: probeSchema.exactOptional(),
  http: z.string().describe("a path; healthy is a status of exactly 200").exactOptional(),
  tcp: z.number().describe("a port of the task").exactOptional(),
  exec: texts.describe("a command in the task; healthy is exit code 0").exactOptional(),
  port: z.number().describe("the port for http; 0 for the first mapped one").exactOptional(),
  interval: duration.exactOptional(),
  intervalMs: duration.exactOptional(),
  timeout: duration.exactOptional(),
  timeoutMs: duration.exactOptional(),
  retries: z.number().exactOptional(),
  startPeriod: duration.exactOptional(),
  startPeriodMs: duration.exactOptional(),
});

const taskFields = {
  ...resourceFields,
  runtime: z.enum(["docker", "process"]).exactOptional(),
  image: z.string().exactOptional(),
  command: texts.exactOptional(),
  entrypoint: texts.nullable().exactOptional(),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).exactOptional(),
  workingDir: z.string().exactOptional(),
  user: z.string().exactOptional(),
  resources: z.strictObject(resourceFields).exactOptional(),
  ports: z.array(portRequest).exactOptional(),
  mounts: z.array(mountRequest).exactOptional(),
  restart: restartRequest.exactOptional(),
  pull: z.enum(["always", "missing", "never"]).exactOptional(),
  health: healthRequest.nullable().exactOptional(),
  stopSignal: z.string().exactOptional(),
  stopGrace: duration.exactOptional(),
  stopGraceMs: duration.exactOptional(),
  disconnect: optionalFields(disconnectSchema).exactOptional(),
  labels: z.record(z.string(), z.string()).exactOptional(),
  constraints: z
    .array(z.union([z.string().describe("node.hostname==n1 or zone!=b"), constraintSchema]))
    .exactOptional(),
  privileges: optionalFields(privilegesSchema).exactOptional(),
};

const taskRequestSchema: z.ZodType<TaskRequest> = z.strictObject(taskFields);

const serviceRequestSchema: z.ZodType<ServiceRequest> = z.strictObject({
  ...taskFields,
  name: z.string().exactOptional(),
  count: z.number().exactOptional(),
  task: taskRequestSchema.exactOptional(),
});

/** What is posted to /v1/jobs: a job as people write it, of services or a lone task in short, and with it the id that it is to have. */
export const submitSchema: z.ZodType<JobRequest & { readonly id?: string }> = z.strictObject({
  ...taskFields,
  name: z.string().describe("lower-case letters, digits and -").exactOptional(),
  count: z.number().exactOptional(),
  services: z.array(serviceRequestSchema).exactOptional(),
  id: z.uuid().describe("the job's id; the same id again changes nothing").exactOptional(),
});

const pageQuery = { limit: z.coerce.number().int().min(1).exactOptional(), cursor: z.string().exactOptional() };
const filter = z.string().exactOptional();

/** Queries of the lists. Each takes the filters that mean something there and refuses the others, so that none is passed over in silence. */
export const jobsQuerySchema = z.strictObject({ ...pageQuery, job: filter, state: filter });
export const tasksQuerySchema = z.strictObject({
  ...pageQuery,
  job: filter,
  node: filter,
  state: filter,
  history: flag().exactOptional(),
});
export const nodesQuerySchema = z.strictObject({ ...pageQuery, node: filter, state: filter });
export const decisionsQuerySchema = z.strictObject({ ...pageQuery, job: filter, node: filter });

/** Query of /v1/events. */
export const eventsQuerySchema = z.strictObject({
  since: z.coerce.number().int().min(0).exactOptional(),
  limit: z.coerce.number().int().min(1).exactOptional(),
  stream: flag().exactOptional(),
});

/** See eventsQuerySchema. */
export type EventsQuery = z.infer<typeof eventsQuerySchema>;

/** Query of a task's logs. */
export const logsQuerySchema = z.strictObject({
  follow: flag().default(false),
  tail: z.coerce.number().int().min(0).nullable().default(null),
  since: z.coerce.number().int().min(0).nullable().default(null),
});

/** Query of a node's removal. */
export const removeNodeQuerySchema = z.strictObject({ force: flag().default(false) });

/** What is posted to /v1/tokens. */
export const tokenRequestSchema: z.ZodType<TokenRequest> = z.strictObject({
  name: z.string().max(63).describe("lower-case letters, digits and -._ inside"),
  role: z.enum(ACCESS_ROLES).describe("view sees; operate changes what runs and goes into tasks; admin does all"),
});

/** What is posted to /v1/node-addresses. */
export const addNodeSchema = z.strictObject({
  address: z.string().min(1).max(300).describe("HOST:PORT of a worker that waits for its manager"),
});

/** Query of what takes none. */
export const noQuerySchema = z.strictObject({});

/** `value` as the schema reads it. Throws ClientError `invalid` that names every problem by its path. */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, ""));
  refuseProblems(problems, problems.map((problem) => problem.hint).find((hint) => hint !== "") ?? "");
  throw new ClientError("invalid", "the request cannot be read");
}

type FoundProblem = Problem & { readonly hint: string };

function problemsOf(issue: z.core.$ZodIssue, base: string): FoundProblem[] {
  const path = join(base, issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: join(path, [key]),
      message: "unknown",
      hint: didYouMean(
        key,
        KNOWN_KEYS.filter((known) => known !== key),
      ),
    }));
  }
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ path, message: issue.message, hint: "" }];
  return unionProblems(issue.errors, path);
}

/** Of a union's branches the one that the value was meant for: the one whose type it has. When it has none, all are named. */
function unionProblems(branches: readonly (readonly z.core.$ZodIssue[])[], path: string): FoundProblem[] {
  const meant = branches.find((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code === "unrecognized_keys"),
  );
  if (meant) return meant.flatMap((issue) => problemsOf(issue, path));
  const expected = branches.flatMap((issues) =>
    issues.map((issue) => issue.message.replace(/^Invalid (input|option): /, "")),
  );
  return [{ path, message: [...new Set(expected)].join(", or "), hint: "" }];
}

function join(base: string, path: readonly PropertyKey[]): string {
  let joined = base;
  for (const part of path) {
    if (typeof part === "number") joined += `[${part}]`;
    else joined += joined === "" ? String(part) : `.${String(part)}`;
  }
  return joined;
}

function flag() {
  return z.enum(["1", "0", "true", "false", ""]).transform((word) => word !== "0" && word !== "false");
}

function optionalFields<S extends z.core.$ZodLooseShape>(schema: z.ZodObject<S, z.core.$strict>) {
  const shape = Object.entries(schema.shape).map(([key, field]) => [key, (field as z.ZodType).exactOptional()]);
  return z.strictObject(Object.fromEntries(shape) as { [K in keyof S]: z.ZodExactOptional<S[K] & z.ZodType> });
}

const KNOWN_KEYS: readonly string[] = [
  ...new Set(
    [
      taskFields,
      restartRequest.options[1].shape,
      healthRequest.shape,
      disconnectSchema.shape,
      privilegesSchema.shape,
      tasksQuerySchema.shape,
      eventsQuerySchema.shape,
      logsQuerySchema.shape,
      removeNodeQuerySchema.shape,
    ]
      .flatMap((shape) => Object.keys(shape))
      .concat(
        "name",
        "count",
        "services",
        "task",
        "id",
        "containerPort",
        "hostPort",
        "hostIp",
        "protocol",
        "target",
        "source",
        "readOnly",
        "kind",
        "role",
      ),
  ),
];
