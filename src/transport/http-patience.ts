/**
 * Time limits for HTTP connections that were handed to a server instead of accepted by it: there Bun enforces none. A request's head has to come in time, and an
 * idle connection does not stay for ever. What an answer or a body may take is the server's own affair.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Longer than a client waits before it sends another request on the same connection. */
const IDLE_MS = 65_000;

/** Watches the connections of any number of servers. */
export class HttpPatience {
  readonly #firstMs: number;
  readonly #servers = new WeakSet<Server>();
  readonly #timers = new WeakMap<Socket, ReturnType<typeof setTimeout>>();

  /** `firstMs`: for the head of the first request. */
  constructor(firstMs: number) {
    this.#firstMs = firstMs;
  }

  /** Hands a connection to the server. */
  hand(http: Server, socket: Socket): void {
    if (!this.#servers.has(http)) this.#watch(http);
    this.#arm(socket, this.#firstMs);
    socket.on("close", () => clearTimeout(this.#timers.get(socket)));
    http.emit("connection", socket);
  }

  #watch(http: Server): void {
    this.#servers.add(http);
    http.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      if (!this.#timers.has(socket)) return;
      clearTimeout(this.#timers.get(socket));
      response.once("close", () => this.#arm(socket, IDLE_MS));
    });
    http.prependListener("upgrade", (request: IncomingMessage) => clearTimeout(this.#timers.get(request.socket)));
  }

  #arm(socket: Socket, ms: number): void {
    clearTimeout(this.#timers.get(socket));
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), ms);
    timer.unref();
    this.#timers.set(socket, timer);
  }
}
