/** The OpenAPI 3.1 document of /v1, made of the routes and of the schemas that validate their requests. Pure, and made only when asked for. */
import { z } from "zod";
import {
  decisionSchema,
  errorSchema,
  eventSchema,
  jobSchema,
  jobSpecSchema,
  managerSchema,
  metricsSchema,
  nodeSchema,
  taskSchema,
} from "../client/resource-schemas.ts";
import { submitSchema } from "../client/schemas.ts";
import type { Route } from "./route.ts";

const NAMED: Readonly<Record<string, z.ZodType>> = {
  Job: jobSchema,
  JobSpec: jobSpecSchema,
  JobRequest: submitSchema,
  Task: taskSchema,
  Node: nodeSchema,
  Metrics: metricsSchema,
  Decision: decisionSchema,
  Event: eventSchema,
  Manager: managerSchema,
  Error: errorSchema,
};

type Json = Record<string, unknown>;

/** The document, as plain JSON. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const names = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) names.add(schema, { id });
  const { schemas } = z.toJSONSchema(names, { uri: (id) => `#/components/schemas/${id}`, io: "input" });
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    paths[route.path] = operations;
    operations[route.method] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Cube", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "http://127.0.0.1:5555" }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, clean(schema)])),
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "Content of api-token in the data directory; none on cube.sock.",
        },
      },
    },
  };
}

function operation(route: Route): Json {
  const failure = {
    description: "Refused",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
  return {
    summary: route.summary,
    operationId: operationId(route),
    parameters: parameters(route),
    ...(route.body && {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(route.body) } } },
    }),
    responses: {
      ...Object.fromEntries(Object.entries(route.answers).map(([status, answer]) => [status, response(answer)])),
      default: failure,
    },
  };
}

function parameters(route: Route): Json[] {
  const query = schemaOf(route.query) as { properties?: Record<string, Json>; required?: string[] };
  const inQuery = Object.entries(query.properties ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema,
  }));
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const key = { name: "Idempotency-Key", in: "header", required: false, schema: { type: "string", maxLength: 255 } };
  return [...inPath, ...inQuery, ...(route.method === "post" ? [key] : [])];
}

function response(answer: z.ZodType | string | null): Json {
  if (answer === null) return { description: "Done" };
  if (typeof answer === "string")
    return { description: "A stream", content: { [answer]: { schema: { type: "string" } } } };
  return { description: "Done", content: { "application/json": { schema: schemaOf(answer) } } };
}

/** A schema where it is used: those with a name are referred to, wherever they stand in it. */
function schemaOf(schema: z.ZodType): unknown {
  const names = z.registry<{ id: string }>();
  for (const [id, named] of Object.entries(NAMED)) names.add(named, { id });
  names.add(schema, { id: nameOf(schema) ?? "It" });
  const name = nameOf(schema);
  if (name) return { $ref: `#/components/schemas/${name}` };
  const made = z.toJSONSchema(names, {
    uri: (id) => `#/components/schemas/${id}`,
    io: "input",
    unrepresentable: "any",
  });
  return clean(made.schemas["It"]);
}

function nameOf(schema: z.ZodType): string | undefined {
  return Object.entries(NAMED).find(([, named]) => named === schema)?.[0];
}

/** The parts are no documents of their own. */
function clean(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return schema;
  const { $schema: _schema, $id: _id, ...rest } = schema as Json;
  return rest;
}

function operationId(route: Route): string {
  const words = route.path
    .replace("/v1/", "")
    .split("/")
    .map((part) => part.replace(/[{}]/g, ""));
  return [route.method, ...words]
    .map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join("");
}
