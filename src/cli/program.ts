/**
 * The declared commands as a commander program: the only file that knows commander. It parses; what to do is each command's own, and how an error looks is
 * cli-error.ts's. It must never print on its own.
 */
import { Command, CommanderError, Option } from "commander";
import type { Flags } from "../config/sources.ts";
import { closest } from "../core/closest.ts";
import { UsageError } from "./cli-error.ts";
import type { CommandSpec, OptionSpec } from "./command-spec.ts";
import { TARGET_KEYS } from "./common-options.ts";
import { helpText } from "./help.ts";

/** What the command line says: which command, its words and its flags by key. */
export interface Invocation {
  readonly spec: CommandSpec;
  readonly args: readonly string[];
  readonly flags: Flags;
}

/** Either something to run, or a help text that was asked for. */
export type Parsed =
  | { readonly kind: "run"; readonly invocation: Invocation }
  | { readonly kind: "help"; readonly text: string };

/** Reads a command line. Throws UsageError. */
export function parseCommandLine(root: CommandSpec, argv: readonly string[]): Parsed {
  const found: { invocation: Invocation | null; help: string } = { invocation: null, help: "" };
  const program = build({ spec: root, path: root.name, argv, found });
  try {
    program.parse([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === "commander.help") return { kind: "help", text: found.help };
    throw asUsageError(error, lookUp(root, argv));
  }
  if (found.invocation === null) throw new UsageError("nothing to do");
  return { kind: "run", invocation: found.invocation };
}

/** The command that a command line names, going down as far as words match; the root for none. */
function lookUp(root: CommandSpec, argv: readonly string[]): { spec: CommandSpec; path: string } {
  let at = { spec: root, path: root.name };
  for (const word of argv) {
    const next = findChild(at.spec, word);
    if (next !== undefined) at = { spec: next, path: `${at.path} ${next.name}` };
    else if (!word.startsWith("-") && at.spec !== root) break;
  }
  return at;
}

/** The child of that name or alias. */
export function findChild(spec: CommandSpec, word: string): CommandSpec | undefined {
  return spec.children?.find((child) => child.name === word || child.aliases?.includes(word));
}

/** "unknown command", with the one that was probably meant. */
export function unknownCommand(at: { readonly spec: CommandSpec; readonly path: string }, word: string): UsageError {
  const names = (at.spec.children ?? [])
    .filter((child) => !child.hidden)
    .flatMap((child) => [child.name, ...(child.aliases ?? [])]);
  const meant = closest(word, names);
  return new UsageError(
    `unknown command "${word}"`,
    meant === null ? `${at.path} --help lists the commands` : `did you mean "${meant}"?`,
  );
}

interface Building {
  readonly spec: CommandSpec;
  readonly path: string;
  readonly argv: readonly string[];
  readonly found: { invocation: Invocation | null; help: string };
}

function build(at: Building): Command {
  const { spec, found } = at;
  const command = new Command(spec.name);
  command.exitOverride().helpCommand(false).helpOption("-h, --help").enablePositionalOptions();
  command.configureOutput({
    writeOut: (text) => {
      found.help += text;
    },
    writeErr: () => {},
    outputError: () => {},
  });
  command.helpInformation = () => helpText(spec, at.path);
  if (spec.passThrough) command.passThroughOptions();
  // A command with others below it takes any word, to say itself which of them was meant.
  const parameters = spec.children === undefined ? spec.parameters : ["[words...]"];
  for (const parameter of parameters) command.argument(parameter);
  for (const option of optionsOf(spec)) command.addOption(commanderOption(option));
  for (const child of spec.children ?? [])
    command.addCommand(build({ ...at, spec: child, path: `${at.path} ${child.name}` }));
  command.aliases([...(spec.aliases ?? [])]);
  command.action(() => {
    if (spec.children !== undefined && command.args[0] !== undefined) throw unknownCommand(at, command.args[0]);
    const args = spec.passThrough ? taskWords(command, at) : command.args;
    found.invocation = { spec, args, flags: flagsOf(command, spec) };
  });
  return command;
}

/** Every option of a command but --help, which the parser knows by itself. */
export function optionsOf(spec: CommandSpec): readonly OptionSpec[] {
  return spec.groups.flatMap((group) => group.options).filter((option) => option.flags !== "-h, --help");
}

function commanderOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags);
  if (spec.choices !== undefined && spec.repeat !== true) option.choices(spec.choices);
  if (spec.repeat)
    option.argParser((value: string, before: unknown) => [...(Array.isArray(before) ? before : []), value]);
  return option;
}

