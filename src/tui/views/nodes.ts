// The nodes with CPU and memory as bars, what is reserved, and their state in words. Pure.
import type { NodeResource } from "../../client/resources.ts";
import { cpuPercent, memoryPercent } from "../state/cluster.ts";
import type { Model } from "../state/ui.ts";
import { cell, inverted, type Line, plain, type Role, type Span, span } from "./lines.ts";
import { markSpan, nodeMark } from "./signs.ts";
import { bar, bytes, cores } from "./units.ts";

/** From here a gauge is a warning, and from there trouble, in percent. */
const WARN_FROM = 60;
const BAD_FROM = 85;

/** Rows that one node takes: its name, CPU and memory. */
export const ROWS_A_NODE = 3;

/** The nodes inside the border. */
export function nodesView(model: Model, size: { readonly width: number; readonly height: number }): Line[] {
  if (model.nodes.length === 0)
    return [plain(model.shown.manager === undefined ? "" : "no node has joined yet", "dim")];
  const { top, index } = model.places.nodes;
  const shown = model.nodes.slice(top, top + Math.max(1, Math.ceil(size.height / ROWS_A_NODE)));
  return shown.flatMap((node, i) => nodeLines(model, { node, selected: top + i === index, width: size.width }));
}

function nodeLines(
  model: Model,
  at: { readonly node: NodeResource; readonly selected: boolean; readonly width: number },
): Line[] {
  const { node, width } = at;
  const sample = model.shown.metrics.get(node.id);
  const cpu = cpuPercent(node, sample);
  const memory = memoryPercent(sample);
  const cpuText = `${cores(node.allocated.cpuMillis)}/${cores(node.allocatable.cpuMillis)}`;
  const memoryText = `${bytes(node.allocated.memoryBytes)}/${bytes(node.allocatable.memoryBytes)}`;
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
  if (!selected) return line;
  return model.focus === "nodes" ? inverted(line) : line.map((each) => ({ ...each, bold: true }));
}

/** Room for the reserved part beside the bar: shown only where the bar stays long enough. */
const RESERVED_CELLS = 16;

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
export function roleOf(percent: number): Role {
  return percent >= BAD_FROM ? "bad" : percent >= WARN_FROM ? "warn" : "good";
}

/** Nodes that are wholly in view in a pane of that many rows. */
export function nodesInView(height: number): number {
  return Math.max(1, Math.floor(height / ROWS_A_NODE));
}
