/**
 * The UI as a machine: a state and a message in, a new state and effects out. Pure: no clock, no terminal, no promises. It decides everything that the screen
 * shows and everything that a key does; the host in run.ts only carries it out.
 */
import { unreachable } from "../core/assert.ts";
import { lookup } from "./keymap.ts";
import { inner, PANES, type PaneId, type Rect } from "./layout.ts";
import { addNode, findInLog, perform, say } from "./state/actions.ts";
import { fold, withDecisions } from "./state/cluster.ts";
import { complete, runCommand } from "./state/commands.ts";
import { editKey, editOf, insert } from "./state/edit.ts";
import { formKey, formPaste } from "./state/form.ts";
import { addLines } from "./state/log-pane.ts";
import { noted, summarise, watchAbsence } from "./state/meanwhile.ts";
import { inBounds, selectRow, wheel } from "./state/moves.ts";
import { nodeRows } from "./state/node-rows.ts";
import { tellRemarks } from "./state/remarks.ts";
import { taskRows } from "./state/rows.ts";
import {
  clusterMs,
  type Effect,
  ERRORS_KEPT,
  layoutOf,
  type Message,
  type Model,
  type Step,
  type UiError,
} from "./state/ui.ts";
import type { Key, Mouse } from "./terminal/key-names.ts";
import { rowsANode } from "./views/nodes.ts";

/** Rows that one notch of the wheel scrolls. */
const WHEEL_ROWS = 3;

const only = (model: Model): Step => ({ model, effects: [] });

/** The state after a message at wall clock time `nowMs`, and what is to be done. */
export function update(model: Model, message: Message, nowMs: number): Step {
  const now = { ...model, nowMs };
  const status = now.status !== undefined && now.status.untilMs <= nowMs ? undefined : now.status;
  const step = handle({ ...now, status }, message);
  const told = { ...step, model: tellRemarks(model, step.model) };
  return settle(model, watchAbsence(model, told));
}

function handle(model: Model, message: Message): Step {
  switch (message.kind) {
    case "key":
      return pressed(model, message.key);
    case "mouse":
      return pointed(model, message.mouse);
    case "paste":
      return pasted(model, message.text);
    case "resize":
      return only({ ...model, cols: message.cols, rows: message.rows });
    case "tick":
      return only(model);
    case "items":
      return only(shownUnlessPaused(model, fold(model.live, message.items)));
    case "decisions":
      return only(shownUnlessPaused(model, withDecisions(model.live, message.decisions)));
    case "log-lines":
      return only(withLog(model, message.taskId, (pane) => addLines(pane, message.lines)));
    case "log-end":
      return only(
        withLog(model, message.taskId, (pane) => ({
          ...pane,
          ended: message.problem === "" ? "the log has ended" : message.problem,
        })),
      );
    case "submitted":
      return only(submitted(model, message));
    case "refused":
      return only(refused(model, message.error));
    case "meanwhile":
      return only(toldMeanwhile(model, message));
    case "done":
      return only(say(model, "good", message.text));
    case "failed":
      return only(failed(model, message.error));
    default:
      return unreachable(message);
  }
}

function shownUnlessPaused(model: Model, live: Model["live"]): Model {
  return { ...model, live, shown: model.paused ? model.shown : live };
}

function withLog(
  model: Model,
  taskId: string,
  change: (pane: NonNullable<Model["logs"]>) => NonNullable<Model["logs"]>,
): Model {
  return model.logs?.taskId === taskId ? { ...model, logs: change(model.logs) } : model;
}

/** How long the line about an absence stays, in ms: whoever comes back has to find the screen first. */
const WELCOME_MS = 60_000;

function toldMeanwhile(model: Model, message: Extract<Message, { kind: "meanwhile" }>): Model {
  const { text, role } = summarise(message.events, { forMs: clusterMs(model) - message.sinceMs, gap: message.gap });
  return noted({ ...model, status: { text, role, untilMs: model.nowMs + WELCOME_MS } }, text);
}

/** An error is a line in the footer with its code, and stays in the list of errors; it never covers anything. */
function failed(model: Model, error: UiError): Model {
  const hint = error.hint === "" ? "" : ` (${error.hint})`;
  return say(
    { ...model, errors: [...model.errors, { ...error, atMs: clusterMs(model) }].slice(-ERRORS_KEPT) },
    "bad",
    `[${error.code}] ${error.message}${hint}`,
  );
}

