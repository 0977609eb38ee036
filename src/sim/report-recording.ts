/**
 * A failing run once more, with everything written down: all events, every message with what became of it, and how each machine was in the end. Runs are
 * deterministic, and so normal ones need not pay for any of it.
 */
import type { Checker } from "./checker.ts";
import { CHECKERS } from "./checks.ts";
import type { Frame, Network, Wire } from "./network.ts";
import type { SimProcess } from "./process.ts";
import { type Outcome, run } from "./run.ts";
import type { Simulation } from "./simulation.ts";
import type { SimEvent } from "./trace.ts";

/** An event with its place among all events and messages of the run. */
export interface Recorded {
  readonly order: number;
  readonly atMs: number;
  readonly event: SimEvent;
}

/** A message on a wire. */
export interface SentFrame {
  readonly order: number;
  readonly sentMs: number;
  readonly from: string;
  readonly to: string;
  readonly frame: Frame;
  /** Nothing got through in that direction when it was sent. */
  readonly intoCut: boolean;
  /** When the other end read it; null for never. */
  readonly heard: { readonly order: number; readonly atMs: number } | null;
  /** Why it was of no use, where it was not: never read, or read as something else, or by an end that had closed. */
  readonly fate: string;
}

/** All of a run. */
export interface Recording {
  readonly outcome: Outcome;
  readonly events: readonly Recorded[];
  readonly frames: readonly SentFrame[];
  /** How each machine was in the end, one line each. */
  readonly machines: readonly string[];
}

/** Runs the plan of that outcome again. With the same checkers it comes to the same end, or else something is not deterministic. */
export function record(outcome: Outcome, checkers: readonly Checker[] = CHECKERS): Recording {
  const recorder = new Recorder();
  const again = run(outcome.plan, { checkers: [...checkers, recorder.checker] });
  return recorder.recording(again);
}

interface Draft {
  readonly order: number;
  readonly sentMs: number;
  readonly direction: Way;
  readonly frame: Frame;
  readonly intoCut: boolean;
  heard: { readonly order: number; readonly atMs: number } | null;
  fate: string;
}

/** One direction of a wire: what is sent comes out at its end in the same order, or not at all. */
interface Way {
  readonly from: string;
  readonly to: string;
  readonly unheard: Draft[];
  receiver: { readonly process: SimProcess; readonly life: number } | null;
  /** Its sender has closed the connection. */
  isClosed: boolean;
}

class Recorder {
  readonly #events: Recorded[] = [];
  readonly #frames: Draft[] = [];
  readonly #wires = new Set<Wire>();
  #order = 0;
  #sim: Simulation | null = null;

  /** Violates nothing: a checker is who sees a run before it begins. */
  readonly checker: Checker = {
    id: "recorder",
    rule: "",
    begin: (sim) => {
      this.#sim = sim;
      this.#tap(sim.network);
      this.#tapLocal(sim);
      return { onEvent: (event, atMs) => this.#events.push({ order: this.#order++, atMs, event }) };
    },
  };

  recording(outcome: Outcome): Recording {
    const sim = this.#sim;
    return {
      outcome,
      events: this.#events,
      frames: this.#frames.map((draft) => settled(draft, sim?.network ?? null)),
      machines: sim === null ? [] : [...managerLines(sim), ...nodeLines(sim)],
    };
  }

  get #nowMs(): number {
    return this.#sim?.nowMs ?? 0;
  }

