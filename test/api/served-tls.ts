/** An API behind a front that speaks TLS, with a key of its own, for tests of clients from elsewhere. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiServerOptions, startApiServer } from "../../src/api/server.ts";
import type { AccessRole, AccessToken } from "../../src/core/access.ts";
import { Door } from "../../src/transport/door.ts";
import { type Identity, openIdentity } from "../../src/transport/identity.ts";
import { type Behind, INFO } from "../contract/cluster-client-behind.ts";

/** A server that speaks TLS on a free port. */
export interface ServedTls {
  readonly port: number;
  readonly clusterId: string;
  end(): Promise<void>;
}

/** A key and its certificate, made for one test. */
export async function makeIdentity(): Promise<Identity> {
  const directory = await mkdtemp(join(tmpdir(), "cube-identity-"));
  const opened = openIdentity(join(directory, "manager.key"));
  await rm(directory, { recursive: true });
  if (!opened.ok) throw new Error(opened.failure.message);
  return opened.value;
}

/** A token whose secret a test knows. */
export function accessOf(name: string, secret: string, role: AccessRole = "admin"): AccessToken {
  const hash = createHash("sha256").update(secret).digest("base64url");
  return { name, role, hash, createdMs: 1, createdBy: "test" };
}

/** Starts one. */
export async function serveTls(
  behind: Behind,
  with_: { readonly identity?: Identity; readonly host?: string; readonly port?: number } = {},
): Promise<ServedTls> {
  const { identity = await makeIdentity(), host = "127.0.0.1", port = 0 } = with_;
  const door = new Door({ identity, limits: { strangers: 64, perSecond: 1_000 }, onLink: ({ ws }) => ws.terminate() });
  const options: ApiServerOptions = {
    access: behind.manager,
    streams: behind.streams,
    links: behind.links,
    info: INFO,
    onShutdown: behind.shutdowns,
    log: () => undefined,
    unix: null,
    tcp: { host, port, token: "the-token-of-the-file", front: (http) => door.front(http) },
  };
  const server = await startApiServer(options);
  const end = async (): Promise<void> => {
    door.close();
    await server.close();
  };
  return { port: server.port, clusterId: identity.id, end };
}
