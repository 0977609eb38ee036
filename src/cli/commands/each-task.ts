/** What stop, start, restart and rm have in common: one request for each task named, all of them tried, and the first failure's exit code. */
import type { ClusterClient } from "../../client/cluster-client.ts";
import { EXIT, explainError } from "../cli-error.ts";
import type { Context } from "../command-spec.ts";
import { clean } from "../text.ts";

/** Asks for each name in turn and prints it when that worked, as docker does. One that fails does not keep the others from being tried. */
export async function forEachTask(
  context: Context,
  ask: (client: ClusterClient, ref: string) => Promise<unknown>,
): Promise<number> {
  const client = await context.client();
  let code: number = EXIT.ok;
  for (const ref of context.args) {
    if (context.signal.aborted) break;
    try {
      await ask(client, ref);
      context.io.stdout.write(`${clean(ref)}\n`);
    } catch (error) {
      const explained = explainError(error);
      context.io.stderr.write(explained.text);
      code = explained.exitCode;
    }
  }
  return code;
}
