/**
 * The questions before something is stopped, restarted or deleted: what will happen, in words, and what does it. Pure. Cancel has the focus; several tasks at
 * once ask for their number to be typed.
 */
import type { TaskResource } from "../../client/resources.ts";
import { counts } from "../views/header.ts";
import { BLANK } from "./edit.ts";
import { actedTask, type Dialog, type Effect, type Model, selectedNode } from "./ui.ts";

type Verb = "stop" | "restart" | "remove";

const WORD: Readonly<Record<Verb, string>> = { stop: "Stop", restart: "Restart", remove: "Delete" };
const DOING: Readonly<Record<Verb, string>> = { stop: "stopping", restart: "restarting", remove: "deleting" };

/** Names listed in a question about several tasks; the rest is counted. */
const NAMES_SHOWN = 6;

/** The question about the selected task, or about all marked ones; undefined if there is none. */
export function ask(model: Model, verb: Verb): Dialog | undefined {
  const tasks = targets(model, verb);
  const first = tasks[0];
  if (first === undefined) return undefined;
  if (tasks.length === 1) return askOne(model, { verb, task: first });
  return askMany(verb, tasks);
}

/** Marked tasks where the verb takes several, else the one that keys act on. */
function targets(model: Model, verb: Verb): TaskResource[] {
  const marked = [...model.marks].map((id) => model.shown.tasks.get(id)).filter((task) => task !== undefined);
  if (marked.length > 0 && verb !== "restart" && model.overlay === undefined) return marked;
  const task = actedTask(model);
  return task === undefined ? [] : [task];
}

const dialog = (
  given: Pick<Dialog, "title" | "lines" | "verb" | "effects"> & { readonly phrase?: string },
): Dialog => ({
  phrase: "",
  ...given,
  focus: "cancel",
  typed: BLANK,
});

function askOne(model: Model, at: { readonly verb: Verb; readonly task: TaskResource }): Dialog {
  const { verb, task } = at;
  const where = task.nodeName === "" ? "" : ` on ${task.nodeName}`;
  return dialog({
    title: `${WORD[verb]} ${task.name}?`,
    lines: [`${WORD[verb]} ${task.name}${where} (${task.state}).`, ...consequences(model, at)],
    verb: WORD[verb],
    effects: [call({ verb, refs: [refOf(verb, task)], done: `${DOING[verb]} ${task.name}` })],
  });
}

/** A restart is of one task; everything else is of its job. */
const refOf = (verb: Verb, task: TaskResource): string => (verb === "restart" ? task.id : task.jobId);

function call(given: Omit<Extract<Effect, { kind: "call" }>, "kind">): Effect {
  return { kind: "call", ...given };
}

function consequences(model: Model, at: { readonly verb: Verb; readonly task: TaskResource }): string[] {
  const { verb, task } = at;
  const spec = model.shown.jobs.get(task.jobId)?.services.find((service) => service.name === task.service)?.task;
  const grace = `${(spec?.stopGraceMs ?? 10_000) / 1000} s`;
  const ending = `It gets ${spec?.stopSignal || "SIGTERM"}, and after ${grace} SIGKILL.`;
  const others = siblings(model, task);
  const whole =
    others > 0 && verb !== "restart"
      ? [`Its job has ${others} more task${others === 1 ? "" : "s"}: they go with it.`]
      : [];
  if (verb === "restart") return [`${ending} Then it starts anew on the same node.`];
  if (verb === "stop") return [`${ending} Nothing takes its place; s starts it again.`, ...whole];
  return [`${ending} Its records and its history are deleted; this cannot be undone.`, ...whole];
}

function siblings(model: Model, task: TaskResource): number {
  return [...model.shown.tasks.values()].filter(
    (each) => each.jobId === task.jobId && each.current && each.id !== task.id,
  ).length;
}

function askMany(verb: Verb, tasks: readonly TaskResource[]): Dialog {
  const jobs = [...new Set(tasks.map((task) => task.jobId))];
  const names = tasks
    .slice(0, NAMES_SHOWN)
    .map((task) => task.name)
    .join(", ");
  const rest = tasks.length > NAMES_SHOWN ? ` and ${tasks.length - NAMES_SHOWN} more` : "";
  const end =
    verb === "remove"
      ? "Their records are deleted too; this cannot be undone."
      : "Nothing takes their place; s starts each again.";
  return dialog({
    title: `${WORD[verb]} ${tasks.length} tasks?`,
    lines: [`${names}${rest}.`, end],
    verb: WORD[verb],
    phrase: String(tasks.length),
    effects: [call({ verb, refs: jobs, done: `${DOING[verb]} ${tasks.length} tasks` })],
  });
}

/** The question before a node that is out is taken out of the cluster; undefined without one. */
export function askRemoveNode(model: Model): Dialog | undefined {
  const node = selectedNode(model);
  if (node === undefined) return undefined;
  const tasks =
    node.tasks === 1 ? "The task that it still holds is" : `The ${node.tasks} tasks that it still holds are`;
  return dialog({
    title: `Remove ${node.name}?`,
    lines: [
      `${node.name} is ${node.state}${node.reason === "" ? "" : `: ${node.reason}`}.`,
      "It leaves the cluster for good; should it come back, its tasks are stopped there and it has to join anew.",
      ...(node.tasks === 0
        ? []
        : [`${tasks} given up, and started elsewhere; what a volume holds there stays behind.`]),
    ],
    verb: "Remove",
    effects: [{ kind: "remove-node", nodeId: node.id, force: node.tasks > 0, done: `${node.name} is removed` }],
  });
}

/** The question before the manager ends. */
export function askStopManager(model: Model): Dialog {
  const { running } = counts(model.live);
  const tasks = runningText(running);
  return dialog({
    title: "Stop the manager?",
    lines: [
      "The manager ends, and the worker inside it.",
      `${tasks} Until the manager is back, nothing new is placed and nothing that its own worker runs is health-checked or restarted.`,
      "q leaves only this screen and lets the manager go on.",
    ],
    verb: "Stop the manager",
    effects: [{ kind: "quit", mode: "stop" }],
  });
}

function runningText(running: number): string {
  if (running === 0) return "No task is running.";
  return running === 1 ? "The running task stays as it is." : `The ${running} running tasks stay as they are.`;
}