function submitted(model: Model, message: Extract<Message, { kind: "submitted" }>): Model {
  const overlay = model.overlay?.kind === "form" ? undefined : model.overlay;
  return say({ ...model, overlay, awaitedJob: message.jobId }, "good", `${message.name} is accepted`);
}

/** The manager refused what the form sent: the form stays open with everything in it. */
function refused(model: Model, error: UiError): Model {
  const next = failed(model, error);
  if (next.overlay?.kind !== "form") return next;
  const refusal = `${error.message}${error.hint === "" ? "" : `. ${error.hint}`}`;
  return { ...next, overlay: { kind: "form", form: { ...next.overlay.form, sending: false, refusal } } };
}

function pressed(model: Model, key: Key): Step {
  if (model.prompt !== undefined) return promptKey(model, key);
  const found = lookup(model, key.name);
  if (found !== undefined && "action" in found) return perform({ ...model, status: undefined }, found.action);
  if (found !== undefined) return only(say(model, "warn", found.disabled));
  return only(typed(model, key));
}

/** Keys that no binding took go where one can type. */
function typed(model: Model, key: Key): Model {
  const { dialog, overlay } = model;
  if (dialog !== undefined) {
    if (dialog.phrase === "" || (key.text !== "" && !/\d/.test(key.text))) return model;
    return { ...model, dialog: { ...dialog, typed: editKey(dialog.typed, key) ?? dialog.typed } };
  }
  if (overlay?.kind === "form") return { ...model, overlay: { kind: "form", form: formKey(overlay.form, key) } };
  if (overlay?.kind === "help")
    return { ...model, overlay: { ...overlay, filter: editKey(overlay.filter, key) ?? overlay.filter, top: 0 } };
  return model;
}

function promptKey(model: Model, key: Key): Step {
  const prompt = model.prompt;
  if (prompt === undefined) return only(model);
  const closed: Model = { ...model, prompt: undefined, status: undefined };
  if (key.name === "escape" || key.name === "C-c") {
    return only(prompt.kind === "filter" ? { ...closed, filter: prompt.before } : closed);
  }
  if (key.name === "enter") return entered(closed, prompt);
  if (key.name === "tab" && prompt.kind === "command") {
    return only({ ...model, prompt: { ...prompt, edit: editOf(complete(model, prompt.edit.text)) } });
  }
  // An empty line and one more backspace closes it, as in vim.
  if (key.name === "backspace" && prompt.edit.text === "") return only(closed);
  return only(withPrompt(model, editKey(prompt.edit, key) ?? prompt.edit));
}

function withPrompt(model: Model, edit: NonNullable<Model["prompt"]>["edit"]): Model {
  const prompt = model.prompt;
  if (prompt === undefined) return model;
  return { ...model, prompt: { ...prompt, edit }, filter: prompt.kind === "filter" ? edit.text : model.filter };
}

function entered(model: Model, prompt: NonNullable<Model["prompt"]>): Step {
  if (prompt.kind === "filter") return only(model);
  if (prompt.kind === "search") {
    if (model.logs === undefined) return only(model);
    const searching = { ...model, logs: { ...model.logs, search: prompt.edit.text } };
    // The last line with it first: what is looked for in a log has usually just happened.
    return prompt.edit.text === "" ? only(searching) : findInLog(searching, -1);
  }
  if (prompt.kind === "address") return addNode(model, prompt.edit.text);
  const result = runCommand(model, prompt.edit.text);
  return "problem" in result ? only(say(model, "warn", result.problem)) : result;
}

function pasted(model: Model, text: string): Step {
  const oneLine = text.replace(/[\r\n\t]+/g, " ").trim();
  if (model.prompt !== undefined) return only(withPrompt(model, insert(model.prompt.edit, oneLine)));
  if (model.overlay?.kind === "form")
    return only({ ...model, overlay: { kind: "form", form: formPaste(model.overlay.form, oneLine) } });
  return only(model);
}

