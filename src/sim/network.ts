/**
 * The network of a run. A wire is one connection: ordered and reliable in each direction, as TCP is, until it is closed. What is sent into a cut is
 * held and arrives once the cut is healed, if both ends still keep the connection; an end that gives up tells the other one only if the way is free.
 */
import type { ManagerMessage, SessionMessage, WorkerMessage } from "../protocol/messages.ts";
import type { SimProcess } from "./process.ts";
import type { EventQueue } from "./queue.ts";
import type { Dice, Streams } from "./random.ts";

/** What goes over a wire. `close` is the last thing that an end says. */
export type Frame =
  | { readonly kind: "message"; readonly message: SessionMessage | WorkerMessage | ManagerMessage }
  | { readonly kind: "garbage"; readonly reason: string }
  | { readonly kind: "ping" }
  | { readonly kind: "pong" }
  | { readonly kind: "close" };

/** How links behave in a run. */
export interface NetworkTraits {
  readonly minDelayMs: number;
  readonly meanDelayMs: number;
  /** Frames that may wait in one direction before its sender is told that nothing gets through. */
  readonly capacity: number;
  /** How many in a thousand frames arrive as something that is no message. */
  readonly garbagePerMille: number;
}

/** Bytes that a frame counts for. */
const FRAME_BYTES = 400;
/** More than any outbox may hold: the sender gives up. */
const STUCK_BYTES = 1 << 30;
/** Longest wait of a sender until it tries again what was lost in a cut, in ms. */
const RETRANSMIT_MS = 3_000;

/** One machine's end of a wire. */
export interface WireEnd {
  readonly machine: string;
  readonly process: SimProcess;
  readonly life: number;
  readonly hear: (frame: Frame) => void;
}

/** Whoever calls gets the wire once the other side has answered. */
export interface Call {
  readonly from: string;
  readonly to: string;
  readonly process: SimProcess;
  /** Null when nobody answered, with the reason. */
  readonly answered: (wire: Wire | null, reason: string) => void;
}

/** Milliseconds after which a call that is not answered is given up. */
const CALL_MS = 10_000;

type Listener = (wire: Wire) => void;

export class Network {
  readonly #queue: EventQueue;
  readonly #streams: Streams;
  /** By sender, then by receiver: a draw comes with every frame. */
  readonly #dices = new Map<string, Map<string, Dice>>();
  traits: NetworkTraits;
  /** By how many frames a sender has gone beyond what may wait on its wire, at most. */
  beyond = 0;
  /** Directions that let nothing through, and how many faults want that. */
  readonly #cuts = new Map<string, number>();
  readonly #wires = new Set<Wire>();
  readonly #listeners = new Map<string, { readonly process: SimProcess; readonly life: number; accept: Listener }>();

  constructor(queue: EventQueue, streams: Streams, traits: NetworkTraits) {
    this.#queue = queue;
    this.#streams = streams;
    this.traits = traits;
  }

  get queue(): EventQueue {
    return this.#queue;
  }

  /** Lets nothing through in that direction until it is healed as often as it was cut. */
  cut(from: string, to: string): void {
    const key = `${from}>${to}`;
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1);
  }

  heal(from: string, to: string): void {
    const key = `${from}>${to}`;
    const left = (this.#cuts.get(key) ?? 0) - 1;
    if (left > 0) {
      this.#cuts.set(key, left);
      return;
    }
    this.#cuts.delete(key);
    for (const wire of this.#wires) wire.healed(from, to);
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  /** A draw of one frame's time on its way. */
  delayMs(from: string, to: string): number {
    return this.traits.minDelayMs + this.#dice(from, to).exponential(this.traits.meanDelayMs);
  }

  isGarbled(from: string, to: string): boolean {
    const { garbagePerMille } = this.traits;
    return garbagePerMille > 0 && this.#dice(from, to).chance(garbagePerMille / 1000);
  }

  retransmitMs(from: string, to: string): number {
    return this.#dice(from, to).between(0, RETRANSMIT_MS);
  }

  /** From now on that process takes calls to its machine. */
  listen(machine: string, process: SimProcess, accept: Listener): void {
    this.#listeners.set(machine, { process, life: process.life, accept });
  }

  call(call: Call): void {
    let isOver = false;
    const end = call.process.bound(() => {
      if (isOver) return;
      isOver = true;
      call.answered(null, "no answer");
    });
    this.#queue.after(CALL_MS, end);
    // TCP's and TLS's round trips.
    this.#way(call.from, call.to, () => {
      const listener = this.#listeners.get(call.to);
      const there = listener?.process.alive === true && listener.process.life === listener.life;
      this.#way(call.to, call.from, () => {
        if (isOver || !call.process.alive) return;
        isOver = true;
        if (!there) call.process.act(() => call.answered(null, "refused"));
        else this.#connect(call, listener);
      });
    });
  }

  #connect(call: Call, listener: { readonly process: SimProcess; readonly accept: Listener }): void {
    const wire = new Wire(this, call.from, call.to);
    this.#wires.add(wire);
    listener.process.act(() => listener.accept(wire));
    call.process.act(() => call.answered(wire, ""));
  }

  forget(wire: Wire): void {
    this.#wires.delete(wire);
  }

  /** The process has died and its machine says so on every connection; a machine that has lost its power says nothing. */
  hangUpAll(process: SimProcess): void {
    for (const wire of [...this.#wires]) wire.ended(process);
  }

  #way(from: string, to: string, arrive: () => void): void {
    if (this.isCut(from, to)) return;
    this.#queue.after(this.delayMs(from, to), () => {
      if (!this.isCut(from, to)) arrive();
    });
  }

  #dice(from: string, to: string): Dice {
    const known = this.#dices.get(from)?.get(to);
    if (known !== undefined) return known;
    const dice = this.#streams.of(`net/${from}>${to}`);
    this.#dices.set(from, new Map(this.#dices.get(from)).set(to, dice));
    return dice;
  }
}

