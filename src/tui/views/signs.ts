/** How states look: a sign, a word and a role, never colour alone. Pure. */
import type { NodeResource, TaskResource } from "../../client/resources.ts";
import { isTerminal } from "../../core/task.ts";
import { type Role, type Span, span } from "./lines.ts";
import { duration } from "./units.ts";

/** What to show for a state. */
export interface Mark {
  readonly sign: string;
  readonly word: string;
  readonly role: Role;
}

const ASCII: Readonly<Record<string, string>> = {
  "●": "*",
  "○": "o",
  "▲": "!",
  "✗": "x",
  "✓": "+",
  "■": "#",
  "?": "?",
  "↓": "v",
  "↻": "@",
};

const mark = (sign: string, word: string, role: Role): Mark => ({ sign, word, role });

/** A task's state with its health: what it is doing now, in one word. What its node said last is no news while the node is out. */
export function taskMark(task: TaskResource, node: NodeResource | undefined): Mark {
  if (isOut(task, node)) return mark("▲", "disconnected", "warn");
  if (task.state === "running" && task.health !== "unknown") {
    return task.health === "healthy" ? mark("●", "healthy", "good") : mark("▲", "unhealthy", "warn");
  }
  if (task.restartInMs !== null && task.state !== "running") return mark("↻", "restarting", "warn");
  switch (task.state) {
    case "running":
      return mark("●", "running", "good");
    case "pending":
      return mark("○", "pending", "warn");
    case "pulling":
      return mark("↓", "pulling", "busy");
    case "assigned":
    case "accepted":
    case "ready":
    case "starting":
    case "stopping":
      return mark("○", task.state, "busy");
    case "complete":
      return mark("✓", "complete", "dim");
    case "stopped":
      return mark("■", "stopped", "dim");
    case "failed":
    case "rejected":
      return mark("✗", task.state, "bad");
    case "lost":
      return mark("?", "lost", "bad");
  }
}

/** Whether nobody can say what a task does now: it has not ended, and its node is out of reach. */
export function isOut(task: TaskResource, node: NodeResource | undefined): boolean {
  return node !== undefined && node.state !== "ready" && !isTerminal(task.state);
}

/** A node's state: reachable or not, and whether it takes tasks. */
export function nodeMark(node: NodeResource): Mark {
  if (node.state === "disconnected") return mark("▲", "disconnected", "warn");
  if (node.state === "lost") return mark("?", "lost", "bad");
  if (node.availability === "cordoned") return mark("■", "cordoned", "warn");
  if (node.availability === "draining") return mark("○", "draining", "warn");
  if (node.awaited === true) return mark("○", "not linked", "busy");
  // Ready and yet with a reason: its worker does not follow this manager.
  if (node.reason !== "") return mark("▲", "refuses", "warn");
  return mark("●", "ready", "good");
}

/** The sign alone. */
export function signOf(of: Mark, unicode: boolean): string {
  return unicode ? of.sign : (ASCII[of.sign] ?? of.sign);
}

/** The mark as text: sign, blank, word. */
function markText(of: Mark, unicode: boolean): string {
  return `${signOf(of, unicode)} ${of.word}`;
}

/** The mark as a span. */
export function markSpan(of: Mark, unicode: boolean): Span {
  return span(markText(of, unicode), of.role);
}

/** What a task has to say beyond its state: progress of a pull, the wait before a restart, the last error, why it is pending. */
export function taskSays(
  task: TaskResource,
  at: { readonly progress: string | undefined; readonly nowMs: number },
): string {
  const { progress } = at;
  if (progress !== undefined && progress !== "") return progress;
  if (task.restartInMs !== null) {
    const leftMs = Math.max(0, task.restartInMs - (at.nowMs - task.updatedMs));
    return `restart in ${duration(leftMs)}${task.message === "" ? "" : `: ${task.message}`}`;
  }
  if (task.message !== "") return task.message;
  return task.state === "pending" ? task.reason : "";
}
