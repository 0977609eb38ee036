/** The book's worker API, on a port of its own and only when one is asked for: GET /tasks, GET /tasks/{id}, GET /stats, and, where it is allowed, POST and DELETE. Loopback only, as it takes no token. */
import type { Server } from "node:http";
import type { Server as NetServer } from "node:net";
import { Hono } from "hono";
import { ClientError } from "../client/cluster-client.ts";
import { isEncrypted } from "./admission.ts";
import type { ApiApp, ApiRequest } from "./app.ts";
import { BookRefusal, bookEmpty, bookJson, readEvent } from "./book-http.ts";
import { on } from "./book-routes.ts";
import { guard } from "./guard.ts";
import { type HttpListener, listenTcp } from "./listener.ts";
import type { LocalTasks } from "./local-tasks.ts";

/** Where the worker's API listens and what it may do. */
export interface BookWorkerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly tasks: LocalTasks;
  /** False refuses POST and DELETE. */
  readonly bookApi: boolean;
  /** Makes the server of the port where that is not for HTTP alone. */
  readonly front?: (http: Server) => NetServer;
}

/** Listens, or rejects with the reason and the way out. */
export function startBookWorker(options: BookWorkerOptions): Promise<HttpListener> {
  const { tasks, bookApi, ...at } = options;
  const app = workerApp(tasks, bookApi);
  return listenTcp(at, (bound) => ({
    app,
    admit: (request) => {
      // Behind TLS come strangers from anywhere, and this API asks for no token.
      if (isEncrypted(request))
        throw new ClientError("forbidden", "the book's API is plain HTTP, on this machine only");
      guard(request, { kind: "tcp", host: at.host, port: bound(), token: null });
    },
  }));
}

function workerApp(tasks: LocalTasks, bookApi: boolean): ApiApp {
  const app: ApiApp = new Hono();
  const writing = (run: (c: ApiRequest) => Promise<Response>) => (c: ApiRequest) => {
    if (!bookApi)
      throw new BookRefusal(403, "this worker takes tasks from its manager only: start it with --book-api\n");
    return run(c);
  };
  on(app, "/tasks", {
    GET: async () => bookJson(200, await tasks.list()),
    POST: writing(async (c) => bookJson(201, await tasks.start(await readEvent(c.env.incoming, "accept")))),
  });
  on(app, "/tasks/:id", {
    GET: async (c) => bookJson(200, await tasks.inspect(idOf(c))),
    DELETE: writing(async (c) => {
      await tasks.stop(idOf(c));
      return bookEmpty(204);
    }),
  });
  on(app, "/stats", { GET: async () => bookJson(200, await tasks.stats()) });
  app.notFound(() => bookEmpty(404));
  return app;
}

function idOf(c: ApiRequest): string {
  return (c.req.param("id") ?? "").toLowerCase();
}
