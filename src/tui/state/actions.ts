/** What each action of the keymap does to the state, and which effects it asks for. Pure. */

import type { ActionId } from "../keys/binding.ts";
import { PANES, type PaneId } from "../layout.ts";
import { THEMES } from "../theme.ts";
import { clock } from "../views/units.ts";
import { asksDemo, breaks, openFaults } from "./demo-actions.ts";
import { BLANK, editOf } from "./edit.ts";
import { moveFocus, openForm, submitForm } from "./form.ts";
import { findNext, type LogPane, openLog } from "./log-pane.ts";
import { logSize, type Move, move } from "./moves.ts";
import { NODE_SORTS } from "./node-rows.ts";
import { ask, askRemoveNode, askStopManager } from "./questions.ts";
import { SORTS } from "./rows.ts";
import { actedTask, type Dialog, type Effect, type Model, type Status, type Step, selectedNode } from "./ui.ts";

/** How long a line of good news stays, and one of bad news, in ms. */
const GOOD_NEWS_MS = 4000;
const BAD_NEWS_MS = 8000;

/** A second Ctrl-c within this leaves at once, in ms. */
const INTERRUPT_MS = 2000;

/** Columns that one key scrolls a log to the side. */
const SIDEWAYS = 8;

const only = (model: Model): Step => ({ model, effects: [] });
const set = (model: Model, change: Partial<Model>): Step => only({ ...model, ...change });
const effect = (model: Model, ...effects: Effect[]): Step => ({ model, effects });

/** A line in the footer, for as long as its kind stays. */
export function say(model: Model, role: Status["role"], text: string): Model {
  const untilMs = model.nowMs + (role === "good" ? GOOD_NEWS_MS : BAD_NEWS_MS);
  return { ...model, status: { text, role, untilMs } };
}

type Perform = (model: Model) => Step;

const moving =
  (to: Move): Perform =>
  (model) =>
    only(move(model, to));
const focusOn =
  (pane: PaneId): Perform =>
  (model) =>
    set(model, { focus: pane });
const asking =
  (question: (model: Model) => Dialog | undefined): Perform =>
  (model) =>
    set(model, { dialog: question(model) });
const onLog =
  (change: (pane: LogPane, model: Model) => LogPane): Perform =>
  (model) =>
    model.logs === undefined ? only(model) : set(model, { logs: change(model.logs, model) });

/** Performs an action. */
export function perform(model: Model, action: ActionId): Step {
  return ACTIONS[action](model);
}

