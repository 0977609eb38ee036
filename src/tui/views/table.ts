/**
 * A table of which only the rows in view are made: columns with a width, one of them growing, and the last ones going first when there is no room. Pure, and as
 * quick with 20,000 rows as with 20.
 */
import { cell, EMPTY, inverted, type Line, type Span, span } from "./lines.ts";

/** One column of a table of `T`. */
export interface Column<T> {
  readonly title: string;
  readonly width: number;
  readonly side?: "left" | "right";
  /** Takes the room that is left; exactly one column does. */
  readonly grows?: boolean;
  /** 0 stays longest. */
  readonly rank: number;
  readonly read: (row: T) => Span;
}

/** Least width of the growing column before another one is given up. */
const LEAST_GROWN = 15;

/** The columns that fit into `cells`, with their widths. */
function fitColumns<T>(
  columns: readonly Column<T>[],
  cells: number,
): { readonly column: Column<T>; readonly width: number }[] {
  let shown = [...columns];
  const fixed = (): number =>
    shown.reduce((sum, each) => sum + (each.grows === true ? 0 : each.width), 0) + shown.length - 1;
  while (shown.length > 1 && cells - fixed() < LEAST_GROWN) {
    const last = Math.max(...shown.map((each) => each.rank));
    shown = shown.filter((each) => each.rank < last);
  }
  const grown = Math.max(1, cells - fixed());
  return shown.map((column) => ({ column, width: column.grows === true ? grown : column.width }));
}

/** Heading and rows in view; the selected row is inverse while the table has the focus, bold otherwise. */
export function table<T>(given: {
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly width: number;
  readonly height: number;
  readonly top: number;
  readonly selected: number;
  readonly focused: boolean;
}): Line[] {
  const shown = fitColumns(given.columns, given.width);
  const heading = shown.map(({ column, width }) => cell(span(column.title, "dim", { bold: true }), width, column.side));
  const lines: Line[] = [spaced(heading)];
  for (let i = given.top; i < Math.min(given.rows.length, given.top + given.height - 1); i++) {
    const row = given.rows[i] as T;
    const line = spaced(shown.map(({ column, width }) => cell(column.read(row), width, column.side)));
    lines.push(i === given.selected ? selected(line, given.focused) : line);
  }
  return lines;
}

function spaced(cells: readonly Span[]): Line {
  return cells.length === 0 ? EMPTY : cells.flatMap((each, i) => (i === 0 ? [each] : [span(" "), each]));
}

function selected(line: Line, focused: boolean): Line {
  return focused ? inverted(line) : line.map((each) => ({ ...each, bold: true, inverse: true, role: "dim" as const }));
}
