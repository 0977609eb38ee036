/**
 * The ingest stage of the tick: what workers say becomes changes. Facts only rise, and a worker may speak of its own tasks only; whatever else it says is dropped.
 * Pure.
 */
import { type Cluster, nameOfTask, specOf } from "./cluster.ts";
import { type Draft, quiet } from "./draft.ts";
import type { Node, NodeFacts } from "./node.ts";
import { isTerminal, mayBeLeft, supersedes, type Task, type TaskFact, withNothingLeft } from "./task.ts";

/** A node's hello, or news of its runtimes: its record with these facts, ready; how it was set (cordoned, draining) stays. */
export function ingestFacts(cluster: Cluster, facts: NodeFacts, nowMs: number): Draft[] {
  const before = cluster.nodes.get(facts.id);
  const returns = before !== undefined && before.state !== "ready";
  const node: Node = {
    ...facts,
    state: "ready",
    availability: before?.availability ?? "eligible",
    reason: before && before.availability !== "eligible" ? before.reason : "",
    joinedMs: before?.joinedMs ?? nowMs,
    stateSinceMs: before && !returns ? before.stateSinceMs : nowMs,
  };
  if (before && sameNode(before, node)) return [];
  const text = !before
    ? `node ${facts.name} joined`
    : returns
      ? `node ${facts.name} is back`
      : runtimeNews(before, node);
  return [{ change: { kind: "node.put", node }, actor: actorOf(facts.name), text }];
}

/** The worker beside the manager leaves the tasks to the first node that joins from elsewhere; an operator may uncordon it. */
export function stepBack(cluster: Cluster): Draft[] {
  return [...cluster.nodes.values()]
    .filter((node) => node.local && node.availability === "eligible")
    .map((node) => ({
      change: {
        kind: "node.put",
        node: {
          ...node,
          availability: "cordoned",
          reason: "other nodes have joined; `cube node uncordon` opts it in again",
        },
      },
      actor: "manager",
      text: `node ${node.name}, the manager's own, takes no more tasks: other nodes have joined`,
    }));
}

/** The facts of one report. Those of unknown tasks, of other nodes' tasks and those that would fall are dropped. */
export function ingestTaskFacts(
  cluster: Cluster,
  report: { readonly nodeId: string; readonly facts: readonly TaskFact[]; readonly nowMs: number },
): Draft[] {
  const node = cluster.nodes.get(report.nodeId);
  const drafts: Draft[] = [];
  for (const fact of report.facts) {
    const task = cluster.tasks.get(fact.taskId);
    if (!task || task.nodeId !== report.nodeId || !accepts(task, fact)) continue;
    drafts.push({
      change: { kind: "task.put", task: { ...task, fact, updatedMs: report.nowMs } },
      actor: actorOf(node?.name ?? report.nodeId),
      text: describe(cluster, task, fact),
    });
  }
  return drafts;
}

/**
 * Tasks of which nothing is left on the node: their records go, or stay as history without a container. One whose end was never told, since it was removed in the
 * same turn or the link broke between the two reports, was ended by the removal that the manager wanted.
 */
export function ingestRemoved(
  cluster: Cluster,
  report: { readonly nodeId: string; readonly removed: readonly string[]; readonly nowMs: number },
): Draft[] {
  const drafts: Draft[] = [];
  for (const id of report.removed) {
    const task = cluster.tasks.get(id);
    if (!task || task.nodeId !== report.nodeId) continue;
    if (!isTerminal(task.fact.state)) {
      if (task.desired === "remove") drafts.push(endByRemoval(cluster, task, report.nowMs));
    } else if (mayBeLeft(task)) {
      drafts.push(quiet({ kind: "task.put", task: withNothingLeft(task) }, actorOf(report.nodeId)));
    }
  }
  return drafts;
}

function endByRemoval(cluster: Cluster, task: Task, nowMs: number): Draft {
  const fact: TaskFact = { ...task.fact, state: "stopped", containerId: "", restartInMs: null, finishedMs: nowMs };
  const node = cluster.nodes.get(task.nodeId ?? "");
  return {
    change: { kind: "task.put", task: { ...task, fact, updatedMs: nowMs } },
    actor: actorOf(node?.name ?? ""),
    text: describe(cluster, task, fact),
  };
}

function accepts(task: Task, fact: TaskFact): boolean {
  if (supersedes(fact, task.fact)) return true;
  const samePosition = fact.incarnation === task.fact.incarnation && fact.state === task.fact.state;
  return samePosition && !sameFact(task.fact, fact) && !(isTerminal(fact.state) && task.fact.containerId === "");
}

function sameFact(a: TaskFact, b: TaskFact): boolean {
  return (
    a.health === b.health &&
    a.containerId === b.containerId &&
    a.message === b.message &&
    a.restarts === b.restarts &&
    a.restartInMs === b.restartInMs &&
    a.startedMs === b.startedMs &&
    a.finishedMs === b.finishedMs &&
    a.exits.length === b.exits.length &&
    JSON.stringify(a.ports) === JSON.stringify(b.ports)
  );
}

function sameNode(a: Node, b: Node): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function runtimeNews(before: Node, after: Node): string {
  for (const runtime of after.runtimes) {
    const was = before.runtimes.find((r) => r.kind === runtime.kind);
    if (runtime.problem !== "" && was?.problem === "")
      return `node ${after.name}: ${runtime.kind} stopped answering: ${runtime.problem}`;
    if (runtime.problem === "" && was && was.problem !== "") return `node ${after.name}: ${runtime.kind} answers again`;
  }
  return "";
}

/** States on the way to running say nothing that the next line does not say better. */
const SILENT = new Set<TaskFact["state"]>(["accepted", "ready", "starting"]);

function describe(cluster: Cluster, task: Task, fact: TaskFact): string {
  const name = nameOfTask(cluster, task);
  if (fact.incarnation > task.fact.incarnation && fact.incarnation > 1)
    return `${name} restarts: ${fact.message || "asked to"}`;
  if (fact.state !== task.fact.state)
    return SILENT.has(fact.state) ? "" : stateText(name, fact, specOf(cluster, task)?.image ?? "");
  if (fact.health !== task.fact.health && fact.health !== "unknown") return `${name} is ${healthText(fact)}`;
  return "";
}

function stateText(name: string, fact: TaskFact, image: string): string {
  switch (fact.state) {
    case "pulling":
      return image === "" ? "" : `${name} pulls ${image}`;
    case "running":
      return `${name} is running`;
    case "complete":
      return `${name} is complete`;
    default:
      return `${name} is ${fact.state}${because(fact)}`;
  }
}

/** The worker's reason begins with the word itself. */
function healthText(fact: TaskFact): string {
  return fact.message.startsWith(fact.health) ? fact.message : `${fact.health}${because(fact)}`;
}

function because(fact: TaskFact): string {
  return fact.message === "" ? "" : `: ${fact.message}`;
}

function actorOf(nodeName: string): string {
  return `worker:${nodeName}`;
}
