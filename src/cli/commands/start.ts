/** `cube start`: start stopped or ended tasks again. */
import type { CommandSpec } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../common-options.ts";
import { forEachArgument } from "./each-argument.ts";

export const START: CommandSpec = {
  name: "start",
  usage: ["TASK..."],
  summary: "start stopped or ended tasks again",
  details: ["Each gets a new attempt in its place."],
  parameters: ["<task...>"],
  groups: [TARGET_OPTIONS],
  completes: "task",
  run: (context) => forEachArgument(context, (client, ref) => client.start(ref)),
};
