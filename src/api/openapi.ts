/** The OpenAPI 3.1 document of /v1, made of the routes and of the schemas that validate their requests. Pure, and made only when asked for. */
import { execFrameSchema } from "../client/exec-schema.ts";
import { type Schema, SchemaNames } from "../client/json-schema.ts";
import {
  decisionSchema,
  dialledSchema,
  errorSchema,
  eventSchema,
  jobSchema,
  jobSpecSchema,
  joinSchema,
  managerSchema,
  metricsSchema,
  nodeSchema,
  taskSchema,
  tokenSchema,
} from "../client/resource-schemas.ts";
import { submitSchema } from "../client/schemas.ts";
import { EXEC_PERMISSION } from "./permissions.ts";
import type { Route } from "./route.ts";

type Json = Record<string, unknown>;

const NAMED = {
  Job: jobSchema,
  JobSpec: jobSpecSchema,
  JobRequest: submitSchema,
  Task: taskSchema,
  Node: nodeSchema,
  NodeAddress: dialledSchema,
  Join: joinSchema,
  Metrics: metricsSchema,
  Decision: decisionSchema,
  Event: eventSchema,
  Manager: managerSchema,
  Token: tokenSchema,
  Error: errorSchema,
};

/** The document, as plain JSON. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const names = new SchemaNames(NAMED);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(route, names) };
  }
  paths[EXEC_PATH] = { get: execOperation(names) };
  const token = {
    type: "http",
    scheme: "bearer",
    description:
      "The secret of a named token, or on loopback the content of api-token in the data directory; none is needed on cube.sock. x-cube-role is the least role (view, operate, admin) that may ask.",
  };
  return {
    openapi: "3.1.0",
    info: { title: "Cube", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "http://127.0.0.1:5555" }],
    security: [{ token: [] }],
    paths,
    components: { schemas: names.components(), securitySchemes: { token } },
  };
}

const { path: EXEC_PATH, needs: EXEC_ROLE } = EXEC_PERMISSION;

/** Served beside the routes, as it is an upgrade. */
function execOperation(names: SchemaNames): Json {
  const frames = names.jsonOf(execFrameSchema);
  return {
    summary: "Runs a command in a task, over WebSocket",
    description:
      "Text frames are JSON: the client begins with `start` and may send `resize` and `eof`; the server answers `started` or `error` and ends with `exit` and its code. Binary frames carry bytes behind one byte: 0 input, 1 output, 2 error output.",
    operationId: "execTask",
    "x-cube-role": EXEC_ROLE,
    parameters: [{ name: "ref", in: "path", required: true, schema: { type: "string" } }],
    responses: {
      101: { description: "The frames of the client, as schema", content: asJson(frames) },
      default: { description: "Refused", content: asJson(names.jsonOf(errorSchema)) },
    },
  };
}

function operation(route: Route, names: SchemaNames): Json {
  const answers = Object.entries(route.answers).map(([status, answer]) => [status, response(answer, names)]);
  return {
    summary: route.summary,
    operationId: operationId(route),
    "x-cube-role": route.needs,
    parameters: parameters(route, names),
    ...(route.body && { requestBody: { required: true, content: asJson(names.jsonOf(route.body)) } }),
    responses: {
      ...Object.fromEntries(answers),
      default: { description: "Refused", content: asJson(names.jsonOf(errorSchema)) },
    },
  };
}

function parameters(route: Route, names: SchemaNames): Json[] {
  const { properties = {} } = names.jsonOf(route.query) as { properties?: Record<string, Json> };
  const inQuery = Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: false, schema }));
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const key = { name: "Idempotency-Key", in: "header", required: false, schema: { type: "string", maxLength: 255 } };
  return [...inPath, ...inQuery, ...(route.method === "post" ? [key] : [])];
}

function response(answer: Schema | string | null, names: SchemaNames): Json {
  if (answer === null) return { description: "Done" };
  if (typeof answer === "string") {
    return { description: "A stream", content: { [answer]: { schema: { type: "string" } } } };
  }
  return { description: "Done", content: asJson(names.jsonOf(answer)) };
}

function asJson(schema: Json): Json {
  return { "application/json": { schema } };
}

/** Such as `postJobsRefStop`. */
function operationId(route: Route): string {
  const words = route.path
    .replace("/v1/", "")
    .split("/")
    .map((part) => part.replace(/[{}]/g, ""));
  return route.method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
