/** Invariants of what runs on the nodes, whatever anybody believes: S3, S4, S14, S15, S18. */
import { rank, type TaskFact } from "../../core/task.ts";
import type { Checker } from "../checker.ts";
import { cloneOf } from "../simulation.ts";
import type { Container, SimEvent } from "../trace.ts";
import { forgottenRemovals, whoLosesItsJournal } from "./journals.ts";
import { storesOf } from "./stores.ts";

/**
 * S3: at most one live container per task incarnation, and none of a task on a second node. One that was created and has not ended counts. Stores of which one went
 * back, or was copied, place what neither had placed before, each on a node of its own: each of those runs it once. A clone that came to a manager which did not know
 * the node's machine is given what its original runs.
 */
export const oneContainerPerIncarnation: Checker = {
  id: "S3",
  rule: "a task lives on one node at most, and an incarnation of it once",
  begin: (sim, violate) => {
    /** By task. */
    const live = new Map<string, Set<Container>>();
    const stores = storesOf(sim);
    const nodeIdOf = ({ node }: Container): string => [...sim.nodes.keys()].find((id) => cloneOf(id) === node) ?? node;
    const mayDiffer = (one: Container, other: Container): boolean => {
      if (one.node === other.node) return one.incarnation !== other.incarnation;
      const [here, there] = [nodeIdOf(one), nodeIdOf(other)];
      return here === there ? !stores.isWhole : stores.arePlacedApart(one.taskId, here, there);
    };
    return {
      onEvent: (event) => {
        if (event.kind === "died" || event.kind === "removed")
          live.get(event.container.taskId)?.delete(event.container);
        if (event.kind !== "started" && event.kind !== "created") return;
        const { container } = event;
        if (container.isForeign || container.status === "exited") return;
        const beside = live.get(container.taskId) ?? new Set<Container>();
        live.set(container.taskId, beside.add(container));
        for (const other of beside)
          if (other !== container && !mayDiffer(other, container))
            violate(
              `${keyOf(other)} lives on ${other.node}`,
              `and ${keyOf(container)} is ${event.kind} on ${container.node}`,
            );
      },
    };
  },
};

/** S4: the next incarnation of a task starts on a node only after the one before it is dead there. */
export const oneIncarnationPerNode: Checker = {
  id: "S4",
  rule: "a node starts the next incarnation of a task only after the one before is dead or gone",
  begin: (_sim, violate) => {
    const live = new Map<string, Container>();
    const key = (one: Container): string => `${one.node}/${one.taskId}`;
    return {
      onEvent: (event) => {
        if (event.kind === "died" && live.get(key(event.container)) === event.container)
          live.delete(key(event.container));
        if (event.kind !== "started" || event.container.isForeign) return;
        const { container } = event;
        const other = live.get(key(container));
        if (other !== undefined && other !== container)
          violate(`${container.node} runs ${keyOf(other)}`, `and starts ${keyOf(container)}`);
        live.set(key(container), container);
      },
    };
  },
};

/** S14: nobody touches what is not this cluster's. */
export const foreignersUntouched: Checker = {
  id: "S14",
  rule: "containers that are not this cluster's are never stopped or removed",
  begin: (_sim, violate) => ({
    onEvent: (event) => {
      const touched = event.kind === "signalled" || (event.kind === "removed" && event.by === "worker");
      if (touched && event.container.isForeign)
        violate(`${event.container.node} touches ${event.container.instanceId}`, event.kind);
    },
  }),
};

/**
 * S15: what is found is adopted or stopped, never both: an incarnation that has ended on a node is not started there again. A manager on another store, or one that
 * adopts, and a worker that has lost its journal, may count incarnations anew, but not of what a store that is left has on record as over. That an incarnation was
 * started is journaled within a second, since before that its container tells: only somebody who takes the container away by hand in that second, before the worker
 * is back, leaves no trace of it. A store that went back, or was copied, may have yet to place an attempt: once more is all that it begins. What a worker takes away
 * while its journal's disk is full, it knows only until it dies: to wait for the disk would keep the very containers that fill it.
 */
