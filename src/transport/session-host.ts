/**
 * One link's socket with its session: frames are read and checked, the session decides, its effects are performed. Owns one WebSocket and one timer.
 * A message too large for one frame goes in binary pieces (0 more follows, 1 the last), so that neither end ever holds more than the bounds allow.
 */
import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import type { Result } from "../core/failure.ts";
import { readManagerFrame, readWorkerFrame, writeFrame } from "../protocol/codec.ts";
import {
  MAX_GREETING_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_WHOLE_BYTES,
  type ManagerMessage,
  type SessionMessage,
  type WorkerMessage,
} from "../protocol/messages.ts";
import { Session } from "../protocol/session.ts";
import type {
  ProofInput,
  SessionEffect,
  SessionEvent,
  SessionRole,
  SessionTimes,
  WorkerTraits,
} from "../protocol/session-events.ts";
import { bytesOf } from "./bulk-socket.ts";

/** Anything that goes over a link. */
export type Frame = WorkerMessage | ManagerMessage | SessionMessage;

/** What the owner of a link answers and is told. */
export interface SessionOwner {
  readonly role: SessionRole;
  readonly peerId: string;
  readonly times?: SessionTimes;
  /** Worker: the proof of the join token, null without one, and that of its membership. */
  readonly prove?: (input: ProofInput) => Omit<Extract<SessionEvent, { readonly kind: "proved" }>, "kind">;
  /** Manager: whether a proof is right. */
  readonly check?: (
    proof: { readonly mac: string; readonly membership?: string } & ProofInput,
  ) => Omit<Extract<SessionEvent, { readonly kind: "checked" }>, "kind">;
  /** Manager: "" or why this worker may not come in just now. */
  readonly admit?: (traits: WorkerTraits) => Promise<string>;
  /** `membership`: what a worker is to keep; "" for nothing. */
  readonly onUp: (enrolled: boolean, membership: string) => void;
  readonly onFrame: (frame: Frame) => void;
  /** The end; called once. `refused`: a person should know. */
  readonly onClosed: (reason: string, refused: boolean) => void;
}

/** How one link is. */
export interface LinkFigures {
  /** Of the last ping, to a hundredth; null before the first came back. */
  readonly roundTripMs: number | null;
  readonly protocol: number;
}

/** Bytes of one piece of a large message: small enough that a ping is not held up for long. */
const PIECE_BYTES = 256 * 1024;
/** Frames on the wire are at most this large; a piece has one byte more than its content. */
export const MAX_FRAME_BYTES = MAX_MESSAGE_BYTES;
/** Milliseconds that a refusal has to get through. */
const LAST_WORDS_MS = 1_000;
const MORE = 0;
const LAST = 1;

/** Runs a session on a socket that is open. Hears the socket from its construction on. */
export class SessionHost {
  readonly #ws: WebSocket;
  readonly #owner: SessionOwner;
  readonly #session: Session;
  readonly #read: (wire: string, from: "stranger" | "peer") => Result<Frame>;
  readonly #waiting: { readonly event: SessionEvent; readonly outgoing: Frame | null }[] = [];
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pingedMs = 0;
  #roundTripMs: number | null = null;
  #protocol = 0;
  #turning = false;
  #closed = false;
  readonly #heard = new Set<() => void>();

