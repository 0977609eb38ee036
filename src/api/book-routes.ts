/** The book's manager API on the API's own listeners: POST and GET /tasks, DELETE /tasks/{id}, GET /nodes. */

import type { IncomingMessage } from "node:http";
import { DecodeError, parseUuid } from "../client/book-decode.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import type { ApiApp, ApiRequest } from "./app.ts";
import { bookNode, bookTasks } from "./book.ts";
import { bookAnswer, bookEmpty, bookJson, readEvent } from "./book-http.ts";
import { submitEvent } from "./book-submit.ts";
import { execute } from "./execute.ts";

/** What the routes stand on. */
export interface BookContext {
  readonly access: ManagerAccess;
  readonly actorOf: (request: IncomingMessage) => string;
  /** Port of the workers' API, as nodes show it. */
  readonly workerPort: number;
}

/** Adds the routes. Everything else outside of them is a 404 without a body. */
export function addBookRoutes(app: ApiApp, context: BookContext): void {
  on(app, "/tasks", { GET: () => listTasks(context), POST: (c) => postTask(c, context) });
  on(app, "/tasks/:id", { DELETE: (c) => deleteTask(c, context) });
  on(app, "/nodes", { GET: () => listNodes(context) });
  app.notFound(() => bookEmpty(404));
}

type Handlers = Readonly<Record<string, (c: ApiRequest) => Promise<Response>>>;

/** One path with its methods; any other is a 405 without a body. */
export function on(app: ApiApp, path: string, handlers: Handlers): void {
  for (const each of [path, `${path}/`]) {
    app.all(each, (c) => {
      const handler = Object.hasOwn(handlers, c.req.method) ? handlers[c.req.method] : undefined;
      return handler ? bookAnswer(() => handler(c)) : bookEmpty(405);
    });
  }
}

/** The UUID of the path, or undefined for what is none: the book answers both that and an unknown one with 404. */
function pathUuid(c: ApiRequest): string | undefined {
  try {
    return parseUuid(c.req.param("id") ?? "");
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

async function listTasks({ access }: BookContext): Promise<Response> {
  return bookJson(200, bookTasks(await access.read()));
}

async function postTask(c: ApiRequest, { access, actorOf }: BookContext): Promise<Response> {
  const actor = actorOf(c.env.incoming);
  return bookJson(201, await submitEvent(access, await readEvent(c.env.incoming, "refuse"), { actor }));
}

async function deleteTask(c: ApiRequest, { access, actorOf }: BookContext): Promise<Response> {
  const id = pathUuid(c);
  const cluster = await access.read();
  if (id === undefined || !cluster.jobs.has(id)) return bookEmpty(404);
  await execute(access, { kind: "job.stop", jobId: id }, actorOf(c.env.incoming));
  return bookEmpty(204);
}

async function listNodes({ access, workerPort }: BookContext): Promise<Response> {
  const cluster = await access.read();
  const nodes = [...cluster.nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const observations = access.observations();
  return bookJson(
    200,
    nodes.map((node) => bookNode(cluster, node, { observation: observations.get(node.id), port: workerPort })),
  );
}
