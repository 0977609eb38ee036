/** Tables for the terminal and for pipes: pure functions from cells to lines. Cells are made safe here, so no caller can forget it. */
import { clean, cut, width } from "./text.ts";

/** A column. `shrink` is the least width it may be cut to on a narrow terminal; without it the column is never cut. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  readonly shrink?: number;
}

export interface TableOptions {
  /** Cells of the terminal, or null for a pipe: then nothing is cut. */
  readonly width: number | null;
  /** Makes the head of the table stand out; the identity where there are no colours. */
  readonly bold?: (text: string) => string;
}

const GAP = "   ";

/** The table's lines joined, with a line end behind each. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  const cells = rows.map((row) => row.map(clean));
  const natural = columns.map((column, index) => widest(column, cells, index));
  const widths = options.width === null ? natural : fitted({ columns, natural, room: options.width });
  const bold = options.bold ?? ((text: string) => text);
  const head = bold(line({ columns, widths, cells: columns.map((column) => column.title) }));
  const body = cells.map((row) => line({ columns, widths, cells: row }));
  return [head, ...body].map((text) => `${text}\n`).join("");
}

function widest(column: Column, rows: readonly (readonly string[])[], index: number): number {
  return rows.reduce((most, row) => Math.max(most, width(row[index] ?? "")), width(column.title));
}

/** Takes what is too much from the widest column that may shrink, cell by cell. */
function fitted(table: { columns: readonly Column[]; natural: readonly number[]; room: number }): number[] {
  const widths = [...table.natural];
  const gaps = GAP.length * (widths.length - 1);
  let excess = widths.reduce((sum, cells) => sum + cells, gaps) - table.room;
  while (excess > 0) {
    const index = widestShrinkable(table.columns, widths);
    if (index === null) break;
    widths[index] = (widths[index] ?? 0) - 1;
    excess--;
  }
  return widths;
}

function widestShrinkable(columns: readonly Column[], widths: readonly number[]): number | null {
  let best: number | null = null;
  columns.forEach((column, index) => {
    const cells = widths[index] ?? 0;
    if (column.shrink === undefined || cells <= Math.max(column.shrink, width(column.title))) return;
    if (best === null || cells > (widths[best] ?? 0)) best = index;
  });
  return best;
}

function line(row: { columns: readonly Column[]; widths: readonly number[]; cells: readonly string[] }): string {
  const parts = row.columns.map((column, index) => {
    const cells = row.widths[index] ?? 0;
    const text = cut(row.cells[index] ?? "", cells);
    const pad = " ".repeat(Math.max(0, cells - width(text)));
    return column.align === "right" ? pad + text : text + pad;
  });
  return parts.join(GAP).trimEnd();
}
