/** `cube attach`: the full-screen UI on a manager that runs already, here or elsewhere. */
import { UsageError } from "../cli-error.ts";
import { type CommandSpec, type Context, textFlag } from "../command-spec.ts";
import { READ_ONLY, TARGET_OPTIONS } from "../common-options.ts";
import { rememberAttached } from "./login.ts";

export const ATTACH: CommandSpec = {
  name: "attach",
  usage: ["[HOST:PORT|SOCKET]"],
  summary: "show the full-screen UI on a manager that runs already",
  details: [
    "Leaving it (q) changes nothing for the manager. One on another machine has to",
    "be known: by `cube login HOST:PORT`, or by its --cluster-id, remembered then.",
  ],
  parameters: ["[address]"],
  groups: [{ title: "Options:", options: [READ_ONLY] }, TARGET_OPTIONS],
  role: "all",
  run: runAttach,
};

async function runAttach(context: Context): Promise<number> {
  const [address] = context.args;
  if (address === undefined) return await context.roles.attach(context.config());
  if (textFlag(context.flags, "manager") !== undefined)
    throw new UsageError("two managers are named", "leave --manager out");
  await rememberAttached(context, address);
  return await context.roles.attach(context.config({ ...context.flags, manager: address }));
}