function pointed(model: Model, mouse: Mouse): Step {
  if (model.dialog !== undefined || model.prompt !== undefined) return only(model);
  const covered = model.overlay !== undefined || model.logs !== undefined;
  const pane = covered ? undefined : paneAt(model, mouse);
  const focused = pane === undefined ? model : { ...model, focus: pane };
  if (mouse.kind !== "press") return only(wheel(focused, mouse.kind === "wheel-up" ? -WHEEL_ROWS : WHEEL_ROWS));
  if (pane === undefined) return only(model);
  const rect = layoutOf(focused).regions[pane] as Rect;
  return only(clicked(focused, { pane, row: mouse.y - inner(rect).y, height: inner(rect).height }));
}

function paneAt(model: Model, at: { readonly x: number; readonly y: number }): PaneId | undefined {
  const { regions } = layoutOf(model);
  return PANES.find((pane) => {
    const rect = regions[pane];
    return (
      rect !== undefined &&
      at.x >= rect.x &&
      at.x < rect.x + rect.width &&
      at.y >= rect.y &&
      at.y < rect.y + rect.height
    );
  });
}

function clicked(model: Model, at: { readonly pane: PaneId; readonly row: number; readonly height: number }): Model {
  const { top } = model.places[at.pane];
  // The first row of the table is its heading.
  if (at.pane === "tasks")
    return at.row >= 1 && top + at.row - 1 < model.tasks.length ? selectRow(model, top + at.row - 1) : model;
  if (at.pane !== "nodes" || at.row < 0) return model;
  const index = top + Math.floor(at.row / rowsANode(at.height, model.nodes.length));
  return { ...model, places: { ...model.places, nodes: { top, index } } };
}

/** What must hold after every message: rows as filter and sort say, the selection on its task, places in bounds. */
function settle(before: Model, step: Step): Step {
  const rows = withRows(before, step.model);
  const model = inBounds(rows);
  const effects = [...step.effects, ...askForDecision(model)];
  const asked = effects.some((each) => each.kind === "decision" && each.taskId === model.taskId);
  return { model: asked ? { ...model, askedFor: model.taskId } : model, effects };
}

function withRows(before: Model, model: Model): Model {
  const same =
    before.shown === model.shown &&
    before.awaitedJob === model.awaitedJob &&
    before.filter === model.filter &&
    before.sort === model.sort &&
    before.nodeSort === model.nodeSort &&
    before.tasks === model.tasks;
  if (same) return model;
  const tasks = taskRows(model.shown, { filter: model.filter, sort: model.sort });
  const nodes = nodeRows(model.shown, model.nodeSort);
  const marks = new Set([...model.marks].filter((id) => model.shown.tasks.get(id)?.current === true));
  return reselect(
    sameNode(before, { ...model, tasks, nodes, marks: marks.size === model.marks.size ? model.marks : marks }),
  );
}

/** The selected row of the nodes stays on its node. */
function sameNode(before: Model, model: Model): Model {
  const id = before.nodes[model.places.nodes.index]?.id;
  const index = model.nodes.findIndex((node) => node.id === id);
  if (index < 0) return model;
  return { ...model, places: { ...model.places, nodes: { ...model.places.nodes, index } } };
}

/** The selection stays on its task; a new attempt in the same slot takes it over; else it stays in its row. */
function reselect(model: Model): Model {
  const awaited = model.awaitedJob === "" ? -1 : model.tasks.findIndex((task) => task.jobId === model.awaitedJob);
  if (awaited >= 0) return selectRow({ ...model, awaitedJob: "" }, awaited);
  const found = model.tasks.findIndex((task) => task.id === model.taskId);
  if (found >= 0) return { ...model, places: { ...model.places, tasks: { ...model.places.tasks, index: found } } };
  const old = model.shown.tasks.get(model.taskId);
  const heir = model.tasks.findIndex(
    (task) => task.jobId === old?.jobId && task.service === old.service && task.slot === old.slot,
  );
  return selectRow(model, heir >= 0 ? heir : model.places.tasks.index);
}

/** The scores pane always shows the decision of the selected task, so one that is not known is asked for, once. */
function askForDecision(model: Model): Effect[] {
  const unknown = model.taskId !== "" && !model.shown.decisions.has(model.taskId) && model.askedFor !== model.taskId;
  return unknown ? [{ kind: "decision", taskId: model.taskId }] : [];
}
