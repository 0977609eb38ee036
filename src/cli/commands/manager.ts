/** `cube manager`: a manager without a screen, with the book's flags. */
import type { CommandSpec } from "../command-spec.ts";
import { FILE_OPTIONS, LOG_OPTIONS, MANAGER_OPTIONS } from "../common-options.ts";

export const MANAGER: CommandSpec = {
  name: "manager",
  usage: ["[OPTIONS]"],
  summary: "run a manager without a screen; `cube --headless all` adds a worker",
  parameters: [],
  groups: [MANAGER_OPTIONS, { title: "Log and files:", options: [...LOG_OPTIONS, ...FILE_OPTIONS.options] }],
  role: "manager",
  run: async (context) => await context.roles.headless(context.config(), "manager"),
};
