/**
 * The last line: what is being typed, what just happened, or the keys of where one is. Pure. The keys come from the keymap; those that can do nothing now are
 * dim, and as many are shown as fit, help always among them.
 */
import { bindingsOf, keyText } from "../keymap.ts";
import type { Binding } from "../keys/binding.ts";
import type { Edit } from "../state/edit.ts";
import { parseFilter } from "../state/rows.ts";
import { contextOf, type Model } from "../state/ui.ts";
import { cut, width } from "../terminal/text.ts";
import { fitLine, type Line, lineWidth, type Span, sides, span } from "./lines.ts";

/** The footer line. */
export function footer(model: Model): Line {
  if (model.prompt !== undefined) return promptLine(model, model.cols);
  if (model.status !== undefined) {
    const sign = model.status.role === "bad" ? "error: " : "";
    return fitLine([span(` ${sign}${model.status.text}`, model.status.role, { bold: true })], model.cols);
  }
  return fitLine(hints(model), model.cols);
}

const PROMPT_SIGNS: Readonly<Record<NonNullable<Model["prompt"]>["kind"], string>> = {
  command: ":",
  filter: "/",
  search: "/",
  address: "dial HOST:PORT ",
};

function promptLine(model: Model, cells: number): Line {
  const prompt = model.prompt;
  if (prompt === undefined) return [];
  const sign = PROMPT_SIGNS[prompt.kind];
  const left: Line = [span(sign, "key"), ...editSpans(prompt.edit, Math.max(8, cells - 30))];
  return sides(left, [span(`${promptInfo(model)} `, "dim")], cells);
}

function promptInfo(model: Model): string {
  const prompt = model.prompt;
  if (prompt?.kind === "filter") {
    const { problem } = parseFilter(prompt.edit.text);
    const all = [...model.shown.tasks.values()].filter((task) => task.current).length;
    return problem === "" ? `${model.tasks.length}/${all} tasks` : problem;
  }
  if (prompt?.kind === "address") return "Enter adds, Esc closes";
  return prompt?.kind === "command" ? "Tab completes, Esc closes" : "Enter searches";
}

/** A text field with its cursor, scrolled so that the cursor is in view. */
export function editSpans(edit: Edit, cells: number): Span[] {
  const before = edit.text.slice(0, edit.at);
  const rest = [...edit.text.slice(edit.at)];
  let start = before;
  while (width(start) > cells - 1) start = [...start].slice(1).join("");
  const under = rest[0] ?? " ";
  const behind = cut(rest.slice(1).join(""), Math.max(0, cells - width(start) - width(under)));
  return [span(start), span(under, "plain", { inverse: true }), span(behind)];
}

/** Leaving, closing and help are on the line whatever else is; then what can be done now; then, dim, what cannot. */
function hints(model: Model): Span[] {
  const { readOnly, demo } = model;
  const all = bindingsOf({ context: contextOf(model), readOnly, demo: demo !== undefined });
  const bindings = all.filter((each) => each.short !== "");
  const must = bindings.filter((each) => ["help", "leave", "close", "dialog-cancel"].includes(each.action));
  const can = bindings.filter((each) => each.disabled?.(model) === undefined);
  const chosen = new Set<Binding>();
  let room = model.cols - 1;
  for (const binding of [...must, ...can, ...bindings]) {
    const cells = chosen.has(binding) ? 0 : lineWidth(hint(model, binding));
    if (cells > room) break;
    room -= cells;
    chosen.add(binding);
  }
  return [span(" "), ...bindings.filter((each) => chosen.has(each)).flatMap((each) => hint(model, each))];
}

function hint(model: Model, binding: Binding): Span[] {
  const disabled = binding.disabled?.(model) !== undefined;
  const key = keyText(binding.keys[0] ?? "", model.unicode);
  return [
    span(key, disabled ? "dim" : "key", { bold: !disabled }),
    span(` ${binding.short}  `, disabled ? "dim" : "plain"),
  ];
}
