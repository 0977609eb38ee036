// The keys as data: what each does, where, what the help says, and why it does nothing right now. Pure. Bindings, footer
// and help are made from this one table, so a key that is not here does not exist and a key that is here is never dead.
import { isTerminal } from "../core/task.ts";
import { actedTask, type Context, contextOf, type Model, selectedNode } from "./state/ui.ts";

/** What a key can do. */
export type ActionId =
  | "up"
  | "down"
  | "top"
  | "bottom"
  | "half-down"
  | "half-up"
  | "page-down"
  | "page-up"
  | "next-pane"
  | "previous-pane"
  | "pane-1"
  | "pane-2"
  | "pane-3"
  | "pane-4"
  | "zoom"
  | "filter"
  | "command"
  | "help"
  | "close"
  | "interrupt"
  | "pause"
  | "theme"
  | "mouse"
  | "repaint"
  | "save-screen"
  | "leave"
  | "stop-manager"
  | "new-task"
  | "detail"
  | "logs"
  | "shell"
  | "start"
  | "stop"
  | "restart"
  | "remove"
  | "mark"
  | "why"
  | "copy-id"
  | "sort"
  | "sort-reverse"
  | "node-tasks"
  | "cordon"
  | "uncordon"
  | "log-follow"
  | "log-times"
  | "log-wrap"
  | "log-clear"
  | "log-save"
  | "log-search"
  | "log-next"
  | "log-previous"
  | "log-left"
  | "log-right"
  | "dialog-confirm"
  | "dialog-cancel"
  | "dialog-switch"
  | "dialog-enter"
  | "form-next"
  | "form-previous"
  | "form-submit";

/** One key and what it does. */
export interface Binding {
  readonly keys: readonly string[];
  readonly action: ActionId;
  readonly where: readonly Context[];
  /** The word in the footer; "" for keys that are only in the help. */
  readonly short: string;
  readonly help: string;
  readonly group: "Move" | "Tasks" | "Nodes" | "Logs" | "View" | "Cube" | "Dialogs and forms";
  /** True for what changes the cluster: not there at all in read-only mode. */
  readonly changes?: boolean;
  /** Why it can do nothing now; undefined when it can. */
  readonly disabled?: (model: Model) => string | undefined;
}

const MAIN: readonly Context[] = ["tasks", "nodes", "scores", "events"];
const SCROLLED: readonly Context[] = [...MAIN, "detail", "why", "errors", "logs"];
const CLOSABLE: readonly Context[] = ["detail", "why", "errors", "logs"];
const ON_TASK: readonly Context[] = ["tasks", "detail"];

const needsTask = (model: Model): string | undefined =>
  actedTask(model) === undefined ? "no task is selected" : undefined;

const needsRunning = (model: Model): string | undefined => {
  const task = actedTask(model);
  if (task === undefined) return "no task is selected";
  if (task.runtime === "process") return "a process has no container to open a shell in";
  return task.state === "running" ? undefined : `${task.name} is not running`;
};

const needsLive = (model: Model): string | undefined => {
  const task = actedTask(model);
  if (task === undefined) return "no task is selected";
  return isTerminal(task.state) && model.marks.size === 0
    ? `${task.name} has ended already (${task.state})`
    : undefined;
};

const needsEnded = (model: Model): string | undefined => {
  const task = actedTask(model);
  if (task === undefined) return "no task is selected";
  return isTerminal(task.state) ? undefined : `${task.name} is ${task.state}; restart it with r`;
};

const needsPlaced = (model: Model): string | undefined => {
  const task = actedTask(model);
  if (task === undefined) return "no task is selected";
  return task.nodeId === "" ? `${task.name} is on no node yet, so it has no log` : undefined;
};

const needsNode = (model: Model): string | undefined =>
  selectedNode(model) === undefined ? "no node is selected" : undefined;

const nodeIs =
  (availability: "eligible" | "cordoned") =>
  (model: Model): string | undefined => {
    const node = selectedNode(model);
    if (node === undefined) return "no node is selected";
    const cordoned = node.availability !== "eligible";
    if (availability === "cordoned") return cordoned ? `${node.name} is ${node.availability} already` : undefined;
    return cordoned ? undefined : `${node.name} takes tasks already`;
  };

