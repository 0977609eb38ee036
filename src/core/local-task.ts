/**
 * Tasks that a node was given by its own people, past every manager: the worker's local set. They are told apart by their ids, so that the journal, the labels of
 * what runs and everybody who sees one know it. No manager ever makes such an id. Pure.
 */
import { digest } from "./ids.ts";

/** No digit of a manager's task ids, which are hexadecimal. */
const PREFIX = "l-";

/** Id of the task by which a node runs what was posted to it under `id`. */
export function localTaskId(nodeId: string, id: string): string {
  return `${PREFIX}${digest("local", nodeId, id).slice(0, 18)}`;
}

/** True for a task that no manager has a say in. */
export function isLocalTask(taskId: string): boolean {
  return taskId.startsWith(PREFIX);
}
