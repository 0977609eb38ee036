/**
 * Where connections of peers come in. One port speaks plain HTTP and TLS: the first byte tells. Behind TLS the first line tells whether it is a link or an
 * ordinary request, which is handed on to an HTTP server. Every wait has a timer of its own (Bun enforces none here) and strangers are few and slow: whoever
 * has not shown that it belongs here may hold neither many sockets nor one for long.
 */
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from "node:http";
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { type WebSocket, WebSocketServer } from "ws";
import { addressText, isLoopback } from "../core/address.ts";
import { type SeenPeer, seen } from "./dial.ts";
import { HttpPatience } from "./http-patience.ts";
import type { Identity } from "./identity.ts";
import { MAX_FRAME_BYTES } from "./session-host.ts";

/** The paths of links; everything else behind TLS is HTTP. */
export const LINK_PATH = "/cube/link";
export const BULK_PATH = "/cube/bulk";

/**
 * How many strangers at a time. Of one address: how many of them, and how many connections of one second may be under way or have come to nothing. A link that comes
 * up counts no more, so a site whose workers share an address is let in as fast as their greetings are done, while whoever only tries is held to a few a second.
 */
export interface DoorLimits {
  readonly strangers: number;
  /** As many as strangers when left out. */
  readonly strangersOfOne?: number;
  readonly perSecond: number;
}

/**
 * One address can take half of the places, so that it cannot shut out the others. A greeting costs about 1 ms, so one that comes to nothing over and over less than a
 * tenth of a core; and greetings are worked on together, so more of them at a time would only all be late on a busy machine.
 */
const DOOR_LIMITS: DoorLimits = { strangers: 64, strangersOfOne: 32, perSecond: 64 };
/** One to look at the key that is shown, and the one that stays. */
const CONNECTIONS_OF_A_LINK = 2;

/** A link that has come in: a peer with a key of its own. `settled` says that it is no stranger any more: called while it is open it belongs here, else nothing came of it. */
export interface Visitor {
  readonly ws: WebSocket;
  readonly peer: SeenPeer;
  readonly path: typeof LINK_PATH | typeof BULK_PATH;
  /** What the dialler was given to be known by on a bulk path; "" for none. */
  readonly nonce: string;
  /** Host and port that it comes from. */
  readonly address: string;
  readonly settled: () => void;
}

export interface DoorOptions {
  readonly identity: Identity;
  readonly limits?: DoorLimits;
  /** Milliseconds for TLS, for the first bytes, and for the rest of a link's request; 5,000 each when left out. */
  readonly patienceMs?: number;
  readonly onLink: (visitor: Visitor) => void;
}

const PATIENCE_MS = 5_000;
const TLS_FIRST_BYTE = 0x16;
/** All paths of links begin so, and no path of the API does. */
const LINK_REQUEST = "GET /cube/";
/** Addresses whose rate is remembered; the oldest are forgotten beyond it. */
const MAX_ADDRESSES = 10_000;