const ACTIONS: Readonly<Record<ActionId, Perform>> = {
  up: moving("up"),
  down: moving("down"),
  top: moving("top"),
  bottom: moving("bottom"),
  "half-down": moving("half-down"),
  "half-up": moving("half-up"),
  "page-down": moving("page-down"),
  "page-up": moving("page-up"),
  "next-pane": (model) => cyclePane(model, 1),
  "previous-pane": (model) => cyclePane(model, -1),
  "pane-1": focusOn("tasks"),
  "pane-2": focusOn("nodes"),
  "pane-3": focusOn("scores"),
  "pane-4": focusOn("events"),
  zoom: (model) => set(model, { zoom: !model.zoom }),
  filter: (model) => set(model, { prompt: { kind: "filter", edit: editOf(model.filter), before: model.filter } }),
  command: (model) => set(model, { prompt: { kind: "command", edit: BLANK, before: "" } }),
  help: (model) => set(model, { overlay: { kind: "help", filter: BLANK, top: 0 } }),
  close,
  interrupt,
  pause: (model) => set(model, { paused: !model.paused, shown: model.live }),
  theme: (model) => nextTheme(model),
  mouse: (model) => {
    const on = !model.mouse;
    const text = on ? "the mouse selects and scrolls" : "the mouse is the terminal's: it selects text";
    return effect(say({ ...model, mouse: on }, "good", text), { kind: "mouse", on });
  },
  repaint: (model) => effect(model, { kind: "repaint" }),
  "save-screen": (model) => effect(model, { kind: "save-screen" }),
  leave: (model) => effect(model, { kind: "quit", mode: "leave" }),
  "stop-manager": asking(askStopManager),
  "new-task": (model) => set(model, { overlay: { kind: "form", form: openForm([...model.live.nodes.values()]) } }),
  detail: (model) => set(model, { overlay: { kind: "detail", taskId: model.taskId, top: 0 } }),
  logs: showLogs,
  shell: (model) => {
    const task = actedTask(model);
    return task === undefined ? only(model) : effect(model, { kind: "shell", taskId: task.id, name: task.name });
  },
  start: (model) => {
    const task = actedTask(model);
    if (task === undefined) return only(model);
    return effect(model, { kind: "call", verb: "start", refs: [task.jobId], done: `starting ${task.name}` });
  },
  stop: asking((model) => ask(model, "stop")),
  restart: asking((model) => ask(model, "restart")),
  remove: asking((model) => ask(model, "remove")),
  mark: toggleMark,
  why,
  "copy-id": copyId,
  sort: (model) => {
    const by = SORTS[(SORTS.indexOf(model.sort.by) + 1) % SORTS.length] ?? "name";
    return set(model, { sort: { by, reverse: false } });
  },
  "sort-reverse": (model) => set(model, { sort: { ...model.sort, reverse: !model.sort.reverse } }),
  "node-tasks": (model) => {
    const node = selectedNode(model);
    return node === undefined
      ? only(model)
      : set(model, { filter: `node:${node.name}`, focus: "tasks", zoom: false, overlay: undefined });
  },
  "node-detail": (model) => {
    const node = selectedNode(model);
    return node === undefined ? only(model) : set(model, { overlay: { kind: "node", nodeId: node.id, top: 0 } });
  },
  "node-add": (model) => set(model, { prompt: { kind: "address", edit: BLANK, before: "" } }),
  "node-remove": asking(askRemoveNode),
  "node-sort": (model) => {
    const by = NODE_SORTS[(NODE_SORTS.indexOf(model.nodeSort.by) + 1) % NODE_SORTS.length] ?? "name";
    return set(model, { nodeSort: { by, reverse: false } });
  },
  "node-sort-reverse": (model) => set(model, { nodeSort: { ...model.nodeSort, reverse: !model.nodeSort.reverse } }),
  cordon: (model) => availability(model, "cordoned"),
  uncordon: (model) => availability(model, "eligible"),
  "log-follow": onLog((pane, model) =>
    pane.follow ? { ...pane, follow: false, top: standing(pane, model) } : { ...pane, follow: true },
  ),
  "log-times": onLog((pane) => ({ ...pane, times: !pane.times })),
  "log-wrap": onLog((pane) => ({ ...pane, wrap: !pane.wrap, left: 0 })),
  "log-clear": onLog((pane) => ({ ...pane, lines: [], dropped: 0, top: 0, follow: true })),
  "log-save": saveLog,
  "log-search": (model) =>
    set(model, { prompt: { kind: "search", edit: editOf(model.logs?.search ?? ""), before: "" } }),
  "log-next": (model) => findInLog(model, 1),
  "log-previous": (model) => findInLog(model, -1),
  "log-left": onLog((pane) => ({ ...pane, left: Math.max(0, pane.left - SIDEWAYS) })),
  "log-right": onLog((pane) => ({ ...pane, left: pane.left + SIDEWAYS })),
  "dialog-confirm": confirm,
  "dialog-cancel": (model) => set(model, { dialog: undefined }),
  "dialog-switch": (model) =>
    model.dialog === undefined
      ? only(model)
      : set(model, { dialog: { ...model.dialog, focus: model.dialog.focus === "cancel" ? "confirm" : "cancel" } }),
  "dialog-enter": pressButton,
  "form-next": (model) => moveForm(model, 1),
  "form-previous": (model) => moveForm(model, -1),
  "form-submit": sendForm,
  "demo-faults": openFaults,
  "demo-faster": asksDemo("faster"),
  "demo-slower": asksDemo("slower"),
  "demo-hold": asksDemo("hold"),
  "demo-background": asksDemo("background"),
  "fault-kill": breaks("kill"),
  "fault-crash": breaks("crash"),
  "fault-cut": breaks("cut"),
  "fault-power": breaks("power"),
  "fault-manager": breaks("manager"),
  "fault-sleep": breaks("sleep"),
};

function cyclePane(model: Model, step: 1 | -1): Step {
  const at = PANES.indexOf(model.focus) + step + PANES.length;
  return set(model, { focus: PANES[at % PANES.length] ?? "tasks" });
}

/** Closes what lies on top; on the panes it takes back the filter, then the marks, then the zoom. */
function close(model: Model): Step {
  if (model.overlay !== undefined) return set(model, { overlay: undefined });
  if (model.logs !== undefined) return effect({ ...model, logs: undefined }, { kind: "logs-close" });
  if (model.filter !== "") return set(model, { filter: "" });
  if (model.marks.size > 0) return set(model, { marks: new Set() });
  return set(model, { zoom: false });
}