interface Direction {
  readonly from: string;
  readonly to: string;
  end: WireEnd | null;
  /** Not yet read by the other end. */
  waiting: number;
  lastMs: number;
  /** On their way, the oldest first: whatever a cut does to the moments of their arrival, none overtakes another. */
  readonly underWay: Frame[];
  /** How many of them were to arrive while nothing got through. */
  stalled: number;
  /** Arrived before the end listened. */
  readonly early: Frame[];
  isClosed: boolean;
}

/** One connection. Side 0 has called. */
export class Wire {
  readonly #network: Network;
  readonly #ways: readonly [Direction, Direction];

  constructor(network: Network, from: string, to: string) {
    this.#network = network;
    this.#ways = [way(from, to), way(to, from)];
  }

  /** The end on that side hears from now on. */
  attach(side: 0 | 1, end: WireEnd): void {
    const incoming = this.#ways[side === 0 ? 1 : 0];
    incoming.end = end;
    for (const frame of incoming.early.splice(0)) this.#hear(incoming, frame);
  }

  peerOf(side: 0 | 1): string {
    return this.#ways[side].to;
  }

  /** Bytes that the other end has not taken yet. */
  waitingBytes(side: 0 | 1): number {
    return this.excess(side) > 0 ? STUCK_BYTES : this.#ways[side].waiting * FRAME_BYTES;
  }

  /** Frames that wait beyond what may. */
  excess(side: 0 | 1): number {
    return this.#ways[side].waiting - this.#network.traits.capacity;
  }

  send(side: 0 | 1, frame: Frame): void {
    const direction = this.#ways[side];
    if (direction.isClosed) return;
    if (frame.kind === "close") direction.isClosed = true;
    if (frame.kind === "message") this.#network.beyond = Math.max(this.#network.beyond, this.excess(side));
    direction.waiting++;
    this.#travel(direction, frame);
  }

  healed(from: string, to: string): void {
    for (const direction of this.#ways) {
      if (direction.from !== from || direction.to !== to || direction.stalled === 0) continue;
      const { stalled } = direction;
      direction.stalled = 0;
      const startMs = this.#network.queue.nowMs + this.#network.retransmitMs(from, to);
      direction.lastMs = Math.max(direction.lastMs, startMs);
      for (let i = 0; i < stalled; i++) this.#awaitArrival(direction);
    }
  }

  /** That process is gone; the machine under it closes its ends. */
  ended(process: SimProcess): void {
    for (const side of [0, 1] as const) {
      const end = this.#ways[side === 0 ? 1 : 0].end;
      if (end?.process === process && end.life === process.life) this.send(side, { kind: "close" });
    }
  }

  #travel(direction: Direction, frame: Frame): void {
    const garbled = frame.kind === "message" && this.#network.isGarbled(direction.from, direction.to);
    direction.underWay.push(garbled ? { kind: "garbage", reason: "not a message" } : frame);
    this.#awaitArrival(direction);
  }

  #awaitArrival(direction: Direction): void {
    const { from, to, underWay } = direction;
    if (this.#network.isCut(from, to)) {
      direction.stalled++;
      return;
    }
    const { queue } = this.#network;
    const atMs = Math.max(direction.lastMs, queue.nowMs + this.#network.delayMs(from, to));
    direction.lastMs = atMs;
    queue.after(atMs - queue.nowMs, () => {
      const oldest = this.#network.isCut(from, to) ? undefined : underWay.shift();
      if (oldest === undefined) direction.stalled++;
      else this.#arrive(direction, oldest);
    });
  }

  #arrive(direction: Direction, frame: Frame): void {
    if (frame.kind === "close") this.#network.forget(this);
    if (direction.end === null) direction.early.push(frame);
    else this.#hear(direction, frame);
  }

  #hear(direction: Direction, frame: Frame): void {
    const { end } = direction;
    if (end === null) return;
    const isThere = end.process.alive && end.process.life === end.life;
    if (isThere) {
      end.process.act(() => {
        direction.waiting--;
        end.hear(frame);
      });
      return;
    }
    // A machine that does not know the connection (any more) says so.
    const back = direction === this.#ways[0] ? 1 : 0;
    if (frame.kind !== "close") this.send(back, { kind: "close" });
  }
}

function way(from: string, to: string): Direction {
  return { from, to, end: null, waiting: 0, lastMs: 0, underWay: [], stalled: 0, early: [], isClosed: false };
}
