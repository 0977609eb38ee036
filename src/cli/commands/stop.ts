/** `cube stop`: stop tasks: signal, grace, then kill; their records stay. */
import type { CommandSpec } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../common-options.ts";
import { forEachArgument } from "./each-argument.ts";

export const STOP: CommandSpec = {
  name: "stop",
  usage: ["TASK..."],
  summary: "stop tasks: signal, grace, then kill; their records stay",
  details: ["A task is named by its name, its id or the start of its id (4 characters)."],
  parameters: ["<task...>"],
  groups: [TARGET_OPTIONS],
  completes: "task",
  run: (context) => forEachArgument(context, (client, ref) => client.stop(ref)),
};
