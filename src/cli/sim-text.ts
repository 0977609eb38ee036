/** What `cube sim` says: the answer for people, in tables and sentences that fit 80 columns. Pure. */
import type { Refusal } from "../core/decision.ts";
import type { NodeOutlook, TaskOutlook, WhatIfAnswer } from "../core/what-if.ts";
import { mebibytes } from "./quantities.ts";
import { type Column, renderTable } from "./table.ts";
import { width as cellsOf, clean } from "./text.ts";

/** How it is shown. */
export interface SimTextOptions {
  /** Cells of the terminal, or null for a pipe: then nothing is cut or broken. */
  readonly width: number | null;
  readonly bold?: (text: string) => string;
}

const NODE_COLUMNS: readonly Column[] = [
  { title: "NODE", shrink: 8 },
  { title: "" },
  { title: "TASKS" },
  { title: "CPU" },
  { title: "MEMORY (MiB)" },
];
const MOVE_COLUMNS: readonly Column[] = [
  { title: "TASK", shrink: 12 },
  { title: "FROM", shrink: 8 },
  { title: "TO", shrink: 8 },
  { title: "WHY", shrink: 12 },
];
const FATES: Readonly<Record<NodeOutlook["fate"], string>> = { stays: "", new: "new", gone: "gone", out: "out" };
/** Names in one sentence, and nodes with their reasons below it. */
const NAMES_SHOWN = 8;
const REFUSALS_SHOWN = 6;

