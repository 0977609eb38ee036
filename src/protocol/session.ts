/**
 * One link between a manager and a worker, from the open socket to its end: greeting, version, enrolment, refusals, signs of life, and what may wait to be sent.
 * The same pure machine for both ends; events in, effects out. Keys, random numbers, digests and timers are the host's. It never says anything to a peer
 * whose key is not the expected one, and delivers nothing before both sides have agreed.
 */
import type { Draw } from "../core/jitter.ts";
import {
  type ManagerIdentity,
  type ManagerMessage,
  type ManagerOpen,
  PROTOCOL,
  type SessionMessage,
  type WorkerMessage,
  type WorkerOpen,
} from "./messages.ts";

/** What a worker is told apart by, beyond its key. */
export interface WorkerTraits {
  readonly machineId: string;
  readonly processId: string;
}

/** Which end this is, and what it brings along. */
export type SessionRole =
  | {
      readonly kind: "manager";
      readonly manager: ManagerIdentity | null;
      /** What is on record of the peer; null for a key that is not known. */
      readonly known: { readonly machineId: string } | null;
    }
  | ({
      readonly kind: "worker";
      /** Whose orders it takes: the cluster id of the pin or of the join token; null for none yet. */
      readonly clusterId: string | null;
      /** Why this manager is not to be followed, in words; null when it is. Pure. */
      readonly judge?: (manager: ManagerIdentity) => string | null;
    } & WorkerTraits);

/** Waits of a session, in milliseconds. */
export interface SessionTimes {
  /** For the greeting to be over. */
  readonly greetingMs: number;
  /** Between pings. A peer of which nothing was heard from one ping to the next is gone. */
  readonly pingMs: number;
}

/** 5 s each: a link that carries nothing is noticed after 5 to 10 s. */
export const SESSION_TIMES: SessionTimes = { greetingMs: 5_000, pingMs: 5_000 };

/** Bytes that may wait for a peer. At the bound heartbeats are dropped, and anything else ends the link: the next one begins with a whole set and a whole report. */
export const MAX_OUTBOX_BYTES = 4 << 20;

/** What both ends' proofs are made over, beside the secret. */
export interface ProofInput {
  readonly peerId: string;
  readonly managerNonce: string;
  readonly workerNonce: string;
}

export type SessionEvent =
  /** The socket is open. `peerId`: digest of the peer's key, as TLS has proved it. `nonce`: fresh. */
  | { readonly kind: "opened"; readonly peerId: string; readonly nonce: string }
  | { readonly kind: "frame"; readonly frame: SessionMessage | WorkerMessage | ManagerMessage }
  /** A frame that is none. */
  | { readonly kind: "garbage"; readonly reason: string }
  /** The answer to `prove`; null without a token. */
  | { readonly kind: "proved"; readonly mac: string | null }
  /** The answer to `check`. */
  | { readonly kind: "checked"; readonly right: boolean }
  /** The answer to `admit`: "" or why not. */
  | { readonly kind: "admitted"; readonly refusal: string }
  /** Something was heard of the peer: a pong, or part of a message. */
  | { readonly kind: "heard" }
  | { readonly kind: "timer" }
  /** To be sent by the owner. `waitingBytes`: what the socket has not taken yet. */
  | { readonly kind: "send"; readonly what: "heartbeat" | "other"; readonly waitingBytes: number }
  | { readonly kind: "closed" };

export type SessionEffect =
  | { readonly kind: "send"; readonly frame: SessionMessage }
  /** Digest the join token over this; answered by `proved`. Worker only. */
  | ({ readonly kind: "prove" } & ProofInput)
  /** Compare the worker's digest with one's own; answered by `checked`. Manager only. */
  | ({ readonly kind: "check"; readonly mac: string } & ProofInput)
  /** Is another link of this worker there? Answered by `admitted`. Manager only. */
  | { readonly kind: "admit"; readonly peerId: string; readonly traits: WorkerTraits }
  /** The session is up. `enrolled`: the join token was needed for it. */
  | { readonly kind: "up"; readonly protocol: number; readonly enrolled: boolean }
  | { readonly kind: "deliver"; readonly frame: SessionMessage | WorkerMessage | ManagerMessage }
  /** The message of the `send` event goes out. */
  | { readonly kind: "pass" }
  | { readonly kind: "ping" }
  /** Replaces the timer before. */
  | { readonly kind: "arm"; readonly afterMs: number }
  /** `refused`: a person should know. A link that is closed is never used again. */
  | { readonly kind: "close"; readonly reason: string; readonly refused: boolean };

type Phase = "new" | "greeting" | "proving" | "admitting" | "up" | "closed";

/** One link's session. `handle` is called for each event in order; effects are performed in order. */
export class Session {
  readonly #role: SessionRole;
  readonly #times: SessionTimes;
  #phase: Phase = "new";
  #peerId = "";
  #nonce = "";
  #peer: WorkerOpen | ManagerOpen | null = null;
  #enrol = false;
  #heard = true;
  #effects: SessionEffect[] = [];

