/** Invariants of what is on record about tasks, at the manager and at the workers: S9, S10. */
import { isObject } from "../../core/json.ts";
import {
  DESIRED_STATES,
  type DesiredState,
  isTerminal,
  rank,
  type Task,
  type TaskFact,
  TRANSITIONS,
} from "../../core/task.ts";
import type { JournalRecord } from "../../worker/effects.ts";
import type { Checker, Violate } from "../checker.ts";
import type { Simulation, Watcher } from "../simulation.ts";
import { whoLosesItsJournal } from "./journals.ts";
import { type Durable, storesOf } from "./stores.ts";

/** What of a fact decides about its place in the order. */
type Position = Pick<TaskFact, "incarnation" | "state">;

/** S9: facts only rise, each step is in the table, its owner takes it, and what has ended stays so. */
export const factsOnlyRise: Checker = {
  id: "S9",
  rule: "facts only rise, by steps of the table that their owner takes; an end is final",
  begin: (sim, violate) => {
    storesOf(sim).onDurable((durable) => checkStored(durable, violate));
    const forgetful = new Set<string>();
    const follow = eachJournaled(sim, (node, before, after) => {
      // The manager knows of which incarnation an end was that a journal had before it went back.
      const isCorrected = forgetful.has(node) && after.state === before.state && after.incarnation > before.incarnation;
      if (!isCorrected) checkJournaled(node, before, after, violate);
    });
    return {
      onEvent: (event, atMs) => {
        const node = whoLosesItsJournal(event);
        if (node !== null) forgetful.add(node);
        follow(event, atMs);
      },
    };
  },
};

/** S10: what is wanted of a task only rises. */
export const desiredOnlyRises: Checker = {
  id: "S10",
  rule: "what is wanted of a task never goes back",
  begin: (sim, violate) => {
    storesOf(sim).onDurable(({ store, change }) => {
      if (change.kind !== "task.put") return;
      const { id, desired } = change.task;
      const before = store.cluster.tasks.get(id);
      if (before !== undefined && level(desired) < level(before.desired))
        violate(`${store.manager} wants ${id} to ${before.desired}`, `and then to ${desired}`);
    });
    return {
      onEvent: eachJournaled(sim, (node, before, after) => {
        if (level(after.desired) < level(before.desired))
          violate(`${node} is to ${before.desired} ${after.taskId}`, `and then to ${after.desired}`);
      }),
    };
  },
};

function level(desired: DesiredState): number {
  return DESIRED_STATES.indexOf(desired);
}

function checkStored({ store, change, logged }: Durable, violate: Violate): void {
  if (change.kind !== "task.put") return;
  const { task } = change;
  const before = store.cluster.tasks.get(task.id);
  if (before === undefined) {
    if (!store.isAdopting && task.fact.state !== "pending")
      violate(`task ${task.id} is new at revision ${logged.revision}`, `and is ${task.fact.state}`);
    return;
  }
  const where = `${store.manager}, revision ${logged.revision}: ${task.id}`;
  // What a store that was replaced says of a task that it has never placed is corrected by the node that has it.
  if (store.isAdopting && before.nodeId !== task.nodeId) return;
  if (before.nodeId !== null && before.nodeId !== task.nodeId)
    violate(`${where} is on ${before.nodeId}`, `and then on ${task.nodeId}`);
  checkStep(where, before.fact, task.fact, violate);
  if (!store.isAdopting) checkOwner(where, { before, after: task, actor: logged.actor }, violate);
}

/** A step of whoever. */
function checkStep(where: string, before: Position, after: Position, violate: Violate): void {
  const [from, to] = [textOf(before), textOf(after)];
  if (isTerminal(before.state)) {
    if (from !== to) violate(`${where} has ended as ${from}`, `and is then ${to}`);
    return;
  }
  if (after.incarnation < before.incarnation) violate(`${where} is at ${from}`, `and then at ${to}`);
  if (after.incarnation !== before.incarnation || after.state === before.state) return;
  const isLost = after.state === "lost";
  if (rank(after.state) <= rank(before.state) || !(isLost || TRANSITIONS[before.state].to.includes(after.state)))
    violate(`${where} is at ${from}`, `and then at ${to}, which is no step of the table`);
}

function checkOwner(
  where: string,
  step: { readonly before: Task; readonly after: Task; readonly actor: string },
  violate: Violate,
): void {
  const { before, after, actor } = step;
  if (textOf(before.fact) === textOf(after.fact)) return;
  const isWorker = actor.startsWith("worker:");
  const isManagers =
    after.fact.state === "lost" ||
    (after.fact.incarnation === before.fact.incarnation && TRANSITIONS[before.fact.state].owner === "manager");
  // What a worker knows beyond what it was thought to know comes in one step, also from `assigned`.
  if (isWorker !== isManagers) return;
  violate(`${where} goes from ${textOf(before.fact)} to ${textOf(after.fact)}`, `and ${actor} has done it`);
}

/** What a worker's journal says of a task. */
interface Journaled extends Position {
  readonly taskId: string;
  readonly desired: DesiredState;
}

function checkJournaled(node: string, before: Journaled, after: Journaled, violate: Violate): void {
  checkStep(`journal of ${node}: ${after.taskId}`, before, after, violate);
}

/** Calls back with each record about a task that the journal knows already. A worker that begins goes on from what is on its disk. */
function eachJournaled(sim: Simulation, call: (node: string, before: Journaled, after: Journaled) => void): Watcher {
  const books = new Map<string, Map<string, Journaled>>();
  const note = (node: string, records: readonly JournalRecord[], isChecked: boolean): void => {
    const book = books.get(node) ?? new Map<string, Journaled>();
    books.set(node, book);
    for (const record of records) {
      if (record.kind === "forget") book.delete(record.taskId);
      const after = record.kind === "task" ? journaledOf(record) : null;
      if (after === null) continue;
      const before = book.get(after.taskId);
      book.set(after.taskId, after);
      if (before !== undefined && isChecked) call(node, before, after);
    }
  };
  return (event) => {
    if (event.kind === "process" && event.what === "starts") {
      const journal = sim.nodes.get(event.who)?.journal;
      books.delete(event.who);
      if (journal !== undefined) note(event.who, journal.load(), false);
    }
    if (event.kind === "journaled") note(event.node, event.records, true);
  };
}

/** null for a record that is not as workers write them. */
function journaledOf(record: Extract<JournalRecord, { kind: "task" }>): Journaled | null {
  if (!isObject(record.value) || !isObject(record.value.fact) || !isObject(record.value.assignment)) return null;
  const { incarnation, state } = record.value.fact as unknown as TaskFact;
  const { desired } = record.value.assignment as unknown as { readonly desired: DesiredState };
  return { taskId: record.taskId, incarnation, state, desired };
}

function textOf({ incarnation, state }: Position): string {
  return `${incarnation}:${state}`;
}
