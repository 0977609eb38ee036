/** `cube shutdown`: ends a manager that runs in the background, with its in-process worker. */
import type { CommandSpec } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../shared-options.ts";
import { clean } from "../text.ts";

export const SHUTDOWN: CommandSpec = {
  name: "shutdown",
  aliases: ["stop-manager"],
  usage: ["[-m HOST:PORT|SOCKET]"],
  summary: "end the manager in the background, and its worker",
  details: ["Tasks run on, but nobody restarts or checks them until Cube is started again."],
  parameters: [],
  groups: [TARGET_OPTIONS],
  run: async (context) => {
    const client = await context.client();
    const { name, pid } = await client.manager();
    await client.shutdown();
    context.io.stdout.write(`manager ${clean(name)} (pid ${pid}) is ending; its tasks run on\n`);
    return 0;
  },
};