/** The whole answer. `title` says what was asked. */
export function answerText(answer: WhatIfAnswer, title: string, options: SimTextOptions): string {
  const of = (...outcomes: TaskOutlook["outcome"][]) => answer.tasks.filter((task) => outcomes.includes(task.outcome));
  const parts = [
    wrap(title, "", options),
    nodeTable(answer.nodes, options),
    section("Would be replaced", of("moves"), (tasks) => moveTable(tasks, options)),
    section("Would be placed", of("starts"), (tasks) => startTable(tasks, options)),
    section("Would be pending", of("waits"), (tasks) => reasons(tasks, options)),
    section("Would stay with their node, down until it is back", of("stays"), (tasks) => reasons(tasks, options)),
    section("Would be given up", of("ends"), (tasks) => reasons(tasks, options)),
    section("Would be left as they are", of("undecided"), (tasks) => reasons(tasks, options)),
    headroomText(answer, options),
    ...answer.notes.map((note) => wrap(`Note: ${note}`, "  ", options)),
    wrap(verdict(answer), "", options),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function section(
  title: string,
  tasks: readonly TaskOutlook[],
  body: (tasks: readonly TaskOutlook[]) => string,
): string {
  return tasks.length === 0 ? "" : `${title} (${tasks.length}):\n${body(tasks)}`;
}

function nodeTable(nodes: readonly NodeOutlook[], options: SimTextOptions): string {
  const rows = nodes.map(({ name, fate, allocatable, before, after }) => [
    name,
    FATES[fate],
    change(String(before.tasks), String(after.tasks)),
    `${change(cores(before.reserved.cpuMillis), cores(after.reserved.cpuMillis))} of ${cores(allocatable.cpuMillis)}`,
    `${change(mebibytes(before.reserved.memoryBytes), mebibytes(after.reserved.memoryBytes))} of ${mebibytes(allocatable.memoryBytes)}`,
  ]);
  return rows.length === 0 ? "No node has joined.\n" : renderTable(NODE_COLUMNS, rows, options);
}

function change(before: string, after: string): string {
  return before === after ? after : `${before} -> ${after}`;
}

function cores(cpuMillis: number): string {
  return String(cpuMillis / 1000);
}

function moveTable(tasks: readonly TaskOutlook[], options: SimTextOptions): string {
  const rows = tasks.map((task) => [task.name, task.from, task.to, whyThere(task)]);
  return renderTable(MOVE_COLUMNS, rows, options);
}

function startTable(tasks: readonly TaskOutlook[], options: SimTextOptions): string {
  const columns = MOVE_COLUMNS.filter(({ title }) => title !== "FROM");
  const rows = tasks.map((task) => [task.name, task.to, whyThere(task)]);
  return renderTable(columns, rows, options);
}

/** The scheduler's words without the node, which has its own column. */
function whyThere({ to, reason }: TaskOutlook): string {
  const placed = `placed on ${to}: `;
  return reason.startsWith(placed) ? reason.slice(placed.length) : reason;
}

/** One sentence for all that have the same reason. */
function reasons(tasks: readonly TaskOutlook[], options: SimTextOptions): string {
  const groups = Map.groupBy(tasks, ({ to, reason, already }) => JSON.stringify([to, reason, already]));
  return [...groups.values()].map((group) => reasonText(group, options)).join("");
}

function reasonText(group: readonly TaskOutlook[], options: SimTextOptions): string {
  const [first] = group;
  if (first === undefined) return "";
  const where = first.to === "" ? "" : ` on ${first.to}`;
  const already = first.already ? " (now already)" : "";
  const line = wrap(`  ${listed(group.map(({ name }) => name))}${where}${already}: ${first.reason}`, "    ", options);
  return line + refusalText(first.refusals, options);
}

function refusalText(refusals: readonly Refusal[], options: SimTextOptions): string {
  const shown = refusals.slice(0, REFUSALS_SHOWN);
  const lines = shown.map(({ nodeName, reason }) => wrap(`    ${nodeName} ${reason}`, "      ", options));
  const more = refusals.length - shown.length;
  return lines.join("") + (more > 0 ? `    and ${more} more nodes\n` : "");
}

function headroomText({ howMany }: WhatIfAnswer, options: SimTextOptions): string {
  if (howMany === null) return "";
  const { name, copies, atLeast, nodes, reason, refusals } = howMany;
  const where = nodes.map((node) => `${node.tasks} on ${node.name}`);
  const tasks = nodes.reduce((sum, node) => sum + node.tasks, 0);
  const fitting = `${atLeast ? "At least " : ""}${copies} more of ${name} ${copies === 1 ? "fits" : "fit"}`;
  const count = copies === 0 ? `Not one more of ${name} fits` : fitting + (tasks === copies ? "" : ` (${tasks} tasks)`);
  const head = wrap(`${count}${where.length === 0 ? "" : `: ${listed(where)}`}.`, "  ", options);
  if (atLeast) return `${head}It was counted no further.\n`;
  return head + wrap(`The next one would be pending: ${reason}`, "  ", options) + refusalText(refusals, options);
}

/** The last line: whether all is well. Pure. */
function verdict({ tasks, fits }: WhatIfAnswer): string {
  if (fits) return "Everything fits.";
  const count = (outcome: TaskOutlook["outcome"]): number =>
    tasks.filter((task) => task.outcome === outcome && !task.already).length;
  const [waits, stays, rest] = [count("waits"), count("stays"), count("ends") + count("undecided")];
  const parts = [
    waits > 0 ? `${tasksText(waits)} would be pending` : "",
    stays > 0 ? `${tasksText(stays)} would be down until its node is back` : "",
    rest > 0 ? `${tasksText(rest)} would not be replaced` : "",
  ].filter((part) => part !== "");
  return `Not everything fits${parts.length === 0 ? "" : `: ${parts.join(", ")}`}.`;
}

function tasksText(count: number): string {
  return count === 1 ? "1 task" : `${count} tasks`;
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMES_SHOWN;
  const shown = names.slice(0, NAMES_SHOWN).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** A paragraph with a line end, broken at spaces where it is wider than the terminal; its own indent is kept, `indent` is the other lines'. */
function wrap(text: string, indent: string, { width }: SimTextOptions): string {
  const lead = /^ */.exec(text)?.[0] ?? "";
  const words = clean(text).trim().split(" ");
  if (width === null) return `${lead}${words.join(" ")}\n`;
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    const start = lines.length === 0 ? lead : indent;
    if (line === "") line = start + word;
    else if (cellsOf(`${line} ${word}`) < width) line += ` ${word}`;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return `${[...lines, line].join("\n")}\n`;
}
