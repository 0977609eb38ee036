/**
 * Text from outside (names, images, error texts, log lines) made safe to print: it may neither move the cursor, nor colour, nor hide or reorder anything.
 * Everything that a command prints goes through here, piped or not: what is piped through `head` reaches a terminal too. Pure.
 */
import { CONTROL_SEQUENCES } from "../core/control-sequences.ts";

/** C0 and C1 controls, joiners and other characters without width, direction marks, line and paragraph separators. */
const UNSAFE = new RegExp(
  `[${["\\u0000-\\u001f", "\\u007f-\\u009f", "\\u00ad", "\\u061c", "\\u180e", "\\u200b-\\u200f", "\\u2028-\\u202e"].join("")}` +
    `${["\\u2060-\\u206f", "\\ufeff", "\\ufff9-\\ufffb"].join("")}]`,
  "g",
);

/** One line of text with nothing in it that a terminal obeys; tabs and line ends become a space. */
export function clean(text: string): string {
  return withoutSequences(text)
    .replace(/[\t\n\r]+/g, " ")
    .replace(UNSAFE, "");
}

/** A line of output: as `clean`, but tabs stay, and of a line that was overwritten by carriage returns what was written last. */
export function cleanLine(text: string): string {
  const bare = text.replace(/\r+$/, "");
  const last = bare.slice(bare.lastIndexOf("\r") + 1);
  return last.split("\t").map(clean).join("\t");
}

/** JSON that is safe on a terminal: what `clean` would take out is written as an escape, so nothing is lost. */
export function jsonText(value: unknown, indent = 2): string {
  const escaped = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value, null, indent).replace(UNSAFE, (sign) => (sign === "\n" ? sign : escaped(sign)));
}

/** Cells that a text takes on the screen. */
export function width(text: string): number {
  return Bun.stringWidth(text);
}

/** At most `cells` cells, with an ellipsis where something was cut. */
export function cut(text: string, cells: number): string {
  if (width(text) <= cells) return text;
  let out = "";
  for (const sign of text) {
    if (width(out + sign) > cells - 1) break;
    out += sign;
  }
  return cells <= 0 ? "" : `${out}…`;
}

/** Whole control sequences first: without their introducer the rest of them would stay behind as letters. */
function withoutSequences(text: string): string {
  return text.includes("\u001b") || text.includes("\u009b") ? text.replace(CONTROL_SEQUENCES, "") : text;
}
