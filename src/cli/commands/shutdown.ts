/** `cube shutdown`: ends a manager that runs in the background, with its in-process worker. */
import type { ClusterClient } from "../../client/cluster-client.ts";
import { CommandFailed } from "../cli-error.ts";
import type { CommandSpec, Context } from "../command-spec.ts";
import { TARGET_OPTIONS } from "../common-options.ts";
import type { CliIo } from "../io.ts";
import { clean } from "../text.ts";

export const SHUTDOWN: CommandSpec = {
  name: "shutdown",
  aliases: ["stop-manager"],
  usage: ["[-m HOST:PORT|SOCKET]"],
  summary: "end the manager in the background, and its worker",
  details: ["Tasks run on, but nobody restarts or checks them until Cube is started again."],
  parameters: [],
  groups: [TARGET_OPTIONS],
  run: runShutdown,
};

/** How long to wait for the manager's end, and between two looks. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 50;

/** Returns when the manager no longer answers and, on this machine, its process is gone: what follows in a script does not meet it. */
async function runShutdown(context: Context): Promise<number> {
  const client = await context.client();
  const { name, pid } = await client.manager();
  await client.shutdown();
  const isHere = context.config().target.kind === "unix";
  const ended = await hasEnded(async () => !(await answers(client)) && !(isHere && context.io.lives(pid)), context.io);
  const manager = `manager ${name} (pid ${pid})`;
  if (!ended)
    throw new CommandFailed(
      `${manager} is still ending after ${PATIENCE_MS / 1_000} s; its tasks run on`,
      "its log says more; `cube shutdown` again waits for it again",
    );
  context.io.stdout.write(`${clean(manager)} has ended; its tasks run on\n`);
  return 0;
}

async function hasEnded(isOver: () => Promise<boolean>, io: CliIo): Promise<boolean> {
  const lastMs = io.nowMs() + PATIENCE_MS;
  while (io.nowMs() < lastMs) {
    if (await isOver()) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return false;
}

async function answers(client: ClusterClient): Promise<boolean> {
  try {
    await client.manager();
    return true;
  } catch {
    return false;
  }
}
