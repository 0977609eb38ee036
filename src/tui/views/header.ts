/**
 * The first line: which manager this is, how it is, and how many tasks are in which state. Pure. What does not fit is left out from the least important on;
 * what is wrong with the manager is cut, never left out.
 */
import { isTerminal } from "../../core/task.ts";
import type { DemoState } from "../demo.ts";
import { type Cluster, cautionOf } from "../state/cluster.ts";
import type { Model } from "../state/ui.ts";
import { cut, width } from "../terminal/text.ts";
import { fitLine, type Line, lineWidth, type Role, type Span, span } from "./lines.ts";

/** Characters of the cluster's id that are shown. */
const SHORT_ID = 8;

/** Cells that are kept of a trouble, so that it can be told from another. */
const LEAST_TROUBLE = 32;

/** `least` is to how many cells the text may be cut; without it, it is shown whole or not at all. */
type Part = { readonly text: string; readonly role: Role; readonly rank: number; readonly least?: number };

/** The header line. */
export function header(model: Model): Line {
  const left = leftParts(model);
  const right = rightParts(model);
  const room = model.cols - 2;
  const shown = fitted([...left, ...right], room);
  const inverse = (part: Part): Span =>
    span(part.text, part.role, { inverse: true, bold: part.rank === 0 || part.role === "bad" });
  const leftSpans = joined(left.flatMap((part) => shown.get(part) ?? []).map(inverse));
  const rightSpans = joined(right.flatMap((part) => shown.get(part) ?? []).map(inverse));
  const gap = Math.max(1, model.cols - 2 - lineWidth(leftSpans) - lineWidth(rightSpans));
  const line = [blank(1), ...leftSpans, blank(gap), ...rightSpans, blank(1)];
  return fitLine(line, model.cols);
}

/** The parts that fit, each as it is shown. */
function fitted(parts: readonly Part[], room: number): ReadonlyMap<Part, Part> {
  const leastOf = ({ text, least }: Part): number => Math.min(width(text), least ?? Number.POSITIVE_INFINITY);
  let shown = [...parts];
  while (lengthOf(shown, leastOf) > room && shown.length > 1) {
    const last = Math.max(...shown.map((part) => part.rank));
    if (last === 0) break;
    shown = shown.filter((part) => part.rank < last);
  }
  let excess = Math.max(0, lengthOf(shown, ({ text }) => width(text)) - room);
  const asShown = new Map(shown.map((part) => [part, part]));
  // The least important is cut first; only what matters most is cut below what it should have.
  for (const part of shown.filter(({ least }) => least !== undefined).sort((a, b) => b.rank - a.rank)) {
    const least = part.rank === 0 ? 1 : leastOf(part);
    const cells = Math.max(least, width(part.text) - excess);
    excess -= Math.max(0, width(part.text) - cells);
    asShown.set(part, { ...part, text: cut(part.text, cells) });
  }
  return asShown;
}

const blank = (cells: number): Span => span(" ".repeat(cells), "plain", { inverse: true });
const lengthOf = (parts: readonly Part[], cells: (part: Part) => number): number =>
  parts.reduce((sum, part) => sum + cells(part) + 2, -2);

function joined(spans: readonly Span[]): Span[] {
  return spans.flatMap((each, i) => (i === 0 ? [each] : [blank(2), each]));
}

function leftParts(model: Model): Part[] {
  const { manager, down } = model.live;
  if (manager === undefined) {
    const text = down === "" ? "connecting to the manager" : `manager out of reach: ${down}`;
    return [part("CUBE", "title", 0), down === "" ? part(text, "plain", 1) : trouble(text)];
  }
  return [
    ...(model.demo === undefined ? [part(`CUBE ${manager.name}`, "title", 0)] : demoParts(model.demo, model.unicode)),
    ...(model.demo === undefined ? [part(manager.clusterId.slice(0, SHORT_ID), "plain", 5)] : []),
    part(`v${manager.version}`, "plain", 6),
    health(model),
    part(model.demo === undefined ? model.mode : "simulated", "plain", 4),
    ...notice(manager.notice ?? ""),
    ...(model.readOnly ? [part("read-only", "warn", 2)] : []),
    ...(model.paused ? [part("PAUSED", "warn", 1)] : []),
  ];
}

/** Nobody is to take it for a real cluster. */
function demoParts({ speed, held, leaping }: DemoState, unicode: boolean): Part[] {
  const pace = held ? "held" : leaping || `${speed}${unicode ? "×" : "x"}`;
  return [part("CUBE DEMO", "title", 0), part(pace, "warn", 0)];
}

const part = (text: string, role: Role, rank: number): Part => ({ text, role, rank });

const trouble = (text: string): Part => ({ ...part(text, "bad", 0), least: LEAST_TROUBLE });

function health(model: Model): Part {
  const { manager, down } = model.live;
  if (down !== "") return trouble(`manager out of reach: ${down}`);
  const caution = cautionOf(model.live);
  if (manager?.health === "ok" && caution !== "")
    return {
      ...part(/^(settling|isolated)/.test(caution) ? `manager ${caution}` : caution, "warn", 0),
      least: LEAST_TROUBLE,
    };
  if (manager === undefined || manager.health === "ok") return part("manager ok", "good", 2);
  return trouble(`manager ${manager.health}${manager.problem === "" ? "" : `: ${manager.problem}`}`);
}

/** What was done to the store, as far as there is room. */
function notice(text: string): Part[] {
  return text === "" ? [] : [{ ...part(text, "warn", 3), least: LEAST_TROUBLE }];
}

function rightParts(model: Model): Part[] {
  const { running, pending, failed } = counts(model.shown);
  if (model.shown.manager === undefined) return [];
  return [
    part(`${running} running`, "good", 1),
    part(`${pending} pending`, pending > 0 ? "warn" : "plain", 3),
    part(`${failed} failed`, failed > 0 ? "bad" : "plain", 2),
  ];
}

/** Tasks by what matters: running, on their way there, ended badly. Only the newest attempt of each slot counts. */
export function counts(cluster: Cluster): {
  readonly running: number;
  readonly pending: number;
  readonly failed: number;
} {
  const count = { running: 0, pending: 0, failed: 0 };
  for (const task of cluster.tasks.values()) {
    if (!task.current) continue;
    if (task.state === "running" || task.state === "stopping") count.running++;
    else if (task.state === "failed" || task.state === "rejected" || task.state === "lost") count.failed++;
    else if (!isTerminal(task.state)) count.pending++;
  }
  return count;
}
