/**
 * The scheduler's decision on a task: every candidate with its score and parts, every refusal with its reason. Pure. The pane shows as much as fits; the "why
 * here" view shows all of it.
 */
import type { Candidate, Decision, Refusal } from "../../core/decision.ts";
import type { Model } from "../state/ui.ts";
import { selectedTask } from "../state/ui.ts";
import { wrap } from "../terminal/text.ts";
import { cell, EMPTY, type Line, plain, span } from "./lines.ts";
import { age, bar, score } from "./units.ts";

/** The pane of the selected task. */
export function scoresView(model: Model, width: number): Line[] {
  const task = selectedTask(model);
  if (task === undefined) return [plain("no task is selected", "dim")];
  const decision = model.shown.decisions.get(task.id);
  if (decision === undefined) {
    const text = task.reason === "" ? "no decision is kept for this task" : task.reason;
    return wrap(text, width).map((line) => plain(line, "dim"));
  }
  return decisionLines({ decision, width, unicode: model.unicode, parts: width >= 56 });
}

/** The title of the pane: whose decision it is. */
export function scoresTitle(model: Model): string {
  const task = selectedTask(model);
  return task === undefined ? "Scores" : `Scores: ${task.name}`;
}

interface Given {
  readonly decision: Decision;
  readonly width: number;
  readonly unicode: boolean;
  readonly parts: boolean;
}

function decisionLines(given: Given): Line[] {
  const { decision, width } = given;
  const outcome = decision.nodeId === null ? "warn" : "dim";
  const summary =
    decision.candidates.length === 0 ? wrap(decision.summary, width).map((line) => plain(line, outcome)) : [];
  return [
    ...summary,
    ...decision.candidates.map((candidate) => candidateLine(given, candidate)),
    ...more(decision.candidateCount - decision.candidates.length, "more candidates"),
    ...decision.refusals.flatMap((refusal) => refusalLines(given, refusal)),
    ...more(decision.refusalCount - decision.refusals.length, "more refusals"),
  ];
}

/** Node and reason, wrapped under themselves: a reason that is cut off explains nothing. */
function refusalLines(given: Given, refusal: Refusal): Line[] {
  const indent = Math.min(refusal.nodeName.length + 1, Math.floor(given.width / 2));
  const [first = "", ...rest] = wrap(refusal.reason, given.width - 2 - indent);
  return [
    [span(given.unicode ? "✗ " : "x ", "bad"), cell(span(refusal.nodeName), indent - 1), span(" "), span(first, "dim")],
    ...rest.map((text): Line => [span(" ".repeat(indent + 2)), span(text, "dim")]),
  ];
}

function more(count: number, what: string): Line[] {
  return count > 0 ? [plain(`  and ${count} ${what}`, "dim")] : [];
}

/** Cells of the node's name and of the figure; the bar takes what is left. */
const NAME_CELLS = 11;
const SCORE_CELLS = 7;
const PART_CELLS = 16;

function candidateLine(given: Given, candidate: Candidate): Line {
  const { decision, width, unicode } = given;
  const chosen = candidate.nodeId === decision.nodeId;
  const worst = Math.max(...decision.candidates.map((each) => Math.abs(each.score)), 0);
  const parts = given.parts ? candidate.parts : [];
  const room = width - 2 - NAME_CELLS - 1 - SCORE_CELLS - 1 - parts.length * PART_CELLS;
  const share = worst === 0 ? 0 : (100 * Math.abs(candidate.score)) / worst;
  return [
    span(chosen ? (unicode ? "▸ " : "> ") : "  ", "good", { bold: true }),
    cell(span(candidate.nodeName, chosen ? "good" : "plain", { bold: chosen }), NAME_CELLS),
    span(" "),
    cell(span(score(candidate.score)), SCORE_CELLS, "right"),
    span(" "),
    ...(room >= 4 ? [span(bar(share, Math.min(room, 30), unicode), chosen ? "good" : "busy")] : []),
    ...parts.map((part) => cell(span(`${part.name} ${score(part.value, 3)}`, "dim"), PART_CELLS, "right")),
  ];
}

/** The whole decision as a page. */
export function whyLines(model: Model, at: { readonly taskId: string; readonly width: number }): Line[] {
  const task = model.shown.tasks.get(at.taskId);
  const decision = model.shown.decisions.get(at.taskId);
  if (task === undefined) return [plain("this task is gone", "warn")];
  if (decision === undefined) {
    return [
      plain("no decision is kept for this task", "warn"),
      EMPTY,
      ...wrap(task.reason, at.width).map((line) => plain(line)),
    ];
  }
  return [
    ...wrap(decision.summary, at.width).map((line) => plain(line, decision.nodeId === null ? "warn" : "title")),
    [
      span(
        `scheduler ${decision.scheduler}, ${age(decision.atMs, model.nowMs)} ago; the lowest score is the best`,
        "dim",
      ),
    ],
    EMPTY,
    ...candidateTable(model, decision, at.width),
    ...refusalTable(model, decision, at.width),
  ];
}

function candidateTable(model: Model, decision: Decision, width: number): Line[] {
  if (decision.candidates.length === 0) return [plain("No node could take it.", "warn"), EMPTY];
  const names = [...new Set(decision.candidates.flatMap((each) => each.parts.map((part) => part.name)))];
  const partCells = Math.max(9, ...names.map((name) => name.length + 1));
  const nameCells = Math.max(8, Math.min(24, width - 2 - 10 - names.length * partCells));
  const head: Line = [
    cell(span("  CANDIDATE", "dim", { bold: true }), nameCells + 2),
    cell(span("SCORE", "dim", { bold: true }), 10, "right"),
    ...names.map((name) => cell(span(name.toUpperCase(), "dim", { bold: true }), partCells, "right")),
  ];
  const rows = decision.candidates.map((candidate): Line => {
    const chosen = candidate.nodeId === decision.nodeId;
    return [
      span(chosen ? (model.unicode ? "▸ " : "> ") : "  ", "good", { bold: true }),
      cell(span(candidate.nodeName, chosen ? "good" : "plain", { bold: chosen }), nameCells),
      cell(span(score(candidate.score), chosen ? "good" : "plain"), 10, "right"),
      ...names.map((name) => {
        const part = candidate.parts.find((each) => each.name === name);
        return cell(span(part === undefined ? "-" : score(part.value)), partCells, "right");
      }),
    ];
  });
  return [head, ...rows, ...more(decision.candidateCount - decision.candidates.length, "more candidates"), EMPTY];
}

function refusalTable(model: Model, decision: Decision, width: number): Line[] {
  if (decision.refusalCount === 0) return [plain("No node was refused.", "dim")];
  const head: Line = [
    cell(span("  REFUSED", "dim", { bold: true }), 18),
    cell(span("FILTER", "dim", { bold: true }), 14),
    span("REASON", "dim", { bold: true }),
  ];
  const rows = decision.refusals.flatMap((refusal) => {
    const [first = "", ...rest] = wrap(refusal.reason, Math.max(10, width - 32));
    const line: Line = [
      span(model.unicode ? "✗ " : "x ", "bad"),
      cell(span(refusal.nodeName), 16),
      cell(span(refusal.filter, "warn"), 14),
      span(first),
    ];
    return [line, ...rest.map((text): Line => [span(" ".repeat(32)), span(text)])];
  });
  return [head, ...rows, ...more(decision.refusalCount - decision.refusals.length, "more refusals")];
}
