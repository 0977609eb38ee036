// Runs the contract of ClusterClient for each of its implementations: in the process, over the unix socket, over TCP and over TLS.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalClient } from "../../src/api/local-client.ts";
import { startApiServer } from "../../src/api/server.ts";
import { createHttpClient } from "../../src/client/http-client.ts";
import { apply } from "../../src/core/cluster.ts";
import { accessOf, serveTls } from "../api/served-tls.ts";
import { clusterClientContract } from "./cluster-client.ts";
import { type Behind, INFO, type Kind, type Subject } from "./cluster-client-behind.ts";
import { clusterClientStreamsContract } from "./cluster-client-streams.ts";

const quiet = (): void => undefined;

const KINDS: Readonly<Record<string, Kind>> = {
  "in the process": { actor: "ui:me", open: openLocal },
  "over a unix socket": { actor: "unix:me", open: openUnix },
  "over TCP with a token": { actor: "token:api", open: openTcp },
  "over TLS with a named token": { actor: "token:me", open: openTls },
};

for (const [name, kind] of Object.entries(KINDS)) {
  clusterClientContract(name, kind);
  clusterClientStreamsContract(name, kind);
}

async function openLocal({ manager, streams, links, shutdowns }: Behind): Promise<Subject> {
  const client = createLocalClient({
    access: manager,
    streams,
    links,
    info: INFO,
    actor: "ui:me",
    onShutdown: shutdowns,
  });
  return { client, end: async () => undefined };
}

async function openUnix(behind: Behind): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), "cube-api-"));
  const path = join(directory, "cube.sock");
  const server = await startApiServer({ ...optionsOf(behind), unix: { path, actor: "unix:me" }, tcp: null });
  const end = async (): Promise<void> => {
    await server.close();
    await rm(directory, { recursive: true });
  };
  return { client: createHttpClient({ target: { kind: "unix", path } }), end };
}

async function openTcp(behind: Behind): Promise<Subject> {
  const token = "a-token-of-the-test";
  const server = await startApiServer({ ...optionsOf(behind), unix: null, tcp: { host: "127.0.0.1", port: 0, token } });
  const target = { kind: "tcp", host: "127.0.0.1", port: server.port, token } as const;
  return { client: createHttpClient({ target }), end: () => server.close() };
}

async function openTls(behind: Behind): Promise<Subject> {
  const served = await serveTls(behind);
  apply(behind.manager.cluster, { kind: "access.put", access: accessOf("me", "secret") });
  behind.manager.reload();
  const { port, clusterId } = served;
  const target = { kind: "tls", host: "127.0.0.1", port, clusterId, token: "secret" } as const;
  return { client: createHttpClient({ target }), end: served.end };
}

function optionsOf({ manager, streams, links, shutdowns }: Behind) {
  return { access: manager, streams, links, info: INFO, onShutdown: shutdowns, log: quiet };
}
