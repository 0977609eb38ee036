/** Moving through lists and pages, and keeping every place within its bounds after anything changed. Pure. */
import { inner, PANES, type PaneId, type Rect } from "../layout.ts";
import { overlayLines, overlayRect, overlayRows } from "../views/compose.ts";
import { logGutter } from "../views/logs.ts";
import { nodesInView } from "../views/nodes.ts";
import { scoresView } from "../views/scores.ts";
import { scrollLog } from "./log-pane.ts";
import { layoutOf, type Model, type Overlay, type Place } from "./ui.ts";

/** Further than any list is long. */
const FAR = 1e9;

/** How far a key moves: by rows, or by shares of what is in view. */
export type Move = "up" | "down" | "top" | "bottom" | "half-down" | "half-up" | "page-down" | "page-up";

function distance(move: Move, rows: number): number {
  switch (move) {
    case "up":
      return -1;
    case "down":
      return 1;
    case "top":
      return -FAR;
    case "bottom":
      return FAR;
    case "half-up":
      return -Math.max(1, Math.floor(rows / 2));
    case "half-down":
      return Math.max(1, Math.floor(rows / 2));
    case "page-up":
      return -Math.max(1, rows - 1);
    case "page-down":
      return Math.max(1, rows - 1);
  }
}

/** Moves in whatever is on top. */
export function move(model: Model, to: Move): Model {
  return moveBy(model, (rows) => distance(to, rows));
}

/** Moves by rows, as the wheel does. */
export function wheel(model: Model, rows: number): Model {
  return moveBy(model, () => rows);
}

function moveBy(model: Model, by: (rows: number) => number): Model {
  const { overlay } = model;
  if (overlay !== undefined && overlay.kind !== "form") {
    const rows = overlayRows(model, overlayRect(model, bodyOf(model)));
    return { ...model, overlay: { ...overlay, top: overlay.top + by(rows) } };
  }
  if (model.logs !== undefined) {
    const size = logSize(model);
    return { ...model, logs: scrollLog(model.logs, by(size.rows), size) };
  }
  const rows = paneRows(model, model.focus);
  const place = model.places[model.focus];
  const step = by(rows);
  if (model.focus === "tasks") return selectRow(model, place.index + step);
  const next: Place =
    model.focus === "nodes"
      ? { ...place, index: place.index + step }
      : // Events count from the end: scrolling up is away from it.
        { ...place, top: place.top + (model.focus === "events" ? -step : step) };
  return { ...model, places: { ...model.places, [model.focus]: next } };
}

/** The task in that row becomes the selected one. */
export function selectRow(model: Model, row: number): Model {
  const index = clamp(row, model.tasks.length - 1);
  const task = model.tasks[index];
  const places = { ...model.places, tasks: { ...model.places.tasks, index }, scores: { index: 0, top: 0 } };
  return { ...model, places, taskId: task?.id ?? "" };
}

const clamp = (value: number, most: number): number => Math.max(0, Math.min(most, value));

/** Everything between header and footer. */
function bodyOf(model: Model): Rect {
  return layoutOf(model).regions.body as Rect;
}

/** Size of the log's text, without border and gutter. */
export function logSize(model: Model): { readonly width: number; readonly rows: number } {
  const size = inner(bodyOf(model));
  return {
    width: Math.max(1, size.width - (model.logs === undefined ? 0 : logGutter(model.logs))),
    rows: Math.max(1, size.height),
  };
}

/** Rows of a pane that hold something to move through. */
function paneRows(model: Model, pane: PaneId): number {
  const rect = layoutOf(model).regions[pane];
  const { height } = rect === undefined ? { height: 1 } : inner(rect);
  if (pane === "tasks") return Math.max(1, height - 1);
  return pane === "nodes" ? nodesInView(height, model.nodes.length) : Math.max(1, height);
}

/** The state with every place in its bounds, the focus on a pane that is there, and the selection in view. */
export function inBounds(model: Model): Model {
  const { regions } = layoutOf(model);
  const focus =
    regions[model.focus] === undefined ? (PANES.find((pane) => regions[pane] !== undefined) ?? "tasks") : model.focus;
  const places = {
    tasks: inView(model.places.tasks, { count: model.tasks.length, rows: paneRows(model, "tasks") }),
    nodes: inView(model.places.nodes, { count: model.nodes.length, rows: paneRows(model, "nodes") }),
    scores: scoresPlace(model, regions.scores),
    events: {
      index: 0,
      top: clamp(model.places.events.top, Math.max(0, model.shown.events.length - paneRows(model, "events"))),
    },
  };
  return { ...model, focus, places, overlay: overlayInBounds(model) };
}

function scoresPlace(model: Model, rect: Rect | undefined): Place {
  if (rect === undefined || model.places.scores.top === 0)
    return { index: 0, top: Math.max(0, model.places.scores.top) };
  const size = inner(rect);
  return {
    index: 0,
    top: clamp(model.places.scores.top, Math.max(0, scoresView(model, size.width).length - size.height)),
  };
}

function inView(place: Place, list: { readonly count: number; readonly rows: number }): Place {
  const index = clamp(place.index, list.count - 1);
  const lowest = Math.max(0, list.count - list.rows);
  const top = clamp(Math.min(Math.max(place.top, index - list.rows + 1), index), lowest);
  return { index, top };
}

function overlayInBounds(model: Model): Overlay | undefined {
  const { overlay } = model;
  if (overlay === undefined || overlay.kind === "form") return overlay;
  const rect = overlayRect(model, bodyOf(model));
  const most = Math.max(0, overlayLines(model, rect.width - 4).length - overlayRows(model, rect));
  return { ...overlay, top: clamp(overlay.top, most) };
}