export const endedIncarnationsStayEnded: Checker = {
  id: "S15",
  rule: "an incarnation that has ended is not started again",
  begin: (sim, violate) => {
    const ended = new Map<string, Container>();
    /** Incarnations of which a journal says that they were started. */
    const journaled = new Set<string>();
    /** Attempts that a replaced store has yet to place, and how many stores have: what was made of them since is known to no manager. */
    const unplaced = new Map<string, number>();
    const forgotten = forgottenRemovals(sim);
    const stores = storesOf(sim);
    const otherStore = new OtherStore();
    const changes = new ManagerChanges();
    const forget = (isForgotten: (one: Container) => boolean): void => {
      for (const [key, one] of ended) if (isForgotten(one)) ended.delete(key);
    };
    return {
      onEvent: (event, atMs) => {
        for (const one of forgotten(event, atMs)) ended.delete(onNode(one));
        const loser = whoLosesItsJournal(event);
        if (loser !== null) forget((one) => one.node === loser && (isPutBack(event) || !stores.knowAsOver(one)));
        if (event.kind === "replaced")
          for (const { id, nodeId } of stores.of(event.manager).cluster.tasks.values())
            if (nodeId === null) unplaced.set(id, event.how === "copy" ? 2 : 1);
        if (event.kind === "journaled") for (const key of startedIn(event)) journaled.add(key);
        const handedOn = changes.hear(event);
        if (handedOn !== null) forget((one) => one.node === handedOn && !stores.knowAsOver(one));
        if (otherStore.takesOver(event)) forget((one) => !stores.knowAsOver(one));
        else if (event.kind === "removed" && event.by === "hand" && !journaled.has(onNode(event.container)))
          ended.delete(onNode(event.container));
        else if (event.kind === "died" && !event.container.isForeign)
          ended.set(onNode(event.container), event.container);
        else if (event.kind === "started" && (unplaced.get(event.container.taskId) ?? 0) > 0) {
          const { taskId } = event.container;
          unplaced.set(taskId, (unplaced.get(taskId) ?? 0) - 1);
          ended.delete(onNode(event.container));
        } else if (event.kind === "started" && ended.has(onNode(event.container)))
          violate(`${keyOf(event.container)} has ended on ${event.container.node}`, "and is started there again");
      },
    };
  },
};

/** Tells when a manager takes over that may know less than its workers have done: its store was replaced since it last did, or it adopts what they hold. */
class OtherStore {
  readonly #replaced = new Set<string>();

  takesOver(event: SimEvent): boolean {
    if (event.kind === "replaced") this.#replaced.add(event.manager);
    return event.kind === "took-over" && (this.#replaced.delete(event.manager) || event.how === "adoption");
  }
}

/** Tells of a node that another of two managers has from now on: what it was told to end before, that one cannot know. */
class ManagerChanges {
  readonly #managers = new Map<string, string>();

  hear(event: SimEvent): string | null {
    if (event.kind !== "linked") return null;
    const before = this.#managers.get(event.node);
    this.#managers.set(event.node, event.manager);
    return before === undefined || before === event.manager ? null : event.node;
  }
}

/** A journal from before may ask for what has ended since while no manager is there to say so. */
function isPutBack(event: SimEvent): boolean {
  return event.kind === "fault" && event.fault.kind !== "journal-wipe";
}

/** S18: a container is killed only when it has had its grace since it was told to end. */
export const killedAfterGrace: Checker = {
  id: "S18",
  rule: "a container is killed only when its grace is over",
  begin: (sim, violate) => {
    const toldMs = new Map<Container, number>();
    return {
      onEvent: (event, atMs) => {
        if (event.kind === "removed") toldMs.delete(event.container);
        if (event.kind === "signalled") {
          if (!toldMs.has(event.container)) toldMs.set(event.container, atMs);
          const { stopGraceMs } = event.container.spec;
          if (event.graceMs < stopGraceMs)
            violate(`${keyOf(event.container)} has ${stopGraceMs} ms to end`, `and is given ${event.graceMs}`);
        }
        if (event.kind !== "died") return;
        const sinceMs = toldMs.get(event.container);
        toldMs.delete(event.container);
        if (event.cause !== "kill") return;
        const { stopGraceMs } = event.container.spec;
        if (sinceMs === undefined) violate(`${keyOf(event.container)} is killed`, "and was never told to end");
        else if (atMs - sinceMs < stopGraceMs)
          violate(`${keyOf(event.container)} is killed ${atMs - sinceMs} ms after`, `its grace is ${stopGraceMs}`);
      },
      recount: () => {
        for (const one of toldMs.keys()) {
          // Clones of nodes are not among the nodes.
          const engine = sim.nodes.get(one.node)?.engine;
          if (engine !== undefined && engine.containers.get(one.instanceId) !== one) toldMs.delete(one);
        }
      },
    };
  },
};

function keyOf({ taskId, incarnation }: Container): string {
  return `${taskId}.${incarnation}`;
}

function onNode(one: Container): string {
  return `${one.node}/${keyOf(one)}`;
}

function startedIn({ node, records }: Extract<SimEvent, { kind: "journaled" }>): string[] {
  return records.flatMap((record) => {
    if (record.kind !== "task") return [];
    const { incarnation, state } = (record.value as { readonly fact: TaskFact }).fact;
    return rank(state) < rank("starting") ? [] : [`${node}/${record.taskId}.${incarnation}`];
  });
}
