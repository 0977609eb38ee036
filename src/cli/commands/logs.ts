/** `cube logs`: a task's output, its two streams on ours. */

import type { LogLine, LogOptions } from "../../client/cluster-client.ts";
import { parseDuration } from "../../core/quantities.ts";
import { UsageError } from "../cli-error.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../common-options.ts";
import { readWholeNumber } from "../flag-values.ts";
import { timestamp } from "../quantities.ts";
import { cleanLine, jsonText } from "../text.ts";

export const LOGS: CommandSpec = {
  name: "logs",
  usage: ["[OPTIONS] TASK"],
  summary: "show a task's output",
  details: ["Control characters are taken out, so that no task can steer your terminal."],
  parameters: ["<task>"],
  groups: [
    {
      title: "Options:",
      options: [
        { flags: "-f, --follow", about: "go on as more is written" },
        { flags: "-n, --tail <N>", about: "only the last N lines, or all" },
        { flags: "--since <TIME>", about: "only what is newer: 10m, 2h, or 2026-11-20T08:00:00Z" },
        { flags: "-t, --timestamps", about: "put its time before each line" },
        { flags: "--raw", about: "as it was written, control characters included" },
        { flags: "--json", about: "one JSON object a line" },
      ],
    },
    TARGET_OPTIONS,
  ],
  completes: "task",
  run: runLogs,
};

async function runLogs(context: Context): Promise<number> {
  const [ref = ""] = context.args;
  const options = logOptions(context);
  const client = await context.client();
  for await (const line of client.logs(ref, options, context.signal)) {
    if (context.signal.aborted) break;
    const output = line.stream === "stderr" && context.flags.json !== true ? context.io.stderr : context.io.stdout;
    output.write(formatLine(context, line));
    await output.ready();
  }
  return 0;
}

function logOptions(context: Context): LogOptions {
  const { flags, io } = context;
  const tail = textFlag(flags, "tail");
  const since = textFlag(flags, "since");
  return {
    follow: flags.follow === true,
    tail: tail === undefined || tail === "all" ? null : readWholeNumber("--tail", tail),
    sinceMs: since === undefined ? null : readSince(since, io.nowMs()),
  };
}

/** Milliseconds since 1970 from a time ago or a date. */
function readSince(text: string, nowMs: number): number {
  const at = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  const ago = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  if (ago !== undefined) return nowMs - ago;
  throw new UsageError(`--since "${text}" is neither a time ago such as 10m nor a date such as 2026-11-20T08:00:00Z`);
}

function formatLine({ flags }: Context, line: LogLine): string {
  if (flags.json === true) return `${jsonText(line, 0)}\n`;
  const text = flags.raw === true ? line.text : cleanLine(line.text);
  return `${flags.timestamps === true ? `${timestamp(line.atMs)} ` : ""}${text}\n`;
}
