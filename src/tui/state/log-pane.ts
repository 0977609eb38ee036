/**
 * The log of one task on the screen: lines with a bound, follow, wrap, times and search. Pure. It must stay quick with very long lines and very many of them:
 * only rows in view are ever wrapped from scratch.
 */
import { chunks } from "../terminal/text.ts";

/** A line of the log, safe to draw. */
export interface LogRow {
  readonly stream: "stdout" | "stderr";
  readonly atMs: number;
  readonly text: string;
}

/** Lines kept; the oldest go first. */
export const LINES_KEPT = 5000;

/** Longest line kept, in characters; the rest of it is cut off. */
export const LINE_LIMIT = 8192;

export interface LogPane {
  readonly taskId: string;
  readonly name: string;
  readonly lines: readonly LogRow[];
  /** Lines that were dropped at the bound. */
  readonly dropped: number;
  readonly follow: boolean;
  readonly times: boolean;
  readonly wrap: boolean;
  readonly search: string;
  /** Index of the first line in view, while not following. */
  readonly top: number;
  /** Columns scrolled to the right, while not wrapping. */
  readonly left: number;
  /** "" while open; afterwards why there is no more. */
  readonly ended: string;
}

/** An empty log of a task. */
export function openLog(taskId: string, name: string): LogPane {
  return {
    taskId,
    name,
    lines: [],
    dropped: 0,
    follow: true,
    times: false,
    wrap: true,
    search: "",
    top: 0,
    left: 0,
    ended: "",
  };
}

/** More lines at the end; what is in view stays in view unless it follows. */
export function addLines(pane: LogPane, lines: readonly LogRow[]): LogPane {
  const all = [...pane.lines, ...lines];
  const drop = Math.max(0, all.length - LINES_KEPT);
  return {
    ...pane,
    lines: drop === 0 ? all : all.slice(drop),
    dropped: pane.dropped + drop,
    top: Math.max(0, pane.top - drop),
  };
}

/** A row of the screen: a piece of a line. `first` is true for the piece that begins it. */
export interface LogCellRow {
  readonly line: LogRow;
  readonly text: string;
  readonly first: boolean;
}

/** The rows in view of a pane that is `width` cells wide and `rows` high. */
export function visibleRows(pane: LogPane, size: { readonly width: number; readonly rows: number }): LogCellRow[] {
  return pane.follow ? lastRows(pane, size) : rowsFrom(pane, size);
}

function rowsFrom(pane: LogPane, size: { readonly width: number; readonly rows: number }): LogCellRow[] {
  const out: LogCellRow[] = [];
  for (let i = pane.top; i < pane.lines.length && out.length < size.rows; i++)
    out.push(...rowsOf(pane, { i, width: size.width }));
  return out.slice(0, size.rows);
}

function lastRows(pane: LogPane, size: { readonly width: number; readonly rows: number }): LogCellRow[] {
  let out: LogCellRow[] = [];
  for (let i = pane.lines.length - 1; i >= 0 && out.length < size.rows; i--)
    out = [...rowsOf(pane, { i, width: size.width }), ...out];
  return out.slice(-size.rows);
}

function rowsOf(pane: LogPane, at: { readonly i: number; readonly width: number }): LogCellRow[] {
  const line = pane.lines[at.i];
  if (line === undefined) return [];
  if (!pane.wrap) return [{ line, text: [...line.text].slice(pane.left).join(""), first: true }];
  return chunks(line.text, Math.max(1, at.width)).map((text, n) => ({ line, text, first: n === 0 }));
}

/** Index of the first line that is in view while following: where scrolling up begins. */
function followedTop(pane: LogPane, size: { readonly width: number; readonly rows: number }): number {
  let used = 0;
  for (let i = pane.lines.length - 1; i >= 0; i--) {
    used += rowsOf(pane, { i, width: size.width }).length;
    if (used >= size.rows) return i;
  }
  return 0;
}

/** Scrolls by lines; at the end it follows again. */
export function scrollLog(pane: LogPane, by: number, size: { readonly width: number; readonly rows: number }): LogPane {
  const end = followedTop(pane, size);
  const from = pane.follow ? end : pane.top;
  const top = Math.max(0, Math.min(end, from + by));
  return { ...pane, top, follow: by > 0 && top >= end };
}

/** Goes to the next line with the searched text, in the direction of `step`, around the ends; `found` is false if there is none. */
export function findNext(
  pane: LogPane,
  step: 1 | -1,
  size: { readonly width: number; readonly rows: number },
): { readonly pane: LogPane; readonly found: boolean } {
  const wanted = pane.search.toLowerCase();
  const from = pane.follow ? followedTop(pane, size) : pane.top;
  const count = pane.lines.length;
  for (let n = 1; n <= count && wanted !== ""; n++) {
    const i = (((from + step * n) % count) + count) % count;
    if (pane.lines[i]?.text.toLowerCase().includes(wanted) === true)
      return { pane: { ...pane, follow: false, top: i }, found: true };
  }
  return { pane, found: false };
}

/** Lines with the searched text. */
export function hits(pane: LogPane): number {
  const wanted = pane.search.toLowerCase();
  return wanted === "" ? 0 : pane.lines.filter((line) => line.text.toLowerCase().includes(wanted)).length;
}
