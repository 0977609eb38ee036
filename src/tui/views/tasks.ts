/** The task table and what stands in its place while there are no tasks. Pure. */
import type { TaskResource } from "../../client/resources.ts";
import { isTerminal } from "../../core/task.ts";
import type { PaneId } from "../layout.ts";
import type { Model } from "../state/ui.ts";
import { width as textWidth } from "../terminal/text.ts";
import { EMPTY, type Line, plain, span } from "./lines.ts";
import { isOut, markSpan, taskMark, taskSays } from "./signs.ts";
import { type Column, table } from "./table.ts";
import { age, commandLine, coresAligned, score, shortBytes } from "./units.ts";

type Size = { readonly width: number; readonly height: number };

/** The table inside its border. */
export function tasksView(model: Model, size: Size): Line[] {
  if (model.shown.manager === undefined) return waiting(model);
  if (model.tasks.length === 0) return model.filter === "" ? nothing(model, size) : noMatch(model);
  const place = model.places.tasks;
  return table({
    columns: columnsFor(model, size.width),
    rows: model.tasks,
    ...size,
    top: place.top,
    selected: place.index,
    focused: model.focus === ("tasks" satisfies PaneId),
  });
}

/** From this width on there is room for what a task runs and for what it says. */
const WIDE_FROM = 100;

/** In the order of the screen; the ranks say which ones go first when it is narrow. */
function columnsFor(model: Model, width: number): Column<TaskResource>[] {
  const { usage, progress, decisions, nodes } = model.shown;
  const markOf = (task: TaskResource) => taskMark(task, nodes.get(task.nodeId));
  const wide = width >= WIDE_FROM;
  // The last sample of a task that has ended, or whose node is out, is no longer its use.
  const isPast = (task: TaskResource) => isTerminal(task.state) || isOut(task, nodes.get(task.nodeId));
  const use = (task: TaskResource) => (isPast(task) ? undefined : usage.get(task.id));
  const what = (task: TaskResource): string => (task.image === "" ? commandLine(task.command) : task.image);
  const columns: Column<TaskResource>[] = [
    { title: "", width: 1, rank: 0, read: (task) => span(model.marks.has(task.id) ? "*" : " ", "key") },
    {
      title: "NAME",
      width: longest(model.tasks, { of: (task) => task.name, least: 12, most: 30 }),
      grows: !wide,
      rank: 0,
      read: (task) => span(task.name),
    },
    {
      title: "STATE",
      width: longest(model.tasks, { of: (task) => `${markOf(task).sign} ${markOf(task).word}`, least: 12, most: 14 }),
      rank: 1,
      read: (task) => markSpan(markOf(task), model.unicode),
    },
    {
      title: "NODE",
      width: longest(model.tasks, { of: (task) => task.nodeName, least: 6, most: wide ? 16 : 12 }),
      rank: 2,
      read: (task) => span(task.nodeName === "" ? "-" : task.nodeName, "dim"),
    },
    { title: "CPU", width: 5, side: "right", rank: 4, read: (task) => number(use(task)?.cpuMillis, coresAligned) },
    {
      title: "MEM",
      width: 5,
      side: "right",
      rank: 5,
      read: (task) => number(use(task)?.memoryBytes, shortBytes),
    },
    {
      title: "SCORE",
      width: 7,
      side: "right",
      rank: 6,
      read: (task) => number(scoreOf(task, decisions.get(task.id)), score),
    },
    {
      title: "AGE",
      width: 4,
      side: "right",
      rank: 3,
      read: (task) => span(age(task.startedMs || task.createdMs, model.nowMs), "dim"),
    },
  ];
  if (!wide) return columns;
  return [
    ...columns,
    {
      title: "RST",
      width: 3,
      side: "right",
      rank: 7,
      read: (task) => span(String(task.restarts), task.restarts > 0 ? "warn" : "dim"),
    },
    {
      title: "IMAGE OR COMMAND",
      width: longest(model.tasks, { of: what, least: 16, most: 28 }),
      rank: 8,
      read: (task) => span(what(task)),
    },
    {
      title: "SAYS",
      width: 12,
      grows: true,
      rank: 0,
      read: (task) => span(taskSays(task, { progress: progress.get(task.id), nowMs: model.nowMs }), "dim"),
    },
  ];
}

/** Rows that are looked at for the width of a column: one that jumps with every new task would be hard to read. */
const LOOKED_AT = 200;

function longest(
  tasks: readonly TaskResource[],
  by: { readonly of: (task: TaskResource) => string; readonly least: number; readonly most: number },
): number {
  let cells = by.least;
  for (let i = 0; i < Math.min(LOOKED_AT, tasks.length); i++)
    cells = Math.max(cells, textWidth(by.of(tasks[i] as TaskResource)));
  return Math.min(by.most, cells);
}

function number(value: number | undefined, format: (value: number) => string) {
  return value === undefined ? span("-", "dim") : span(format(value));
}

function scoreOf(
  task: TaskResource,
  decision: { readonly candidates: readonly { readonly nodeId: string; readonly score: number }[] } | undefined,
) {
  return decision?.candidates.find((candidate) => candidate.nodeId === task.nodeId)?.score;
}

function waiting(model: Model): Line[] {
  const why = model.live.down;
  return [EMPTY, plain(why === "" ? "  waiting for the manager …" : `  the manager is out of reach: ${why}`, "warn")];
}

function noMatch(model: Model): Line[] {
  return [EMPTY, plain(`  no task matches ${model.filter}`, "warn"), EMPTY, plain("  Esc clears the filter", "dim")];
}

/** What an empty cluster says: where one is, and what to press next. */
function nothing(model: Model, size: Size): Line[] {
  const noDocker = model.nodes.every((node) =>
    node.runtimes.every((each) => each.kind !== "docker" || each.problem !== ""),
  );
  const keys: Line[] = model.readOnly
    ? [plain("  This view is read-only: start a task from another one.", "dim")]
    : [
        [span("  press "), span("a", "key", { bold: true }), span(" to start a task")],
        [
          span("  or run   "),
          span(noDocker ? "cube run --runtime process -- sleep 600" : "cube run -p 8080:80 nginx:alpine", "accent"),
        ],
      ];
  const lines: Line[] = [
    plain("  Nothing runs here yet", "title"),
    EMPTY,
    ...keys,
    EMPTY,
    [span("  press "), span("?", "key", { bold: true }), span(" for every key")],
  ];
  if (noDocker && model.nodes.length > 0)
    lines.push(EMPTY, plain("  No node has a container engine: tasks run as processes.", "warn"));
  const above = Math.max(0, Math.floor((size.height - lines.length) / 3));
  return [...Array.from({ length: above }, () => EMPTY), ...lines];
}
