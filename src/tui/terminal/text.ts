/**
 * Text from outside (task names, images, log lines, error texts) made safe to draw: control sequences, bidirectional and zero-width characters are taken out,
 * and whatever a terminal might draw two cells wide by surprise becomes one sign. Pure. Nothing that did not pass `safe` or `safeLines` may enter the model: an
 * emoji or an escape sequence would shift every column after it.
 */
import { CONTROL_SEQUENCES } from "../../core/control-sequences.ts";

/** The sign that stands for a character the screen cannot be trusted with. */
const REPLACEMENT = "·";

const PLAIN = /^[\x20-\x7e]*$/;

type Range = readonly [from: number, to: number];

/** Code points that every terminal draws one cell wide. */
const NARROW: readonly Range[] = [
  [0x20, 0x7e],
  [0xa1, 0xa8],
  [0xaa, 0xac],
  [0xaf, 0x2ff],
  [0x370, 0x377],
  [0x37a, 0x37f],
  [0x384, 0x482],
  [0x48a, 0x52f],
  [0x531, 0x556],
  [0x559, 0x58a],
  [0x1e00, 0x1fbc],
  [0x2010, 0x2015],
  [0x2016, 0x2027],
  [0x2030, 0x203b],
  [0x203d, 0x2048],
  [0x204a, 0x205e],
  [0x2070, 0x209c],
  [0x20a0, 0x20bf],
  [0x2190, 0x2193],
  [0x21d0, 0x21d5],
  [0x2200, 0x22ff],
  [0x2500, 0x25a9],
  [0x25ac, 0x25b5],
  [0x25b8, 0x25bf],
  [0x25c1, 0x25fa],
  [0x2713, 0x2713],
  [0x2717, 0x2717],
  [0x2800, 0x28ff],
];

/** Code points that every terminal draws two cells wide: CJK, kana, Hangul, full-width forms. */
const WIDE: readonly Range[] = [
  [0x3001, 0x3029],
  [0x3041, 0x3096],
  [0x309b, 0x30ff],
  [0x3105, 0x312d],
  [0x3131, 0x318e],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xf900, 0xfa6d],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
];

/** Characters of no width of their own: combining marks, joiners, variation selectors, tags, direction marks. */
const NOTHING: readonly Range[] = [
  [0x0, 0x8],
  [0xb, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x300, 0x36f],
  [0x483, 0x489],
  [0x591, 0x5bd],
  [0x610, 0x61a],
  [0x61c, 0x61c],
  [0x64b, 0x65f],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0x20d0, 0x20f0],
  [0xfe00, 0xfe0f],
  [0xfe20, 0xfe2f],
  [0xfeff, 0xfeff],
  [0xfff0, 0xfffb],
  [0x1f3fb, 0x1f3ff],
  [0xe0000, 0xe0fff],
];

const within = (ranges: readonly Range[], code: number): boolean => {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const [from, to] = ranges[middle] as Range;
    if (code < from) high = middle - 1;
    else if (code > to) low = middle + 1;
    else return true;
  }
  return false;
};

/** Cells that one code point takes on the screen: 0, 1 or 2. Pure. */
function cellsOf(code: number): 0 | 1 | 2 {
  if (code >= 0x20 && code < 0x7f) return 1;
  if (within(NOTHING, code)) return 0;
  return within(WIDE, code) ? 2 : 1;
}

/** One line of text with nothing in it that could move the cursor or shift a column; line ends and tabs become a space. Pure. */
export function safe(text: string): string {
  if (PLAIN.test(text)) return text;
  const bare = text.replace(CONTROL_SEQUENCES, "").normalize("NFC");
  let out = "";
  let joined = false;
  for (const sign of bare) {
    const code = sign.codePointAt(0) as number;
    if (code === 0x200d) joined = true;
    else if (code === 0x0a || code === 0x09) out += " ";
    else if (!within(NOTHING, code)) {
      out += shown({ sign, code, joined });
      joined = false;
    }
  }
  return out;
}

/** What is drawn for one code point; the second half of a joined emoji adds nothing, nor does the second letter of a flag. */
function shown(at: { sign: string; code: number; joined: boolean }): string {
  if (within(NARROW, at.code) || within(WIDE, at.code)) return at.sign;
  if (at.joined) return "";
  return at.code === 0xa0 || (at.code >= 0x2000 && at.code <= 0x200a) ? " " : REPLACEMENT;
}

/** A text of several lines as safe lines; a tab becomes two spaces, a carriage return keeps what was written last. Pure. */
export function safeLines(text: string): string[] {
  return text.split("\n").map((line) => safe(afterReturn(line).replaceAll("\t", "  ")));
}

/** What a progress bar leaves on its line: the text after the last carriage return. */
function afterReturn(line: string): string {
  const bare = line.endsWith("\r") ? line.slice(0, -1) : line;
  return bare.slice(bare.lastIndexOf("\r") + 1);
}

/** A copy of a record with every string in it made safe, keys included. Pure; for plain data without cycles. */
export function safeRecord<T>(value: T): T {
  if (typeof value === "string") return safe(value) as T;
  if (Array.isArray(value)) return value.map((item) => safeRecord(item)) as T;
  if (value === null || typeof value !== "object") return value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) copy[safe(key)] = safeRecord(item);
  return copy as T;
}

/** Cells that a safe text takes. Pure. */
export function width(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let cells = 0;
  for (const sign of text) cells += cellsOf(sign.codePointAt(0) as number);
  return cells;
}

/** At most `cells` cells of a safe text, with an ellipsis where something was cut. Pure. */
export function cut(text: string, cells: number): string {
  if (cells <= 0) return "";
  if (width(text) <= cells) return text;
  if (cells === 1) return "…";
  let out = "";
  let used = 0;
  for (const sign of text) {
    const next = cellsOf(sign.codePointAt(0) as number);
    if (used + next > cells - 1) break;
    out += sign;
    used += next;
  }
  return `${out}…`;
}

/** Exactly `cells` cells: cut or padded, to the left side by default. Pure. */
export function fit(text: string, cells: number, side: "left" | "right" = "left"): string {
  const short = cut(text, cells);
  const pad = " ".repeat(Math.max(0, cells - width(short)));
  return side === "left" ? short + pad : pad + short;
}

/** Words of a safe text on lines of at most `cells` cells; a longer word is broken. Pure. */
export function wrap(text: string, cells: number): string[] {
  const lines: string[] = [];
  let line = "";
  const room = Math.max(1, cells);
  for (const word of text.split(" ")) {
    const joined = line === "" ? word : `${line} ${word}`;
    if (width(joined) <= room) {
      line = joined;
      continue;
    }
    if (line !== "") lines.push(line);
    const pieces = chunks(word, room);
    line = pieces.pop() ?? "";
    lines.push(...pieces);
  }
  lines.push(line);
  return lines;
}

/** A safe text in pieces of at most `cells` cells, without regard to words. Pure. */
export function chunks(text: string, cells: number): string[] {
  const pieces: string[] = [];
  let piece = "";
  let used = 0;
  for (const sign of text) {
    const next = cellsOf(sign.codePointAt(0) as number);
    if (used + next > cells && piece !== "") {
      pieces.push(piece);
      piece = "";
      used = 0;
    }
    piece += sign;
    used += next;
  }
  pieces.push(piece);
  return pieces;
}
