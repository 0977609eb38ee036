/**
 * The manager's HTTP server: the same routes on a unix socket, whose file mode is its key, and on TCP with tokens, in clear on loopback only. It only carries: what a
 * request means is the ClusterClient's.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Server as NetServer } from "node:net";
import type { ClusterClient } from "../client/cluster-client.ts";
import { WORKER_PORT } from "../core/address.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import { admit, type Door, isEncrypted } from "./admission.ts";
import { type ApiApp, createApp } from "./app.ts";
import { addBookRoutes } from "./book-routes.ts";
import { callerOf } from "./caller.ts";
import { serveExec } from "./exec-socket.ts";
import { ProcessMeter } from "./figures.ts";
import type { Entry } from "./guard.ts";
import { IdempotentAnswers } from "./idempotency.ts";
import { type HttpListener, listenTcp, listenUnix, type Served } from "./listener.ts";
import { createLocalClient } from "./local-client.ts";
import { sightOf } from "./node-view.ts";
import type { ApiLog, ManagerInfo, NodeLinks, TaskStreams } from "./ports.ts";
import type { ApiContext } from "./route.ts";
import { TokenList } from "./token-list.ts";

/** What the server stands on and where it listens. */
export interface ApiServerOptions {
  readonly access: ManagerAccess;
  readonly streams: TaskStreams;
  readonly info: ManagerInfo;
  /** Left out by a manager that has no nodes but its own. */
  readonly links?: NodeLinks;
  readonly onShutdown: () => void;
  readonly log: ApiLog;
  /** null for none. A socket that is there already is replaced: only the holder of the store's lock may call. */
  readonly unix: { readonly path: string; readonly actor: string } | null;
  /** null for none. Port 0 for any free one. `token` null switches tokens off for plain HTTP. */
  readonly tcp: TcpOptions | null;
  /** Port of the worker's book API, as the book's nodes show it; 5556 when left out. */
  readonly workerPort?: number;
}

/** Where the TCP listener is, and the token of plain HTTP. */
export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string | null;
  /** Makes the server of the port, which hands on plain HTTP and, out of TLS, HTTP; only with one may `host` be beyond loopback. */
  readonly front?: (http: Server) => NetServer;
}

/** A server that listens. */
export interface ApiServer {
  /** The TCP port; 0 for none. */
  readonly port: number;
  /** When a named token was last used, ms since 1970; 0 for not since this process began. */
  tokenUsedMs(name: string): number;
  /** Ends every connection and removes the socket. */
  close(): Promise<void>;
}

/** Who a change on TCP is by: with a token its holder, without one anybody on this machine, such as a reader of the book. */
const TCP_ACTORS = { token: "token:api", noToken: "book" } as const;

/** Listens, or rejects with the reason and the way out. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { unix, tcp } = options;
  const tokens = await TokenList.open(options.access);
  const share = sharer(options, tokens);
  const opened: HttpListener[] = [];
  const close = async (): Promise<void> => {
    tokens[Symbol.dispose]();
    await Promise.all(opened.map((listener) => listener.close()));
  };
  try {
    if (tcp) {
      const actor = tcp.token === null ? TCP_ACTORS.noToken : TCP_ACTORS.token;
      opened.push(
        await listenTcp(tcp, (port) => share(actor, (request) => tcpEntry(request, { ...tcp, port: port() }))),
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
  return { port: tcp ? (opened[0]?.port ?? 0) : 0, tokenUsedMs: (name) => tokens.usedMs(name), close };
}

function tcpEntry(request: IncomingMessage, { host, port, token }: TcpOptions): Entry {
  return isEncrypted(request) ? { kind: "tls" } : { kind: "tcp", host, port, token };
}

/** Makes what stands behind each listener; tokens, figures and repeats are common to all of them. */
function sharer(options: ApiServerOptions, tokens: TokenList): (actor: string, entry: Door["entry"]) => Served {
  const meter = new ProcessMeter(options.access);
  const answers = new IdempotentAnswers(() => performance.now());
  const { access } = meter;
  const { log, workerPort = WORKER_PORT } = options;
  const clientOf = (actor: string): ClusterClient =>
    createLocalClient({ ...options, access, actor, tokenUsedMs: (name) => tokens.usedMs(name) });
  const contextOf = (request: IncomingMessage): ApiContext => {
    const { actor } = callerOf(request);
    const sight = () => sightOf(access, options.links);
    return { client: clientOf(actor), access, sight, answers, actor, figures: () => meter.figures() };
  };
  return (actor, entry) => {
    const door: Door = { entry, actor, tokens };
    const app: ApiApp = createApp(contextOf, log);
    addBookRoutes(app, { access, actorOf: (request) => callerOf(request).actor, workerPort });
    const enter = (request: IncomingMessage, known: (request: IncomingMessage) => void) => {
      const caller = admit(request, door);
      known(request);
      return { client: clientOf(caller.actor), actor: caller.actor };
    };
    const onError = (error: Error): void => log("error", `the API's listener: ${error.message}`);
    return {
      app,
      admit: (request) => void admit(request, door),
      onError,
      upgrades: (http, known) => serveExec(http, { admit: (request) => enter(request, known), log }),
    };
  };
}
