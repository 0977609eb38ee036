/** Invariants of whose orders a worker follows: S13, S19. */
import { isLocalTask } from "../../core/local-task.ts";
import { type DesiredState, isTerminal } from "../../core/task.ts";
import type { ManagerIdentity } from "../../protocol/messages.ts";
import type { JournalRecord, WorkerEffect } from "../../worker/effects.ts";
import type { Checker, Violate } from "../checker.ts";
import type { SimNode, Simulation, Watcher } from "../simulation.ts";
import type { SimEvent } from "../trace.ts";
import { whoLosesItsJournal } from "./journals.ts";

type Ordered = Extract<SimEvent, { kind: "ordered" }>;

/** More running tasks than this, and more than half of them: a set that leaves them out has lost its memory. */
const FEW = 3;

/** What a worker has been told by those whom it had to follow. */
class Orders {
  /** Whom it remembers on disk. What it follows beyond that is judged by the same rules, and may have been refused for more reasons than are known here. */
  seen: ManagerIdentity | null = null;
  /** What a whole set has named and nobody has taken away. */
  readonly held = new Set<string>();
  /** What was told to end, by itself or by being left out. */
  readonly ending = new Set<string>();
  /** Everything that anybody to be followed has ever wanted here. */
  readonly wanted = new Set<string>();
  /** A whole set was followed since the worker began. */
  spoken = false;

  /** Whether an order of that manager is to be followed: not one of another cluster, an older term, or a store that has gone back. */
  mayFollow(from: ManagerIdentity): boolean {
    const { seen } = this;
    if (seen === null) return true;
    if (from.clusterId !== seen.clusterId || from.term < seen.term) return false;
    if (from.term === seen.term && from.instanceId !== seen.instanceId) return false;
    return from.lineage !== seen.lineage || from.revision >= seen.revision;
  }

  /** Whether a whole set leaves out so much of what runs that its manager must have forgotten. */
  isAmnesia({ from, base, set }: Ordered, running: readonly string[]): boolean {
    if (base !== 0 || this.seen === null || from.lineage === this.seen.lineage) return false;
    const named = new Set([...set.put.map(({ taskId }) => taskId), ...set.remove]);
    const missing = running.filter((taskId) => !named.has(taskId)).length;
    return missing > FEW && missing * 2 > running.length;
  }

  follow({ base, set }: Ordered): void {
    if (base === 0) {
      this.spoken = true;
      const named = new Set(set.put.map(({ taskId }) => taskId));
      for (const taskId of this.held) if (!named.has(taskId)) this.end(taskId);
    }
    for (const { taskId, desired } of set.put) {
      this.wanted.add(taskId);
      this.held.add(taskId);
      if (desired === "stop" || desired === "remove") this.ending.add(taskId);
    }
    for (const taskId of set.remove) this.end(taskId);
  }

  /** What was told to end once may end whenever. */
  end(taskId: string): void {
    this.held.delete(taskId);
    this.ending.add(taskId);
  }
}

/** Follows the orders of every worker of a run, and asks about each effect. */
function followOrders(sim: Simulation, judge: (node: SimNode, orders: Orders, effect: WorkerEffect) => void): Watcher {
  const books = new Map<string, Orders>();
  const of = (name: string): Orders => {
    const orders = books.get(name) ?? new Orders();
    books.set(name, orders);
    return orders;
  };
  return (event) => {
    const name = "node" in event ? event.node : event.kind === "process" ? event.who : "";
    const node = sim.nodes.get(name);
    if (node === undefined) return;
    if (event.kind === "process" && event.what === "starts") books.set(name, fromJournal(node));
    if (event.kind === "ordered") {
      const orders = of(name);
      if (orders.mayFollow(event.from) && !orders.isAmnesia(event, runningOn(node))) orders.follow(event);
    }
    if (event.kind === "journaled") rememberManager(of(name), event.records);
    if (event.kind === "effect") judge(node, of(name), event.effect);
  };
}

function rememberManager(orders: Orders, records: readonly JournalRecord[]): void {
  for (const record of records) if (record.kind === "manager") orders.seen = record.value as ManagerIdentity;
}

