/** How a command fails: in one line, with a hint where there is a way out, and never with a stack. */
import { ClientError } from "../client/cluster-client.ts";
import { ConfigError } from "../config/wrong-value.ts";
import { wordsOf } from "../core/failure.ts";
import { Ended } from "./io.ts";
import { clean } from "./text.ts";

/** The command worked; something that was asked for failed; the command line or a file was wrong. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** The user's mistake, in words: exit code 2. */
export class UsageError extends Error {
  readonly hint: string;
  constructor(message: string, hint = "") {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}

/** What was asked for did not come about: exit code 1, unless the command has a better one. */
export class CommandFailed extends Error {
  readonly hint: string;
  readonly exitCode: number;
  constructor(message: string, hint = "", exitCode: number = EXIT.failed) {
    super(message);
    this.name = "CommandFailed";
    this.hint = hint;
    this.exitCode = exitCode;
  }
}

/** What to print on standard error, "" for nothing, and the exit code. Pure. */
export function explainError(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (error instanceof Ended) return { text: "", exitCode: error.exitCode };
  if (error instanceof UsageError || error instanceof ConfigError) {
    return { text: twoLines(error.message, error.hint), exitCode: EXIT.usage };
  }
  if (error instanceof CommandFailed) return { text: twoLines(error.message, error.hint), exitCode: error.exitCode };
  if (error instanceof ClientError) return { text: twoLines(error.message, hintOf(error)), exitCode: EXIT.failed };
  return { text: twoLines(wordsOf(error), ""), exitCode: EXIT.failed };
}

/** The manager speaks to whoever sends requests; some of its hints are said better to whoever types commands. */
function hintOf(error: ClientError): string {
  if (error.code === "unauthorized") {
    return "give its token by CUBE_TOKEN or --token-file (it is in api-token in its data directory; for one elsewhere `cube token create NAME` there makes one)";
  }
  return error.hint;
}

function twoLines(message: string, hint: string): string {
  const first = `cube: ${clean(message)}\n`;
  return hint === "" ? first : `${first}${clean(hint)}\n`;
}
