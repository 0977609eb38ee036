/** A question with Cancel in focus. Pure. */

import type { Dialog } from "../state/ui.ts";
import { wrap } from "../terminal/text.ts";
import { editSpans } from "./footer.ts";
import { EMPTY, type Line, plain, span } from "./lines.ts";

/** Width of a dialog with its border, where there is room. */
export const DIALOG_WIDTH = 64;

/** The lines of a dialog inside its border. */
export function dialogLines(dialog: Dialog, width: number): Line[] {
  return [
    EMPTY,
    ...dialog.lines.flatMap((text) => wrap(text, width - 2).map((line) => plain(` ${line}`))),
    EMPTY,
    ...(dialog.phrase === "" ? [] : [phraseLine(dialog, width), EMPTY]),
    buttons(dialog),
  ];
}

function phraseLine(dialog: Dialog, width: number): Line {
  const ask = ` Type ${dialog.phrase} to go on: `;
  return [span(ask, "warn"), ...editSpans(dialog.typed, Math.max(4, width - ask.length - 1))];
}

function buttons(dialog: Dialog): Line {
  const button = (text: string, focused: boolean) =>
    span(focused ? `[ ${text} ]` : `  ${text}  `, focused ? "title" : "dim", { inverse: focused, bold: focused });
  const letter = dialog.phrase === "" ? " (y)" : "";
  return [
    span("  "),
    button("Cancel", dialog.focus === "cancel"),
    span("   "),
    button(`${dialog.verb}${letter}`, dialog.focus === "confirm"),
  ];
}
