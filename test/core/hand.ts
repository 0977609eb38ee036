// A worker for the desk: it obeys its assignment sets and reports, but when it does either, and how its tasks fare, is for the test to say.
import type { Assignment } from "../../src/core/assignment.ts";
import { isTerminal, type TaskFact, type TaskState, TRANSITIONS, unseen } from "../../src/core/task.ts";
import type { ManagerMessage } from "../../src/protocol/messages.ts";

/** A numbered set, or what changed since one. */
export type AssignmentSet = Extract<ManagerMessage, { kind: "assignments" }>;

/** What a worker says of its tasks. */
export interface Report {
  readonly linkId: string;
  readonly full: boolean;
  readonly facts: readonly TaskFact[];
  readonly removed: readonly string[];
}

interface Held {
  assignment: Assignment;
  fact: TaskFact;
  /** The restart that its present incarnation answers. */
  answered: number;
}

/** One worker: what it holds, and what is on its way to and from it. */
export class Hand {
  readonly nodeId: string;
  linkId = "";
  readonly inbox: AssignmentSet[] = [];
  readonly outbox: Report[] = [];
  readonly held = new Map<string, Held>();
  #removed: string[] = [];

  constructor(nodeId: string) {
    this.nodeId = nodeId;
  }

  /** What is on its way is lost with its link. */
  relink(linkId: string): void {
    this.linkId = linkId;
    this.inbox.length = 0;
    this.outbox.length = 0;
  }

  /** Its journal is gone, and its containers with it. */
  wipe(): void {
    this.held.clear();
    this.#removed = [];
  }

  /** Takes the oldest message of the manager. */
  obey(): void {
    const set = this.inbox.shift();
    if (!set) return;
    const wanted = new Set(set.put.map(({ taskId }) => taskId));
    const dropped = set.base === 0 ? [...this.held.keys()].filter((id) => !wanted.has(id)) : set.remove;
    for (const id of dropped) this.held.delete(id);
    for (const assignment of set.put) this.#take(assignment);
  }

  #take(assignment: Assignment): void {
    const held = this.held.get(assignment.taskId);
    if (held) {
      held.assignment = assignment;
      return;
    }
    // Nothing of it is here: new, or forgotten with the journal.
    const known = assignment.known ?? unseen(assignment.taskId, "assigned");
    const forgotten = known.state !== "assigned" && !isTerminal(known.state);
    const fact = forgotten ? { ...known, state: "starting" as const, incarnation: known.incarnation + 1 } : known;
    this.held.set(assignment.taskId, { assignment, fact, answered: assignment.restartSerial });
  }

  /** One of its tasks goes a step on; `choice` says where to, and whether it goes well. */
  work(held: Held, choice: number): void {
    const { assignment, fact } = held;
    if (assignment.desired === "remove") this.#discard(held);
    else if (isTerminal(fact.state)) return;
    else if (assignment.desired === "stop") this.#to(held, choice % 2 === 0 ? "stopping" : "stopped");
    else if (held.answered < assignment.restartSerial || (fact.state === "running" && choice % 3 === 0)) {
      held.answered = assignment.restartSerial;
      held.fact = { ...fact, incarnation: fact.incarnation + 1, state: "starting", restarts: fact.restarts + 1 };
    } else if (choice % 4 > 0) this.#to(held, "running");
    else {
      const { to } = TRANSITIONS[fact.state];
      this.#to(held, to[choice % Math.max(1, to.length)] ?? fact.state);
    }
  }

  /** Everything goes well, at once. */
  finish(): void {
    for (const held of [...this.held.values()]) {
      const { desired, restartSerial } = held.assignment;
      if (desired === "remove") this.#discard(held);
      else if (isTerminal(held.fact.state)) continue;
      else if (desired === "stop" || held.fact.state === "stopping") this.#to(held, "stopped");
      else if (held.answered < restartSerial) this.work(held, 1);
      else this.#to(held, "running");
    }
  }

  #to(held: Held, state: TaskState): void {
    if (!TRANSITIONS[held.fact.state].to.includes(state)) return;
    held.fact = { ...held.fact, state, containerId: state === "rejected" ? held.fact.containerId : "box" };
  }

  #discard({ assignment: { taskId } }: Held): void {
    this.held.delete(taskId);
    this.#removed.push(taskId);
  }

  /** Puts a report on its way: of everything, or of these tasks alone. */
  report(full: boolean, only: readonly Held[] = []): void {
    const told = full ? [...this.held.values()] : only;
    const removed = this.#removed;
    this.#removed = [];
    this.outbox.push({ linkId: this.linkId, full, facts: told.map(({ fact }) => fact), removed });
  }
}
