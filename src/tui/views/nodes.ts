/** The nodes with CPU and memory as bars, what is reserved, and their state in words. Pure. */
import type { NodeResource } from "../../client/resources.ts";
import { cpuPercent, memoryPercent } from "../state/cluster.ts";
import type { Model } from "../state/ui.ts";
import { cell, inverted, type Line, plain, type Role, type Span, span } from "./lines.ts";
import { markSpan, nodeMark, signOf } from "./signs.ts";
import { age, bar, cores, shortBytes } from "./units.ts";

/** From here a gauge is a warning, and from there trouble, in percent. */
const WARN_FROM = 60;
const BAD_FROM = 85;

/** Rows that one node takes: its name, CPU and memory. */
const ROWS_A_NODE = 3;

/** Rows that a node takes in a pane of that height: one line each where three lines each would hide some of them. */
export function rowsANode(height: number, nodes: number): number {
  return nodes * ROWS_A_NODE <= height || height < 2 ? ROWS_A_NODE : 1;
}

/** The nodes inside the border. */
export function nodesView(model: Model, size: { readonly width: number; readonly height: number }): Line[] {
  if (model.nodes.length === 0)
    return [plain(model.shown.manager === undefined ? "" : "no node has joined yet", "dim")];
  const { top, index } = model.places.nodes;
  const rows = rowsANode(size.height, model.nodes.length);
  const shown = model.nodes.slice(top, top + Math.max(1, Math.ceil(size.height / rows)));
  const make = rows === 1 ? nodeLine : nodeLines;
  return shown.flatMap((node, i) => make(model, { node, selected: top + i === index, width: size.width }));
}

/** How many there are, and how they are sorted once there is a choice. */
export function nodesInfo(model: Model): string {
  const { by, reverse } = model.nodeSort;
  return model.nodes.length < 2
    ? String(model.nodes.length)
    : `${model.nodes.length}  by ${by}${reverse ? " reversed" : ""}`;
}

/** Why the selected node is as it is; else the first address that is dialled in vain. */
export function nodesFoot(model: Model): string {
  const node = model.nodes[model.places.nodes.index];
  if (node !== undefined && node.reason !== "") return node.reason;
  if (node?.awaited === true) return "not linked since the manager's start: this is what its store knows";
  const [first, ...more] = model.shown.manager?.unlinked ?? [];
  if (first === undefined) return "";
  const others = more.length === 0 ? "" : ` and ${more.length} more`;
  return `no link to ${first.address}${others}: ${first.problem || "still dialling"}`;
}

/** Cells of a node's name on a line of its own, where there is room, and least cells of a gauge beside it. */
const SHORT_NAME = 12;
const SHORT_GAUGE = 9;

/** Below this width the labels of a short gauge are one letter. */
const ONE_LETTER_BELOW = 28;

/** A node on one line: name, sign, CPU and memory as bars as long as there is room. */
function nodeLine(
  model: Model,
  at: { readonly node: NodeResource; readonly selected: boolean; readonly width: number },
): Line[] {
  const { node, width } = at;
  const sample = model.shown.metrics.get(node.id);
  const mark = nodeMark(node);
  const letters = width < ONE_LETTER_BELOW ? 1 : 3;
  const half = Math.max(SHORT_GAUGE - 3 + letters, Math.floor((width - SHORT_NAME - 2) / 2));
  const name: Line = [
    cell(span(node.name, "title"), Math.max(3, width - 2 - 2 * half)),
    span(" "),
    span(signOf(mark, model.unicode), mark.role),
  ];
  // What a node that is out did last says nothing; for how long it has been out does.
  const out = `  ${mark.word} for ${age(node.stateSinceMs, model.nowMs)}`;
  if (node.state !== "ready")
    return [highlighted(model, { line: [...name, cell(span(out, mark.role), 2 * half)], selected: at.selected })];
  const line: Line = [
    ...name,
    ...shortGauge({
      label: "cpu".slice(0, letters),
      percent: sample && cpuPercent(node, sample),
      cells: half,
      unicode: model.unicode,
    }),
    ...shortGauge({
      label: "mem".slice(0, letters),
      percent: sample && memoryPercent(sample),
      cells: half,
      unicode: model.unicode,
    }),
  ];
  return [highlighted(model, { line, selected: at.selected })];
}

