/**
 * One HTTP listener: a node:http server that refuses by the headers alone, limits connections and time, and hands the rest to an application. Beyond loopback only
 * behind a front that speaks TLS.
 */
import { chmod, unlink } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { addressText, isLoopback } from "../core/address.ts";
import type { ApiApp } from "./app.ts";
import { asClientError, refuse } from "./http-errors.ts";

/** What stands behind a listener. */
export interface Served {
  readonly app: ApiApp;
  /** Throws ClientError for a request that may not come in. */
  readonly admit: (request: IncomingMessage) => void;
  /** Takes upgrades; ended with the listener. `known` says that a request may come in, as `admit` does for others: its sender is no stranger any more. */
  readonly upgrades?: (http: Server, known: (request: IncomingMessage) => void) => { close(): void };
  /** Told of what goes wrong while it listens, such as no file descriptors being left. */
  readonly onError?: (error: Error) => void;
}

/** A server that listens. */
export interface HttpListener {
  /** 0 for a unix socket. */
  readonly port: number;
  /** Ends every connection. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 1_024;
/** Of those of whom no request was let in yet. */
const MAX_STRANGERS = 64;
/** Bytes of sockaddr_un's path on macOS; Linux has four more. */
const MAX_SOCKET_PATH = 103;
const TIMEOUTS = { headersTimeout: 5_000, requestTimeout: 60_000, keepAliveTimeout: 65_000 } as const;

/** Listens on a socket that only this user may open. What is there already is replaced: only the holder of the store's lock may call. */
export async function listenUnix(path: string, served: Served): Promise<HttpListener> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) throw new Error(pathTooLong(path));
  // Whoever can open the socket is known: nobody is a stranger there.
  const server = makeServer(served, MAX_CONNECTIONS);
  await unlink(path).catch(() => undefined);
  // The file must not exist for a moment with a mode that lets others in.
  const umask = process.umask(0o177);
  try {
    await listening(server.http, () => server.http.listen(path), `the socket ${path}`);
  } finally {
    process.umask(umask);
  }
  await chmod(path, 0o600);
  const close = async (): Promise<void> => {
    await server.close();
    await unlink(path).catch(() => undefined);
  };
  return { port: 0, close };
}

/** Listens; on loopback, or behind a front. `make` gets a way to ask for the port, which is known once it listens. */
export async function listenTcp(
  at: { readonly host: string; readonly port: number; readonly front?: (http: Server) => NetServer },
  make: (port: () => number) => Served,
): Promise<HttpListener> {
  if (!at.front && !isLoopback(at.host)) throw new Error(beyondLoopback(at.host));
  let { port } = at;
  const server = makeServer(
    make(() => port),
    MAX_STRANGERS,
  );
  const front = at.front?.(server.http) ?? server.http;
  await listening(front, () => front.listen(at.port, at.host), addressText(at));
  port = (front.address() as AddressInfo).port;
  const close = async (): Promise<void> => {
    if (front !== server.http) front.close();
    await server.close();
  };
  return { port, close };
}

function makeServer(
  { app, admit, upgrades, onError }: Served,
  maxStrangers: number,
): { readonly http: Server; readonly close: () => Promise<void> } {
  const listener = getRequestListener(app.fetch);
  const strangers = new Set<Socket>();
  const known = (request: IncomingMessage): void => void strangers.delete(request.socket);
  const http = createServer(TIMEOUTS, (request: IncomingMessage, response: ServerResponse) => {
    try {
      admit(request);
    } catch (error) {
      refuse(response, asClientError(error));
      return;
    }
    known(request);
    void listener(request, response);
  });
  const sockets = limitConnections(http, strangers, maxStrangers);
  // Not HTTP at all: nobody is there to be answered.
  http.on("clientError", (_error, socket) => {
    socket.destroy();
  });
  // Without a listener here such an error would end the manager.
  http.on("error", (error) => onError?.(error));
  const upgrading = upgrades?.(http, known);
  return { http, close: () => closeServer(http, { upgrading, sockets }) };
}

/** Gives the open connections, also those that a front has handed on. */
function limitConnections(http: Server, strangers: Set<Socket>, maxStrangers: number): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  http.on("connection", (socket: Socket) => {
    socket.on("error", () => undefined);
    if (open.size >= MAX_CONNECTIONS || strangers.size >= maxStrangers) {
      socket.destroy();
      return;
    }
    open.add(socket);
    strangers.add(socket);
    socket.on("close", () => {
      open.delete(socket);
      strangers.delete(socket);
    });
  });
  return open;
}

async function closeServer(
  http: Server,
  { upgrading, sockets }: { readonly upgrading: { close(): void } | undefined; readonly sockets: ReadonlySet<Socket> },
): Promise<void> {
  upgrading?.close();
  const { promise, resolve } = Promise.withResolvers<void>();
  http.close(() => resolve());
  http.closeAllConnections();
  for (const socket of sockets) socket.destroy();
  await promise;
}

async function listening(server: NetServer, listen: () => void, where: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("listening", resolve);
  server.once("error", (error: NodeJS.ErrnoException) => reject(new Error(whyNot(error, where), { cause: error })));
  listen();
  await promise;
}

function whyNot(error: NodeJS.ErrnoException, where: string): string {
  if (error.code === "EADDRINUSE") {
    return `${where} is in use: stop what listens there, or choose another one with --port`;
  }
  if (error.code === "EACCES") return `${where}: this user may not listen there; choose another one`;
  return `cannot listen on ${where}: ${error.message}`;
}

function pathTooLong(path: string): string {
  return `the path ${path} is longer than the ${MAX_SOCKET_PATH} bytes that a socket's may have: choose a shorter --data-dir`;
}

function beyondLoopback(host: string): string {
  return `refusing to listen on ${host}: beyond this machine the API would be open to the network without TLS; use 127.0.0.1, and a tunnel (ssh -L) from elsewhere`;
}
