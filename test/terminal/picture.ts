// A picture of an emulator's screen: its cells as an SVG, to look at with one's own eyes (rsvg-convert makes a PNG of it).
import type { IBufferCell, Terminal } from "@xterm/headless";

const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 17;
const FOREGROUND = "#d0d0d0";
const BACKGROUND = "#101010";

/** The screen as an SVG in DejaVu Sans Mono. */
export function svgOf(terminal: Terminal): string {
  const { active } = terminal.buffer;
  const rows: string[] = [];
  for (let y = 0; y < terminal.rows; y++) {
    for (let x = 0; x < terminal.cols; x++) {
      const cell = active.getLine(active.viewportY + y)?.getCell(x);
      if (cell !== undefined && cell.getWidth() > 0) rows.push(cellSvg(cell, { x, y }));
    }
  }
  const width = Math.ceil(terminal.cols * CELL_WIDTH);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${terminal.rows * CELL_HEIGHT}" font-family="DejaVu Sans Mono" font-size="14"><rect width="100%" height="100%" fill="${BACKGROUND}"/>${rows.join("")}</svg>`;
}

function cellSvg(cell: IBufferCell, at: { readonly x: number; readonly y: number }): string {
  const front = colourOf(cell, "Fg") ?? FOREGROUND;
  const back = colourOf(cell, "Bg") ?? BACKGROUND;
  const inverse = cell.isInverse() !== 0;
  const [fg, bg] = inverse ? [back, front] : [front, back];
  const x = (at.x * CELL_WIDTH).toFixed(1);
  const y = at.y * CELL_HEIGHT;
  const rect =
    bg === BACKGROUND
      ? ""
      : `<rect x="${x}" y="${y}" width="${(CELL_WIDTH * cell.getWidth() + 0.3).toFixed(1)}" height="${CELL_HEIGHT}" fill="${bg}"/>`;
  const sign = cell.getChars();
  if (sign === "" || sign === " ") return rect;
  const bold = cell.isBold() !== 0 ? ' font-weight="bold"' : "";
  return `${rect}<text x="${x}" y="${y + 13}" fill="${fg}"${bold}>${sign.replace(/&/g, "&amp;").replace(/</g, "&lt;")}</text>`;
}

function colourOf(cell: IBufferCell, side: "Fg" | "Bg"): string | undefined {
  const value = side === "Fg" ? cell.getFgColor() : cell.getBgColor();
  const isRgb = side === "Fg" ? cell.isFgRGB() : cell.isBgRGB();
  const isPalette = side === "Fg" ? cell.isFgPalette() : cell.isBgPalette();
  if (isRgb) return `#${value.toString(16).padStart(6, "0")}`;
  return isPalette ? palette(value) : undefined;
}

const BASE =
  "000000 cd3131 0dbc79 e5e510 2472c8 bc3fbc 11a8cd e5e5e5 666666 f14c4c 23d18b f5f543 3b8eea d670d6 29b8db ffffff".split(
    " ",
  );

function palette(index: number): string {
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  if (index < 16) return `#${BASE[index]}`;
  if (index >= 232) return `#${hex(8 + (index - 232) * 10).repeat(3)}`;
  const step = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return `#${hex(step(Math.floor(cube / 36)))}${hex(step(Math.floor(cube / 6) % 6))}${hex(step(cube % 6))}`;
}