function shortGauge(at: {
  readonly label: string;
  readonly percent: number | undefined;
  readonly cells: number;
  readonly unicode: boolean;
}): Span[] {
  const percent = at.percent ?? 0;
  const shown = at.percent === undefined ? "-" : `${Math.round(percent)}%`;
  const room = at.cells - at.label.length - 7;
  const middle = room >= 4 ? span(`${bar(percent, room, at.unicode)} `, roleOf(percent)) : span("");
  return [span(` ${at.label} `, "dim"), middle, cell(span(shown, roleOf(percent)), 4, "right")];
}

function highlighted(model: Model, at: { readonly line: Line; readonly selected: boolean }): Line {
  if (!at.selected) return at.line;
  return model.focus === "nodes" ? inverted(at.line) : at.line.map((each) => ({ ...each, bold: true }));
}

function nodeLines(
  model: Model,
  at: { readonly node: NodeResource; readonly selected: boolean; readonly width: number },
): Line[] {
  const { node, width } = at;
  const sample = model.shown.metrics.get(node.id);
  const cpu = cpuPercent(node, sample);
  const memory = memoryPercent(sample);
  const cpuText = `reserved ${cores(node.allocated.cpuMillis)}/${cores(node.allocatable.cpuMillis)}`;
  const memoryText = `reserved ${node.allocated.memoryBytes === 0 ? "0" : shortBytes(node.allocated.memoryBytes)}/${shortBytes(node.allocatable.memoryBytes)}`;
  const has = sample !== undefined;
  return [
    heading(model, at),
    gauge({ label: "cpu", percent: has ? cpu : undefined, text: cpuText, width, unicode: model.unicode }),
    gauge({ label: "mem", percent: has ? memory : undefined, text: memoryText, width, unicode: model.unicode }),
  ];
}

function heading(
  model: Model,
  at: { readonly node: NodeResource; readonly selected: boolean; readonly width: number },
): Line {
  const { node, selected, width } = at;
  const mark = markSpan(nodeMark(node), model.unicode);
  const tasks = span(` ${node.tasks} task${node.tasks === 1 ? "" : "s"}`, "dim");
  const name = cell(span(node.name, "title"), Math.max(4, width - mark.text.length - tasks.text.length - 1));
  const line: Line = [name, span(" "), mark, tasks];
  return highlighted(model, { line, selected });
}

/** Room for the reserved part beside the bar: shown only where the bar stays long enough. */
const RESERVED_CELLS = 20;

function gauge(at: {
  readonly label: string;
  readonly percent: number | undefined;
  readonly text: string;
  readonly width: number;
  readonly unicode: boolean;
}): Line {
  const percent = at.percent ?? 0;
  const shown = at.percent === undefined ? "  - " : `${String(Math.round(percent)).padStart(3)}%`;
  const wide = at.width - 9 - RESERVED_CELLS >= 12;
  const cells = Math.max(0, at.width - 9 - (wide ? RESERVED_CELLS : 0));
  const spans: Span[] = [
    span(`${at.label} `, "dim"),
    span(bar(percent, cells, at.unicode), roleOf(percent)),
    span(` ${shown}`, roleOf(percent)),
  ];
  return wide ? [...spans, cell(span(at.text, "dim"), RESERVED_CELLS, "right")] : spans;
}

/** The role of a gauge at that many percent. */
function roleOf(percent: number): Role {
  return percent >= BAD_FROM ? "bad" : percent >= WARN_FROM ? "warn" : "good";
}

/** Nodes that are wholly in view in a pane of that many rows. */
export function nodesInView(height: number, nodes: number): number {
  return Math.max(1, Math.floor(height / rowsANode(height, nodes)));
}
