/** `cube restart`: restart tasks. */
import type { CommandSpec } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../common-options.ts";
import { forEachArgument } from "./each-argument.ts";

export const RESTART: CommandSpec = {
  name: "restart",
  usage: ["TASK..."],
  summary: "restart tasks",
  details: ["A job's name or id restarts all of its tasks, a task's id that one."],
  parameters: ["<task...>"],
  groups: [TARGET_OPTIONS],
  completes: "task",
  run: (context) => forEachArgument(context, (client, ref) => client.restart(ref)),
};
