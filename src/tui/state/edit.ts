/** One line of text being typed: the field of a form, the filter, the command line. Pure. */
import type { Key } from "../terminal/key-names.ts";

export interface Edit {
  readonly text: string;
  /** Position before which the next character goes, in code units. */
  readonly at: number;
}

/** Longest text of a field; more is not taken. */
const EDIT_LIMIT = 4096;

export const BLANK: Edit = { text: "", at: 0 };

/** A field that holds `text`, the cursor behind it. */
export function editOf(text: string): Edit {
  return { text, at: text.length };
}

/** Types text at the cursor. */
export function insert(edit: Edit, text: string): Edit {
  const added = text.slice(0, EDIT_LIMIT - edit.text.length);
  return { text: edit.text.slice(0, edit.at) + added + edit.text.slice(edit.at), at: edit.at + added.length };
}

/** What an editing key does; undefined for keys that are not about editing. */
export function editKey(edit: Edit, key: Key): Edit | undefined {
  if (key.text !== "") return insert(edit, key.text);
  const { text, at } = edit;
  switch (key.name) {
    case "left":
      return { text, at: Math.max(0, at - before(text, at)) };
    case "right":
      return { text, at: Math.min(text.length, at + after(text, at)) };
    case "home":
    case "C-a":
      return { text, at: 0 };
    case "end":
    case "C-e":
      return { text, at: text.length };
    case "backspace":
      return erase(edit, at - before(text, at), at);
    case "delete":
      return erase(edit, at, at + after(text, at));
    case "C-u":
      return erase(edit, 0, at);
    case "C-k":
      return erase(edit, at, text.length);
    case "C-w":
      return erase(edit, text.slice(0, at).replace(/\S*\s*$/, "").length, at);
    default:
      return undefined;
  }
}

function erase(edit: Edit, from: number, to: number): Edit {
  return { text: edit.text.slice(0, from) + edit.text.slice(to), at: from };
}

/** Code units of the character before the cursor: two for one beyond the basic plane. */
const before = (text: string, at: number): number => (at > 0 ? lastOf(text.slice(0, at)).length : 0);
const after = (text: string, at: number): number =>
  at < text.length ? String.fromCodePoint(text.codePointAt(at) ?? 0).length : 0;
const lastOf = (text: string): string => [...text].at(-1) ?? "";