/** Every key of the UI; the order is that of footer and help. */
export const KEYMAP: readonly Binding[] = [
  {
    keys: ["a"],
    action: "new-task",
    where: MAIN,
    short: "new",
    help: "start a new task",
    group: "Tasks",
    changes: true,
  },
  {
    keys: ["enter"],
    action: "detail",
    where: ["tasks"],
    short: "detail",
    help: "everything about the task: specification, history, last error",
    group: "Tasks",
    disabled: needsTask,
  },
  {
    keys: ["l"],
    action: "logs",
    where: [...ON_TASK, "scores", "why"],
    short: "logs",
    help: "the task's log, as it is written",
    group: "Tasks",
    disabled: needsPlaced,
  },
  {
    keys: ["x"],
    action: "stop",
    where: ON_TASK,
    short: "stop",
    help: "stop the task, or all marked ones (asks)",
    group: "Tasks",
    changes: true,
    disabled: needsLive,
  },
  {
    keys: ["r"],
    action: "restart",
    where: ON_TASK,
    short: "restart",
    help: "restart the task (asks)",
    group: "Tasks",
    changes: true,
    disabled: needsLive,
  },
  {
    keys: ["s"],
    action: "start",
    where: ON_TASK,
    short: "start",
    help: "start a stopped or ended task again: a new attempt",
    group: "Tasks",
    changes: true,
    disabled: needsEnded,
  },
  {
    keys: ["D"],
    action: "remove",
    where: ON_TASK,
    short: "delete",
    help: "stop the task and delete its records, or all marked ones (asks)",
    group: "Tasks",
    changes: true,
    disabled: needsTask,
  },
  {
    keys: ["e"],
    action: "shell",
    where: ON_TASK,
    short: "shell",
    help: "a shell inside the container; Ctrl-p Ctrl-q comes back without ending it",
    group: "Tasks",
    changes: true,
    disabled: needsRunning,
  },
  {
    keys: ["w", "enter"],
    action: "why",
    where: ["scores"],
    short: "why here",
    help: "every candidate node with its score and parts, every refusal with its reason",
    group: "Tasks",
    disabled: needsTask,
  },
  {
    keys: ["w"],
    action: "why",
    where: ON_TASK,
    short: "why here",
    help: "every candidate node with its score and parts, every refusal with its reason",
    group: "Tasks",
    disabled: needsTask,
  },
  {
    keys: ["space"],
    action: "mark",
    where: ["tasks"],
    short: "",
    help: "mark the task, or take the mark off; stop and delete then act on all marked ones",
    group: "Tasks",
    disabled: needsTask,
  },
  {
    keys: ["y"],
    action: "copy-id",
    where: [...MAIN, "detail", "why"],
    short: "",
    help: "copy the id of the task (or node) to the clipboard",
    group: "Tasks",
  },
  { keys: ["o"], action: "sort", where: ["tasks"], short: "", help: "sort by the next column", group: "Tasks" },
  { keys: ["O"], action: "sort-reverse", where: ["tasks"], short: "", help: "reverse the order", group: "Tasks" },

  {
    keys: ["enter"],
    action: "node-tasks",
    where: ["nodes"],
    short: "its tasks",
    help: "show only the tasks of the node",
    group: "Nodes",
    disabled: needsNode,
  },
  {
    keys: ["c"],
    action: "cordon",
    where: ["nodes"],
    short: "cordon",
    help: "place no new tasks on the node; running ones stay",
    group: "Nodes",
    changes: true,
    disabled: nodeIs("cordoned"),
  },
  {
    keys: ["u"],
    action: "uncordon",
    where: ["nodes"],
    short: "uncordon",
    help: "place tasks on the node again",
    group: "Nodes",
    changes: true,
    disabled: nodeIs("eligible"),
  },

  {
    keys: ["f"],
    action: "log-follow",
    where: ["logs"],
    short: "follow",
    help: "follow the end of the log, or stand still",
    group: "Logs",
  },
  {
    keys: ["t"],
    action: "log-times",
    where: ["logs"],
    short: "times",
    help: "show the time of each line",
    group: "Logs",
  },
  {
    keys: ["w"],
    action: "log-wrap",
    where: ["logs"],
    short: "wrap",
    help: "wrap long lines, or cut them",
    group: "Logs",
  },
  {
    keys: ["c"],
    action: "log-clear",
    where: ["logs"],
    short: "clear",
    help: "take away what was shown so far",
    group: "Logs",
  },
  {
    keys: ["S"],
    action: "log-save",
    where: ["logs"],
    short: "save",
    help: "write the lines kept to a file",
    group: "Logs",
  },
  { keys: ["/"], action: "log-search", where: ["logs"], short: "search", help: "search in the log", group: "Logs" },
  {
    keys: ["n"],
    action: "log-next",
    where: ["logs"],
    short: "next",
    help: "next line with the searched text",
    group: "Logs",
    disabled: (model) => (model.logs?.search === "" ? "nothing is searched; / asks" : undefined),
  },
  {
    keys: ["N"],
    action: "log-previous",
    where: ["logs"],
    short: "",
    help: "previous line with the searched text",
    group: "Logs",
    disabled: (model) => (model.logs?.search === "" ? "nothing is searched; / asks" : undefined),
  },
  {
    keys: ["left"],
    action: "log-left",
    where: ["logs"],
    short: "",
    help: "to the left, while lines are cut",
    group: "Logs",
    disabled: (model) => (model.logs?.wrap ? "lines are wrapped; w cuts them" : undefined),
  },
  {
    keys: ["right"],
    action: "log-right",
    where: ["logs"],
    short: "",
    help: "to the right, while lines are cut",
    group: "Logs",
    disabled: (model) => (model.logs?.wrap ? "lines are wrapped; w cuts them" : undefined),
  },

  {
    keys: ["/"],
    action: "filter",
    where: MAIN,
    short: "filter",
    help: "filter the tasks: words, !not, /regex/, node: state: image: …",
    group: "View",
  },
  {
    keys: ["z", "+"],
    action: "zoom",
    where: MAIN,
    short: "zoom",
    help: "the pane alone on the screen, and back",
    group: "View",
  },
  { keys: ["?"], action: "help", where: SCROLLED, short: "help", help: "this help; type to filter it", group: "View" },
  { keys: ["tab"], action: "next-pane", where: MAIN, short: "pane", help: "next pane", group: "Move" },
  { keys: ["S-tab"], action: "previous-pane", where: MAIN, short: "", help: "previous pane", group: "Move" },
  { keys: ["1"], action: "pane-1", where: MAIN, short: "", help: "tasks", group: "Move" },
  { keys: ["2"], action: "pane-2", where: MAIN, short: "", help: "nodes", group: "Move" },
  { keys: ["3"], action: "pane-3", where: MAIN, short: "", help: "scores of the selected task", group: "Move" },
  { keys: ["4"], action: "pane-4", where: MAIN, short: "", help: "events", group: "Move" },
  { keys: ["j", "down"], action: "down", where: SCROLLED, short: "", help: "down", group: "Move" },
  { keys: ["k", "up"], action: "up", where: SCROLLED, short: "", help: "up", group: "Move" },
  { keys: ["down"], action: "down", where: ["help"], short: "", help: "down, in the help", group: "Move" },
  { keys: ["up"], action: "up", where: ["help"], short: "", help: "up, in the help", group: "Move" },
  { keys: ["g", "home"], action: "top", where: SCROLLED, short: "", help: "first", group: "Move" },
  { keys: ["G", "end"], action: "bottom", where: SCROLLED, short: "", help: "last", group: "Move" },
  { keys: ["C-d"], action: "half-down", where: SCROLLED, short: "", help: "half a page down", group: "Move" },
  { keys: ["C-u"], action: "half-up", where: SCROLLED, short: "", help: "half a page up", group: "Move" },
  {
    keys: ["C-f", "pagedown"],
    action: "page-down",
    where: [...SCROLLED, "help"],
    short: "",
    help: "a page down",
    group: "Move",
  },
  {
    keys: ["C-b", "pageup"],
    action: "page-up",
    where: [...SCROLLED, "help"],
    short: "",
    help: "a page up",
    group: "Move",
  },
  {
    keys: [":"],
    action: "command",
    where: [...MAIN, "logs"],
    short: "",
    help: "command line: :filter :node :sort :theme :errors :help :save :q; Tab completes",
    group: "View",
  },
  { keys: ["p"], action: "pause", where: MAIN, short: "", help: "hold the display still, and go on", group: "View" },
  {
    keys: ["t"],
    action: "theme",
    where: MAIN,
    short: "",
    help: "next theme: dark, light, colour-blind, mono",
    group: "View",
  },
  {
    keys: ["M"],
    action: "mouse",
    where: [...MAIN, "logs"],
    short: "",
    help: "mouse on or off; off lets the terminal select text",
    group: "View",
  },
  {
    keys: ["C-l"],
    action: "repaint",
    where: [...SCROLLED, "help", "form", "dialog"],
    short: "",
    help: "draw the screen anew",
    group: "View",
  },
  {
    keys: ["C-s"],
    action: "save-screen",
    where: [...SCROLLED, "help", "form", "dialog"],
    short: "",
    help: "save the screen as text and as SVG",
    group: "View",
  },
  {
    keys: ["escape"],
    action: "close",
    where: MAIN,
    short: "",
    help: "clear the filter, then the marks, then the zoom",
    group: "View",
  },
  { keys: ["escape", "q"], action: "close", where: CLOSABLE, short: "back", help: "close what is open", group: "View" },
  { keys: ["escape", "?"], action: "close", where: ["help"], short: "back", help: "close the help", group: "View" },

  {
    keys: ["tab", "down"],
    action: "form-next",
    where: ["form"],
    short: "next field",
    help: "next field",
    group: "Dialogs and forms",
  },
  {
    keys: ["S-tab", "up"],
    action: "form-previous",
    where: ["form"],
    short: "",
    help: "previous field",
    group: "Dialogs and forms",
  },
  {
    keys: ["enter"],
    action: "form-submit",
    where: ["form"],
    short: "start it",
    help: "start the task",
    group: "Dialogs and forms",
  },
  {
    keys: ["escape"],
    action: "close",
    where: ["form"],
    short: "cancel",
    help: "close the form, nothing is started",
    group: "Dialogs and forms",
  },
  {
    keys: ["y"],
    action: "dialog-confirm",
    where: ["dialog"],
    short: "yes",
    help: "yes, do it (not where something must be typed)",
    group: "Dialogs and forms",
  },
  {
    keys: ["n", "escape", "q"],
    action: "dialog-cancel",
    where: ["dialog"],
    short: "no",
    help: "no",
    group: "Dialogs and forms",
  },
  {
    keys: ["tab", "S-tab", "left", "right"],
    action: "dialog-switch",
    where: ["dialog"],
    short: "other button",
    help: "to the other button",
    group: "Dialogs and forms",
  },
  {
    keys: ["enter"],
    action: "dialog-enter",
    where: ["dialog"],
    short: "press",
    help: "press the button in focus, which is Cancel at first",
    group: "Dialogs and forms",
  },

  {
    keys: ["q"],
    action: "leave",
    where: MAIN,
    short: "leave",
    help: "leave the UI; the manager goes on in the background",
    group: "Cube",
  },
  {
    keys: ["Q"],
    action: "stop-manager",
    where: MAIN,
    short: "stop manager",
    help: "stop the manager too (asks, and says what stops)",
    group: "Cube",
    changes: true,
  },
  {
    keys: ["C-c"],
    action: "interrupt",
    where: [...SCROLLED, "help", "form", "dialog"],
    short: "",
    help: "close what is open, else leave; twice leaves at once",
    group: "Cube",
  },
];

