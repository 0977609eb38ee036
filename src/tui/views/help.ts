/** The help, made from the keymap: every key that exists, by what it is about, filtered by what is typed. Pure. */
import { keymapOf, keyText } from "../keymap.ts";
import type { Binding } from "../keys/binding.ts";
import type { Model } from "../state/ui.ts";
import { wrap } from "../terminal/text.ts";
import { editSpans } from "./footer.ts";
import { cell, EMPTY, type Line, lineWidth, plain, span } from "./lines.ts";

const KEY_CELLS = 16;
const WHERE_CELLS = 14;
const NARROW = 60;
const SHORT_KEY_CELLS = 10;

/** The rows of the help below its filter. */
export function helpLines(model: Model, width: number): Line[] {
  const wanted = model.overlay?.kind === "help" ? model.overlay.filter.text.toLowerCase() : "";
  const shown = keymapOf(model)
    .filter((each) => !(model.readOnly && each.changes === true))
    .filter((each) => matches(each, wanted));
  if (shown.length === 0) return [plain("no key does that", "warn")];
  const groups = [...new Set(shown.map((each) => each.group))];
  return groups.flatMap((group) => [
    plain(group, "title"),
    ...shown.filter((each) => each.group === group).flatMap((binding) => rows(model, { binding, width })),
    EMPTY,
  ]);
}

function matches(binding: Binding, wanted: string): boolean {
  const text = [
    ...binding.keys.map((key) => keyText(key, true)),
    binding.short,
    binding.help,
    binding.group,
    where(binding),
  ].join(" ");
  return text.toLowerCase().includes(wanted);
}

function rows(model: Model, at: { readonly binding: Binding; readonly width: number }): Line[] {
  const { binding, width } = at;
  const keys = binding.keys.map((key) => keyText(key, model.unicode)).join(" ");
  // A narrow screen has no room to say where: the key and what it does come first.
  const whereCells = width < NARROW ? 0 : WHERE_CELLS;
  const keyCells = width < NARROW ? SHORT_KEY_CELLS : KEY_CELLS;
  const indent = 2 + keyCells + whereCells;
  const [first = "", ...rest] = wrap(binding.help, Math.max(16, width - indent));
  return [
    [span("  "), cell(span(keys, "key"), keyCells), cell(span(where(binding), "dim"), whereCells), span(first)],
    ...rest.map((text): Line => [span(" ".repeat(indent)), span(text)]),
  ];
}

/** Where a key works, in a word or two. */
function where(binding: Binding): string {
  const at = new Set(binding.where);
  if (at.has("faults")) return "behind F";
  if (at.has("tasks") && at.has("events")) return "everywhere";
  if (at.has("tasks")) return at.has("detail") ? "tasks, detail" : "tasks";
  return [...at].slice(0, 2).join(", ");
}

/** The line in which the filter is typed. */
export function helpFilter(model: Model, width: number): Line {
  if (model.overlay?.kind !== "help") return EMPTY;
  const label: Line = [span("type to filter: ", "dim")];
  return [...label, ...editSpans(model.overlay.filter, Math.max(4, width - lineWidth(label)))];
}