  constructor(role: SessionRole, times: SessionTimes = SESSION_TIMES) {
    this.#role = role;
    this.#times = times;
  }

  /** True once messages go both ways. */
  get isUp(): boolean {
    return this.#phase === "up";
  }

  handle(event: SessionEvent): SessionEffect[] {
    if (this.#phase === "closed") return [];
    this.#effects = [];
    this.#take(event);
    return this.#effects;
  }

  #take(event: SessionEvent): void {
    switch (event.kind) {
      case "opened":
        this.#opened(event.peerId, event.nonce);
        return;
      case "frame":
        this.#heard = true;
        this.#frame(event.frame);
        return;
      case "garbage":
        this.#refuse(`it says what is no message: ${event.reason}`);
        return;
      case "proved":
        this.#proved(event.mac);
        return;
      case "checked":
        this.#checked(event.right);
        return;
      case "admitted":
        this.#admitted(event.refusal);
        return;
      case "heard":
        this.#heard = true;
        return;
      case "timer":
        this.#timer();
        return;
      case "send":
        this.#send(event);
        return;
      default:
        this.#phase = "closed";
    }
  }

  #opened(peerId: string, nonce: string): void {
    this.#peerId = peerId;
    this.#nonce = nonce;
    this.#phase = "greeting";
    this.#do({ kind: "arm", afterMs: this.#times.greetingMs });
    const role = this.#role;
    if (role.kind === "manager") {
      this.#enrol = role.known === null;
      const { manager } = role;
      this.#say({ kind: "open", from: "manager", protocol: PROTOCOL, nonce, enrol: this.#enrol, manager });
      return;
    }
    const stranger = strangerReason(role.clusterId, peerId);
    if (stranger !== null) return this.#refuse(stranger);
    const { machineId, processId } = role;
    this.#say({ kind: "open", from: "worker", protocol: PROTOCOL, nonce, machineId, processId });
  }

  #frame(frame: SessionMessage | WorkerMessage | ManagerMessage): void {
    if (this.#phase === "up") return this.#deliver(frame);
    if (frame.kind === "refused") return this.#close(`${this.#other} refuses: ${frame.reason}`, true);
    if (frame.kind === "open" && this.#phase === "greeting" && this.#peer === null) return this.#greeted(frame);
    const role = this.#role.kind;
    if (frame.kind === "proof" && this.#phase === "proving" && role === "manager") {
      this.#phase = "admitting";
      return this.#do({ kind: "check", mac: frame.mac, ...this.#proofInput() });
    }
    if (frame.kind === "joined" && this.#phase === "admitting" && role === "worker")
      return this.#joined(frame.protocol);
    this.#refuse(`it says ${frame.kind} before its time`);
  }

  /** In an open session nothing of the greeting is said again; a refusal of the manager's own is its worker's to read. */
  #deliver(frame: SessionMessage | WorkerMessage | ManagerMessage): void {
    if (frame.kind === "open" || frame.kind === "proof" || frame.kind === "joined") {
      return this.#refuse(`it says ${frame.kind} a second time`);
    }
    this.#do({ kind: "deliver", frame });
  }

  #greeted(open: WorkerOpen | ManagerOpen): void {
    const role = this.#role;
    if (open.from === role.kind) return this.#refuse(`it is a ${open.from} too`);
    if (open.nonce === this.#nonce) return this.#refuse("it says back what it was told");
    const version = versionRefusal(open.protocol);
    if (version !== null) return this.#refuse(version);
    this.#peer = open;
    if (open.from === "manager" && role.kind === "worker") this.#greetedByManager(open, role);
    else if (open.from === "worker" && role.kind === "manager") this.#greetedByWorker(open, role);
  }

  #greetedByManager(open: ManagerOpen, role: Extract<SessionRole, { readonly kind: "worker" }>): void {
    const reason = open.manager === null ? null : (role.judge?.(open.manager) ?? null);
    if (reason !== null) return this.#refuse(reason);
    this.#enrol = open.enrol;
    this.#phase = open.enrol ? "proving" : "admitting";
    if (open.enrol) this.#do({ kind: "prove", ...this.#proofInput() });
  }

  #greetedByWorker(open: WorkerOpen, role: Extract<SessionRole, { readonly kind: "manager" }>): void {
    if (role.known !== null && role.known.machineId !== open.machineId) {
      return this.#refuse(
        "this node's key is on another machine than before: a clone? Each node makes a key of its own; if the machine was replaced, `cube node rm` and join anew",
      );
    }
    if (this.#enrol) this.#phase = "proving";
    else this.#askToAdmit();
  }

  #proved(mac: string | null): void {
    if (this.#phase !== "proving") return;
    if (mac === null) {
      return this.#refuse("the manager does not know this node and it has no join token: see `cube node token`");
    }
    this.#phase = "admitting";
    this.#say({ kind: "proof", mac });
  }

  #checked(right: boolean): void {
    if (this.#phase !== "admitting") return;
    if (right) this.#askToAdmit();
    else this.#refuse("wrong join token: `cube node token` on the manager prints the right one");
  }

  #askToAdmit(): void {
    this.#phase = "admitting";
    if (this.#peer?.from !== "worker") return;
    const { machineId, processId } = this.#peer;
    this.#do({ kind: "admit", peerId: this.#peerId, traits: { machineId, processId } });
  }

  #admitted(refusal: string): void {
    if (this.#phase !== "admitting" || this.#peer === null) return;
    if (refusal !== "") return this.#refuse(refusal);
    const protocol = spoken(this.#peer.protocol);
    this.#say({ kind: "joined", protocol });
    this.#up(protocol);
  }

  #joined(protocol: number): void {
    if (this.#peer === null || protocol !== spoken(this.#peer.protocol)) {
      return this.#refuse(`it wants to speak protocol ${protocol}, which was not agreed`);
    }
    this.#up(protocol);
  }

  #up(protocol: number): void {
    this.#phase = "up";
    this.#heard = true;
    this.#do({ kind: "up", protocol, enrolled: this.#enrol });
    this.#ping();
  }

  #timer(): void {
    if (this.#phase !== "up") {
      this.#close(`${this.#other} did not finish its greeting within ${this.#times.greetingMs} ms`, false);
    } else if (this.#heard) {
      this.#ping();
    } else {
      this.#close(`${this.#other} was not heard of for ${this.#times.pingMs} ms`, false);
    }
  }

  #ping(): void {
    this.#heard = false;
    this.#do({ kind: "ping" });
    this.#do({ kind: "arm", afterMs: this.#times.pingMs });
  }

  #send(event: Extract<SessionEvent, { readonly kind: "send" }>): void {
    if (this.#phase !== "up") return;
    if (event.waitingBytes <= MAX_OUTBOX_BYTES) return this.#do({ kind: "pass" });
    // What is measured now matters; a heartbeat that would arrive late tells nothing.
    if (event.what === "heartbeat") return;
    this.#close(
      `${this.#other} does not take what it is sent (${event.waitingBytes} bytes wait): it starts anew`,
      false,
    );
  }

  #proofInput(): ProofInput {
    const peerNonce = this.#peer?.nonce ?? "";
    const isManager = this.#role.kind === "manager";
    return {
      peerId: this.#peerId,
      managerNonce: isManager ? this.#nonce : peerNonce,
      workerNonce: isManager ? peerNonce : this.#nonce,
    };
  }

  #refuse(reason: string): void {
    this.#say({ kind: "refused", reason });
    this.#close(reason, true);
  }

  #close(reason: string, refused: boolean): void {
    this.#phase = "closed";
    this.#do({ kind: "close", reason, refused });
  }

  #say(frame: SessionMessage): void {
    this.#do({ kind: "send", frame });
  }

  #do(effect: SessionEffect): void {
    this.#effects.push(effect);
  }

  get #other(): string {
    return this.#role.kind === "manager" ? "the worker" : "the manager";
  }
}

