/**
 * Why here, and why not there: a whole decision in words and numbers, made from the same keys that picking compares.
 * Pure but for catching up with the table; it costs a look at every node, so it is for the decisions that someone will read.
 */
import type { Candidate, Decision, Refusal, ScorePart } from "./decision.ts";
import { DECISION_DETAIL } from "./decision.ts";
import type { Objection, Standing } from "./filters.ts";
import { pluralPhrase, ROOM_FILTERS } from "./filters.ts";
import type { NodeTable, TableNode } from "./node-table.ts";
import type { TaskClass } from "./schedule-classes.ts";
import { TURN_SCORE } from "./schedulers/roundrobin.ts";
import { FAILED_HERE, NO_METRICS, quantise, unquantise } from "./scores.ts";

/** What is asked: this class of task now, from that starting point. */
export interface Question {
  readonly table: NodeTable;
  readonly taskClass: TaskClass;
  /** Slot with which ties begin. */
  readonly start: number;
  /** Slots where the last attempts failed. */
  readonly avoided: readonly number[];
  readonly task: { readonly taskId: string; readonly jobId: string };
  /** Wall clock, ms since 1970. */
  readonly nowWallMs: number;
}

interface Ranked {
  readonly node: TableNode;
  readonly key: number;
}

/** The decision that `place` takes at this moment. */
export function explainDecision(question: Question): Decision {
  const { table, taskClass, task } = question;
  taskClass.catchUp();
  const { fitting, refused } = divide(question);
  const candidates = rank(question, fitting).map((ranked, place) => candidateOf(question, ranked, place));
  const { refusals, groups } = collectRefusals(question, refused);
  const best = candidates[0];
  return {
    taskId: task.taskId,
    jobId: task.jobId,
    scheduler: table.scheduler.name,
    nodeId: best?.nodeId ?? null,
    candidates,
    candidateCount: fitting.length,
    refusals,
    refusalCount: refused.length,
    summary: best ? sumUpPlacement(question, best, fitting.length) : sumUpRefusals(groups, refused.length),
    atMs: question.nowWallMs,
  };
}

function divide({ table, taskClass, avoided }: Question): { fitting: Ranked[]; refused: TableNode[] } {
  const fitting: Ranked[] = [];
  const refused: TableNode[] = [];
  for (const node of table.nodes) {
    if (node.gone) continue;
    const key = taskClass.keyOf(node.slot);
    if (key === Infinity) refused.push(node);
    else fitting.push({ node, key: avoided.includes(node.slot) ? key + quantise(FAILED_HERE) : key });
  }
  return { fitting, refused };
}

/** The best ones in the order of picking. Only those that will be shown are sorted. */
function rank({ table, start }: Question, fitting: readonly Ranked[]): Ranked[] {
  const keys = Float64Array.from(fitting, (ranked) => ranked.key).sort();
  const last = keys[Math.min(keys.length, DECISION_DETAIL) - 1] ?? Infinity;
  const slots = table.nodes.length;
  const distance = (slot: number) => (slot - start + slots) % slots;
  return fitting
    .filter((ranked) => ranked.key <= last)
    .sort((a, b) => a.key - b.key || distance(a.node.slot) - distance(b.node.slot))
    .slice(0, DECISION_DETAIL);
}

function candidateOf({ table, taskClass, avoided }: Question, { node, key }: Ranked, place: number): Candidate {
  const parts: ScorePart[] = [...taskClass.partsOf(node.slot)];
  let score = unquantise(key);
  if (table.scheduler.picking === "turn" && place === 0) {
    parts[0] = { name: "turn", value: TURN_SCORE };
    score = score - 1 + TURN_SCORE;
  }
  if (node.view.measured === null) parts.push({ name: "no fresh metrics", value: NO_METRICS });
  if (avoided.includes(node.slot)) parts.push({ name: "failed here", value: FAILED_HERE });
  return { nodeId: node.view.id, nodeName: node.view.name, score, parts };
}

interface Group {
  readonly phrase: string;
  count: number;
}

function collectRefusals({ table, taskClass }: Question, refused: readonly TableNode[]) {
  const groups = new Map<string, Group>();
  const refusals: Refusal[] = [];
  for (const node of refused) {
    const { filter, phrase, detail } = object(table, taskClass, node);
    const group = groups.get(phrase);
    if (group) group.count++;
    else groups.set(phrase, { phrase, count: 1 });
    if (refusals.length >= DECISION_DETAIL) continue;
    const reason = detail === "" ? phrase : `${phrase} (${detail})`;
    refusals.push({ nodeId: node.view.id, nodeName: node.view.name, filter, reason });
  }
  return { refusals, groups: [...groups.values()] };
}

/** The first filter that objects. */
function object(table: NodeTable, taskClass: TaskClass, node: TableNode): Objection & { filter: string } {
  const standing: Standing = { view: node.view, allocated: node.use, ports: node.use.ports };
  for (const filter of [...table.scheduler.feasibility, ...ROOM_FILTERS]) {
    const objection = filter.object(standing, taskClass.need);
    if (objection !== null) return { filter: filter.name, ...objection };
  }
  throw new Error(`assertion failed: no filter objects to ${node.view.id}, yet it was refused`);
}

function sumUpPlacement({ table }: Question, best: Candidate, count: number): string {
  const why = table.scheduler.picking === "turn" ? "next in turn" : `lowest cost ${showScore(best.score)}`;
  if (best.score >= FAILED_HERE) return `placed on ${best.nodeName}: it failed there before, but nothing else fits`;
  if (best.score >= NO_METRICS) return `placed on ${best.nodeName}: no node with fresh metrics fits`;
  if (count === 1) return `placed on ${best.nodeName}: the only node that fits`;
  return `placed on ${best.nodeName}: ${why} of ${count}`;
}

function showScore(score: number): string {
  return String(Number(score.toPrecision(score < 1 ? 2 : 4)));
}

function sumUpRefusals(groups: readonly Group[], count: number): string {
  if (count === 0) return "no node has joined";
  // Equal counts keep the order in which they were met, so the words do not flicker.
  const sorted = [...groups].sort((a, b) => b.count - a.count);
  if (count === 1) return `1 node: ${sorted[0]?.phrase}`;
  return `${count} nodes: ${sorted.map(sayGroup).join(", ")}`;
}

function sayGroup({ phrase, count }: Group): string {
  return `${count} ${count === 1 ? phrase : pluralPhrase(phrase)}`;
}
