/** The help of a command, made from its declaration: at most 24 lines of 80 cells, so that it never scrolls away. Pure. */
import type { CommandSpec, OptionGroup, OptionSpec } from "./command-spec.ts";

const CELLS = 79;
/** One row less than a screen has, for the prompt behind it. */
const ROWS = 23;

/** The help text of a command; `path` is its name with its parents', such as `cube node cordon`. */
export function helpText(spec: CommandSpec, path: string): string {
  const usage = spec.usage.map((form, index) => usageLine(index, path, form));
  const aliases = spec.aliases?.length ? ` (also: ${spec.aliases.join(", ")})` : "";
  const about = spec.summary === "" ? [] : [sentence(`${spec.summary}${aliases}`)];
  const groups = spec.groups.map(groupLines);
  const parts = [[...usage, ...about], spec.details ?? [], ...groups].filter((lines) => lines.length > 0);
  const roomy = parts.flat().length + parts.length - 1 <= ROWS;
  return `${parts.map((lines) => lines.join("\n")).join(roomy ? "\n\n" : "\n")}\n`;
}

function usageLine(index: number, path: string, form: string): string {
  const title = index === 0 ? "Usage:" : "      ";
  return `${title} ${path} ${form}`.trimEnd();
}

/** `-p, --publish PORT` from commander's `-p, --publish <PORT>`. */
function shownFlags(option: OptionSpec): string {
  return option.flags.replace(/[<>]/g, "");
}

/** Options with a description have a line each; the others share a paragraph. */
function groupLines(group: OptionGroup): string[] {
  const shown = group.options.filter((option) => option.hidden !== true);
  if (shown.length === 0) return [];
  const described = shown.filter((option) => option.about !== "");
  const named = shown.filter((option) => option.about === "").map(shownFlags);
  const column = Math.max(0, ...described.map((option) => shownFlags(option).length)) + 4;
  const rows = described.map((option) => `  ${shownFlags(option).padEnd(column - 2)}${option.about}`);
  return [...(group.title === "" ? [] : [group.title]), ...rows, ...flow(named)];
}

/** Words side by side, three spaces between them. */
function flow(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length + 3 <= CELLS) lines[lines.length - 1] = `${last}   ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
