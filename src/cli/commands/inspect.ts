/** `cube inspect`: all that is known of a task, as JSON. What people want to read is in `cube status` and `cube why`. */
import type { CommandSpec, Context } from "../command-spec.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../common-options.ts";
import { jsonText } from "../text.ts";

export const INSPECT_TASK: CommandSpec = {
  name: "inspect",
  usage: ["TASK"],
  summary: "print all that is known of a task, as JSON",
  parameters: ["<task>"],
  groups: [{ title: "", options: [{ ...JSON_OPTION, hidden: true }] }, TARGET_OPTIONS],
  completes: "task",
  run: runInspect,
};

async function runInspect(context: Context): Promise<number> {
  const [ref = ""] = context.args;
  const client = await context.client();
  context.io.stdout.write(`${jsonText(await client.task(ref))}\n`);
  return 0;
}
