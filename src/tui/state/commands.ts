/** The command line of `:`: its words, what they do, and how Tab completes them. Pure. */
import { unreachable } from "../../core/assert.ts";
import { THEMES, type ThemeName } from "../theme.ts";
import { editOf } from "./edit.ts";
import { SORTS, type SortKey } from "./rows.ts";
import type { Model, Step } from "./ui.ts";

/** The commands, with the words that Tab offers for their argument. */
const COMMANDS = {
  quit: () => [],
  q: () => [],
  filter: () => [],
  node: (model: Model) => ["all", ...model.nodes.map((node) => node.name)],
  sort: () => [...SORTS],
  theme: () => [...THEMES],
  errors: () => [],
  help: () => [],
  save: () => [],
} as const satisfies Record<string, (model: Model) => readonly string[]>;

type Command = keyof typeof COMMANDS;

/** What a command line does, or why it does nothing. */
export function runCommand(model: Model, line: string): Step | { readonly problem: string } {
  const [word = "", ...rest] = line.trim().split(/\s+/);
  const argument = rest.join(" ");
  if (word === "") return { model, effects: [] };
  const command = commandOf(word);
  if (command === undefined) return { problem: `no command :${word}; there are :${Object.keys(COMMANDS).join(" :")}` };
  const step = (change: Partial<Model>): Step => ({ model: { ...model, ...change }, effects: [] });
  switch (command) {
    case "q":
    case "quit":
      return { model, effects: [{ kind: "quit", mode: "leave" }] };
    case "save":
      return { model, effects: [{ kind: "save-screen" }] };
    case "filter":
      return step({ filter: argument });
    case "errors":
      return step({ overlay: { kind: "errors", top: 0 } });
    case "help":
      return step({ overlay: { kind: "help", filter: editOf(argument), top: 0 } });
    case "node":
      return nodeFilter(model, argument);
    case "sort":
      return sorted(model, argument);
    case "theme":
      return themed(model, argument);
    default:
      return unreachable(command);
  }
}

/** A command by its name, or by a beginning that only it has. */
function commandOf(word: string): Command | undefined {
  const names = Object.keys(COMMANDS) as Command[];
  const fitting = names.filter((name) => name.startsWith(word));
  return names.find((name) => name === word) ?? (fitting.length === 1 ? fitting[0] : undefined);
}

function nodeFilter(model: Model, argument: string): Step | { readonly problem: string } {
  if (argument === "" || argument === "all") return { model: { ...model, filter: "" }, effects: [] };
  if (!model.nodes.some((node) => node.name === argument)) return { problem: `no node is called ${argument}` };
  return { model: { ...model, filter: `node:${argument}`, focus: "tasks" }, effects: [] };
}

function sorted(model: Model, argument: string): Step | { readonly problem: string } {
  const by = SORTS.find((each) => each === argument) as SortKey | undefined;
  if (by === undefined) return { problem: `:sort takes ${SORTS.join(", ")}` };
  return { model: { ...model, sort: { by, reverse: false } }, effects: [] };
}

function themed(model: Model, argument: string): Step | { readonly problem: string } {
  const theme = THEMES.find((each) => each === argument) as ThemeName | undefined;
  if (theme === undefined) return { problem: `:theme takes ${THEMES.join(", ")}` };
  return { model: { ...model, theme }, effects: [] };
}

/** The line with its last word completed as far as it is certain. */
export function complete(model: Model, line: string): string {
  const at = line.indexOf(" ");
  const [head, word, offers] =
    at < 0
      ? ["", line, Object.keys(COMMANDS)]
      : [line.slice(0, at + 1), line.slice(at + 1), COMMANDS[line.slice(0, at) as Command]?.(model) ?? []];
  const fitting = offers.filter((each) => each.startsWith(word));
  const first = fitting[0];
  if (first === undefined) return line;
  const common = fitting.reduce((all, each) => commonStart(all, each), first);
  return (
    head +
    common +
    (fitting.length === 1 && at < 0 && (COMMANDS[first as Command]?.(model) ?? []).length > 0 ? " " : "")
  );
}

function commonStart(a: string, b: string): string {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return a.slice(0, n);
}
