/** `cube rm`: stop tasks and remove their records. */
import type { CommandSpec } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../common-options.ts";
import { forEachArgument } from "./each-argument.ts";

export const RM: CommandSpec = {
  name: "rm",
  usage: ["TASK..."],
  summary: "stop tasks and remove their records",
  details: ["What still runs is stopped first, as by `cube stop`."],
  parameters: ["<task...>"],
  groups: [TARGET_OPTIONS],
  completes: "task",
  run: (context) => forEachArgument(context, (client, ref) => client.remove(ref)),
};
