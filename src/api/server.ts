/**
 * The manager's HTTP server: the same routes on a unix socket, whose file mode is its key, and on loopback TCP with a token. It only carries: what a request
 * means is the ClusterClient's. It must never listen beyond loopback: there is no TLS yet.
 */
import { chmod, unlink } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { ManagerAccess } from "../manager/commands.ts";
import { createApp } from "./app.ts";
import { serveExec } from "./exec-socket.ts";
import { ProcessMeter } from "./figures.ts";
import { type Entry, guard } from "./guard.ts";
import { asClientError, refuse } from "./http-errors.ts";
import { IdempotentAnswers } from "./idempotency.ts";
import { createLocalClient } from "./local-client.ts";
import type { ApiLog, ManagerInfo, TaskStreams } from "./ports.ts";

/** What the server stands on and where it listens. */
export interface ApiServerOptions {
  readonly access: ManagerAccess;
  readonly streams: TaskStreams;
  readonly info: ManagerInfo;
  readonly onShutdown: () => void;
  readonly log: ApiLog;
  /** null for none. A socket that is there already is taken for a dead one and replaced: only the holder of the store's lock may call. */
  readonly unix: { readonly path: string; readonly actor: string } | null;
  /** null for none. Port 0 for any free one. `token` null switches the token off. */
  readonly tcp: { readonly host: string; readonly port: number; readonly token: string | null } | null;
}

/** A server that listens. */
export interface ApiServer {
  /** The TCP port; 0 for none. */
  readonly port: number;
  /** Ends every connection and removes the socket. */
  close(): Promise<void>;
}

const LOOPBACK = ["127.0.0.1", "::1", "localhost"];
const MAX_CONNECTIONS = 1_024;
const TIMEOUTS = { headersTimeout: 5_000, requestTimeout: 60_000, keepAliveTimeout: 65_000 } as const;

/** Listens, or rejects with the reason and the way out. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { unix, tcp } = options;
  if (tcp && !LOOPBACK.includes(tcp.host)) throw new Error(beyondLoopback(tcp.host));
  const shared = { meter: new ProcessMeter(options.access), answers: new IdempotentAnswers(() => performance.now()) };
  const opened: Listener[] = [];
  try {
    if (unix) opened.push(await listenUnix(options, shared, unix));
    if (tcp) opened.push(await listenTcp(options, shared, tcp));
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.close()));
    throw error;
  }
  return {
    port: opened.at(-1)?.port ?? 0,
    close: async () => void (await Promise.all(opened.map((listener) => listener.close()))),
  };
}

interface Shared {
  readonly meter: ProcessMeter;
  readonly answers: IdempotentAnswers;
}

interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

async function listenUnix(
  options: ApiServerOptions,
  shared: Shared,
  unix: { readonly path: string; readonly actor: string },
): Promise<Listener> {
  const server = makeServer(options, shared, { actor: unix.actor, entry: () => ({ kind: "unix" }) });
  await unlink(unix.path).catch(() => undefined);
  // The file must not exist for a moment with a mode that lets others in.
  const umask = process.umask(0o177);
  try {
    await listening(server.http, () => server.http.listen(unix.path), `the socket ${unix.path}`);
  } finally {
    process.umask(umask);
  }
  await chmod(unix.path, 0o600);
  return {
    port: 0,
    close: async () => {
      await server.close();
      await unlink(unix.path).catch(() => undefined);
    },
  };
}

async function listenTcp(
  options: ApiServerOptions,
  shared: Shared,
  tcp: NonNullable<ApiServerOptions["tcp"]>,
): Promise<Listener> {
  let port = tcp.port;
  const actor = tcp.token === null ? "book" : "token:api";
  const server = makeServer(options, shared, { actor, entry: () => ({ kind: "tcp", port, token: tcp.token }) });
  await listening(server.http, () => server.http.listen(tcp.port, tcp.host), `${tcp.host}:${tcp.port}`);
  port = (server.http.address() as AddressInfo).port;
  return { port, close: server.close };
}

/** `entry` is asked at each request: the port is known only once it listens. */
function makeServer(
  options: ApiServerOptions,
  shared: Shared,
  door: { readonly actor: string; readonly entry: () => Entry },
) {
  const access = shared.meter.access;
  const client = createLocalClient({ ...options, access, actor: door.actor });
  const app = createApp(
    { client, access, answers: shared.answers, actor: door.actor, figures: () => shared.meter.figures() },
    options.log,
  );
  const listener = getRequestListener(app.fetch);
  const admit = (request: IncomingMessage, response: ServerResponse): void => {
    try {
      guard(request.headers, door.entry());
    } catch (error) {
      return refuse(response, asClientError(error));
    }
    void listener(request, response);
  };
  const http = createServer(TIMEOUTS, admit);
  const sockets = new Set<Socket>();
  http.on("connection", (socket: Socket) => {
    socket.on("error", () => undefined);
    if (sockets.size >= MAX_CONNECTIONS) return void socket.destroy();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  http.on("clientError", (_error, socket) => void socket.destroy());
  const exec = serveExec(http, client, (request) => guard(request.headers, door.entry()));
  return { http, close: () => closeServer(http, exec) };
}

async function closeServer(http: Server, exec: { close(): void }): Promise<void> {
  exec.close();
  const { promise, resolve } = Promise.withResolvers<void>();
  http.close(() => resolve());
  http.closeAllConnections();
  await promise;
}

async function listening(server: Server, listen: () => void, where: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("listening", resolve);
  server.once("error", (error: NodeJS.ErrnoException) => reject(new Error(whyNot(error, where), { cause: error })));
  listen();
  await promise;
}

function whyNot(error: NodeJS.ErrnoException, where: string): string {
  if (error.code === "EADDRINUSE")
    return `${where} is in use: stop what listens there, or choose another one with --port`;
  if (error.code === "EACCES") return `${where}: this user may not listen there; choose another one`;
  return `cannot listen on ${where}: ${error.message}`;
}

function beyondLoopback(host: string): string {
  return `refusing to listen on ${host}: beyond this machine the API would be open to the network without TLS; use 127.0.0.1, and a tunnel (ssh -L) from elsewhere`;
}
