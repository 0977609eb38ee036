/** Everything about one node: how it is and since when, why, its link, what it offers and what runs there. Pure. */
import type { NodeResource } from "../../client/resources.ts";
import { cpuPercent } from "../state/cluster.ts";
import type { Model } from "../state/ui.ts";
import { wrap } from "../terminal/text.ts";
import { cell, EMPTY, type Line, plain, type Role, span } from "./lines.ts";
import { markSpan, nodeMark, taskMark } from "./signs.ts";
import { age, bytes, cores, duration } from "./units.ts";

const LABEL_CELLS = 12;

/** Tasks shown; the filter by node has them all. */
const TASKS_SHOWN = 50;

type Field = (label: string, text: string, role?: Role) => Line[];

/** The page of a node. */
export function nodeDetailLines(model: Model, at: { readonly nodeId: string; readonly width: number }): Line[] {
  const node = model.shown.nodes.get(at.nodeId);
  if (node === undefined) return [plain("this node is gone", "warn")];
  const field = fields(at.width);
  return [
    ...stateLines(model, node, field),
    EMPTY,
    ...linkLines(model, node, field),
    EMPTY,
    ...offerLines(model, node, field),
    ...taskLines(model, node),
  ];
}

/** A labelled value, wrapped under itself; nothing for an empty one. */
function fields(width: number): Field {
  return (label, text, role = "plain") => {
    if (text === "") return [];
    return wrap(text, Math.max(10, width - LABEL_CELLS)).map((line, i) => [
      cell(span(i === 0 ? label : "", "dim"), LABEL_CELLS),
      span(line, role),
    ]);
  };
}

function stateLines(model: Model, node: NodeResource, field: Field): Line[] {
  const state: Line = [
    cell(span("State", "dim"), LABEL_CELLS),
    markSpan(nodeMark(node), model.unicode),
    span(` for ${age(node.stateSinceMs, model.nowMs)}`),
  ];
  return [
    node.state === "ready" && node.availability !== "eligible" ? state.slice(0, 2) : state,
    ...field("Why", node.reason, node.state === "ready" ? "plain" : "warn"),
    ...field(
      "Placement",
      node.availability === "eligible" ? "takes tasks" : `takes no new tasks (${node.availability})`,
    ),
    ...field("Joined", `${age(node.joinedMs, model.nowMs)} ago`),
  ];
}

function linkLines(model: Model, node: NodeResource, field: Field): Line[] {
  const seenMs = model.shown.metrics.get(node.id)?.seenMs;
  const { dialledBy, roundTripMs, protocol, linkedSinceMs = 0 } = node;
  const link =
    dialledBy === undefined ? "none" : `dialled by the ${dialledBy}, up for ${age(linkedSinceMs, model.nowMs)}`;
  return [
    ...field("Address", node.local ? "in the manager's process" : node.address),
    ...(node.local ? [] : field("Link", link, dialledBy === undefined ? "warn" : "plain")),
    ...field("Round trip", roundTripMs === undefined ? "" : `${roundTripMs.toFixed(1)} ms`),
    ...field("Heartbeat", seenMs === undefined ? "none yet" : `${duration(Math.max(0, model.nowMs - seenMs))} ago`),
    ...field("Versions", `Cube ${node.version}${protocol === undefined ? "" : `, protocol ${protocol}`}`),
  ];
}

function offerLines(model: Model, node: NodeResource, field: Field): Line[] {
  const { capacity, allocatable, allocated } = node;
  const sample = model.shown.metrics.get(node.id);
  const used = sample === undefined ? "" : `; ${Math.round(cpuPercent(node, sample))}% in use`;
  const inUse = sample === undefined ? "" : `; ${bytes(sample.memoryUsedBytes)} in use`;
  const labels = Object.entries(node.labels).map(([key, value]) => `${key}=${value}`);
  return [
    ...field("System", `${node.os} ${node.arch}`),
    ...node.runtimes.flatMap(({ kind, version, problem }, i) =>
      field(
        i === 0 ? "Runtimes" : "",
        problem === "" ? `${kind} ${version}` : `${kind}: ${problem}`,
        problem === "" ? "plain" : "bad",
      ),
    ),
    ...field("Labels", labels.join(", ")),
    ...field(
      "CPU",
      `${cores(capacity.cpuMillis)} cores, ${cores(allocatable.cpuMillis)} for tasks, ${cores(allocated.cpuMillis)} reserved${used}`,
    ),
    ...field(
      "Memory",
      `${bytes(capacity.memoryBytes)}, ${bytes(allocatable.memoryBytes)} for tasks, ${bytes(allocated.memoryBytes)} reserved${inUse}`,
    ),
    ...field("Disk", `${bytes(capacity.diskBytes)}, ${bytes(allocatable.diskBytes)} for tasks`),
    ...field("Node id", node.id),
  ];
}

function taskLines(model: Model, node: NodeResource): Line[] {
  const here = [...model.shown.tasks.values()].filter((task) => task.nodeId === node.id && task.current);
  if (here.length === 0) return [EMPTY, plain("No task is here", "title")];
  const rows = here
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .slice(0, TASKS_SHOWN)
    .map((task): Line => [cell(markSpan(taskMark(task, node), model.unicode), 15), span(task.name)]);
  const more = here.length - rows.length;
  return [EMPTY, plain("Its tasks", "title"), ...rows, ...(more > 0 ? [plain(`and ${more} more`, "dim")] : [])];
}
