/**
 * The manager's links to workers on other machines: TLS with pinned keys, dialled by either side. A link is known to the manager only once its session is up,
 * and what comes over it must speak for the node whose key it shows.
 */
import type { Server as HttpServer } from "node:http";
import type { Server as NetServer, Socket } from "node:net";
import type { WebSocket } from "ws";
import { type Address, addressText, parseAddress, WORKER_PORT } from "../core/address.ts";
import { ok } from "../core/failure.ts";
import type { Draw } from "../core/jitter.ts";
import type { Log, WorkerLinks } from "../manager/ports.ts";
import { ALREADY_LINKED, RIVAL_MS } from "../protocol/link-times.ts";
import type { ManagerIdentity, ManagerMessage } from "../protocol/messages.ts";
import { CLONE_REFUSAL, rival } from "../protocol/session.ts";
import type { SessionTimes, WorkerTraits } from "../protocol/session-events.ts";
import type { SeenPeer } from "./dial.ts";
import { asWorkerMessage } from "./directions.ts";
import { Door, type DoorLimits, LINK_PATH } from "./door.ts";
import type { Identity } from "./identity.ts";
import { type ProofSubject, proofMatches } from "./join-token.ts";
import { membershipsOf } from "./membership.ts";
import { type DialledAddress, infoOf, type Peer, type PeerInfo } from "./peers.ts";
import { Redialler } from "./redial.ts";
import { type ControlLink, RemoteStreams, type RemoteTaskStreams } from "./remote-streams.ts";
import { type Frame, SessionHost } from "./session-host.ts";

/** What the links stand on. */
export interface RemoteLinksOptions {
  /** The manager's; its id is the cluster id. */
  readonly identity: Identity;
  /** The join token's secret, asked at each enrolment; null lets nobody new in. */
  readonly joinSecret: () => string | null;
  /** True while a node without a record is let in that proves that it had joined before: only while the operator adopts. */
  readonly readmits?: () => boolean;
  /** What is on record of a node; null for one that has to enrol. */
  readonly known: (nodeId: string) => { readonly machineId: string } | null;
  /** Who the manager is just now; null while it cannot say. */
  readonly manager: () => ManagerIdentity | null;
  readonly log: Log;
  readonly draw: Draw;
  readonly times?: SessionTimes;
  readonly limits?: DoorLimits;
  /** Milliseconds for each step of a connection that comes in; 5,000 when left out. */
  readonly patienceMs?: number;
}

/** Workers elsewhere, as one manager's links. */
export interface RemoteLinks extends WorkerLinks {
  /** A server for one port that speaks TLS for links and HTTP, and plain HTTP; the caller listens and closes. */
  front(http: HttpServer | null): NetServer;
  /** Takes over a socket on which TLS begins; HTTP within it goes to `http`. */
  acceptTls(socket: Socket, http: HttpServer | null): void;
  /** Dials HOST:PORT until disposed. Throws for text that is no address. */
  dial(address: string): Disposable;
  dialled(): readonly DialledAddress[];
  peers(): readonly PeerInfo[];
  /** The link of one node; null without one. */
  peer(nodeId: string): PeerInfo | null;
  /** Output and commands of tasks on linked nodes. */
  readonly streams: RemoteTaskStreams;
  /** Ends the link of a node, for one that is removed. */
  disconnect(nodeId: string): void;
  /** Dials no more, lets nobody in and hears nothing, but keeps the links that are up until disposed, whoever calls `end`: another process takes over. */
  handOver(): Disposable;
  /** Ends all links, lets nobody in and dials no more. */
  end(): void;
}

const LINKED_ELSEWHERE =
  "another manager with this one's key is linked to it: is one of the two on a copied data directory? Stop that one";

const FORGOTTEN =
  "the manager does not know this node any more, which had joined. If it was removed, it needs the join token: see `cube node token`; if the manager's data was emptied or restored, start the manager once with --adopt";

/** Nodes whose last refusal is remembered; beyond that all are told of anew. */
const MAX_REFUSALS = 1_000;

