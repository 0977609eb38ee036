/**
 * The state of the UI, the messages that change it and the effects it asks for: types and the beginning only. Pure data. model.ts turns a message into a new
 * state and effects; the host in run.ts performs them and knows nothing else.
 */

import type { EventResource, NodeResource, TaskResource, WatchItem } from "../../client/resources.ts";
import type { Decision } from "../../core/decision.ts";
import type { Availability } from "../../core/node.ts";
import type { JobSpec } from "../../core/spec.ts";
import type { DemoCommand, DemoState } from "../demo.ts";
import { type Layout, layout, type PaneId } from "../layout.ts";
import type { Key, Mouse } from "../terminal/key-names.ts";
import type { ThemeName } from "../theme.ts";
import { type Cluster, NO_CLUSTER } from "./cluster.ts";
import type { Edit } from "./edit.ts";
import type { Form } from "./form.ts";
import type { LogPane, LogRow } from "./log-pane.ts";
import type { NodeSort } from "./node-rows.ts";
import type { Sort } from "./rows.ts";

/** What a line in the footer says, and until when. */
export interface Status {
  readonly text: string;
  readonly role: "good" | "bad" | "warn";
  readonly untilMs: number;
}

/** An error that was shown, kept for `:errors`. */
export interface UiError {
  readonly atMs: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Errors kept; the oldest go first. */
export const ERRORS_KEPT = 200;

/** A question that must be answered before anything happens. */
export interface Dialog {
  readonly title: string;
  readonly lines: readonly string[];
  /** The word on the button that does it. */
  readonly verb: string;
  readonly focus: "cancel" | "confirm";
  /** What must be typed to confirm; "" when `y` does. */
  readonly phrase: string;
  readonly typed: Edit;
  readonly effects: readonly Effect[];
}

/** What lies over the panes. */
export type Overlay =
  | { readonly kind: "help"; readonly filter: Edit; readonly top: number }
  | { readonly kind: "detail"; readonly taskId: string; readonly top: number }
  | { readonly kind: "why"; readonly taskId: string; readonly top: number }
  | { readonly kind: "node"; readonly nodeId: string; readonly top: number }
  | { readonly kind: "errors"; readonly top: number }
  | { readonly kind: "faults"; readonly taskId: string; readonly nodeId: string; readonly top: number }
  | { readonly kind: "form"; readonly form: Form };

/** A line that is being typed in the footer. */
export interface Prompt {
  readonly kind: "filter" | "command" | "search" | "address";
  readonly edit: Edit;
  /** What the filter was before, for Escape. */
  readonly before: string;
}

/** Where a list stands: the selected row and the first row in view. */
export interface Place {
  readonly index: number;
  readonly top: number;
}

/** The newest change of a cluster that somebody saw here, and when. */
export interface Seen {
  readonly revision: number;
  /** Wall clock, ms since 1970. */
  readonly atMs: number;
}

/** A summary that is due once the manager can be asked, and has settled. */
export interface Pending extends Seen {
  readonly clusterId: string;
  /** When it may be told at the earliest; null while the manager is out of reach. */
  readonly dueMs: number | null;
}

/** The whole state. */
export interface Model {
  readonly cols: number;
  readonly rows: number;
  /** Wall clock of the newest message, ms since 1970. */
  readonly nowMs: number;
  /** Local time is the cluster's UTC plus this, in ms. */
  readonly zoneMs: number;
  readonly mode: "in-process" | "attached";
  readonly readOnly: boolean;
  /** How the simulation is of which this is the cluster; undefined for a real one. */
  readonly demo: DemoState | undefined;
  readonly unicode: boolean;
  readonly mouse: boolean;
  readonly theme: ThemeName;
  /** As it is now; `shown` lags behind while paused. */
  readonly live: Cluster;
  readonly shown: Cluster;
  readonly paused: boolean;
  readonly tasks: readonly TaskResource[];
  readonly nodes: readonly NodeResource[];
  /** The selected task, which keeps its selection when rows move; "" for none. */
  readonly taskId: string;
  /** A job that was just submitted: its task is selected as soon as it appears; "" for none. */
  readonly awaitedJob: string;
  readonly places: Readonly<Record<PaneId, Place>>;
  readonly focus: PaneId;
  readonly zoom: boolean;
  readonly filter: string;
  readonly sort: Sort;
  readonly nodeSort: NodeSort;
  /** Marked tasks by id. */
  readonly marks: ReadonlySet<string>;
  readonly overlay: Overlay | undefined;
  readonly dialog: Dialog | undefined;
  readonly prompt: Prompt | undefined;
  readonly logs: LogPane | undefined;
  readonly status: Status | undefined;
  readonly errors: readonly UiError[];
  /** The task whose decision was asked for last: a question is not repeated while it is open. */
  readonly askedFor: string;
  /** What was seen of clusters the last time that somebody looked, by cluster id. */
  readonly seen: ReadonlyMap<string, Seen>;
  /** A summary of an absence that is to be told. */
  readonly meanwhile: Pending | undefined;
  /** When Ctrl-c was last pressed. */
  readonly interruptedMs: number;
}

/** What happened. */
export type Message =
  | { readonly kind: "key"; readonly key: Key }
  | { readonly kind: "mouse"; readonly mouse: Mouse }
  | { readonly kind: "paste"; readonly text: string }
  | { readonly kind: "resize"; readonly cols: number; readonly rows: number }
  | { readonly kind: "tick" }
  | { readonly kind: "items"; readonly items: readonly WatchItem[] }
  | { readonly kind: "decisions"; readonly decisions: readonly Decision[] }
  | { readonly kind: "log-lines"; readonly taskId: string; readonly lines: readonly LogRow[] }
  | { readonly kind: "log-end"; readonly taskId: string; readonly problem: string }
  | { readonly kind: "submitted"; readonly name: string; readonly jobId: string }
  | { readonly kind: "refused"; readonly error: UiError }
  | {
      readonly kind: "meanwhile";
      readonly sinceMs: number;
      readonly events: readonly EventResource[];
      readonly gap: boolean;
    }
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "failed"; readonly error: UiError };

