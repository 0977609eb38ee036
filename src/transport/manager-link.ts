/**
 * A worker's link to a manager on another machine: dials it, or waits on a port of its own for the manager's dial, or both. It follows one cluster only, that of
 * its pin, or of its join token before the first link; to any other key it says
 * no more than that, and nobody is told a path of this machine.
 */
import { randomUUID } from "node:crypto";
import type { Server as HttpServer } from "node:http";
import type { Server as NetServer, Socket } from "node:net";
import type { WebSocket } from "ws";
import { type Address, addressText } from "../core/address.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import type { Draw } from "../core/jitter.ts";
import { ALREADY_LINKED, RIVAL_MS } from "../protocol/link-times.ts";
import type { ManagerIdentity, WorkerMessage } from "../protocol/messages.ts";
import type { ProofInput, SessionTimes } from "../protocol/session-events.ts";
import type { Log, ManagerLink } from "../worker/ports.ts";
import { BulkDesk } from "./bulk-desk.ts";
import type { TaskSource } from "./bulk-server.ts";
import type { SeenPeer } from "./dial.ts";
import { asManagerMessage } from "./directions.ts";
import { Door, type DoorLimits, LINK_PATH } from "./door.ts";
import { EarlyMessages } from "./early-messages.ts";
import type { Identity } from "./identity.ts";
import { type JoinToken, proofOf } from "./join-token.ts";
import { readMembership, writeMembership } from "./membership.ts";
import { readPin, writePin } from "./pin.ts";
import { Redialler } from "./redial.ts";
import { type Frame, SessionHost, sayNo } from "./session-host.ts";

/** What the link stands on. */
export interface ManagerLinkOptions {
  /** The worker's; its id is the node id. */
  readonly identity: Identity;
  /** As in the node's facts. */
  readonly machineId: string;
  /** File of the pinned cluster id. */
  readonly pinFile: string;
  /** The join token, asked anew before each link until one is pinned; null for none yet. */
  readonly token: () => Result<JoinToken | null>;
  /** Where the manager is; null when it dials. */
  readonly join: Address | null;
  /** Why a manager that shows the right key is not to be followed; null when it is. */
  readonly judge?: (manager: ManagerIdentity) => string | null;
  readonly log: Log;
  readonly draw: Draw;
  readonly times?: SessionTimes;
  readonly limits?: DoorLimits;
  readonly patienceMs?: number;
}

/** The manager at the other end. */
export interface ManagerPeer {
  readonly clusterId: string;
  readonly address: string;
  readonly dialledBy: "manager" | "worker";
  readonly roundTripMs: number | null;
  /** Wall clock, ms since 1970. */
  readonly sinceMs: number;
  readonly protocol: number;
}

/** A worker's one link. */
export interface RemoteManagerLink extends ManagerLink {
  /** A server for the worker's own port: TLS is the manager's dial, plain HTTP goes to `http`. The caller listens and closes. */
  front(http: HttpServer | null): NetServer;
  acceptTls(socket: Socket, http: HttpServer | null): void;
  /** From now on the manager may read the output of tasks and run commands in them. */
  serve(source: TaskSource): void;
  /** null while there is no link. */
  peer(): ManagerPeer | null;
  /** Why there is no link, in words; "" while there is one, or nothing is known yet. */
  problem(): string;
  /** Ends the link, and dials and listens no more. */
  end(): void;
}

const NO_TOKEN = "this node has joined no cluster yet and has no join token: see `cube node token`";
const UNCLEAR = "this node cannot tell which cluster it belongs to: its own log says why";

type Handlers = Parameters<ManagerLink["open"]>[0];

/** Makes the link; nothing is dialled before `open`. */
export function createManagerLink(options: ManagerLinkOptions): RemoteManagerLink {
  return new Link(options);
}

interface Current {
  readonly host: SessionHost;
  readonly clusterId: string;
  readonly address: string;
  readonly dialledBy: "manager" | "worker";
  readonly sinceMs: number;
  /** This worker has told it that it does not follow it. */
  refused: boolean;
}

interface Incoming {
  readonly ws: WebSocket;
  readonly peer: SeenPeer;
  readonly address: string;
  readonly dialledBy: "manager" | "worker";
  readonly onUp: () => void;
  readonly onEnd: (reason: string) => void;
}

class Link implements RemoteManagerLink {
  readonly #options: ManagerLinkOptions;
  readonly #door: Door;
  readonly #processId = randomUUID();
  readonly #bulk: BulkDesk;
  readonly #greeting = new Set<SessionHost>();
  #current: Current | undefined;
  #handlers: Handlers | undefined;
  #redialler: Redialler | undefined;
  #problem = "";
  #closed = false;

