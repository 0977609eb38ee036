/** A task's state in a few words, as the commands print it. It leaves the JSON alone. Pure. */
import type { TaskResource } from "../client/resources.ts";
import { isTerminal } from "../core/task.ts";
import { agoWithin } from "./quantities.ts";

/**
 * The state for a column: what is being removed says so until it has ended; a running task has its health beside it, or that its node is out of reach and
 * nobody can say what it does now. Pure.
 */
export function stateText(task: TaskResource, isOut = false): string {
  const word = task.desired === "remove" && !isTerminal(task.state) ? "removing" : task.state;
  if (isOut && !isTerminal(task.state)) return `${word} (disconnected)`;
  if (word === "removing") return word;
  return task.state === "running" && task.health !== "unknown" ? `running (${task.health})` : task.state;
}

/** The state with its newest exit and message, such as `failed: exit 1, 2 minutes ago: no such file`; not yet cleaned. Pure. */
export function stateLine(task: TaskResource, nowMs: number): string {
  const exit = exitText(task, nowMs);
  const said = task.message !== "" && !exit.endsWith(`: ${task.message}`) ? task.message : "";
  const before = exit !== "" && !isTerminal(task.state) ? `last ${exit}` : exit;
  return [stateText(task), before, said].filter((part) => part !== "").join(": ");
}

function exitText({ exits }: TaskResource, nowMs: number): string {
  const exit = exits.at(-1);
  if (exit === undefined) return "";
  const code = exit.code === null ? "exit with an unknown code" : `exit ${exit.code}`;
  const how = exit.oomKilled ? `${code} (out of memory)` : code;
  const why = exit.reason === "" ? "" : `: ${exit.reason}`;
  return `${how}, ${agoWithin(exit.atMs, nowMs)}${why}`;
}
