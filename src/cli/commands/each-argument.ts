/** What commands with several names have in common: one request for each of them, all of them tried, and the last failure's exit code. */
import type { ClusterClient } from "../../client/cluster-client.ts";
import { EXIT, explainError } from "../cli-error.ts";
import type { Context } from "../command-spec.ts";
import { clean } from "../text.ts";

/** Asks for each argument in turn and prints the text that `ask` gives, or else the argument, as docker does. One that fails does not keep the others from being tried. */
export async function forEachArgument(
  context: Context,
  ask: (client: ClusterClient, argument: string) => Promise<unknown>,
): Promise<number> {
  const client = await context.client();
  let code: number = EXIT.ok;
  for (const argument of context.args) {
    if (context.signal.aborted) break;
    try {
      const text = await ask(client, argument);
      context.io.stdout.write(`${clean(typeof text === "string" ? text : argument)}\n`);
    } catch (error) {
      const explained = explainError(error);
      context.io.stderr.write(explained.text);
      code = explained.exitCode;
    }
  }
  return code;
}
