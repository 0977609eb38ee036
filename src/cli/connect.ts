/** The client that commands use outside of tests: over the manager's socket or HTTP. Loaded only by a command that needs a manager. */
import type { ClusterClient } from "../client/cluster-client.ts";
import type { Target } from "../core/target.ts";

/** A client of the target; nothing is sent before its first request. */
export async function connect(target: Target): Promise<ClusterClient> {
  const { createHttpClient } = await import("../client/http-client.ts");
  return createHttpClient({ target });
}
