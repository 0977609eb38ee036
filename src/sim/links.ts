/**
 * Who is linked with whom: the counterparts of transport/remote-links.ts and transport/manager-link.ts on simulated wires. Both ends may dial; of several
 * links of one worker one remains.
 */
import { digest } from "../core/ids.ts";
import { ALREADY_LINKED, LASTING_MS, RIVAL_MS } from "../protocol/link-times.ts";
import type { ManagerMessage, WorkerMessage } from "../protocol/messages.ts";
import { backOffMs, CLONE_REFUSAL, rival } from "../protocol/session.ts";
import type { WorkerTraits } from "../protocol/session-events.ts";
import type { ManagerLinks, ManagerProcess } from "./manager-process.ts";
import type { Network, Wire } from "./network.ts";
import type { SimProcess } from "./process.ts";
import type { Dice } from "./random.ts";
import { type Message, SessionEnd } from "./session-end.ts";
import type { SimEvent } from "./trace.ts";
import type { WorkerLink, WorkerProcess } from "./worker-process.ts";

/** Stands for the join token: workers of a run have been given it. */
const SECRET = "join";

/** Dials again and again while there is no link. */
class Redial {
  readonly #process: SimProcess;
  readonly #dice: Dice;
  readonly #dial: () => void;
  #failures = 0;
  #upSinceMs: number | null = null;
  readonly #nowMs: () => number;

  constructor(process: SimProcess, dice: Dice, nowMs: () => number, dial: () => void) {
    this.#process = process;
    this.#dice = dice;
    this.#nowMs = nowMs;
    this.#dial = dial;
  }

  succeeded(): void {
    this.#upSinceMs = this.#nowMs();
  }

  ended(): void {
    if (this.#upSinceMs !== null && this.#nowMs() - this.#upSinceMs > LASTING_MS) this.#failures = 0;
    this.#upSinceMs = null;
    this.#process.after(backOffMs(this.#failures++, this.#dice.draw), () => this.#dial());
  }
}

/** Which key a machine shows; a clone shows its original's. */
export type KeyOf = (machine: string) => string;

interface Parts {
  /** Name in the network. */
  readonly machine: string;
  readonly network: Network;
  readonly dice: Dice;
  readonly keyOf: KeyOf;
  readonly tell: (event: SimEvent) => void;
}

export interface ManagerLinkParts extends Parts {
  readonly manager: ManagerProcess;
  /** Machines that this manager dials. */
  readonly dials: readonly string[];
}

interface Peer {
  readonly nodeId: string;
  readonly machine: string;
  readonly end: SessionEnd;
  readonly traits: WorkerTraits;
}

export class SimManagerLinks implements ManagerLinks {
  readonly #parts: ManagerLinkParts;
  readonly #peers = new Map<string, Peer>();
  readonly #byNode = new Map<string, string>();
  #number = 0;

  constructor(parts: ManagerLinkParts) {
    this.#parts = parts;
  }

  begin(): void {
    this.#peers.clear();
    this.#byNode.clear();
    const { network, machine, manager, dials } = this.#parts;
    network.listen(machine, manager.parts.process, (wire) => this.#take(wire, 1, null));
    for (const to of dials) this.#dial(to);
  }

  send(linkId: string, message: ManagerMessage): void {
    this.#peers.get(linkId)?.end.send(message);
  }

  close(linkId: string): void {
    this.#peers.get(linkId)?.end.close("the manager has closed the link");
  }

  #dial(to: string): void {
    const { network, machine, manager, dice } = this.#parts;
    const { process, clock } = manager.parts;
    const call = (): void =>
      network.call({
        from: machine,
        to,
        process,
        answered: process.boundWith((wire: Wire | null) => {
          if (wire === null) redial.ended();
          else this.#take(wire, 0, redial);
        }),
      });
    const redial: Redial = new Redial(process, dice, () => clock.monoMs, call);
    call();
  }

  #take(wire: Wire, side: 0 | 1, redial: Redial | null): void {
    const { manager, machine, keyOf, tell, dice } = this.#parts;
    const linkId = `${manager.parts.name}-${++this.#number}`;
    const peerMachine = wire.peerOf(side);
    const nodeId = keyOf(peerMachine);
    let traits: WorkerTraits = { machineId: "", processId: "" };
    const end: SessionEnd = new SessionEnd(wire, side, manager.parts.process, {
      role: { kind: "manager", manager: manager.identity, known: manager.known(nodeId) },
      peerId: nodeId,
      nonce: digest(linkId, dice.seed()),
      secret: SECRET,
      admit: (given, answer) => {
        traits = given;
        this.#admit(nodeId, given, answer);
      },
      onUp: () => {
        const older = this.#byNode.get(nodeId);
        if (older !== undefined) this.#peers.get(older)?.end.close("a newer link takes its place");
        this.#peers.set(linkId, { nodeId, machine: peerMachine, end, traits });
        this.#byNode.set(nodeId, linkId);
        redial?.succeeded();
        tell({ kind: "linked", node: peerMachine, manager: manager.parts.name });
      },
      onFrame: (message) => this.#hear(linkId, message),
      onClosed: (reason) => {
        this.#forget(linkId, reason);
        redial?.ended();
      },
    });
    end.start(machine);
  }

