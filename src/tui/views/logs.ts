/** The log of one task over the whole body. Pure. Lines of stderr are marked by a sign, hits of the search are inverse. */
import type { LogCellRow, LogPane } from "../state/log-pane.ts";
import { hits, visibleRows } from "../state/log-pane.ts";
import type { Model } from "../state/ui.ts";
import { type Line, plain, type Span, span } from "./lines.ts";
import { clock } from "./units.ts";

/** Cells in front of the text: the sign of its stream, and the time where it is shown. */
export function logGutter(pane: LogPane): number {
  return pane.times ? 11 : 2;
}

/** The rows in view. */
export function logLines(model: Model, size: { readonly width: number; readonly rows: number }): Line[] {
  const pane = model.logs;
  if (pane === undefined) return [];
  if (pane.lines.length === 0) return [plain(pane.ended === "" ? "nothing was written so far" : pane.ended, "dim")];
  const rows = visibleRows(pane, { width: size.width - logGutter(pane), rows: size.rows });
  return rows.map((row) => logLine(model, pane, row));
}

function logLine(model: Model, pane: LogPane, row: LogCellRow): Line {
  const isError = row.line.stream === "stderr";
  const sign = span(isError && row.first ? "! " : "  ", "warn");
  const at = row.line.atMs > 0 ? clock(row.line.atMs + model.zoneMs) : "";
  const time = pane.times ? [span((row.first ? at : "").padEnd(9), "dim")] : [];
  return [sign, ...time, ...marked(row.text, pane.search)];
}

/** The text with every hit of the search in inverse. */
function marked(text: string, search: string): Span[] {
  if (search === "") return [span(text)];
  const out: Span[] = [];
  const lower = text.toLowerCase();
  const wanted = search.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    out.push(span(text.slice(from, at)), span(text.slice(at, at + wanted.length), "plain", { inverse: true }));
    from = at + wanted.length;
  }
  return [...out, span(text.slice(from))];
}

/** What the border of the log says: how it stands. */
export function logInfo(pane: LogPane): string {
  const parts = [
    pane.ended !== "" ? "ended" : pane.follow ? "following" : "standing still",
    pane.wrap ? "wrapped" : `cut${pane.left > 0 ? ` from column ${pane.left}` : ""}`,
    `${pane.lines.length} lines${pane.dropped > 0 ? ` (${pane.dropped} older ones dropped)` : ""}`,
  ];
  if (pane.search !== "") parts.push(`${hits(pane)} with ${pane.search}`);
  return parts.join(" · ");
}