  constructor(options: ManagerLinkOptions) {
    this.#options = options;
    const { identity, limits, patienceMs } = options;
    this.#bulk = new BulkDesk(identity);
    this.#door = new Door({
      identity,
      ...(limits === undefined ? {} : { limits }),
      ...(patienceMs === undefined ? {} : { patienceMs }),
      onLink: (visitor) => {
        const { ws, peer, path, address, settled } = visitor;
        if (path !== LINK_PATH) this.#bulk.visited(visitor);
        else void this.#visited({ ws, peer, address, dialledBy: "manager", onUp: settled, onEnd: settled });
      },
    });
  }

  front(http: HttpServer | null): NetServer {
    return this.#door.front(http);
  }

  acceptTls(socket: Socket, http: HttpServer | null): void {
    this.#door.acceptTls(socket, http);
  }

  send(message: WorkerMessage): void {
    if (this.#current && message.kind === "refused") this.#current.refused = message.reason !== "";
    this.#current?.host.send(message);
  }

  open(handlers: Handlers): Disposable {
    this.#handlers = handlers;
    const { join } = this.#options;
    if (join) this.#redialler = this.#redial(join);
    return {
      [Symbol.dispose]: () => {
        this.#handlers = undefined;
        this.#hangUp("the worker is ending");
      },
    };
  }

  serve(source: TaskSource): void {
    this.#bulk.source = source;
  }

  peer(): ManagerPeer | null {
    if (!this.#current) return null;
    const { host, refused: _, ...rest } = this.#current;
    return { ...rest, ...host.figures() };
  }

  problem(): string {
    return this.#current ? "" : this.#redialler?.problem || this.#problem;
  }

  end(): void {
    this.#closed = true;
    this.#hangUp("the worker is ending");
    this.#door.close();
  }

  #hangUp(reason: string): void {
    this.#redialler?.stop();
    this.#current?.host.close(reason);
    for (const host of [...this.#greeting]) host.close(reason);
  }

  #redial(join: Address): Redialler {
    const redialler: Redialler = new Redialler({
      to: { ...join, path: LINK_PATH },
      identity: this.#options.identity,
      // While the manager's own dial has made a link there is nothing to dial for.
      pin: () => (this.#current ? fail("conflict", ALREADY_LINKED) : this.#belongsTo()),
      wayOut: (peerId) => this.#wayOut(peerId),
      draw: this.#options.draw,
      onOpen: (ws, peer) =>
        this.#take({
          ws,
          peer,
          address: addressText(join),
          dialledBy: "worker",
          onUp: () => redialler.succeeded(),
          onEnd: (reason) => redialler.ended(reason),
        }),
      onProblem: (reason) => {
        if (!reason.endsWith(ALREADY_LINKED)) this.#options.log.warn(`manager at ${addressText(join)}: ${reason}`);
      },
    });
    return redialler;
  }

  /** The cluster whose orders are taken. Fails with why there is none. */
  #belongsTo(): Result<string> {
    const pin = readPin(this.#options.pinFile);
    if (!pin.ok) return pin;
    const token = this.#options.token();
    const invited = token.ok ? (token.value?.clusterId ?? null) : null;
    if (pin.value === null) {
      if (!token.ok) return token;
      return invited === null ? fail("denied", NO_TOKEN) : ok(invited);
    }
    if (invited === null || invited === pin.value) return ok(pin.value);
    const [own, other] = [pin.value.slice(0, 8), invited.slice(0, 8)];
    return fail(
      "denied",
      `this node belongs to cluster ${own}, its join token is for ${other}: to move it, delete ${this.#options.pinFile}`,
    );
  }

  /** What to do about a manager of another key than that of the cluster which this node has joined. */
  #wayOut(peerId: string): string {
    const pin = readPin(this.#options.pinFile);
    return pin.ok && pin.value !== null && pin.value !== peerId
      ? `: if it was set up anew, delete ${this.#options.pinFile}`
      : "";
  }

  /** As `#belongsTo`, for whoever is at the other end. A node that has not joined belongs to nobody yet, so somebody else than its token means is told that. */
  #mayBeLedBy(peerId: string): Result<string> {
    const belongsTo = this.#belongsTo();
    const pin = readPin(this.#options.pinFile);
    if (!belongsTo.ok || belongsTo.value === peerId || !pin.ok || pin.value !== null) return belongsTo;
    const [invited, caller] = [belongsTo.value.slice(0, 8), peerId.slice(0, 8)];
    return fail(
      "denied",
      `this node has joined no cluster yet, and its join token is for ${invited}, not for ${caller}: give it the right one by --join-token-file`,
    );
  }

  /**
   * Somebody dials. While the present link lives no other is wanted; who is not the manager is told so at once. A manager that this worker refuses, such as one
   * on a copied data directory, must not keep the right one out.
   */
  async #visited(from: Incoming): Promise<void> {
    const current = this.#current;
    const early = new EarlyMessages(from.ws);
    if (current?.clusterId === from.peer.peerId) {
      if (!current.refused && (await current.host.answers(RIVAL_MS))) {
        sayNo(from.ws, ALREADY_LINKED);
        from.onEnd("");
        return;
      }
      current.host.close("a newer link takes its place");
    }
    if (from.ws.readyState === from.ws.OPEN && !this.#closed && this.#handlers) {
      this.#take(from);
      early.repeat();
      return;
    }
    from.ws.terminate();
    from.onEnd("");
  }

  #take(from: Incoming): void {
    const { machineId, judge, times } = this.#options;
    const belongsTo = this.#mayBeLedBy(from.peer.peerId);
    if (!belongsTo.ok) {
      const { message } = belongsTo.failure;
      sayNo(from.ws, this.#belongsTo().ok || message === NO_TOKEN ? message : UNCLEAR);
      this.#tell(from, message);
      from.onEnd(message);
      return;
    }
    const host: SessionHost = new SessionHost(from.ws, {
      role: {
        kind: "worker",
        clusterId: belongsTo.value,
        machineId,
        processId: this.#processId,
        ...(judge === undefined ? {} : { judge }),
      },
      peerId: from.peer.peerId,
      ...(times === undefined ? {} : { times }),
      prove: (input) => this.#prove(input),
      onUp: (_enrolled, membership) => this.#up(host, from, membership),
      onFrame: (frame) => this.#hear(host, frame),
      onClosed: (reason, refused) => this.#ended(host, from, { reason, refused }),
    });
    this.#greeting.add(host);
    host.start();
  }

  #prove({ peerId, managerNonce, workerNonce }: ProofInput): {
    readonly mac: string | null;
    readonly membership?: string;
  } {
    const subject = { clusterId: peerId, nodeId: this.#options.identity.id, managerNonce, workerNonce };
    const token = this.#options.token();
    const invited = token.ok && token.value?.clusterId === peerId ? token.value.secret : null;
    const kept = readMembership(this.#membershipFile, peerId);
    return {
      mac: invited === null ? null : proofOf(invited, subject),
      ...(kept.ok && kept.value !== "" ? { membership: proofOf(kept.value, subject) } : {}),
    };
  }

  get #membershipFile(): string {
    return `${this.#options.pinFile.replace(/\.pin$/, "")}.membership`;
  }

  #up(host: SessionHost, from: Incoming, membership: string): void {
    this.#greeting.delete(host);
    this.#current?.host.close("a newer link takes its place");
    this.#pin(from.peer.peerId, membership);
    this.#problem = "";
    const { address, dialledBy } = from;
    this.#current = { host, clusterId: from.peer.peerId, address, dialledBy, sinceMs: Date.now(), refused: false };
    this.#options.log.info(
      `linked to the manager of cluster ${from.peer.peerId.slice(0, 8)} (${address}, dialled by the ${dialledBy})`,
    );
    from.onUp();
    this.#handlers?.onLinked();
  }

  #pin(clusterId: string, membership: string): void {
    const pin = readPin(this.#options.pinFile);
    const kept = readMembership(this.#membershipFile, clusterId);
    try {
      if (!pin.ok || pin.value !== clusterId) writePin(this.#options.pinFile, clusterId);
      if (membership !== "" && !(kept.ok && kept.value === membership))
        writeMembership(this.#membershipFile, { clusterId, membership });
    } catch (error) {
      // The link is good all the same; the token will be needed again.
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.error(`the cluster that this node has joined cannot be noted: ${reason}`);
    }
  }

  #hear(host: SessionHost, frame: Frame): void {
    if (this.#current?.host !== host) return;
    if (frame.kind === "bulk") this.#openBulk(this.#current, frame.nonce);
    const message = asManagerMessage(frame);
    if (message !== null) this.#handlers?.onMessage(message);
  }

  /** As the control link was dialled, so is the bulk socket. */
  #openBulk({ host, clusterId, dialledBy }: Current, nonce: string): void {
    const { join } = this.#options;
    if (dialledBy === "worker" && join) this.#bulk.dial(join, clusterId, nonce);
    else if (this.#bulk.expect(clusterId, nonce)) host.send({ kind: "bulk", nonce });
  }

  #ended(host: SessionHost, from: Incoming, { reason, refused }: { reason: string; refused: boolean }): void {
    this.#greeting.delete(host);
    const wasCurrent = this.#current?.host === host;
    if (wasCurrent) {
      this.#current = undefined;
      this.#bulk.unlinked();
      this.#handlers?.onUnlinked();
    }
    if (wasCurrent && from.dialledBy === "manager") this.#options.log.warn(`manager at ${from.address}: ${reason}`);
    else if (refused) this.#tell(from, `${reason}${this.#wayOut(from.peer.peerId)}`);
    from.onEnd(reason);
  }

  /** Why somebody gets no link, once. Of a dial of our own the redialler tells. */
  #tell({ dialledBy, address }: Incoming, reason: string): void {
    if (dialledBy === "worker" || reason === this.#problem) return;
    this.#problem = reason;
    this.#options.log.warn(`manager at ${address}: ${reason}`);
  }
}
