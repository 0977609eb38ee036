/** Every error that was shown, newest first. Pure. */

import type { Model } from "../state/ui.ts";
import { wrap } from "../terminal/text.ts";
import { cell, type Line, plain, span } from "./lines.ts";
import { clock } from "./units.ts";

const CODE_CELLS = 16;

/** The rows of the errors page. */
export function errorLines(model: Model, width: number): Line[] {
  if (model.errors.length === 0) return [plain("no errors so far", "good")];
  const indent = 9 + CODE_CELLS;
  return model.errors.toReversed().flatMap((error) => {
    const text = wrap(error.message, Math.max(10, width - indent));
    const hint = error.hint === "" ? [] : wrap(error.hint, Math.max(10, width - indent));
    return [
      ...text.map(
        (line, i): Line => [
          span(i === 0 ? `${clock(error.atMs + model.zoneMs)} ` : " ".repeat(9), "dim"),
          cell(span(i === 0 ? error.code : "", "bad"), CODE_CELLS),
          span(line),
        ],
      ),
      ...hint.map((line): Line => [span(" ".repeat(indent)), span(line, "dim")]),
    ];
  });
}
