/**
 * The whole screen as regions with their lines: what the painter puts into boxes, and nothing else. Pure. Overlays come last, on top; charts are given as
 * figures, because their drawing is a widget's.
 */
import { type ChartId, centred, inner, type PaneId, type Rect, TINY } from "../layout.ts";
import { memoryPercent } from "../state/cluster.ts";
import { clusterMs, layoutOf, type Model, selectedTask } from "../state/ui.ts";
import { detailLines } from "./detail.ts";
import { DIALOG_WIDTH, dialogLines } from "./dialog.ts";
import { errorLines } from "./errors.ts";
import { eventsTop, eventsView } from "./events.ts";
import { faultLines } from "./faults.ts";
import { footer } from "./footer.ts";
import { FORM_WIDTH, formLines } from "./form.ts";
import { frame } from "./frame.ts";
import { header } from "./header.ts";
import { helpFilter, helpLines } from "./help.ts";
import { cell, EMPTY, fitLine, type Line, plain, span, windowOf } from "./lines.ts";
import { logInfo, logLines } from "./logs.ts";
import { nodeDetailLines } from "./node-detail.ts";
import { nodesFoot, nodesInfo, nodesView } from "./nodes.ts";
import { scoresTitle, scoresView, whyLines } from "./scores.ts";
import { taskSays } from "./signs.ts";
import { tasksView } from "./tasks.ts";
import { bar, cores } from "./units.ts";

/** A rectangle of the screen with exactly as many lines as it has rows. */
export interface Region {
  readonly id: string;
  readonly rect: Rect;
  readonly lines: readonly Line[];
}

