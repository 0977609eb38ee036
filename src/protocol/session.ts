/**
 * One link between a manager and a worker, from the open socket to its end: greeting, version, enrolment, refusals, signs of life, and what may wait to be sent.
 * The same pure machine for both ends; events in, effects out. Keys, random numbers, digests and timers are the host's. It never says anything to a peer
 * whose key is not the expected one, and delivers nothing before both sides have agreed.
 */
import type { Draw } from "../core/jitter.ts";
import {
  type ManagerMessage,
  type ManagerOpen,
  PROTOCOL,
  type SessionMessage,
  type WorkerMessage,
  type WorkerOpen,
} from "./messages.ts";
import {
  type ProofInput,
  SESSION_TIMES,
  type SessionEffect,
  type SessionEvent,
  type SessionRole,
  type SessionTimes,
  type WorkerTraits,
} from "./session-events.ts";

/** Bytes that may wait for a peer. At the bound heartbeats are dropped, and anything else ends the link: the next one begins with a whole set and a whole report. */
export const MAX_OUTBOX_BYTES = 4 << 20;

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
        this.#proved(event.mac, event.membership);
        return;
      case "checked":
        this.#checked(event.right, event.refusal);
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
    // The worker greets second: by then it knows whom, and a manager takes no link for open that its worker is about to refuse.
    const stranger = strangerReason(role.clusterId, peerId);
    if (stranger !== null) this.#refuse(stranger);
  }

  #frame(frame: SessionMessage | WorkerMessage | ManagerMessage): void {
    if (this.#phase === "up") {
      this.#deliver(frame);
      return;
    }
    if (frame.kind === "refused") {
      this.#close(`${this.#other} refuses: ${frame.reason}`, true);
      return;
    }
    if (frame.kind === "open" && this.#phase === "greeting" && this.#peer === null) {
      this.#greeted(frame);
      return;
    }
    const role = this.#role.kind;
    if (frame.kind === "proof" && this.#phase === "proving" && role === "manager") {
      this.#phase = "admitting";
      const { kind: _, ...proof } = frame;
      this.#do({ kind: "check", ...proof, ...this.#proofInput() });
      return;
    }
    if (frame.kind === "joined" && this.#phase === "admitting" && role === "worker")
      this.#joined(frame.protocol, frame.membership);
    else this.#refuse(`it says ${frame.kind} before its time`);
  }

  /** In an open session nothing of the greeting is said again; a refusal of the manager's own is its worker's to read. */
  #deliver(frame: SessionMessage | WorkerMessage | ManagerMessage): void {
    if (frame.kind === "open" || frame.kind === "proof" || frame.kind === "joined") {
      this.#refuse(`it says ${frame.kind} a second time`);
      return;
    }
    this.#do({ kind: "deliver", frame });
  }

  #greeted(open: WorkerOpen | ManagerOpen): void {
    const role = this.#role;
    if (open.from === role.kind) {
      this.#refuse(`it is a ${open.from} too`);
      return;
    }
    if (open.nonce === this.#nonce) {
      this.#refuse("it says back what it was told");
      return;
    }
    const version = versionRefusal(open.protocol);
    if (version !== null) {
      this.#refuse(version);
      return;
    }
    this.#peer = open;
    if (open.from === "manager" && role.kind === "worker") this.#greetedByManager(open, role);
    else if (open.from === "worker" && role.kind === "manager") this.#greetedByWorker(open, role);
  }

  #greetedByManager(open: ManagerOpen, role: Extract<SessionRole, { readonly kind: "worker" }>): void {
    const reason = open.manager === null ? null : (role.judge?.(open.manager) ?? null);
    if (reason !== null) {
      this.#refuse(reason);
      return;
    }
    this.#enrol = open.enrol;
    this.#phase = open.enrol ? "proving" : "admitting";
    const { machineId, processId } = role;
    this.#say({ kind: "open", from: "worker", protocol: PROTOCOL, nonce: this.#nonce, machineId, processId });
    if (open.enrol) this.#do({ kind: "prove", ...this.#proofInput() });
  }

  #greetedByWorker(open: WorkerOpen, role: Extract<SessionRole, { readonly kind: "manager" }>): void {
    // "" when its record was lost and only its key is known.
    const machineId = role.known?.machineId ?? "";
    if (machineId !== "" && machineId !== open.machineId) {
      this.#refuse(
        "this node's key is on another machine than before: a clone? Each node makes a key of its own; if the machine was replaced, `cube node rm` and join anew",
      );
    } else if (this.#enrol) this.#phase = "proving";
    else this.#askToAdmit();
  }

  #proved(token: string | null, membership: string | undefined): void {
    if (this.#phase !== "proving") return;
    const mac = token ?? membership;
    if (mac === undefined) {
      this.#refuse("the manager does not know this node and it has no join token: see `cube node token`");
      return;
    }
    this.#phase = "admitting";
    this.#say({ kind: "proof", mac, ...(membership === undefined ? {} : { membership }) });
  }

  #checked(right: boolean, refusal = "wrong join token: `cube node token` on the manager prints the right one"): void {
    if (this.#phase !== "admitting") return;
    if (right) this.#askToAdmit();
    else this.#refuse(refusal);
  }

  #askToAdmit(): void {
    this.#phase = "admitting";
    if (this.#peer?.from !== "worker") return;
    const { machineId, processId } = this.#peer;
    this.#do({ kind: "admit", peerId: this.#peerId, traits: { machineId, processId } });
  }

  #admitted(refusal: string): void {
    if (this.#phase !== "admitting" || this.#peer === null) return;
    if (refusal !== "") {
      this.#refuse(refusal);
      return;
    }
    const protocol = spoken(this.#peer.protocol);
    const membership = this.#role.kind === "manager" ? this.#role.membership : undefined;
    this.#say({ kind: "joined", protocol, ...(membership === undefined ? {} : { membership }) });
    this.#up(protocol);
  }

  #joined(protocol: number, membership: string | undefined): void {
    if (this.#peer === null || protocol !== spoken(this.#peer.protocol)) {
      this.#refuse(`it wants to speak protocol ${protocol}, which was not agreed`);
      return;
    }
    this.#up(protocol, membership);
  }

  #up(protocol: number, membership?: string): void {
    this.#phase = "up";
    this.#heard = true;
    this.#do({ kind: "up", protocol, enrolled: this.#enrol, ...(membership === undefined ? {} : { membership }) });
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
    if (event.waitingBytes <= MAX_OUTBOX_BYTES) {
      this.#do({ kind: "pass" });
      return;
    }
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

/** Longest waits before a lost link is dialled again, in milliseconds: at once, because another process may have taken the manager's place; then ever rarer. */
const AT_ONCE_MS = 100;
const FIRST_BACK_OFF_MS = 500;
const LONGEST_BACK_OFF_MS = 8_000;

/** Milliseconds to wait after so many failures in a row (0 for a link that had been up): full jitter, so that workers do not come back all at once. */
export function backOffMs(failures: number, draw: Draw): number {
  const backOff = FIRST_BACK_OFF_MS * 2 ** Math.min(failures - 1, 10);
  const window = failures === 0 ? AT_ONCE_MS : Math.min(LONGEST_BACK_OFF_MS, backOff);
  return Math.floor(draw() * window);
}

/**
 * What a manager does when a worker comes while another link of the same key is open. `probe`: only if the older link answers is there one too many. Pure.
 */
export function rival(newer: WorkerTraits, older: WorkerTraits): "refuse" | "probe" {
  return newer.machineId === older.machineId ? "probe" : "refuse";
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