/** What a worker that begins remembers. */
function fromJournal({ journal }: SimNode): Orders {
  const orders = new Orders();
  for (const record of journal.load()) {
    if (record.kind === "forget") orders.held.delete(record.taskId);
    else if (record.kind === "manager") orders.seen = record.value as ManagerIdentity;
    else {
      const { assignment } = record.value as { readonly assignment: { readonly desired: DesiredState } };
      orders.held.add(record.taskId);
      orders.wanted.add(record.taskId);
      if (assignment.desired === "stop" || assignment.desired === "remove") orders.ending.add(record.taskId);
    }
  }
  return orders;
}

/** What its worker knows to run, and does: of what was only found nobody notes the end. */
function runningOn({ worker, engine }: SimNode): string[] {
  const holdings = worker.machine?.holdings() ?? [];
  const live = new Set(engine.live().map(({ taskId }) => taskId));
  return holdings.flatMap(({ fact }) => (fact.state === "running" && live.has(fact.taskId) ? [fact.taskId] : []));
}

/** S13: what runs is ended by an order that is to be followed, or by the worker's own policy; never because a manager has forgotten it. */
export const nothingEndsByAmnesia: Checker = {
  id: "S13",
  rule: "what runs is stopped only by an order that is to be followed, or by the worker's own policy",
  begin: (sim, violate) => ({
    onEvent: followOrders(sim, (node, orders, effect) => {
      if (effect.kind === "stop") judgeStop(node, orders, effect, violate);
    }),
  }),
};

function judgeStop(
  node: SimNode,
  orders: Orders,
  { of }: Extract<WorkerEffect, { kind: "stop" }>,
  violate: Violate,
): void {
  if (isLocalTask(of.taskId)) return;
  if (orders.ending.has(of.taskId) || (orders.spoken && !orders.held.has(of.taskId))) return;
  const holding = node.worker.machine?.holdings().find(({ fact }) => fact.taskId === of.taskId);
  if (holding === undefined || isOwnPolicy(holding, of.incarnation)) return;
  const { seen } = orders;
  const last = seen === null ? "nobody is remembered" : `term ${seen.term}, revision ${seen.revision} is remembered`;
  violate(`${node.plan.name} stops ${of.taskId}.${of.incarnation}`, `nobody has told it to, and ${last}`);
}

type Holding = NonNullable<SimNode["worker"]["machine"]> extends { holdings(): readonly (infer T)[] } ? T : never;

/** A check that failed, a restart that was asked for, an incarnation that is over, a task that may not run alone. */
function isOwnPolicy({ assignment, fact }: Holding, incarnation: number): boolean {
  if (assignment === null) return false;
  const { spec, restartSerial } = assignment;
  if (spec.health !== null || spec.disconnect.stopAfterMs !== null || restartSerial > 0) return true;
  return fact.incarnation !== incarnation || isTerminal(fact.state);
}

/** S19: nothing begins by the word of a manager that was superseded, and the one that is remembered never falls behind. */
export const oldManagersAreRefused: Checker = {
  id: "S19",
  rule: "a worker follows no manager of a lower term than it has followed",
  begin: (sim, violate) => {
    const follow = followOrders(sim, (node, orders, effect) => {
      if (effect.kind !== "create" && effect.kind !== "pull") return;
      const { taskId, incarnation } = effect.request;
      if (isLocalTask(taskId) || orders.wanted.has(taskId)) return;
      violate(
        `${node.plan.name} asks for ${effect.kind} of ${taskId}.${incarnation}`,
        "nobody to be followed wants it",
      );
    });
    const kept = new Map<string, ManagerIdentity>();
    return {
      onEvent: (event, atMs) => {
        follow(event, atMs);
        kept.delete(whoLosesItsJournal(event) ?? "");
        if (event.kind !== "journaled") return;
        for (const record of event.records)
          if (record.kind === "manager") checkKept(kept, event.node, record.value as ManagerIdentity, violate);
      },
    };
  },
};

function checkKept(kept: Map<string, ManagerIdentity>, node: string, manager: ManagerIdentity, violate: Violate): void {
  const before = kept.get(node);
  kept.set(node, manager);
  if (before === undefined) return;
  const falls =
    manager.term < before.term ||
    (manager.term === before.term && manager.instanceId !== before.instanceId) ||
    (manager.lineage === before.lineage && manager.revision < before.revision);
  if (falls)
    violate(
      `${node} has followed term ${before.term} (${before.instanceId}), revision ${before.revision}`,
      `and then term ${manager.term} (${manager.instanceId}), revision ${manager.revision}`,
    );
}
