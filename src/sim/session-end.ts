/**
 * One end of a simulated link: the real session on a simulated wire. The counterpart of transport's SessionHost; it decides nothing that the session does
 * not decide.
 */
import { digest } from "../core/ids.ts";
import type { ManagerMessage, SessionMessage, WorkerMessage } from "../protocol/messages.ts";
import { Session } from "../protocol/session.ts";
import type { ProofInput, SessionEffect, SessionEvent, SessionRole, WorkerTraits } from "../protocol/session-events.ts";
import type { Frame, Wire } from "./network.ts";
import type { SimProcess, Timer } from "./process.ts";

export type Message = SessionMessage | WorkerMessage | ManagerMessage;

/** What the owner of an end answers and is told. */
export interface EndOwner {
  readonly role: SessionRole;
  /** The other end's key. */
  readonly peerId: string;
  readonly nonce: string;
  /** The join token's secret; null without one. */
  readonly secret: string | null;
  readonly admit: (traits: WorkerTraits, answer: (refusal: string) => void) => void;
  readonly onUp: () => void;
  readonly onFrame: (message: Message) => void;
  readonly onClosed: (reason: string) => void;
}

export class SessionEnd {
  readonly #wire: Wire;
  readonly #side: 0 | 1;
  readonly #process: SimProcess;
  readonly #owner: EndOwner;
  readonly #session: Session;
  readonly #waiting: { readonly event: SessionEvent; readonly outgoing: Message | null }[] = [];
  readonly #heard = new Set<() => void>();
  #timer: Timer | null = null;
  #turning = false;
  #closed = false;

  constructor(wire: Wire, side: 0 | 1, process: SimProcess, owner: EndOwner) {
    this.#wire = wire;
    this.#side = side;
    this.#process = process;
    this.#owner = owner;
    this.#session = new Session(owner.role);
  }

  /** Begins to greet and to hear. */
  start(machine: string): void {
    this.#feed({ kind: "opened", peerId: this.#owner.peerId, nonce: this.#owner.nonce });
    const process = this.#process;
    this.#wire.attach(this.#side, { machine, process, life: process.life, hear: (frame) => this.#hear(frame) });
  }

  get isUp(): boolean {
    return !this.#closed && this.#session.isUp;
  }

  send(message: Message): void {
    const what = message.kind === "heartbeat" ? "heartbeat" : "other";
    this.#feed({ kind: "send", what, waitingBytes: this.#wire.waitingBytes(this.#side) }, message);
  }

  close(reason: string): void {
    this.#end(reason);
  }

  /** Tells whether the peer answers a ping within `ms`. */
  answers(ms: number, tell: (isAlive: boolean) => void): void {
    if (this.#closed) {
      tell(false);
      return;
    }
    const heard = (): void => {
      if (!this.#heard.delete(heard)) return;
      late.isOff = true;
      tell(!this.#closed);
    };
    this.#heard.add(heard);
    const late = this.#process.after(ms, () => {
      if (this.#heard.delete(heard)) tell(false);
    });
    this.#wire.send(this.#side, { kind: "ping" });
  }

  #hear(frame: Frame): void {
    if (this.#closed) {
      return;
    }
    switch (frame.kind) {
      case "message":
        this.#feed({ kind: "frame", frame: frame.message });
        return;
      case "garbage":
        this.#feed({ kind: "garbage", reason: frame.reason });
        return;
      case "ping":
        this.#wire.send(this.#side, { kind: "pong" });
        this.#feed({ kind: "heard" });
        return;
      case "pong":
        for (const heard of [...this.#heard]) heard();
        this.#feed({ kind: "heard" });
        return;
      default:
        this.#end("the link is lost");
    }
  }

  /** One event after the other: an effect may bring the next event before its own turn is over. */
  #feed(event: SessionEvent, outgoing: Message | null = null): void {
    this.#waiting.push({ event, outgoing });
    if (this.#turning) return;
    this.#turning = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      for (const effect of this.#session.handle(next.event)) this.#perform(effect, next.outgoing);
    }
    this.#turning = false;
  }

  #perform(effect: SessionEffect, outgoing: Message | null): void {
    switch (effect.kind) {
      case "send":
        this.#wire.send(this.#side, { kind: "message", message: effect.frame });
        return;
      case "pass":
        if (outgoing !== null) this.#wire.send(this.#side, { kind: "message", message: outgoing });
        return;
      case "prove":
        this.#feed({ kind: "proved", mac: proof(this.#owner.secret, effect) });
        return;
      case "check":
        this.#feed({ kind: "checked", right: proof(this.#owner.secret, effect) === effect.mac });
        return;
      case "admit":
        this.#owner.admit(effect.traits, (refusal) => this.#feed({ kind: "admitted", refusal }));
        return;
      case "up":
        this.#owner.onUp();
        return;
      case "deliver":
        this.#owner.onFrame(effect.frame);
        return;
      case "ping":
        this.#wire.send(this.#side, { kind: "ping" });
        return;
      case "arm":
        this.#arm(effect.afterMs);
        return;
      default:
        this.#end(effect.reason);
    }
  }

  #arm(afterMs: number): void {
    if (this.#timer !== null) this.#timer.isOff = true;
    this.#timer = this.#process.after(afterMs, () => this.#feed({ kind: "timer" }));
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) this.#timer.isOff = true;
    this.#session.handle({ kind: "closed" });
    this.#wire.send(this.#side, { kind: "close" });
    this.#owner.onClosed(reason);
    // Whoever waits for an answer hears of the end after its owner, as a promise's next step comes after the present one.
    for (const heard of [...this.#heard]) heard();
  }
}

/** Stands for the HMAC over the nonces: whoever does not know the secret cannot say it. */
function proof(secret: string | null, input: ProofInput): string | null {
  return secret === null ? null : digest(secret, input.managerNonce, input.workerNonce);
}