  constructor(ws: WebSocket, owner: SessionOwner) {
    this.#ws = ws;
    this.#owner = owner;
    this.#session = new Session(owner.role, owner.times);
    this.#read = owner.role.kind === "manager" ? readWorkerFrame : readManagerFrame;
    ws.on("message", (data, isBinary) => this.#message(bytesOf(data), isBinary));
    ws.on("pong", () => this.#pong());
    ws.on("ping", () => this.#feed({ kind: "heard" }));
    ws.on("close", () => this.#end("the link is lost", false));
    ws.on("error", (error) => this.#end(`the link is lost: ${error.message}`, false));
  }

  /** Begins to greet. Apart from the construction because it may end at once. */
  start(): void {
    this.#feed({ kind: "opened", peerId: this.#owner.peerId, nonce: randomBytes(32).toString("hex") });
  }

  get isUp(): boolean {
    return this.#session.isUp;
  }

  figures(): LinkFigures {
    return { roundTripMs: this.#roundTripMs, protocol: this.#protocol };
  }

  /** Sends a message in order, or ends the link when the peer does not take what it is sent. Nothing is sent before the session is up. */
  send(frame: Frame): void {
    const what = frame.kind === "heartbeat" ? "heartbeat" : "other";
    this.#feed({ kind: "send", what, waitingBytes: this.#ws.bufferedAmount }, frame);
  }

  /** Ends the link from this side. */
  close(reason: string): void {
    this.#end(reason, false);
  }

  /** True when the peer answers a ping within `ms`. */
  async answers(ms: number): Promise<boolean> {
    if (this.#closed || this.#ws.readyState !== this.#ws.OPEN) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const heard = (): void => resolve(!this.#closed);
    const late = setTimeout(() => resolve(false), ms);
    this.#heard.add(heard);
    this.#ws.ping();
    const alive = await promise;
    clearTimeout(late);
    this.#heard.delete(heard);
    return alive;
  }

  #message(data: Buffer, isBinary: boolean): void {
    if (this.#closed) return;
    const whole = isBinary ? this.#piece(data) : data;
    if (whole === null) {
      this.#feed({ kind: "heard" });
      return;
    }
    const limit = this.isUp ? MAX_WHOLE_BYTES : MAX_GREETING_BYTES;
    if (whole.length > limit || (!isBinary && this.#pieces.length > 0)) {
      this.#feed({ kind: "garbage", reason: "a message that is too large, or amid another" });
      return;
    }
    const read = this.#read(whole.toString("utf8"), this.isUp ? "peer" : "stranger");
    this.#feed(read.ok ? { kind: "frame", frame: read.value } : { kind: "garbage", reason: read.failure.message });
  }

  /** The whole message once its last piece is there. */
  #piece(data: Buffer): Buffer | null {
    this.#pieceBytes += data.length;
    const isLast = data[0] === LAST;
    const limit = this.isUp ? MAX_WHOLE_BYTES : MAX_GREETING_BYTES;
    if (this.#pieceBytes > limit || (data[0] !== MORE && !isLast)) {
      this.#feed({ kind: "garbage", reason: `pieces of more than ${limit} bytes, or none` });
      return null;
    }
    this.#pieces.push(data.subarray(1));
    if (!isLast) return null;
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return whole;
  }

  #pong(): void {
    this.#roundTripMs = Math.round((performance.now() - this.#pingedMs) * 100) / 100;
    for (const heard of [...this.#heard]) heard();
    this.#feed({ kind: "heard" });
  }

  /** One event after the other: an effect may bring the next event before its own turn is over. */
  #feed(event: SessionEvent, outgoing: Frame | null = null): void {
    this.#waiting.push({ event, outgoing });
    if (this.#turning) return;
    this.#turning = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        for (const effect of this.#session.handle(next.event)) this.#perform(effect, next.outgoing);
      }
    } finally {
      this.#turning = false;
    }
  }

  #perform(effect: SessionEffect, outgoing: Frame | null): void {
    switch (effect.kind) {
      case "send":
        this.#write(effect.frame);
        return;
      case "pass":
        if (outgoing !== null) this.#write(outgoing);
        return;
      case "prove":
        this.#feed({ kind: "proved", ...(this.#owner.prove?.(effect) ?? { mac: null }) });
        return;
      case "check":
        this.#feed({ kind: "checked", ...(this.#owner.check?.(effect) ?? { right: false }) });
        return;
      case "admit":
        void this.#admit(effect.traits);
        return;
      case "up":
        this.#protocol = effect.protocol;
        this.#owner.onUp(effect.enrolled, effect.membership ?? "");
        return;
      case "deliver":
        this.#owner.onFrame(effect.frame);
        return;
      case "ping":
        this.#pingedMs = performance.now();
        if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping();
        return;
      case "arm":
        clearTimeout(this.#timer);
        if (!this.#closed) this.#timer = setTimeout(() => this.#feed({ kind: "timer" }), effect.afterMs);
        return;
      default:
        this.#end(effect.reason, effect.refused);
    }
  }

  async #admit(traits: WorkerTraits): Promise<void> {
    const refusal = (await this.#owner.admit?.(traits)) ?? "";
    this.#feed({ kind: "admitted", refusal });
  }

  #write(frame: Frame): void {
    if (this.#closed || this.#ws.readyState !== this.#ws.OPEN) return;
    const text = writeFrame(frame);
    // A UTF-16 unit makes at most three bytes.
    if (text.length * 3 <= PIECE_BYTES || Buffer.byteLength(text) <= PIECE_BYTES) {
      this.#ws.send(text);
      return;
    }
    const bytes = Buffer.from(text);
    if (bytes.length > MAX_WHOLE_BYTES) {
      this.#end(`a message of ${bytes.length} bytes is more than a link carries (${MAX_WHOLE_BYTES})`, true);
      return;
    }
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const part = bytes.subarray(at, at + PIECE_BYTES);
      this.#ws.send(Buffer.concat([Buffer.from([at + PIECE_BYTES < bytes.length ? MORE : LAST]), part]));
    }
  }

  #end(reason: string, refused: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#session.handle({ kind: "closed" });
    for (const heard of [...this.#heard]) heard();
    this.#hangUp(refused);
    this.#owner.onClosed(reason, refused);
  }

  /** A refusal may still go out, but nobody waits for a peer that is gone. */
  #hangUp(refused: boolean): void {
    if (refused) endSoon(this.#ws);
    else this.#ws.terminate();
  }
}

/** Refuses a socket on which no session has begun. */
export function sayNo(ws: WebSocket, reason: string): void {
  ws.on("error", () => undefined);
  if (ws.readyState === ws.OPEN) ws.send(writeFrame({ kind: "refused", reason }));
  endSoon(ws);
}

function endSoon(ws: WebSocket): void {
  ws.close(1008);
  setTimeout(() => ws.terminate(), LAST_WORDS_MS).unref();
}