/** The bindings of a context, without those that change things in read-only mode. */
export function bindingsOf(at: { readonly context: Context; readonly readOnly: boolean }): Binding[] {
  return KEYMAP.filter((each) => each.where.includes(at.context) && !(at.readOnly && each.changes === true));
}

/** What a key does now: its action, or why it can do nothing; undefined for a key without meaning here. */
export function lookup(
  model: Model,
  key: string,
): { readonly action: ActionId } | { readonly disabled: string } | undefined {
  const bindings = bindingsOf({ context: contextOf(model), readOnly: model.readOnly });
  const binding = bindings.find((each) => each.keys.includes(key));
  if (binding === undefined) return undefined;
  const reason = binding.disabled?.(model);
  return reason === undefined ? { action: binding.action } : { disabled: reason };
}

/** Keys that mean two things in one context, as `context key`: must be empty. */
export function clashes(): string[] {
  const seen = new Set<string>();
  const found: string[] = [];
  for (const binding of KEYMAP) {
    for (const context of binding.where) {
      for (const key of binding.keys) {
        const at = `${context} ${key}`;
        if (seen.has(at)) found.push(at);
        seen.add(at);
      }
    }
  }
  return found;
}

const SHOWN: Readonly<Record<string, string>> = {
  enter: "Enter",
  escape: "Esc",
  space: "Space",
  tab: "Tab",
  "S-tab": "Shift-Tab",
  up: "↑",
  down: "↓",
  left: "←",
  right: "→",
  home: "Home",
  end: "End",
  pageup: "PgUp",
  pagedown: "PgDn",
};

const SHOWN_ASCII: Readonly<Record<string, string>> = { up: "Up", down: "Down", left: "Left", right: "Right" };

/** A key as people write it: `Ctrl-d`, `Enter`, `↑`. */
export function keyText(key: string, unicode: boolean): string {
  if (!unicode && SHOWN_ASCII[key] !== undefined) return SHOWN_ASCII[key];
  if (key.startsWith("C-")) return `Ctrl-${key.slice(2)}`;
  return SHOWN[key] ?? key;
}
