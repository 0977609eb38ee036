/**
 * The worker's local set: tasks that were posted to the node itself. They are run, journaled and kept like a manager's, but no manager is told of them, no set of a
 * manager ends them, and what they take is reported as kept back from the node.
 */
import { isLocalTask } from "../core/local-task.ts";
import type { NodeFacts } from "../core/node.ts";
import { type Resources, reservation } from "../core/spec.ts";
import { isTerminal, type TaskFact } from "../core/task.ts";
import type { Assignment } from "../protocol/messages.ts";
import { type Holdings, putAssignment, removeTask } from "./assignments.ts";
import type { Instance } from "./effects.ts";
import { factOf } from "./report.ts";
import { managed, type TaskRun } from "./task-run.ts";
import type { Turn } from "./turn.ts";

/** Ended ones that are kept for people to look at; beyond it the oldest go. */
const KEPT_ENDED = 100;

/** A task of the local set comes, or is wanted less than before. */
export function takeLocal(holdings: Holdings, assignment: Assignment, turn: Turn): void {
  putAssignment(holdings, assignment, turn);
  const ended = [...holdings.runs.values()].filter((run) => isLocalTask(run.taskId) && isTerminal(run.fact.state));
  for (const { taskId } of ended.slice(0, Math.max(0, ended.length - KEPT_ENDED))) removeTask(holdings, taskId, turn);
}

/** All instances that live now and that a manager knows of, for measuring. */
export function livingInstances(runs: ReadonlyMap<string, TaskRun>): Instance[] {
  return managed(runs).flatMap((run) => [...run.instances.values()].filter((one) => one.status === "running"));
}

/** A task with what was asked of it. */
export interface Holding {
  readonly assignment: Assignment;
  readonly fact: TaskFact;
}

/** All tasks of the node but those that were only found. */
export function holdingsOf(runs: ReadonlyMap<string, TaskRun>, nowMs: number): Holding[] {
  return [...runs.values()].flatMap((run) =>
    run.assignment === null ? [] : [{ assignment: run.assignment, fact: factOf(run, nowMs) }],
  );
}

/** What the node says that it offers. Nobody is told the same twice; with each local task that comes or ends it is less or more. */
export class Offer {
  /** The facts and the reservation of the last time; null before the first. */
  #told: { readonly facts: NodeFacts; readonly reserved: Resources } | null = null;

  /** What is told now. */
  tell(facts: NodeFacts, runs: ReadonlyMap<string, TaskRun>): NodeFacts {
    const reserved = reservedOf(facts, runs);
    this.#told = { facts, reserved };
    return { ...facts, reserved };
  }

  /** What is to be told because it has changed; null for nothing. */
  news(facts: NodeFacts, runs: ReadonlyMap<string, TaskRun>): NodeFacts | null {
    const told = this.#told;
    const isSame =
      told !== null && sameFacts(told.facts, facts) && sameResources(told.reserved, reservedOf(facts, runs));
    return isSame ? null : this.tell(facts, runs);
  }
}

function reservedOf({ reserved: own }: NodeFacts, runs: ReadonlyMap<string, TaskRun>): Resources {
  let reserved = own;
  for (const { taskId, assignment, fact } of runs.values()) {
    if (assignment !== null && isLocalTask(taskId) && !isTerminal(fact.state))
      reserved = sum(reserved, reservation(assignment.spec));
  }
  return reserved;
}

function sameFacts(a: NodeFacts, b: NodeFacts): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function sameResources(a: Resources, b: Resources): boolean {
  return a.cpuMillis === b.cpuMillis && a.memoryBytes === b.memoryBytes && a.diskBytes === b.diskBytes;
}

function sum(a: Resources, b: Resources): Resources {
  return {
    cpuMillis: a.cpuMillis + b.cpuMillis,
    memoryBytes: a.memoryBytes + b.memoryBytes,
    diskBytes: a.diskBytes + b.diskBytes,
  };
}
