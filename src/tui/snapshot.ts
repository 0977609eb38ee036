/** The screen as it is, as text and as an SVG picture, from blessed's cells. Pure. */

/** A screen as blessed keeps it: rows of [attribute, character]. */
export type Cells = readonly (readonly (readonly [number, string])[])[];

/** Size of one cell in the picture, in pixels. */
const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 17;

const FOREGROUND = "#d0d0d0";
const BACKGROUND = "#101010";

/** blessed's mark of a cell that belongs to the wide character before it. */
const CONTINUED = "\x03";

/** The text of the cells, without blanks at the end of a line. */
export function textOfCells(cells: Cells): string {
  return `${cells
    .map((row) =>
      row
        .map(([, sign]) => (sign === CONTINUED ? "" : sign))
        .join("")
        .trimEnd(),
    )
    .join("\n")}\n`;
}

interface Look {
  readonly fg: string;
  readonly bg: string;
  readonly bold: boolean;
}

/** blessed packs an attribute as flags (18 bits up), foreground and background (9 bits each; 0x1ff is the default). */
function look(attribute: number): Look {
  const flags = attribute >> 18;
  const front = colour((attribute >> 9) & 0x1ff, FOREGROUND);
  const back = colour(attribute & 0x1ff, BACKGROUND);
  const inverse = (flags & 8) !== 0;
  return { fg: inverse ? back : front, bg: inverse ? front : back, bold: (flags & 1) !== 0 };
}

const BASE =
  "000000 cd3131 0dbc79 e5e510 2472c8 bc3fbc 11a8cd e5e5e5 666666 f14c4c 23d18b f5f543 3b8eea d670d6 29b8db ffffff".split(
    " ",
  );

/** xterm's palette: 16 named colours, a cube of 216, 24 greys. */
function colour(index: number, otherwise: string): string {
  if (index === 0x1ff) return otherwise;
  if (index < 16) return `#${BASE[index] ?? "ffffff"}`;
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  if (index >= 232) return `#${hex(8 + (index - 232) * 10).repeat(3)}`;
  const step = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return `#${hex(step(Math.floor(cube / 36)))}${hex(step(Math.floor(cube / 6) % 6))}${hex(step(cube % 6))}`;
}

const escapeXml = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** The cells as an SVG in DejaVu Sans Mono. */
export function svgOf(cells: Cells): string {
  const width = Math.ceil((cells[0]?.length ?? 0) * CELL_WIDTH);
  const height = cells.length * CELL_HEIGHT;
  const body = cells.map((row, y) => row.map((cell, x) => cellSvg(cell, { x, y })).join("")).join("\n");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans Mono, monospace" font-size="14"><rect width="100%" height="100%" fill="${BACKGROUND}"/>\n${body}</svg>\n`;
}

function cellSvg([attribute, sign]: readonly [number, string], at: { readonly x: number; readonly y: number }): string {
  if (sign === CONTINUED) return "";
  const { fg, bg, bold } = look(attribute);
  const x = (at.x * CELL_WIDTH).toFixed(1);
  const y = at.y * CELL_HEIGHT;
  const back =
    bg === BACKGROUND
      ? ""
      : `<rect x="${x}" y="${y}" width="${CELL_WIDTH + 0.3}" height="${CELL_HEIGHT}" fill="${bg}"/>`;
  if (sign === " ") return back;
  return `${back}<text x="${x}" y="${y + 13}" fill="${fg}"${bold ? ' font-weight="bold"' : ""}>${escapeXml(sign)}</text>`;
}