  /** Both ends of a connection may be the first to get it: whoever was stopped gets it later. */
  #tap(network: Network): void {
    const listen = network.listen.bind(network);
    network.listen = (machine, process, accept) =>
      listen(machine, process, (wire) => {
        this.#tapWire(wire);
        accept(wire);
      });
    const call = network.call.bind(network);
    network.call = (made) =>
      call({
        ...made,
        answered: (wire, reason) => {
          if (wire !== null) this.#tapWire(wire);
          made.answered(wire, reason);
        },
      });
  }

  #tapWire(wire: Wire): void {
    if (this.#wires.has(wire)) return;
    this.#wires.add(wire);
    const ways = [wayOf(wire.peerOf(1), wire.peerOf(0)), wayOf(wire.peerOf(0), wire.peerOf(1))] as const;
    const [send, attach] = [wire.send.bind(wire), wire.attach.bind(wire)];
    wire.send = (side, frame) => {
      this.#sent(ways[side], frame);
      send(side, frame);
    };
    wire.attach = (side, end) => {
      const [incoming, outgoing] = [ways[side === 0 ? 1 : 0], ways[side]];
      incoming.receiver = { process: end.process, life: end.life };
      attach(side, {
        ...end,
        hear: (frame) => {
          this.#heard(incoming, frame, outgoing.isClosed);
          end.hear(frame);
        },
      });
    };
  }

  #sent(way: Way, frame: Frame): void {
    if (way.isClosed) return;
    if (frame.kind === "close") way.isClosed = true;
    const intoCut = this.#sim?.network.isCut(way.from, way.to) ?? false;
    const base = { order: this.#order++, sentMs: this.#nowMs, direction: way, frame, intoCut };
    const draft: Draft = { ...base, heard: null, fate: "" };
    this.#frames.push(draft);
    way.unheard.push(draft);
  }

  #heard(way: Way, frame: Frame, isDeaf: boolean): void {
    const draft = way.unheard.shift();
    if (draft === undefined) return;
    draft.heard = { order: this.#order++, atMs: this.#nowMs };
    if (frame.kind === "garbage" && draft.frame.kind !== "garbage") draft.fate = "garbled on its way";
    else if (isDeaf && frame.kind !== "close") draft.fate = "not read: that end has closed";
  }

  /** The worker in the manager's process has no wire: what is said between the two arrives at once. */
  #tapLocal(sim: Simulation): void {
    for (const { plan, worker } of sim.nodes.values()) {
      const { link } = worker;
      const { manager } = sim.manager;
      const { links } = manager;
      if (plan.local !== true || link === null || links === null) continue;
      const [node, host] = [plan.name, manager.parts.name];
      const told = (from: string, to: string, frame: Frame): void => {
        const way = wayOf(from, to);
        this.#sent(way, frame);
        this.#heard(way, frame, false);
      };
      worker.link = {
        begin: () => link.begin(),
        send: (message) => {
          told(node, host, { kind: "message", message });
          link.send(message);
        },
      };
      manager.links = {
        begin: () => links.begin(),
        close: (linkId) => links.close(linkId),
        send: (linkId, message) => {
          if (linkId.startsWith("in-process")) told(host, node, { kind: "message", message });
          links.send(linkId, message);
        },
      };
    }
  }
}

function wayOf(from: string, to: string): Way {
  return { from, to, unheard: [], receiver: null, isClosed: false };
}

function settled({ direction, ...draft }: Draft, network: Network | null): SentFrame {
  const { from, to } = direction;
  return { ...draft, from, to, fate: draft.fate || (draft.heard === null ? fateOf(direction, network) : "") };
}

/** Why nothing was heard of it so far. */
function fateOf({ from, to, receiver }: Way, network: Network | null): string {
  const isThere = receiver === null || (receiver.process.alive && receiver.process.life === receiver.life);
  if (!isThere) return `lost: ${to} has died`;
  if (network?.isCut(from, to)) return "held by a cut";
  return receiver?.process.stopped ? `waits: ${to} is stopped` : "on its way";
}

function managerLines(sim: Simulation): string[] {
  return [...sim.managers].map(([name, { manager }]) => {
    const { machine, identity, parts } = manager;
    if (!parts.process.alive) return `${name}: manager, dead`;
    const orders = manager.isOk ? "takes orders" : "takes no orders";
    const who = identity === null ? "" : `, term ${identity.term}, revision ${identity.revision}`;
    const tasks = countsOf([...(machine?.cluster.tasks.values() ?? [])].map((task) => task.fact.state));
    return `${name}: manager, ${lifeOf(parts.process)}, ${orders}${who}; tasks: ${tasks}${cutsOf(sim, name)}`;
  });
}

function nodeLines(sim: Simulation): string[] {
  return [...sim.nodes].map(([name, { worker, engine }]) => {
    const { process } = worker.parts;
    const link = worker.isLinked ? "linked" : "no link";
    const refusal = worker.machine?.refused() ?? "";
    const state = process.alive ? `${lifeOf(process)}, ${link}${refusal && `, refuses: ${refusal}`}` : "dead";
    const containers = countsOf([...engine.containers.values()].map((one) => (one.isForeign ? "foreign" : one.status)));
    return `${name}: worker, ${state}; containers: ${containers}${cutsOf(sim, name)}`;
  });
}

function lifeOf(process: SimProcess): string {
  return `${process.stopped ? "stopped" : "lives"} (life ${process.life})`;
}

/** Directions from that machine in which nothing gets through. */
function cutsOf({ network, nodes, managers }: Simulation, from: string): string {
  const cut = [...managers.keys(), ...nodes.keys()].filter((to) => to !== from && network.isCut(from, to));
  return cut.length === 0 ? "" : `; nothing gets through to ${cut.join(", ")}`;
}

/** Such as `3 running, 1 exited`. Pure. */
export function countsOf(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, many]) => `${many} ${word}`).join(", ") || "none";
}
