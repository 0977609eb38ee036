/** Hands a command to the manager; a refusal becomes the client's error. */
import { ClientError } from "../client/cluster-client.ts";
import type { Command, CommandResult, ManagerAccess } from "../manager/commands.ts";

/** What came of it, durable. Rejects with ClientError when it is refused. */
export async function execute(
  access: ManagerAccess,
  command: Command,
  actor: string,
): Promise<Extract<CommandResult, { readonly ok: true }>> {
  const result = await access.execute(command, actor);
  if (result.ok) return result;
  throw new ClientError(result.code, result.message, result.hint);
}