  #admit(nodeId: string, traits: WorkerTraits, answer: (refusal: string) => void): void {
    const older = this.#peers.get(this.#byNode.get(nodeId) ?? "");
    if (older === undefined) answer("");
    else if (rival(traits, older.traits) === "refuse") answer(CLONE_REFUSAL);
    else {
      const refusal = older.traits.processId === traits.processId ? ALREADY_LINKED : CLONE_REFUSAL;
      older.end.answers(RIVAL_MS, (isAlive) => answer(isAlive ? refusal : ""));
    }
  }

  #hear(linkId: string, message: Message): void {
    const peer = this.#peers.get(linkId);
    if (peer === undefined || !isWorkerMessage(message)) return;
    if (message.kind === "hello" || message.kind === "facts") {
      const { id, machineId, local } = message.facts;
      if (id !== peer.nodeId || machineId !== peer.traits.machineId || local) {
        peer.end.close("it speaks for another node");
        return;
      }
    }
    this.#parts.manager.hear(linkId, message);
  }

  #forget(linkId: string, reason: string): void {
    const peer = this.#peers.get(linkId);
    if (peer === undefined) return;
    this.#peers.delete(linkId);
    if (this.#byNode.get(peer.nodeId) === linkId) this.#byNode.delete(peer.nodeId);
    const { manager, tell } = this.#parts;
    tell({ kind: "unlinked", node: peer.machine, manager: manager.parts.name, reason });
    manager.closed(linkId);
  }
}

export interface WorkerLinkParts extends Parts {
  readonly worker: WorkerProcess;
  /** The machine whose manager it dials; null when it is dialled. */
  readonly joins: string | null;
}

export class SimWorkerLink implements WorkerLink {
  readonly #parts: WorkerLinkParts;
  #current: SessionEnd | null = null;
  #refused = false;
  #number = 0;

  constructor(parts: WorkerLinkParts) {
    this.#parts = parts;
  }

  begin(): void {
    this.#current = null;
    const { network, machine, worker, joins } = this.#parts;
    network.listen(machine, worker.parts.process, (wire) => this.#visited(wire));
    if (joins !== null) this.#dial(joins);
  }

  send(message: WorkerMessage): void {
    if (message.kind === "refused") this.#refused = message.reason !== "";
    this.#current?.send(message);
  }

  #dial(to: string): void {
    const { network, machine, worker, dice } = this.#parts;
    const { process, clock } = worker.parts;
    const call = (): void => {
      if (this.#current !== null) {
        redial.ended();
        return;
      }
      network.call({
        from: machine,
        to,
        process,
        answered: process.boundWith((wire: Wire | null) => {
          if (wire === null) redial.ended();
          else this.#take(wire, 0, redial);
        }),
      });
    };
    const redial: Redial = new Redial(process, dice, () => clock.monoMs, call);
    call();
  }

  /** While the present link lives no other is wanted; a manager that is refused must not keep the right one out. */
  #visited(wire: Wire): void {
    const current = this.#current;
    if (current === null) {
      this.#take(wire, 1, null);
      return;
    }
    const replace = (): void => {
      current.close("a newer link takes its place");
      this.#take(wire, 1, null);
    };
    if (this.#refused) {
      replace();
      return;
    }
    current.answers(RIVAL_MS, (isAlive) => {
      if (!isAlive) replace();
      else {
        wire.send(1, { kind: "message", message: { kind: "refused", reason: ALREADY_LINKED } });
        wire.send(1, { kind: "close" });
      }
    });
  }

  #take(wire: Wire, side: 0 | 1, redial: Redial | null): void {
    const { worker, machine, keyOf, dice } = this.#parts;
    const { process, facts } = worker.parts;
    const clusterId = keyOf(wire.peerOf(side));
    const end: SessionEnd = new SessionEnd(wire, side, process, {
      role: { kind: "worker", clusterId, machineId: facts.machineId, processId: `${machine}.${process.life}` },
      peerId: clusterId,
      nonce: digest(machine, ++this.#number, dice.seed()),
      secret: SECRET,
      admit: () => {},
      onUp: () => {
        this.#current?.close("a newer link takes its place");
        this.#current = end;
        this.#refused = false;
        redial?.succeeded();
        worker.setLinked(true);
      },
      onFrame: (message) => {
        if (this.#current === end && isManagerMessage(message)) worker.hear(message);
      },
      onClosed: () => {
        if (this.#current === end) {
          this.#current = null;
          worker.setLinked(false);
        }
        redial?.ended();
      },
    });
    end.start(machine);
  }
}

function isWorkerMessage(message: Message): message is WorkerMessage {
  switch (message.kind) {
    case "hello":
    case "report":
    case "heartbeat":
    case "facts":
    case "held":
    case "refused":
      return true;
    default:
      return false;
  }
}

function isManagerMessage(message: Message): message is ManagerMessage {
  switch (message.kind) {
    case "welcome":
    case "assignments":
    case "ack":
    case "tell":
    case "refused":
      return true;
    default:
      return false;
  }
}