type Handlers = Parameters<WorkerLinks["open"]>[0];

/** Makes the links; nothing comes in before `front` or `acceptTls`, nobody is let in before `open`. */
export function createRemoteLinks(options: RemoteLinksOptions): RemoteLinks {
  return new Links(options);
}

interface Incoming {
  readonly ws: WebSocket;
  readonly peer: SeenPeer;
  readonly address: string;
  readonly dialledBy: "manager" | "worker";
  readonly onUp: () => void;
  readonly onEnd: (reason: string) => void;
}

class Links implements RemoteLinks {
  readonly #options: RemoteLinksOptions;
  readonly #door: Door;
  readonly #peers = new Map<string, Peer>();
  readonly #byNode = new Map<string, string>();
  readonly #greeting = new Set<SessionHost>();
  readonly #dials = new Map<string, { readonly redialler: Redialler; nodeId: string; linkId: string }>();
  readonly #refusals = new Map<string, string>();
  readonly #streams: RemoteStreams;
  readonly #membership: (nodeId: string) => string;
  #handlers: Handlers | undefined;
  #number = 0;
  #handingOver = false;
  #closed = false;

  constructor(options: RemoteLinksOptions) {
    this.#options = options;
    const { identity, limits, patienceMs } = options;
    this.#membership = membershipsOf(identity);
    this.#streams = new RemoteStreams(identity, (nodeId) => this.#controlOf(nodeId));
    this.#door = new Door({
      identity,
      ...(limits === undefined ? {} : { limits }),
      ...(patienceMs === undefined ? {} : { patienceMs }),
      onLink: (visitor) => {
        const { ws, peer, path, address, settled } = visitor;
        if (path !== LINK_PATH) {
          this.#streams.visited(visitor);
          return;
        }
        this.#take({ ws, peer, address, dialledBy: "worker", onUp: settled, onEnd: settled });
      },
    });
  }

  get streams(): RemoteTaskStreams {
    return this.#streams;
  }

  front(http: HttpServer | null): NetServer {
    return this.#door.front(http);
  }

  acceptTls(socket: Socket, http: HttpServer | null): void {
    this.#door.acceptTls(socket, http);
  }

  send(linkId: string, message: ManagerMessage): void {
    this.#peers.get(linkId)?.host.send(message);
  }

  close(linkId: string): void {
    this.#peers.get(linkId)?.host.close("the manager has closed the link");
  }

  open(handlers: Handlers): Disposable {
    this.#handlers = handlers;
    return {
      [Symbol.dispose]: () => {
        this.#handlers = undefined;
        if (!this.#handingOver) this.#hangUpAll("the manager is ending");
      },
    };
  }

  dial(address: string): Disposable {
    const to = parseAddress(address, WORKER_PORT);
    if (!to.ok) throw new Error(to.failure.message);
    const name = addressText(to.value);
    if (!this.#dials.has(name)) this.#dials.set(name, { redialler: this.#redial(to.value), nodeId: "", linkId: "" });
    return { [Symbol.dispose]: () => this.#stopDialling(name) };
  }

  dialled(): readonly DialledAddress[] {
    return [...this.#dials].map(([address, { nodeId, redialler }]) => {
      // Also by a link that the worker dialled: there is never more than one.
      const linked = this.#byNode.has(nodeId);
      return { address, nodeId, linked, problem: linked ? "" : this.#inWords(redialler.problem, nodeId) };
    });
  }

  peers(): readonly PeerInfo[] {
    return [...this.#peers].map(([linkId, peer]) => infoOf(linkId, peer));
  }

  peer(nodeId: string): PeerInfo | null {
    const linkId = this.#byNode.get(nodeId) ?? "";
    const peer = this.#peers.get(linkId);
    return peer ? infoOf(linkId, peer) : null;
  }

  disconnect(nodeId: string): void {
    const linkId = this.#byNode.get(nodeId);
    if (linkId !== undefined) this.close(linkId);
  }

  #controlOf(nodeId: string): ControlLink | null {
    const peer = this.#peers.get(this.#byNode.get(nodeId) ?? "");
    if (!peer) return null;
    const dialled = peer.dialledBy === "manager" ? parseAddress(peer.address, WORKER_PORT) : null;
    return { dialled: dialled?.ok ? dialled.value : null, send: (frame) => peer.host.send(frame) };
  }

  #redial(to: Address): Redialler {
    const name = addressText(to);
    const redialler: Redialler = new Redialler({
      to: { ...to, path: LINK_PATH },
      identity: this.#options.identity,
      // Whoever is there has to be known by its key, or to prove the join token.
      pin: () => ok(null),
      draw: this.#options.draw,
      onOpen: (ws, peer) => this.#dialledOne(name, redialler, { ws, peer }),
      onProblem: (reason) => {
        const words = this.#inWords(reason, this.#dials.get(name)?.nodeId ?? "");
        if (!words.endsWith(ALREADY_LINKED)) this.#options.log.warn(`worker at ${name}: ${words}`);
      },
    });
    return redialler;
  }

  #dialledOne(
    name: string,
    redialler: Redialler,
    { ws, peer }: { readonly ws: WebSocket; readonly peer: SeenPeer },
  ): void {
    const linkId = this.#take({
      ws,
      peer,
      address: name,
      dialledBy: "manager",
      onUp: () => redialler.succeeded(),
      onEnd: (reason) => redialler.ended(reason),
    });
    const entry = this.#dials.get(name);
    if (entry) Object.assign(entry, { nodeId: peer.peerId, linkId });
  }

  /** A worker that is linked, and not with us, is so with somebody who has our key. */
  #inWords(reason: string, nodeId: string): string {
    const elsewhere = reason.endsWith(ALREADY_LINKED) && nodeId !== "" && !this.#byNode.has(nodeId);
    return elsewhere ? LINKED_ELSEWHERE : reason;
  }

  #stopDialling(name: string): void {
    const entry = this.#dials.get(name);
    if (!entry) return;
    this.#dials.delete(name);
    entry.redialler.stop();
    this.#peers.get(entry.linkId)?.host.close("the manager dials this address no more");
  }

  /** A socket on which a worker speaks, whoever dialled. Gives the id that its link gets. */
  #take(from: Incoming): string {
    const linkId = `remote-${++this.#number}`;
    const { known, manager, times } = this.#options;
    const nodeId = from.peer.peerId;
    let traits: WorkerTraits = { machineId: "", processId: "" };
    const host: SessionHost = new SessionHost(from.ws, {
      role: { kind: "manager", manager: manager(), known: known(nodeId), membership: this.#membership(nodeId) },
      peerId: nodeId,
      ...(times === undefined ? {} : { times }),
      check: (proof) => this.#check(nodeId, proof),
      admit: (given) => {
        traits = given;
        return this.#admit(nodeId, given);
      },
      onUp: (enrolled) => {
        this.#greeting.delete(host);
        this.#refusals.delete(nodeId);
        this.#supersede(nodeId);
        const { address, dialledBy } = from;
        this.#peers.set(linkId, { nodeId, address, dialledBy, traits, sinceMs: Date.now(), host, version: "" });
        this.#byNode.set(nodeId, linkId);
        from.onUp();
        const how = enrolled ? " and has joined" : "";
        this.#options.log.info(`node ${nodeId.slice(0, 8)} is linked${how} (${address}, dialled by the ${dialledBy})`);
      },
      onFrame: (frame) => this.#hear(linkId, frame),
      onClosed: (reason, refused) => {
        this.#greeting.delete(host);
        this.#forget(linkId, { nodeId, address: from.address, reason, refused });
        from.onEnd(reason);
      },
    });
    this.#greeting.add(host);
    host.start();
    return linkId;
  }

  /** The join token invites anybody; having joined before counts only while the operator adopts. */
  #check(
    nodeId: string,
    proof: { readonly mac: string; readonly membership?: string } & Pick<ProofSubject, "managerNonce" | "workerNonce">,
  ): { readonly right: boolean; readonly refusal?: string } {
    const { identity, joinSecret, readmits } = this.#options;
    const { mac, membership, managerNonce, workerNonce } = proof;
    const subject = { clusterId: identity.id, nodeId, managerNonce, workerNonce };
    const secret = joinSecret();
    if (secret !== null && proofMatches(mac, secret, subject)) return { right: true };
    const wasHere = membership !== undefined && proofMatches(membership, this.#membership(nodeId), subject);
    if (!wasHere) return { right: false };
    return readmits?.() === true ? { right: true } : { right: false, refusal: FORGOTTEN };
  }

  async #admit(nodeId: string, traits: WorkerTraits): Promise<string> {
    if (this.#handlers === undefined || this.#handingOver || this.#closed) return "the manager is not ready yet";
    const older = this.#peers.get(this.#byNode.get(nodeId) ?? "");
    if (!older) return "";
    const verdict = rival(traits, older.traits);
    if (verdict === "refuse") return CLONE_REFUSAL;
    if (!(await older.host.answers(RIVAL_MS))) return "";
    return older.traits.processId === traits.processId ? ALREADY_LINKED : CLONE_REFUSAL;
  }

  /** The older link of the same worker did not answer. */
  #supersede(nodeId: string): void {
    const older = this.#byNode.get(nodeId);
    if (older !== undefined) this.#peers.get(older)?.host.close("a newer link takes its place");
  }

  #hear(linkId: string, frame: Frame): void {
    const peer = this.#peers.get(linkId);
    if (!peer) return;
    if (frame.kind === "bulk") this.#streams.ready(peer.nodeId, frame.nonce);
    const message = asWorkerMessage(frame);
    if (message === null) return;
    if (message.kind === "hello" || message.kind === "facts") {
      const { facts } = message;
      const wrong = facts.id !== peer.nodeId || facts.machineId !== peer.traits.machineId || facts.local;
      if (wrong) {
        peer.host.close(`it speaks for another node (${facts.id.slice(0, 8)}) than its key is of`);
        return;
      }
      peer.version = facts.version;
    }
    this.#handlers?.onMessage(linkId, message);
  }

  #forget(linkId: string, end: { nodeId: string; address: string; reason: string; refused: boolean }): void {
    const wasUp = this.#peers.delete(linkId);
    if (this.#byNode.get(end.nodeId) === linkId) {
      this.#byNode.delete(end.nodeId);
      this.#streams.unlinked(end.nodeId);
    }
    this.#note(end, wasUp);
    if (wasUp) this.#handlers?.onClosed(linkId);
  }

  /** One line for each new reason: a worker that is refused comes back every few seconds. */
  #note(
    { nodeId, address, reason, refused }: { nodeId: string; address: string; reason: string; refused: boolean },
    wasUp: boolean,
  ): void {
    if (reason.endsWith(ALREADY_LINKED) || this.#closed) return;
    const who = `node ${nodeId.slice(0, 8)} (${address})`;
    if (wasUp) this.#options.log.warn(`${who}: ${reason}`);
    else if (refused && this.#refusals.get(nodeId) !== reason) {
      if (this.#refusals.size > MAX_REFUSALS) this.#refusals.clear();
      this.#refusals.set(nodeId, reason);
      this.#options.log.warn(`${who} is not let in: ${reason}`);
    }
  }

  #hangUpAll(reason: string): void {
    for (const { host } of [...this.#peers.values()]) host.close(reason);
    for (const host of [...this.#greeting]) host.close(reason);
  }

  handOver(): Disposable {
    this.#handingOver = true;
    for (const { redialler } of this.#dials.values()) redialler.stop();
    this.#dials.clear();
    for (const host of [...this.#greeting]) host.close("the manager is ending");
    return {
      [Symbol.dispose]: () => {
        this.#handingOver = false;
        this.end();
      },
    };
  }

  end(): void {
    if (this.#handingOver) return;
    this.#closed = true;
    for (const name of [...this.#dials.keys()]) this.#stopDialling(name);
    this.#hangUpAll("the manager is ending");
    this.#door.close();
  }
}
