/**
 * A node is taken out of the cluster: its record goes, and what ran there is lost for good and replaced elsewhere. Should its worker come back, it comes as a
 * stranger and has to stop what it still runs. Pure.
 */
import { nameOfTask } from "./cluster.ts";
import type { Draft } from "./draft.ts";
import type { Node } from "./node.ts";
import { type CommandContext, type Planned, refuse } from "./submit.ts";
import { isTerminal, mayBeLeft, type Task, withNothingLeft } from "./task.ts";

/** Refused for a node that is there or that tasks are bound to, unless `force`; always for the worker inside the manager's process, which would come back at once. */
export function planNodeRemove(
  context: CommandContext,
  asked: { readonly nodeId: string; readonly force: boolean },
): Planned {
  const node = context.cluster.nodes.get(asked.nodeId);
  if (!node) return refuse("not_found", `no node ${asked.nodeId}`, "cube node lists the nodes");
  const tasks = liveTasks(context, node);
  const refusal = refusalOf(node, tasks.length, asked.force);
  if (refusal) return refusal;
  const drafts = [
    ...tasks.map((task) => lost(context, { task, node })),
    ...forgotten(context, node),
    gone(context, node),
  ];
  return { ok: true, jobId: "", created: false, drafts };
}

function refusalOf(node: Node, tasks: number, force: boolean): Planned | undefined {
  if (node.local && node.state === "ready") {
    return refuse("conflict", `${node.name} is the manager's own worker`, "start the manager with --no-local-worker");
  }
  if (force) return undefined;
  if (node.state === "ready") {
    return refuse("conflict", `${node.name} is connected`, "end its worker first, or remove it with --force");
  }
  if (tasks === 0) return undefined;
  const what = tasks === 1 ? "1 task is" : `${tasks} tasks are`;
  return refuse(
    "conflict",
    `${what} bound to ${node.name} and may still run there`,
    "wait for it, or give them up with --force: they are then replaced elsewhere",
  );
}

function liveTasks({ cluster }: CommandContext, node: Node): Task[] {
  return tasksOn({ cluster }, node).filter((task) => !isTerminal(task.fact.state));
}

function tasksOn({ cluster }: Pick<CommandContext, "cluster">, node: Node): Task[] {
  return [...(cluster.tasksOfNode.get(node.id) ?? [])].flatMap((id) => cluster.tasks.get(id) ?? []);
}

function lost(context: CommandContext, { task, node }: { readonly task: Task; readonly node: Node }): Draft {
  const message = `its node ${node.name} was removed`;
  // Nobody will ever report what is left there, so nothing may wait for that.
  const fact = { ...task.fact, state: "lost" as const, message };
  return {
    change: { kind: "task.put", task: { ...withNothingLeft({ ...task, fact }), updatedMs: context.nowMs } },
    actor: context.actor,
    text: `${nameOfTask(context.cluster, task)} is lost: ${message}`,
  };
}

/** Ended tasks whose containers nobody will ever report as removed. */
function forgotten(context: CommandContext, node: Node): Draft[] {
  const kept = tasksOn(context, node).filter((task) => isTerminal(task.fact.state) && mayBeLeft(task));
  return kept.map((task) => ({
    change: { kind: "task.put", task: withNothingLeft(task) },
    actor: context.actor,
    text: "",
  }));
}

function gone(context: CommandContext, node: Node): Draft {
  return {
    change: { kind: "node.remove", nodeId: node.id },
    actor: context.actor,
    text: `node ${node.name} is removed`,
  };
}
