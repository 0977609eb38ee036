/** What a key binding is: types and the contexts that several tables share. Pure. */
import type { Context, Model } from "../state/ui.ts";

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
  | "node-detail"
  | "node-add"
  | "node-remove"
  | "node-sort"
  | "node-sort-reverse"
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
  | "form-submit"
  | "demo-faults"
  | "demo-faster"
  | "demo-slower"
  | "demo-hold"
  | "demo-background"
  | "fault-kill"
  | "fault-crash"
  | "fault-cut"
  | "fault-power"
  | "fault-manager"
  | "fault-sleep";

/** One key and what it does. */
export interface Binding {
  readonly keys: readonly string[];
  readonly action: ActionId;
  readonly where: readonly Context[];
  /** The word in the footer; "" for keys that are only in the help. */
  readonly short: string;
  readonly help: string;
  readonly group: "Move" | "Tasks" | "Nodes" | "Logs" | "View" | "Cube" | "Dialogs and forms" | "Demo";
  /** True for what changes the cluster: not there at all in read-only mode. */
  readonly changes?: boolean;
  /** Why it can do nothing now; undefined when it can. */
  readonly disabled?: (model: Model) => string | undefined;
}

/** The panes. */
export const MAIN: readonly Context[] = ["tasks", "nodes", "scores", "events"];
/** Wherever there is something to scroll. */
export const SCROLLED: readonly Context[] = [...MAIN, "detail", "why", "node", "errors", "logs"];
/** What `q` closes instead of leaving. */
export const CLOSABLE: readonly Context[] = ["detail", "why", "node", "errors", "logs"];
/** Where the keys act on a node. */
export const ON_NODE: readonly Context[] = ["nodes", "node"];
/** Where the keys act on a task. */
export const ON_TASK: readonly Context[] = ["tasks", "detail"];