/** First and longest wait before a lost link is dialled again, in milliseconds. */
const FIRST_BACK_OFF_MS = 500;
const LONGEST_BACK_OFF_MS = 8_000;

/** Milliseconds to wait after so many failures in a row (0 for a link that had been up): full jitter, so that workers do not come back all at once. */
export function backOffMs(failures: number, draw: Draw): number {
  const window = Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(failures, 10));
  return Math.floor(draw() * window);
}

/**
 * What a manager does when a worker comes while another link of the same key is open. `probe`: the same machine under another process; only if the older link
 * answers are there two at once. Pure.
 */
export function rival(newer: WorkerTraits, older: WorkerTraits): "replace" | "refuse" | "probe" {
  if (newer.machineId !== older.machineId) return "refuse";
  return newer.processId === older.processId ? "replace" : "probe";
}

/** What a clone is told. */
export const CLONE_REFUSAL =
  "another worker with this node's key is linked already: a clone? Remove the copied key, so that it makes one of its own";

function strangerReason(clusterId: string | null, peerId: string): string | null {
  if (clusterId === null) return "this node has joined no cluster yet and has no join token: see `cube node token`";
  if (clusterId === peerId) return null;
  return `this node belongs to cluster ${clusterId.slice(0, 8)}, not to ${peerId.slice(0, 8)}`;
}

function versionRefusal(theirs: { readonly min: number; readonly max: number }): string | null {
  if (theirs.min <= PROTOCOL.max && theirs.max >= PROTOCOL.min) return null;
  return `protocol ${theirs.min}-${theirs.max} is not spoken here (${PROTOCOL.min}-${PROTOCOL.max}): upgrade the older of manager and worker`;
}

function spoken(theirs: { readonly max: number }): number {
  return Math.min(PROTOCOL.max, theirs.max);
}
