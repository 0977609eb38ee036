/**
 * Names the keys that a terminal sends: one whole sequence in, one name out. Pure. blessed's own parser is not used: it fires Enter twice, breaks characters
 * beyond the basic plane in two and gives punctuation no name.
 */

/** One key press: its name (`a`, `A`, `?`, `enter`, `C-d`, `up`, `S-tab`), and the text it types, if any. */
export interface Key {
  readonly name: string;
  /** What a text field takes; "" for keys that type nothing. */
  readonly text: string;
}

/** A mouse report in cells from 0; `kind` is what a pane can act on. */
export interface Mouse {
  readonly kind: "press" | "wheel-up" | "wheel-down";
  readonly x: number;
  readonly y: number;
}

const LETTER: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  M: "enter",
  P: "f1",
  Q: "f2",
  R: "f3",
  S: "f4",
};

const NUMBER: Readonly<Record<string, string>> = {
  "1": "home",
  "2": "insert",
  "3": "delete",
  "4": "end",
  "5": "pageup",
  "6": "pagedown",
  "7": "home",
  "8": "end",
  "11": "f1",
  "12": "f2",
  "13": "f3",
  "14": "f4",
  "15": "f5",
  "17": "f6",
  "18": "f7",
  "19": "f8",
  "20": "f9",
  "21": "f10",
  "23": "f11",
  "24": "f12",
};

const SINGLE: Readonly<Record<string, string>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x1b": "escape",
  "\x1b\x1b": "escape",
  "\x1b[Z": "S-tab",
  "\0": "C-space",
  "\x1c": "C-\\",
  "\x1d": "C-]",
  "\x1e": "C-^",
  "\x1f": "C-_",
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with a control character
const FUNCTION_KEY = /^\x1b(?:\[|O)(?:(\d+)(?:;(\d+))?)?([A-HMP-S~])$/;

/** The key that a whole sequence stands for; undefined for what is no key (an answer of the terminal, an unknown sequence). */
export function keyOf(sequence: string): Key | undefined {
  if (sequence === " ") return { name: "space", text: " " };
  const single = SINGLE[sequence];
  if (single !== undefined) return { name: single, text: "" };
  if (sequence.startsWith("\x1b")) return escaped(sequence);
  const code = sequence.codePointAt(0) ?? 0;
  if (code < 0x20) return { name: `C-${String.fromCharCode(code + 0x60)}`, text: "" };
  return { name: sequence, text: sequence };
}

function escaped(sequence: string): Key | undefined {
  const match = FUNCTION_KEY.exec(sequence);
  if (match !== null) return functionKey(match);
  const rest = sequence.slice(1);
  return rest.length === 1 && rest > " " && rest !== "[" && rest !== "O" ? { name: `M-${rest}`, text: "" } : undefined;
}

function functionKey(match: RegExpExecArray): Key | undefined {
  const [, first, second, last] = match;
  // A letter with another number than 1 is an answer of the terminal, such as where the cursor is.
  if (last !== "~" && first !== undefined && first !== "1") return undefined;
  const base = last === "~" ? NUMBER[first ?? ""] : LETTER[last ?? ""];
  if (base === undefined) return undefined;
  const modifier = Number(second ?? 1) - 1;
  const name = `${modifier & 4 ? "C-" : ""}${modifier & 2 ? "M-" : ""}${modifier & 1 ? "S-" : ""}${base}`;
  return { name, text: "" };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with a control character
const SGR_MOUSE = /^\x1b\[<(\d+);(\d+);(\d+)([Mm])$/;

/** The mouse report in an SGR sequence (xterm mode 1006); undefined for releases, movements and anything else. */
export function mouseOf(sequence: string): Mouse | undefined {
  const match = SGR_MOUSE.exec(sequence);
  if (match === null || match[4] === "m") return undefined;
  const kind = ({ 0: "press", 64: "wheel-up", 65: "wheel-down" } as const)[Number(match[1])];
  return kind === undefined ? undefined : { kind, x: Number(match[2]) - 1, y: Number(match[3]) - 1 };
}
