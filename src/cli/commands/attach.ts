/** `cube attach`: the full-screen UI on a manager that runs already, here or elsewhere. */
import type { CommandSpec } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../shared-options.ts";

export const ATTACH: CommandSpec = {
  name: "attach",
  usage: ["[-m HOST:PORT|SOCKET]"],
  summary: "show the full-screen UI on a manager that runs already",
  details: ["Leaving it (q) changes nothing for the manager."],
  parameters: [],
  groups: [TARGET_OPTIONS],
  role: "all",
  run: async (context) => await context.roles.attach(context.config()),
};
