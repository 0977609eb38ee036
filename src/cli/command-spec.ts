/**
 * A command as data: its names, arguments, options and help, and what it does. The parser, the help, the completion and their tests all read the same
 * declaration, so none of them can know a flag that the others do not.
 */
import type { ClusterClient } from "../client/cluster-client.ts";
import type { Config, Role } from "../config/config.ts";
import type { Flags } from "../config/sources.ts";
import type { WhatIfAnswer, WhatIfQuestion } from "../core/what-if.ts";
import type { CliIo } from "./io.ts";

/** What a word on the command line can be completed to. */
export type Completes = "task" | "node" | "job" | "file" | "shell" | "nothing";

/** An option in commander's notation: `-p, --publish <PORT>`. */
export interface OptionSpec {
  readonly flags: string;
  /** What it does; with "" the help only names it, in a paragraph with its like. */
  readonly about: string;
  /** May be given more than once; the value is then an array. */
  readonly repeat?: boolean;
  /** Key of the value where it is not the long flag in camelCase. */
  readonly key?: string;
  readonly choices?: readonly string[];
  readonly completes?: Completes;
  /** Accepted, but not shown: another spelling of a flag that is shown. */
  readonly hidden?: boolean;
}

/** Options under a heading of the help. */
export interface OptionGroup {
  readonly title: string;
  readonly options: readonly OptionSpec[];
}

export interface CommandSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** The forms it takes, each after its name. */
  readonly usage: readonly string[];
  readonly summary: string;
  /** Lines below the usage. */
  readonly details?: readonly string[];
  /** Commander's notation: `<task>`, `[command...]`. */
  readonly parameters: readonly string[];
  /** Everything behind the first plain word belongs to the task's command: its flags are not ours. */
  readonly passThrough?: boolean;
  readonly groups: readonly OptionGroup[];
  readonly completes?: Completes;
  readonly hidden?: boolean;
  readonly children?: readonly CommandSpec[];
  readonly role?: Role;
  /** Ways out for flags that people know from elsewhere. */
  readonly flagHints?: Readonly<Record<string, string>>;
  /** Resolves with the exit code. */
  run(context: Context): Promise<number>;
}

/** What a running command has. */
export interface Context {
  readonly io: CliIo;
  readonly args: readonly string[];
  /** Flags that were given, by key; arrays for repeated ones. */
  readonly flags: Flags;
  readonly roles: Roles;
  /** Aborted when somebody wants the command to end. */
  readonly signal: AbortSignal;
  /** The configuration with these flags on top of its own; read at each call. */
  config(flags?: Flags): Config;
  /** The client of the configured manager, made at the first call and closed after the command. */
  client(flags?: Flags): Promise<ClusterClient>;
  /** What would become of a cluster, by the real scheduler's word. */
  readonly whatIf: WhatIf;
  /** All commands, for help and completion. */
  readonly root: CommandSpec;
}

/** Works a question about a cluster out, without touching any. */
export type WhatIf = (question: WhatIfQuestion) => Promise<WhatIfAnswer>;

/** What this process can become instead of a command. Each resolves with the exit code. */
export interface Roles {
  /** Full-screen UI with manager and in-process worker; attaches when the data directory's manager lives already. */
  ui(config: Config): Promise<number>;
  headless(config: Config, which: "all" | "manager" | "worker"): Promise<number>;
  /** Full-screen UI on a simulated cluster: so many nodes, so many of its seconds in one of ours. */
  demo(options: { readonly seed: number; readonly nodes: number; readonly speed: number }): Promise<number>;
  /** Full-screen UI on the configured manager. */
  attach(config: Config): Promise<number>;
}

/** The value of a flag as text; undefined when it was not given. */
export function textFlag(flags: Flags, key: string): string | undefined {
  const value = flags[key];
  return typeof value === "string" ? value : undefined;
}

/** The values of a repeatable flag. */
export function listFlag(flags: Flags, key: string): readonly string[] {
  const value = flags[key];
  return Array.isArray(value) ? value.map(String) : [];
}