/** Ctrl-c closes what is open and else leaves; the second one within two seconds always leaves. */
function interrupt(model: Model): Step {
  const again = model.interruptedMs > 0 && model.nowMs - model.interruptedMs < INTERRUPT_MS;
  const open =
    model.overlay !== undefined || model.logs !== undefined || model.dialog !== undefined || model.prompt !== undefined;
  if (again || !open) return effect(model, { kind: "quit", mode: "leave" });
  const noted = { ...model, interruptedMs: model.nowMs };
  if (model.dialog !== undefined || model.prompt !== undefined)
    return set(noted, { dialog: undefined, prompt: undefined });
  return close(noted);
}

function nextTheme(model: Model): Step {
  const theme = THEMES[(THEMES.indexOf(model.theme) + 1) % THEMES.length] ?? "dark";
  return only(say({ ...model, theme }, "good", `theme: ${theme}`));
}

function showLogs(model: Model): Step {
  const task = actedTask(model);
  if (task === undefined) return only(model);
  return effect(
    { ...model, overlay: undefined, logs: openLog(task.id, task.name) },
    { kind: "logs-open", taskId: task.id },
  );
}

function toggleMark(model: Model): Step {
  const marks = new Set(model.marks);
  if (!marks.delete(model.taskId)) marks.add(model.taskId);
  return only(move({ ...model, marks }, "down"));
}

function why(model: Model): Step {
  const task = actedTask(model);
  if (task === undefined) return only(model);
  return effect({ ...model, overlay: { kind: "why", taskId: task.id, top: 0 } }, { kind: "decision", taskId: task.id });
}

function copyId(model: Model): Step {
  const onNode = model.overlay === undefined ? model.focus === "nodes" : model.overlay.kind === "node";
  const node = onNode ? selectedNode(model) : undefined;
  const target = node ?? actedTask(model);
  if (target === undefined) return only(say(model, "warn", "nothing is selected"));
  return effect(say(model, "good", `copied the id of ${target.name}: ${target.id}`), { kind: "copy", text: target.id });
}

function availability(model: Model, wanted: "cordoned" | "eligible"): Step {
  const node = selectedNode(model);
  if (node === undefined) return only(model);
  const done = wanted === "cordoned" ? `${node.name} takes no new tasks` : `${node.name} takes tasks again`;
  return effect(model, { kind: "availability", nodeId: node.id, availability: wanted, done });
}

/** Dials what was typed; an empty line does nothing. */
export function addNode(model: Model, text: string): Step {
  const address = text.trim();
  return address === "" ? only(model) : effect(model, { kind: "add-node", address });
}

/** Where a log that stops following stands: at what is in view now. */
function standing(pane: LogPane, model: Model): number {
  const size = logSize(model);
  return Math.max(0, pane.lines.length - size.rows);
}

function saveLog(model: Model): Step {
  const pane = model.logs;
  if (pane === undefined) return only(model);
  const lines = pane.lines.map((line) => `${line.atMs > 0 ? `${clock(line.atMs + model.zoneMs)} ` : ""}${line.text}`);
  return effect(model, { kind: "save-log", name: pane.name, lines });
}

/** Goes to the next hit of the search, or says that there is none. */
export function findInLog(model: Model, step: 1 | -1): Step {
  if (model.logs === undefined) return only(model);
  const { pane, found } = findNext(model.logs, step, logSize(model));
  return only(found ? { ...model, logs: pane } : say(model, "warn", `${model.logs.search} is in none of the lines`));
}

function confirm(model: Model): Step {
  const { dialog } = model;
  if (dialog === undefined) return only(model);
  if (dialog.phrase !== "" && dialog.typed.text.trim() !== dialog.phrase) {
    return only(say(model, "warn", `type ${dialog.phrase} first, then Enter`));
  }
  // What is done to a node, or to the manager, leaves the tasks marked.
  const marks = dialog.effects.some(({ kind }) => kind === "call") ? new Set<string>() : model.marks;
  return { model: { ...model, dialog: undefined, marks }, effects: dialog.effects };
}

function pressButton(model: Model): Step {
  const { dialog } = model;
  const typed = dialog !== undefined && dialog.phrase !== "" && dialog.typed.text.trim() === dialog.phrase;
  if (typed || dialog?.focus === "confirm") return confirm(model);
  return set(model, { dialog: undefined });
}

function moveForm(model: Model, by: number): Step {
  if (model.overlay?.kind !== "form") return only(model);
  return set(model, { overlay: { kind: "form", form: moveFocus(model.overlay.form, by) } });
}

function sendForm(model: Model): Step {
  if (model.overlay?.kind !== "form" || model.overlay.form.sending) return only(model);
  const { form, job } = submitForm(model.overlay.form);
  const next: Model = { ...model, overlay: { kind: "form", form } };
  return job === undefined ? only(next) : effect(next, { kind: "submit", job });
}
