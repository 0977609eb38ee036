/** The routes behind one listener, on the framework: matches paths, reads queries and bodies by their schemas, and turns every error into its answer. */
import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { ClientError } from "../client/cluster-client.ts";
import { parse } from "../client/schemas.ts";
import { version } from "../version.ts";
import { readBody } from "./body.ts";
import { allowHeader, asClientError, errorBody, MethodNotAllowed, statusOf } from "./http-errors.ts";
import { idempotencyKey } from "./idempotency.ts";
import { parseJson } from "./json.ts";
import { openApiDocument } from "./openapi.ts";
import type { ApiLog } from "./ports.ts";
import { prometheusText } from "./prometheus.ts";
import type { ApiContext, Route, RouteAnswer } from "./route.ts";
import { ROUTES } from "./routes.ts";

/** The framework's application with what Node gives it. */
export type ApiApp = Hono<{ Bindings: HttpBindings }>;
export type ApiRequest = Context<{ Bindings: HttpBindings }>;

/** /v1 and /metrics for one listener. */
export function createApp(contextOf: (request: IncomingMessage) => ApiContext, log: ApiLog): ApiApp {
  const app: ApiApp = new Hono();
  for (const route of ROUTES)
    app.on(route.method.toUpperCase(), honoPath(route.path), (c) => serve(c, route, contextOf(c.env.incoming)));
  let document: unknown;
  app.get("/v1/openapi.json", (c) => {
    document ??= openApiDocument(ROUTES, version);
    return c.json(document);
  });
  app.get("/metrics", (c) => metrics(c, contextOf(c.env.incoming)));
  for (const [path, allow] of allowed()) app.all(path, (c) => failed(c, new MethodNotAllowed(allow), log));
  // Who looks at the address alone is no program of the book's, which wants a 404 without a body.
  app.all("/", (c) =>
    failed(
      c,
      new ClientError("not_found", "there is nothing at /", "the API begins at /v1: see /v1/openapi.json"),
      log,
    ),
  );
  app.all("/v1/*", (c) =>
    failed(c, new ClientError("not_found", `no such path: ${c.req.path}`, "/v1/openapi.json lists them"), log),
  );
  app.onError((error, c) => failed(c, error, log));
  return app;
}

async function serve(c: ApiRequest, route: Route, context: ApiContext): Promise<Response> {
  // The framework takes HEAD for GET; a stream without a body would never end.
  if (c.req.method === "HEAD") throw new MethodNotAllowed("GET");
  const query = parse(route.query, c.req.query());
  const body = route.body === null ? null : parse(route.body, parseJson(await readBody(c.env.incoming)));
  const key = idempotencyKey(c.req.header("idempotency-key"));
  const http = { request: c.env.incoming, response: c.env.outgoing };
  // The one path parameter that any route has.
  const ref = c.req.param("ref") ?? "";
  return respond(await route.handle({ context, ref, query, body, key, http }));
}

function respond(answer: RouteAnswer): Response {
  if (answer === "sent") return RESPONSE_ALREADY_SENT;
  if ("json" in answer) return jsonResponse(answer.json, answer.status);
  if ("text" in answer) return new Response(answer.text, { status: answer.status });
  return new Response(null, { status: answer.status });
}

function jsonResponse(value: unknown, status: number, headers: Record<string, string> = {}): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

function failed(c: ApiRequest, thrown: unknown, log: ApiLog): Response {
  const error = asClientError(thrown);
  if (error.code === "internal") log("error", `${c.req.method} ${c.req.path}: ${describe(thrown)}`);
  // What is left of a body that was not read would be taken for the next request.
  const end = error.code === "too_large" || error.code === "timeout" ? { connection: "close" } : {};
  return jsonResponse(errorBody(error), statusOf(error), { ...allowHeader(error), ...end });
}

/** Every path with the methods that it takes. */
function allowed(): Map<string, string> {
  const paths = new Map<string, string>([
    ["/v1/openapi.json", "GET"],
    ["/metrics", "GET"],
  ]);
  for (const { path, method } of ROUTES) {
    const before = paths.get(honoPath(path));
    paths.set(honoPath(path), before ? `${before}, ${method.toUpperCase()}` : method.toUpperCase());
  }
  return paths;
}

async function metrics(c: ApiRequest, { access, figures }: ApiContext): Promise<Response> {
  const process = await figures();
  const cluster = await access.read();
  const text = prometheusText(cluster, access.status(), { observations: access.observations(), process });
  return c.text(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
}

function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
