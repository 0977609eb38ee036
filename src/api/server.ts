/**
 * The manager's HTTP server: the same routes on a unix socket, whose file mode is its key, and on loopback TCP with a token. It only carries: what a request
 * means is the ClusterClient's.
 */
import type { ManagerAccess } from "../manager/commands.ts";
import { type ApiApp, createApp } from "./app.ts";
import { addBookRoutes } from "./book-routes.ts";
import { serveExec } from "./exec-socket.ts";
import { ProcessMeter } from "./figures.ts";
import { type Entry, guard } from "./guard.ts";
import { IdempotentAnswers } from "./idempotency.ts";
import { type HttpListener, listenTcp, listenUnix, type Served } from "./listener.ts";
import { createLocalClient } from "./local-client.ts";
import type { ApiLog, ManagerInfo, TaskStreams } from "./ports.ts";

/** What the server stands on and where it listens. */
export interface ApiServerOptions {
  readonly access: ManagerAccess;
  readonly streams: TaskStreams;
  readonly info: ManagerInfo;
  readonly onShutdown: () => void;
  readonly log: ApiLog;
  /** null for none. A socket that is there already is replaced: only the holder of the store's lock may call. */
  readonly unix: { readonly path: string; readonly actor: string } | null;
  /** null for none. Port 0 for any free one. `token` null switches the token off. */
  readonly tcp: { readonly host: string; readonly port: number; readonly token: string | null } | null;
  /** Port of the worker's book API, as the book's nodes show it; 5556 when left out. */
  readonly workerPort?: number;
}

/** A server that listens. */
export interface ApiServer {
  /** The TCP port; 0 for none. */
  readonly port: number;
  /** Ends every connection and removes the socket. */
  close(): Promise<void>;
}

const BOOK_WORKER_PORT = 5556;

/** Who a change on TCP is by: with a token its holder, without one anybody on this machine, such as a reader of the book. */
const TCP_ACTORS = { token: "token:api", noToken: "book" } as const;

/** Listens, or rejects with the reason and the way out. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { unix, tcp } = options;
  const share = sharer(options);
  const opened: HttpListener[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((listener) => listener.close()));
  };
  try {
    if (tcp) {
      const actor = tcp.token === null ? TCP_ACTORS.noToken : TCP_ACTORS.token;
      opened.push(
        await listenTcp(tcp, (port) => share(actor, () => ({ kind: "tcp", port: port(), token: tcp.token }))),
      );
    }
    if (unix)
      opened.push(
        await listenUnix(
          unix.path,
          share(unix.actor, () => ({ kind: "unix" })),
        ),
      );
  } catch (error) {
    await close();
    throw error;
  }
  return { port: opened[0]?.port ?? 0, close };
}

/** Makes what stands behind each listener; figures and repeats are common to all of them. */
function sharer(options: ApiServerOptions): (actor: string, entry: () => Entry) => Served {
  const meter = new ProcessMeter(options.access);
  const answers = new IdempotentAnswers(() => performance.now());
  return (actor, entry) => {
    const { access } = meter;
    const client = createLocalClient({ ...options, access, actor });
    const app: ApiApp = createApp({ client, access, answers, actor, figures: () => meter.figures() }, options.log);
    addBookRoutes(app, { access, actor, workerPort: options.workerPort ?? BOOK_WORKER_PORT });
    const admit: Served["admit"] = (request) => guard(request.headers, entry());
    const onError = (error: Error): void => options.log("error", `the API's listener: ${error.message}`);
    return { app, admit, onError, upgrades: (http) => serveExec(http, { client, admit, actor, log: options.log }) };
  };
}