/**
 * The words of a command that runs another one inside a task. As with `docker run` the first plain word behind the image begins the other command, flags and
 * all; but flags directly behind the image are still ours, for `cube run IMAGE --name web -- COMMAND` is what people write.
 */
function taskWords(command: Command, at: Building): readonly string[] {
  const [first, ...rest] = command.args;
  const behindDashes = at.argv[at.argv.length - command.args.length - 1] === "--";
  if (first === undefined || behindDashes || rest[0] === undefined) return command.args;
  if (rest[0] === "--") return [first, ...rest.slice(1)];
  if (!rest[0].startsWith("-")) return command.args;
  const { operands, unknown } = command.parseOptions(rest);
  if (unknown[0] !== undefined) throw unknownOption({ spec: at.spec, path: at.path }, unknown[0]);
  return [first, ...operands];
}

/** Flags that were given, with those of the parents that say which manager is meant. */
function flagsOf(command: Command, spec: CommandSpec): Flags {
  const own = givenFlags(command, spec);
  const inherited: Record<string, unknown> = {};
  for (let parent = command.parent; parent !== null; parent = parent.parent) {
    for (const [key, value] of Object.entries(givenFlags(parent, null))) {
      if (!(TARGET_KEYS as readonly string[]).includes(key)) throw misplaced(key, command.name());
      inherited[key] ??= value;
    }
  }
  return { ...inherited, ...own };
}

function givenFlags(command: Command, spec: CommandSpec | null): Record<string, unknown> {
  const keys = new Map(
    spec === null ? [] : optionsOf(spec).map((option) => [new Option(option.flags).attributeName(), option.key]),
  );
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(command.opts())) {
    if (command.getOptionValueSource(name) === "cli") given[keys.get(name) ?? name] = value;
  }
  return given;
}

function misplaced(key: string, command: string): UsageError {
  const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return new UsageError(
    `${flag} before "${command}" has no meaning`,
    `write flags of ${command} behind it: cube ${command} --help`,
  );
}

function asUsageError(error: CommanderError, at: { spec: CommandSpec; path: string }): UsageError {
  const [first = "", suggestion = ""] = error.message.replace(/^error: /, "").split("\n");
  const flag = error.code === "commander.unknownOption" ? /'([^']*)'/.exec(first)?.[1] : undefined;
  if (flag !== undefined) return unknownOption(at, flag);
  return new UsageError(first.replace(/\.$/, ""), suggestion || `${at.path} --help shows how it is used`);
}

function unknownOption(at: { spec: CommandSpec; path: string }, flag: string): UsageError {
  const known = optionsOf(at.spec).flatMap((option) => option.flags.match(/(?<=^|\s)--?[A-Za-z][A-Za-z-]*/g) ?? []);
  const name = flag.split("=")[0] ?? flag;
  const meant = closest(
    name.replace(/^-+/, ""),
    known.filter((other) => other.startsWith("--")).map((other) => other.slice(2)),
  );
  const hint = at.spec.flagHints?.[name] ?? (meant === null || name.length < 4 ? null : `did you mean --${meant}?`);
  return new UsageError(`unknown option "${name}"`, hint ?? `${at.path} --help lists the options`);
}
