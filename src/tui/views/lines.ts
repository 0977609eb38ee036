/**
 * Ready-made lines of a pane as data: pieces of text with the part they play, not their colour. Pure. Everything that a view shows is made of these, so that it
 * can be tested as text and drawn in any theme.
 */
import { cut, fit, width } from "../terminal/text.ts";

/** What a piece of text is, from which a theme takes its colour. */
export type Role = "plain" | "dim" | "good" | "warn" | "bad" | "accent" | "title" | "busy" | "key";

/** A piece of text. `inverse` and `bold` survive NO_COLOR. */
export interface Span {
  readonly text: string;
  readonly role?: Role;
  readonly bold?: boolean;
  readonly inverse?: boolean;
}

/** One row of cells on the screen. */
export type Line = readonly Span[];

/** One span. */
export function span(text: string, role: Role = "plain", more: { bold?: boolean; inverse?: boolean } = {}): Span {
  return { text, role, ...more };
}

/** A line of one plain text. */
export function plain(text: string, role: Role = "plain"): Line {
  return [span(text, role)];
}

/** The empty line. */
export const EMPTY: Line = [];

/** Cells that a line takes. */
export function lineWidth(line: Line): number {
  return line.reduce((sum, each) => sum + width(each.text), 0);
}

/** A line of exactly `cells` cells: cut with an ellipsis, or filled with blanks. */
export function fitLine(line: Line, cells: number): Line {
  const out: Span[] = [];
  let room = cells;
  for (const each of line) {
    if (room <= 0) break;
    const wide = width(each.text);
    out.push(wide <= room ? each : { ...each, text: cut(each.text, room) });
    room -= Math.min(wide, room);
  }
  const last = out.at(-1);
  const missing = cells - lineWidth(out);
  if (missing > 0) out.push({ text: " ".repeat(missing), ...(last?.inverse === true ? { inverse: true } : {}) });
  return out;
}

/** A left and a right part on one line of `cells` cells; the left one is cut when both do not fit. */
export function sides(left: Line, right: Line, cells: number): Line {
  const rightWidth = lineWidth(right);
  if (rightWidth >= cells) return fitLine(right, cells);
  return [...fitLine(left, cells - rightWidth), ...right];
}

/** The whole line in inverse video: the selection, visible without colour. */
export function inverted(line: Line): Line {
  return line.map((each) => ({ ...each, inverse: true }));
}

/** A cell of a table: a span of exactly `cells` cells. */
export function cell(content: Span, cells: number, side: "left" | "right" = "left"): Span {
  return { ...content, text: fit(content.text, cells, side) };
}

/** `n` rows of lines from `top`, filled with empty ones. */
export function windowOf(lines: readonly Line[], at: { top: number; rows: number }): Line[] {
  const shown = lines.slice(at.top, at.top + at.rows);
  return [...shown, ...Array.from({ length: Math.max(0, at.rows - shown.length) }, () => EMPTY)];
}
