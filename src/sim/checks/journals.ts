/** What workers have known and know no more, since it is not in their journals. */
import { RETURN_MS } from "../../protocol/messages.ts";
import { cloneOf, type Simulation } from "../simulation.ts";
import type { Container, SimEvent } from "../trace.ts";

/** The node, or clone of a node, whose worker does not know from now on what it had on disk; null when it is nobody. Pure. */
export function whoLosesItsJournal(event: SimEvent): string | null {
  if (event.kind !== "fault") return null;
  const { fault } = event;
  if (fault.kind === "journal-wipe" || fault.kind === "journal-rollback") return fault.node;
  // A clone gets its original's in the place of its own.
  return fault.kind === "clone-disk" ? cloneOf(fault.node) : null;
}

/** Bounded error of a clock's rate. */
const RATE = 0.99;

/** How long the worker of each node has lived. */
class Lives {
  readonly #sinceMs = new Map<string, number>();

  hear(event: SimEvent, atMs: number): void {
    if (event.kind === "process" && event.what === "starts") this.#sinceMs.set(event.who, atMs);
  }

  /** Whether it has waited for orders for as long as it has to. */
  hasWaited(node: string, atMs: number): boolean {
    return atMs - (this.#sinceMs.get(node) ?? 0) >= RETURN_MS * RATE;
  }
}

/**
 * What a worker has forgotten to have removed, told when it may begin it again for want of orders: it died before its journal, whose disk was full, could take
 * another record.
 */
export function forgottenRemovals(sim: Simulation): (event: SimEvent, atMs: number) => readonly Container[] {
  const lives = new Lives();
  /** By node. */
  const unwritten = new Map<string, Container[]>();
  const forgotten = new Map<string, Container[]>();
  return (event, atMs) => {
    lives.hear(event, atMs);
    if (event.kind === "removed" && event.by === "worker") {
      const { node } = event.container;
      if (sim.nodes.get(node)?.journal.trouble.full === true)
        unwritten.set(node, [...(unwritten.get(node) ?? []), event.container]);
    } else if (event.kind === "journaled") unwritten.delete(event.node);
    else if (event.kind === "process" && event.what === "starts") {
      forgotten.set(event.who, [...(forgotten.get(event.who) ?? []), ...(unwritten.get(event.who) ?? [])]);
      unwritten.delete(event.who);
    } else if (event.kind === "started" && lives.hasWaited(event.container.node, atMs)) {
      const { node } = event.container;
      const gone = forgotten.get(node) ?? [];
      forgotten.delete(node);
      return gone;
    }
    return [];
  };
}

/**
 * What a worker starts by a journal that somebody has put back, once it has waited for orders and as long as no manager tells it what is wanted: an older journal may
 * ask for what has ended or was replaced since, and nobody is there to say so.
 */
export class StartedFromBackup {
  readonly #lives = new Lives();
  readonly #behind = new Set<string>();
  readonly #started = new WeakSet<Container>();

  hear(event: SimEvent, atMs: number): void {
    this.#lives.hear(event, atMs);
    if (event.kind === "fault" && event.fault.kind === "journal-rollback") this.#behind.add(event.fault.node);
    else if (event.kind === "ordered" && event.base === 0) this.#behind.delete(event.node);
    else if (event.kind === "started") {
      const { node } = event.container;
      if (this.#behind.has(node) && this.#lives.hasWaited(node, atMs)) this.#started.add(event.container);
    }
  }

  has(one: Container): boolean {
    return this.#started.has(one);
  }
}
