/** What a word on the command line can be: commands, flags, values of flags, or names that only a manager knows. Pure. */
import type { CommandSpec, Completes, OptionSpec } from "./command-spec.ts";
import { SHELLS } from "./completion-scripts.ts";
import { findChild, optionsOf } from "./program.ts";

/** A word and what it is. */
export interface Suggestion {
  readonly word: string;
  readonly about: string;
}

/** Suggestions, and the names that a manager would have to be asked for. */
export interface Completion {
  readonly suggestions: readonly Suggestion[];
  readonly names: Completes;
}

const NOTHING: Completion = { suggestions: [], names: "nothing" };

/** Completes the last of the words behind `cube`; it may be "". */
export function complete(root: CommandSpec, words: readonly string[]): Completion {
  const current = words.at(-1) ?? "";
  const { spec, plain, waiting, ended } = walk(root, words.slice(0, -1));
  if (waiting !== null) return startingWith(current, valuesOf(waiting));
  if (current.startsWith("-") && !ended) return startingWith(current, { suggestions: flagsOf(spec), names: "nothing" });
  const children = plain === 0 ? (spec.children ?? []).filter((child) => !child.hidden) : [];
  const suggestions = children.map((child) => ({ word: child.name, about: child.summary }));
  const shells = spec.completes === "shell" && plain === 0 ? SHELLS.map((word) => ({ word, about: "" })) : [];
  const takesMore = plain === 0 || spec.parameters.at(-1)?.endsWith("...>") === true;
  const names = takesMore && !ended ? (spec.completes ?? "nothing") : "nothing";
  return startingWith(current, {
    suggestions: [...suggestions, ...shells],
    names: names === "shell" ? "nothing" : names,
  });
}

interface Walked {
  readonly spec: CommandSpec;
  /** Plain words behind the command. */
  readonly plain: number;
  /** The option whose value comes next. */
  readonly waiting: OptionSpec | null;
  /** True behind `--`. */
  readonly ended: boolean;
}

function walk(root: CommandSpec, words: readonly string[]): Walked {
  let at: Walked = { spec: root, plain: 0, waiting: null, ended: false };
  for (const word of words) at = step(at, word);
  return at;
}

function step(at: Walked, word: string): Walked {
  if (at.waiting !== null) return { ...at, waiting: null };
  if (at.ended) return { ...at, plain: at.plain + 1 };
  if (word === "--") return { ...at, ended: true };
  if (word.startsWith("-")) return { ...at, waiting: word.includes("=") ? null : valueOption(at.spec, word) };
  const child = at.plain === 0 ? findChild(at.spec, word) : undefined;
  return child === undefined ? { ...at, plain: at.plain + 1 } : { ...at, spec: child };
}

function valueOption(spec: CommandSpec, word: string): OptionSpec | null {
  const found = optionsOf(spec).find(({ flags }) => namesOf(flags).includes(word));
  return found?.flags.includes("<") ? found : null;
}

function valuesOf(option: OptionSpec): Completion {
  if (option.choices !== undefined)
    return { suggestions: option.choices.map((word) => ({ word, about: "" })), names: "nothing" };
  return option.completes === undefined ? NOTHING : { suggestions: [], names: option.completes };
}

function flagsOf(spec: CommandSpec): Suggestion[] {
  const shown = spec.groups.flatMap(({ options }) => options);
  return shown.flatMap(({ flags, about }) =>
    namesOf(flags)
      .slice(-1)
      .map((word) => ({ word, about })),
  );
}

function namesOf(flags: string): string[] {
  return flags.match(/(?<=^|\s)--?[A-Za-z][A-Za-z-]*/g) ?? [];
}

function startingWith(current: string, completion: Completion): Completion {
  return { ...completion, suggestions: completion.suggestions.filter(({ word }) => word.startsWith(current)) };
}