/** A chart and its figures; the rectangle is inside its border. */
export interface Chart {
  readonly id: ChartId;
  readonly rect: Rect;
  readonly percent: number;
  readonly label: string;
  /** One line a node, newest last, in percent. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** One frame. */
export interface Frame {
  readonly regions: readonly Region[];
  readonly charts: readonly Chart[];
}

/** The screen of a state. Ages are by the cluster's clock. */
export function compose(given: Model): Frame {
  const model = { ...given, nowMs: clusterMs(given) };
  const { kind, regions: at } = layoutOf(model);
  const body = at.body as Rect;
  if (kind === "tiny") return { regions: [tooSmall(model, body)], charts: [] };
  const lines: Region[] = [
    { id: "header", rect: at.header as Rect, lines: [header(model)] },
    { id: "footer", rect: at.footer as Rect, lines: [footer(model)] },
  ];
  if (model.logs !== undefined) lines.push(logsRegion(model, body));
  else
    for (const [id, view] of Object.entries(PANE_VIEWS))
      pushPane(lines, model, { id: id as PaneId, view, rect: at[id as PaneId] });
  // A chart under an overlay would be drawn on top of it, so it makes way.
  const open = model.overlay !== undefined || model.dialog !== undefined || model.logs !== undefined;
  const charts = open ? [] : chartsOf(model, at);
  for (const id of ["gauge", "donut", "history"] as const)
    pushChartFrame(lines, model, { id, rect: open && model.logs !== undefined ? undefined : at[id] });
  const overlay = overlayRegion(model, body);
  if (overlay !== undefined) lines.push(overlay);
  if (model.dialog !== undefined) lines.push(dialogRegion(model, body));
  return { regions: lines, charts };
}

function tooSmall(model: Model, rect: Rect): Region {
  const text = `too small: ${model.cols}x${model.rows}, needs ${TINY.cols}x${TINY.rows}`;
  return {
    id: "body",
    rect,
    lines: windowOf([plain(text, "warn")], { top: 0, rows: rect.height }).map((line) => fitLine(line, rect.width)),
  };
}

type PaneView = {
  readonly title: (model: Model) => string;
  readonly info: (model: Model) => string;
  readonly foot?: (model: Model, height: number) => string;
  readonly lines: (model: Model, size: { readonly width: number; readonly height: number }) => Line[];
};

const PANE_VIEWS: Readonly<Record<PaneId, PaneView>> = {
  tasks: { title: () => "1 Tasks", info: tasksInfo, foot: tasksFoot, lines: tasksView },
  nodes: { title: () => "2 Nodes", info: nodesInfo, foot: nodesFoot, lines: nodesView },
  scores: {
    title: (model) => `3 ${scoresTitle(model)}`,
    info: (model) => model.shown.decisions.get(model.taskId)?.scheduler ?? "",
    lines: (model, size) => scoresView(model, size.width).slice(model.places.scores.top),
  },
  events: {
    title: () => "4 Events",
    info: () => "",
    foot: eventsFoot,
    lines: (model, size) => eventsView(model, size.height),
  },
};

function tasksInfo(model: Model): string {
  const all = [...model.shown.tasks.values()].filter((task) => task.current).length;
  const { by, reverse } = model.sort;
  const count = model.filter === "" ? String(all) : `${model.filter}  ${model.tasks.length}/${all}`;
  return `${count}  by ${by}${reverse ? " reversed" : ""}`;
}

/** How many are marked; else what the selected task has to say, which no column has room for. */
function tasksFoot(model: Model): string {
  if (model.marks.size > 0) return `${model.marks.size} marked`;
  const task = selectedTask(model);
  return task === undefined ? "" : taskSays(task, { progress: model.shown.progress.get(task.id), nowMs: model.nowMs });
}

function eventsFoot(model: Model, height: number): string {
  const below = model.shown.events.length - eventsTop(model, height) - height;
  return below > 0 ? `${below} newer` : "";
}

function pushPane(
  lines: Region[],
  model: Model,
  at: { readonly id: PaneId; readonly view: PaneView; readonly rect: Rect | undefined },
): void {
  const { id, view, rect } = at;
  if (rect === undefined) return;
  const size = inner(rect);
  const text = {
    title: view.title(model),
    info: view.info(model),
    foot: view.foot?.(model, size.height) ?? "",
    focused: model.focus === id,
    unicode: model.unicode,
  };
  lines.push({ id, rect, lines: frame(rect, text, view.lines(model, size)) });
}

const CHART_TITLES: Readonly<Record<ChartId, (model: Model) => string>> = {
  // The gauge is nothing but a colour: the figure must be readable without it.
  gauge: (model) => `Cluster CPU ${Math.round(clusterCpu(model))}%`,
  donut: () => "Memory",
  history: () => "CPU of each node, %",
};

function clusterCpu(model: Model): number {
  const capacity = model.nodes.reduce((all, node) => all + node.capacity.cpuMillis, 0);
  const used = sum(model, (id) => model.shown.metrics.get(id)?.cpuMillis ?? 0);
  return capacity === 0 ? 0 : Math.min(100, (100 * used) / capacity);
}

function pushChartFrame(
  lines: Region[],
  model: Model,
  at: { readonly id: ChartId; readonly rect: Rect | undefined },
): void {
  if (at.rect === undefined) return;
  const info = at.id === "gauge" ? gaugeInfo(model) : "";
  const text = { title: CHART_TITLES[at.id](model), info, focused: false, unicode: model.unicode };
  const inside = drawn(model, at.id) ? [] : plainChart(model, { id: at.id, width: at.rect.width - 2 });
  lines.push({ id: `frame-${at.id}`, rect: at.rect, lines: frame(at.rect, text, inside) });
}

/** Charts are drawn in colour and in braille: without the one or the other, bars of text take their place. */
function drawn(model: Model, id: ChartId): boolean {
  if (!model.unicode) return false;
  if (id === "gauge") return model.theme !== "mono";
  return id === "donut" || hasHistory(model);
}

function plainChart(model: Model, at: { readonly id: ChartId; readonly width: number }): Line[] {
  const line = (label: string, percent: number): Line => {
    const figure = `${Math.round(percent)}%`.padStart(5);
    const cells = Math.max(0, at.width - 2 - NAME_CELLS - figure.length);
    return [span(" "), cell(span(label, "dim"), NAME_CELLS), span(bar(percent, cells, model.unicode)), span(figure)];
  };
  if (at.id === "gauge") return [EMPTY, line("cpu", clusterCpu(model))];
  if (at.id === "donut") return [EMPTY, line("memory", clusterMemory(model))];
  return [EMPTY, ...model.nodes.map((node) => line(node.name, model.shown.history.get(node.id)?.at(-1) ?? 0))];
}

/** Cells of a name beside a bar. */
const NAME_CELLS = 9;

function clusterMemory(model: Model): number {
  const memoryTotalBytes = sum(model, (id) => model.shown.metrics.get(id)?.memoryTotalBytes ?? 0);
  const memoryUsedBytes = sum(model, (id) => model.shown.metrics.get(id)?.memoryUsedBytes ?? 0);
  return memoryPercent({ memoryUsedBytes, memoryTotalBytes });
}

const hasHistory = (model: Model): boolean => [...model.shown.history.values()].some((values) => values.length > 1);

function gaugeInfo(model: Model): string {
  const used = sum(model, (id) => model.shown.metrics.get(id)?.cpuMillis ?? 0);
  return `${cores(Math.round(used / 10) * 10)} of ${cores(model.nodes.reduce((all, node) => all + node.capacity.cpuMillis, 0))} cores`;
}

const sum = (model: Model, read: (nodeId: string) => number): number =>
  model.nodes.reduce((all, node) => all + read(node.id), 0);

function chartsOf(model: Model, at: Readonly<Partial<Record<ChartId, Rect>>>): Chart[] {
  const series = model.nodes.map((node) => ({ name: node.name, values: model.shown.history.get(node.id) ?? [] }));
  const figures: readonly Omit<Chart, "rect">[] = [
    { id: "gauge", percent: clusterCpu(model), label: "cpu", series: [] },
    { id: "donut", percent: clusterMemory(model), label: "memory", series: [] },
    { id: "history", percent: clusterCpu(model), label: "", series },
  ];
  return figures.flatMap((chart) => {
    const rect = at[chart.id];
    return rect === undefined || !drawn(model, chart.id) ? [] : [{ ...chart, rect: inner(rect) }];
  });
}

function logsRegion(model: Model, body: Rect): Region {
  const pane = model.logs;
  const size = inner(body);
  const text = {
    title: `Log of ${pane?.name ?? ""}`,
    info: pane === undefined ? "" : logInfo(pane),
    focused: true,
    unicode: model.unicode,
  };
  return {
    id: "logs",
    rect: body,
    lines: frame(body, text, logLines(model, { width: size.width, rows: size.height })),
  };
}

/** Where an overlay lies: four fifths of the body, or all of it on a small screen. */
export function overlayRect(model: Model, body: Rect): Rect {
  const kind = model.overlay?.kind;
  const wide = body.width < 90 ? body.width : Math.round(body.width * 0.8);
  if (kind === "form") return centred(body, { width: FORM_WIDTH, height: Math.min(body.height, 22) });
  const most = body.height < 30 ? body.height : Math.round(body.height * 0.85);
  // The help keeps its height: it would jump with every letter of its filter.
  const needed = kind === "help" ? most : overlayLines(model, wide - 4).length + 2;
  return centred(body, { width: wide, height: Math.max(8, Math.min(most, needed)) });
}

/** The lines of a scrolled overlay, all of them. */
export function overlayLines(model: Model, width: number): Line[] {
  const { overlay } = model;
  if (overlay?.kind === "detail") return detailLines(model, { taskId: overlay.taskId, width });
  if (overlay?.kind === "why") return whyLines(model, { taskId: overlay.taskId, width });
  if (overlay?.kind === "node") return nodeDetailLines(model, { nodeId: overlay.nodeId, width });
  if (overlay?.kind === "errors") return errorLines(model, width);
  if (overlay?.kind === "faults") return faultLines(model, width);
  return overlay?.kind === "help" ? helpLines(model, width) : [];
}

/** Rows of a scrolled overlay that are in view. */
export function overlayRows(model: Model, rect: Rect): number {
  return Math.max(1, rect.height - 2 - (model.overlay?.kind === "help" ? 1 : 0));
}

function overlayRegion(model: Model, body: Rect): Region | undefined {
  const { overlay } = model;
  if (overlay === undefined) return undefined;
  const rect = overlayRect(model, body);
  // One blank cell on either side of the text.
  const width = rect.width - 4;
  if (overlay.kind === "form") return formRegion(model, rect);
  const all = overlayLines(model, width);
  const rows = overlayRows(model, rect);
  const shown = windowOf(all, { top: overlay.top, rows });
  const lines = overlay.kind === "help" ? [helpFilter(model, width), ...shown] : shown;
  const below = all.length - overlay.top - rows;
  const text = {
    title: overlayTitle(model),
    foot: below > 0 ? `${below} more below` : "",
    focused: true,
    unicode: model.unicode,
  };
  return { id: "overlay", rect, lines: frame(rect, text, lines.map(indented)) };
}

const indented = (line: Line): Line => [{ text: " " }, ...line];

function overlayTitle(model: Model): string {
  const { overlay } = model;
  if (overlay?.kind === "help") return "Help";
  if (overlay?.kind === "errors") return "Errors";
  if (overlay?.kind === "faults") return "Break something";
  if (overlay?.kind === "node") return `Node ${model.shown.nodes.get(overlay.nodeId)?.name ?? ""}`;
  if (overlay?.kind !== "detail" && overlay?.kind !== "why") return "";
  const task = model.shown.tasks.get(overlay.taskId);
  const name = task?.name ?? "task";
  if (overlay.kind === "detail") return name;
  return task?.nodeName === "" ? `Why is ${name} on no node?` : `Why is ${name} on ${task?.nodeName ?? "its node"}?`;
}

function formRegion(model: Model, rect: Rect): Region | undefined {
  if (model.overlay?.kind !== "form") return undefined;
  const { lines, focusLine } = formLines(model.overlay.form, { width: rect.width - 2, unicode: model.unicode });
  const rows = rect.height - 3;
  const top = Math.max(0, Math.min(focusLine - Math.floor(rows / 2), lines.length - rows));
  const text = { title: "New task", focused: true, unicode: model.unicode };
  return { id: "overlay", rect, lines: frame(rect, text, [EMPTY, ...windowOf(lines, { top, rows })]) };
}

function dialogRegion(model: Model, body: Rect): Region {
  const { dialog } = model;
  const width = Math.min(body.width, DIALOG_WIDTH);
  const lines = dialog === undefined ? [] : dialogLines(dialog, width - 2);
  const rect = centred(body, { width, height: lines.length + 3 });
  const text = { title: dialog?.title ?? "", focused: true, unicode: model.unicode };
  return { id: "dialog", rect, lines: frame(rect, text, lines) };
}
