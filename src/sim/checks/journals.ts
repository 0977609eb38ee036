/** What workers have known and know no more, since it is not in their journals. */
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

/** What a worker that starts has forgotten to have removed: it died before its journal, whose disk was full, could take another record. */
export function forgottenRemovals(sim: Simulation): (event: SimEvent) => readonly Container[] {
  /** By node. */
  const unwritten = new Map<string, Container[]>();
  return (event) => {
    if (event.kind === "removed" && event.by === "worker") {
      const { node } = event.container;
      if (sim.nodes.get(node)?.journal.trouble.full === true)
        unwritten.set(node, [...(unwritten.get(node) ?? []), event.container]);
    } else if (event.kind === "journaled") unwritten.delete(event.node);
    else if (event.kind === "process" && event.what === "starts") {
      const forgotten = unwritten.get(event.who) ?? [];
      unwritten.delete(event.who);
      return forgotten;
    }
    return [];
  };
}

/**
 * What a worker starts by a journal that somebody has put back, as long as no manager tells it what is wanted: an older journal may ask for what has ended or was
 * replaced since, and nobody is there to say so.
 */
export class StartedFromBackup {
  readonly #behind = new Set<string>();
  readonly #started = new WeakSet<Container>();

  hear(event: SimEvent): void {
    if (event.kind === "fault" && event.fault.kind === "journal-rollback") this.#behind.add(event.fault.node);
    else if (event.kind === "ordered" && event.base === 0) this.#behind.delete(event.node);
    else if (event.kind === "started" && this.#behind.has(event.container.node)) this.#started.add(event.container);
  }

  has(one: Container): boolean {
    return this.#started.has(one);
  }
}