/** Made by whoever listens; it listens itself only through `front`. */
export class Door {
  readonly #options: DoorOptions;
  readonly #limits: DoorLimits;
  readonly #patienceMs: number;
  readonly #http: HttpPatience;
  readonly #tls: TlsServer;
  readonly #links: HttpServer;
  readonly #upgrades = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false });
  readonly #strangers = new Map<string, Stranger>();
  readonly #visits = new Map<string, Visits>();
  readonly #sockets = new Set<Socket>();
  #closed = false;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#limits = options.limits ?? DOOR_LIMITS;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.#http = new HttpPatience(this.#patienceMs);
    const { keyPem, certPem } = options.identity;
    this.#tls = createTlsServer(
      { key: keyPem, cert: certPem, requestCert: true, rejectUnauthorized: false, minVersion: "TLSv1.3" },
      (socket) => this.#secured(socket),
    );
    // Bun leaves such a socket open.
    this.#tls.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#links = createHttpServer((_request, response) => response.writeHead(404, { connection: "close" }).end());
    this.#links.on("upgrade", (request, socket, head) => this.#upgrade(request, socket as TLSSocket, head));
    this.#links.on("clientError", (_error, socket) => socket.destroy());
  }

  /** A server for one port: TLS comes in here, plain HTTP from this machine goes to `http`, any other is hung up on. The caller listens and closes. */
  front(http: HttpServer | null): NetServer {
    const silent = new Set<Socket>();
    const server = createNetServer((socket) => {
      socket.on("error", () => undefined);
      if (silent.size >= this.#limits.strangers) {
        socket.destroy();
        return;
      }
      silent.add(socket);
      // Counted from here: the first byte may never come.
      const late = setTimeout(() => socket.destroy(), this.#patienceMs);
      const spoke = (): void => {
        clearTimeout(late);
        silent.delete(socket);
      };
      socket.on("close", spoke);
      socket.once("data", (first: Buffer) => {
        spoke();
        pushBack(socket, first);
        if (first[0] === TLS_FIRST_BYTE) this.acceptTls(socket, http);
        // Nothing goes over a network in clear.
        else if (http && isLoopback(socket.remoteAddress ?? "")) this.#http.hand(http, socket);
        else socket.destroy();
        process.nextTick(() => socket.resume());
      });
    });
    return server;
  }

  /** Takes over a socket on which TLS begins. What turns out to be HTTP goes to `http`. */
  acceptTls(socket: Socket, http: HttpServer | null): void {
    const name = endsOf(socket);
    const visits = this.#visitsOf(socket.remoteAddress ?? "");
    if (this.#closed || !this.#mayEnter(visits)) {
      socket.destroy();
      return;
    }
    visits.strangers++;
    visits.counted++;
    this.#sockets.add(socket);
    const stranger: Stranger = { name, socket, http, visits, second: visits.second, timer: undefined };
    this.#strangers.set(name, stranger);
    this.#expect(stranger);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#settle(stranger);
    });
    this.#tls.emit("connection", socket);
  }

  /** Ends every connection that has come in. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  #secured(tls: TLSSocket): void {
    tls.on("error", () => undefined);
    const name = endsOf(tls);
    const stranger = this.#strangers.get(name);
    if (!stranger) {
      tls.destroy();
      return;
    }
    this.#expect(stranger);
    const read: Buffer[] = [];
    const look = (data: Buffer): void => {
      read.push(data);
      const start = Buffer.concat(read).subarray(0, LINK_REQUEST.length).toString("latin1");
      if (start.length < LINK_REQUEST.length && LINK_REQUEST.startsWith(start)) return;
      tls.off("data", look);
      pushBack(tls, Buffer.concat(read));
      this.#handOn(tls, stranger, start === LINK_REQUEST);
      process.nextTick(() => tls.resume());
    };
    tls.on("data", look);
  }

  #handOn(tls: TLSSocket, stranger: Stranger, isLink: boolean): void {
    if (isLink) {
      this.#expect(stranger);
      this.#links.emit("connection", tls);
      return;
    }
    // From here on it counts among the HTTP server's connections.
    this.#settle(stranger);
    if (stranger.http) this.#http.hand(stranger.http, tls);
    else tls.destroy();
  }

  #upgrade(request: IncomingMessage, tls: TLSSocket, head: Buffer): void {
    const name = endsOf(tls);
    const stranger = this.#strangers.get(name);
    const certificate = tls.getPeerX509Certificate();
    const [path, nonce = ""] = (request.url ?? "").split("?");
    if (
      !stranger ||
      !certificate ||
      (path !== LINK_PATH && path !== BULK_PATH) ||
      request.headers.origin !== undefined
    ) {
      tls.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    // A session has a timer of its own; the place among the strangers is given back only by `settled`.
    clearTimeout(stranger.timer);
    this.#upgrades.handleUpgrade(request, tls, head, (ws) => {
      const settled = (): void => (ws.readyState === ws.OPEN ? this.#welcome(stranger) : this.#settle(stranger));
      const address = addressText({ host: tls.remoteAddress ?? "", port: tls.remotePort ?? 0 });
      this.#options.onLink({ ws, peer: seen(certificate), path, nonce, address, settled });
    });
  }

  /** Hangs up unless the next step comes in time. */
  #expect(stranger: Stranger): void {
    clearTimeout(stranger.timer);
    stranger.timer = setTimeout(() => {
      // One that was closed before it was handed over says so no more.
      this.#settle(stranger);
      stranger.socket.destroy();
    }, this.#patienceMs);
  }

  #settle(stranger: Stranger): void {
    clearTimeout(stranger.timer);
    if (this.#strangers.get(stranger.name) !== stranger) return;
    this.#strangers.delete(stranger.name);
    stranger.visits.strangers--;
  }

  /** It belongs here: its coming counts against nobody, nor does the connection before it by which a dialler looks at our key. */
  #welcome(stranger: Stranger): void {
    this.#settle(stranger);
    const { visits, second } = stranger;
    if (visits.second === second) visits.counted = Math.max(0, visits.counted - CONNECTIONS_OF_A_LINK);
  }

  #mayEnter(visits: Visits): boolean {
    const { strangers, strangersOfOne = strangers, perSecond } = this.#limits;
    return this.#strangers.size < strangers && visits.strangers < strangersOfOne && visits.counted < perSecond;
  }

  #visitsOf(address: string): Visits {
    const second = Math.floor(performance.now() / 1000);
    const visits = this.#visits.get(address) ?? { second, counted: 0, strangers: 0 };
    if (visits.second !== second) Object.assign(visits, { second, counted: 0 });
    // Last again: the address that has been quiet for longest is forgotten first.
    this.#visits.delete(address);
    this.#visits.set(address, visits);
    const oldest = this.#visits.size > MAX_ADDRESSES ? this.#visits.keys().next().value : undefined;
    if (oldest !== undefined) this.#visits.delete(oldest);
    return visits;
  }
}

/** What has come from one address. */
interface Visits {
  /** Second of the monotonic clock in which `counted` was counted. */
  second: number;
  /** Connections of that second that are under way or came to nothing. */
  counted: number;
  /** Those that have not shown yet that they belong here, whenever they came. */
  strangers: number;
}

/** A connection that has not shown yet that it belongs here. */
interface Stranger {
  readonly name: string;
  readonly socket: Socket;
  readonly http: HttpServer | null;
  readonly visits: Visits;
  readonly second: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

function pushBack(socket: Socket, data: Buffer): void {
  socket.pause();
  socket.unshift(data);
}

/** The TLS socket on top of a socket has the same ends, which is all by which Bun lets one find the other. */
function endsOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}|${socket.localAddress}:${socket.localPort}`;
}
