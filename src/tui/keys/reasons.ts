/** Why a key can do nothing right now, in words; undefined when it can. Pure. */
import { isTerminal } from "../../core/task.ts";
import { actedTask, type Model, selectedNode } from "../state/ui.ts";

/** A task must be selected. */
export const needsTask = (model: Model): string | undefined =>
  actedTask(model) === undefined ? "no task is selected" : undefined;

/** The task must run. */
export const needsRunning = (model: Model): string | undefined => {
  const task = actedTask(model);
  if (task === undefined) return "no task is selected";
  return task.state === "running" ? undefined : `${task.name} is not running`;
};

/** The task must not have ended yet. */
export const needsLive = (model: Model): string | undefined => {
  const task = actedTask(model);
  if (task === undefined) return "no task is selected";
  return isTerminal(task.state) && model.marks.size === 0
    ? `${task.name} has ended already (${task.state})`
    : undefined;
};

/** The task must have ended. */
export const needsEnded = (model: Model): string | undefined => {
  const task = actedTask(model);
  if (task === undefined) return "no task is selected";
  return isTerminal(task.state) ? undefined : `${task.name} is ${task.state}; restart it with r`;
};

/** The task must be on a node. */
export const needsPlaced = (model: Model): string | undefined => {
  const task = actedTask(model);
  if (task === undefined) return "no task is selected";
  return task.nodeId === "" ? `${task.name} is on no node yet, so it has no log` : undefined;
};

/** A node must be selected. */
export const needsNode = (model: Model): string | undefined =>
  selectedNode(model) === undefined ? "no node is selected" : undefined;

/** The node must be out of reach. */
export const needsOut = (model: Model): string | undefined => {
  const node = selectedNode(model);
  if (node === undefined) return "no node is selected";
  return node.state === "ready" ? `${node.name} is there: end its worker first` : undefined;
};

/** What the open menu is to break is a task that runs. */
export const needsFaultTask = (model: Model): string | undefined => {
  if (model.overlay?.kind !== "faults") return undefined;
  const task = model.shown.tasks.get(model.overlay.taskId);
  if (task === undefined) return "no task is selected";
  return task.state === "running" ? undefined : `${task.name} does not run`;
};

/** What the open menu is to break is a node that is there. */
export const needsFaultNode = (model: Model): string | undefined => {
  if (model.overlay?.kind !== "faults") return undefined;
  const node = model.shown.nodes.get(model.overlay.nodeId);
  if (node === undefined) return "no node is selected";
  return node.state === "ready" ? undefined : `${node.name} is out already`;
};

/** The node must not be so already. */
export const nodeIs =
  (availability: "eligible" | "cordoned") =>
  (model: Model): string | undefined => {
    const node = selectedNode(model);
    if (node === undefined) return "no node is selected";
    const cordoned = node.availability !== "eligible";
    if (availability === "cordoned") return cordoned ? `${node.name} is ${node.availability} already` : undefined;
    return cordoned ? undefined : `${node.name} takes tasks already`;
  };
