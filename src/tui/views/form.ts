/** The new-task form: one line a field, its problem below it, and the field in focus with a cursor. Pure. */
import { CHOICES, FIELD_TEXT, type FieldId, type Form, fieldsOf, isChoice } from "../state/form.ts";
import { wrap } from "../terminal/text.ts";
import { editSpans } from "./footer.ts";
import { cell, EMPTY, type Line, plain, type Span, span } from "./lines.ts";

/** Width of the form with its border, where there is room. */
export const FORM_WIDTH = 76;

const LABEL_CELLS = 12;

/** The lines of the form inside its border, and the one that holds the focus. */
export function formLines(
  form: Form,
  at: { readonly width: number; readonly unicode: boolean },
): { readonly lines: Line[]; readonly focusLine: number } {
  const lines: Line[] = [];
  let focusLine = 0;
  if (form.noDocker !== "") {
    lines.push(
      ...wrap(`No containers here: ${form.noDocker}. The task runs as a plain process of its node.`, at.width - 2).map(
        (line) => plain(` ${line}`, "warn"),
      ),
      EMPTY,
    );
  }
  for (const id of fieldsOf(form)) {
    if (id === form.focus) focusLine = lines.length;
    lines.push(fieldLine(form, id, at));
    const problem = form.problems[id];
    if (problem !== undefined) lines.push(...problemLines(problem, at));
  }
  lines.push(EMPTY);
  if (form.refusal !== "") lines.push(...wrap(form.refusal, at.width - 2).map((line) => plain(` ${line}`, "bad")));
  if (form.sending) lines.push(plain(" sending …", "busy"));
  return { lines, focusLine };
}

/** Below the value. */
function problemLines(problem: string, at: { readonly width: number; readonly unicode: boolean }): Line[] {
  const indent = " ".repeat(LABEL_CELLS + 3);
  return wrap(problem, at.width - indent.length - 3).map((text, row) => [
    span(indent),
    span(`${row > 0 ? " " : at.unicode ? "↑" : "^"} ${text}`, "bad"),
  ]);
}

function fieldLine(form: Form, id: FieldId, at: { readonly width: number; readonly unicode: boolean }): Line {
  const focused = form.focus === id;
  const wrong = form.problems[id] !== undefined;
  const label = cell(
    span(FIELD_TEXT[id].label, wrong ? "bad" : focused ? "title" : "plain", { bold: focused }),
    LABEL_CELLS,
  );
  const pointer = span(focused ? (at.unicode ? " ▸ " : " > ") : "   ", "accent", { bold: true });
  return [pointer, label, ...value(form, id, at.width - LABEL_CELLS - 4)];
}

function value(form: Form, id: FieldId, cells: number): Span[] {
  const edit = form.values[id];
  const focused = form.focus === id;
  if (isChoice(id)) return choice(form, id);
  const hint = hintOf(form, id);
  if (focused)
    return edit.text === "" ? [span(" ", "plain", { inverse: true }), span(hint, "dim")] : editSpans(edit, cells);
  return edit.text === "" ? [span(hint === "" ? "" : ` ${hint}`, "dim")] : [cell(span(edit.text), cells)];
}

/** A process has no image whose command could be replaced. */
function hintOf(form: Form, id: FieldId): string {
  return id === "command" && form.values.runtime.text === "process" ? "e.g. sleep 600" : FIELD_TEXT[id].hint;
}

function choice(form: Form, id: keyof typeof CHOICES): Span[] {
  const chosen = form.values[id].text;
  const locked = id === "runtime" && form.noDocker !== "";
  const answers = CHOICES[id].flatMap((answer): Span[] => [
    span(answer === chosen ? `[${answer}]` : ` ${answer} `, answer === chosen ? "title" : "dim", {
      bold: answer === chosen,
      inverse: answer === chosen && form.focus === id,
    }),
    span(" "),
  ]);
  return form.focus === id && !locked ? [...answers, span(" Space changes", "dim")] : answers;
}