/** What the host must do. */
export type Effect =
  | {
      readonly kind: "call";
      readonly verb: "stop" | "start" | "restart" | "remove";
      readonly refs: readonly string[];
      readonly done: string;
    }
  | {
      readonly kind: "availability";
      readonly nodeId: string;
      readonly availability: Availability;
      readonly done: string;
    }
  | { readonly kind: "add-node"; readonly address: string }
  | { readonly kind: "remove-node"; readonly nodeId: string; readonly force: boolean; readonly done: string }
  | { readonly kind: "meanwhile"; readonly since: number; readonly sinceMs: number }
  | { readonly kind: "submit"; readonly job: JobSpec }
  | { readonly kind: "decision"; readonly taskId: string }
  | { readonly kind: "logs-open"; readonly taskId: string }
  | { readonly kind: "logs-close" }
  | { readonly kind: "shell"; readonly taskId: string; readonly name: string }
  | { readonly kind: "copy"; readonly text: string }
  | { readonly kind: "save-screen" }
  | { readonly kind: "demo"; readonly command: DemoCommand }
  | { readonly kind: "save-log"; readonly name: string; readonly lines: readonly string[] }
  | { readonly kind: "mouse"; readonly on: boolean }
  | { readonly kind: "repaint" }
  | { readonly kind: "quit"; readonly mode: "leave" | "stop" };

/** A new state and what is to be done. */
export interface Step {
  readonly model: Model;
  readonly effects: readonly Effect[];
}

const START: Place = { index: 0, top: 0 };

/** The state before anything is known. */
export function begin(
  given: Pick<Model, "cols" | "rows" | "nowMs" | "zoneMs" | "mode" | "readOnly" | "unicode" | "theme"> &
    Partial<Pick<Model, "seen" | "demo">>,
): Model {
  return {
    mouse: true,
    demo: undefined,
    live: NO_CLUSTER,
    shown: NO_CLUSTER,
    paused: false,
    tasks: [],
    nodes: [],
    taskId: "",
    awaitedJob: "",
    places: { tasks: START, nodes: START, scores: START, events: START },
    focus: "tasks",
    zoom: false,
    filter: "",
    sort: { by: "name", reverse: false },
    nodeSort: { by: "name", reverse: false },
    marks: new Set(),
    overlay: undefined,
    dialog: undefined,
    prompt: undefined,
    logs: undefined,
    status: undefined,
    errors: [],
    askedFor: "",
    seen: new Map(),
    meanwhile: undefined,
    interruptedMs: 0,
    ...given,
  };
}

/** The cluster's wall clock at the newest message, ms since 1970: another one than this machine's where it is simulated. */
export function clusterMs({ nowMs, demo }: Model): number {
  return nowMs + (demo?.aheadMs ?? 0);
}

/** The selected task. */
export function selectedTask(model: Model): TaskResource | undefined {
  return model.shown.tasks.get(model.taskId);
}

/** The task that keys act on: the one of the open overlay or log, else the selected one. */
export function actedTask(model: Model): TaskResource | undefined {
  if (model.overlay?.kind === "detail" || model.overlay?.kind === "why" || model.overlay?.kind === "faults")
    return model.shown.tasks.get(model.overlay.taskId);
  if (model.logs !== undefined) return model.shown.tasks.get(model.logs.taskId);
  return selectedTask(model);
}

/** The node that keys act on: the one of the open overlay, else the selected one. */
export function selectedNode(model: Model): NodeResource | undefined {
  if (model.overlay?.kind === "node" || model.overlay?.kind === "faults")
    return model.shown.nodes.get(model.overlay.nodeId);
  return model.nodes[model.places.nodes.index];
}

/** Where everything is. */
export function layoutOf(model: Model): Layout {
  return layout({ cols: model.cols, rows: model.rows, zoom: model.zoom, focus: model.focus });
}

/** Where a key is pressed: what lies on top. */
export type Context = PaneId | Overlay["kind"] | "logs" | "dialog" | "prompt";

/** The context of the next key. */
export function contextOf(model: Model): Context {
  if (model.dialog !== undefined) return "dialog";
  if (model.prompt !== undefined) return "prompt";
  if (model.overlay !== undefined) return model.overlay.kind;
  return model.logs !== undefined ? "logs" : model.focus;
}
