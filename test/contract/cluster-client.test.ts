// Runs the contract of ClusterClient for each of its implementations: in the process, over the unix socket and over TCP.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalClient } from "../../src/api/local-client.ts";
import { startApiServer } from "../../src/api/server.ts";
import { createHttpClient } from "../../src/client/http-client.ts";
import { clusterClientContract } from "./cluster-client.ts";
import { type Behind, INFO, type Kind, type Subject } from "./cluster-client-behind.ts";
import { clusterClientStreamsContract } from "./cluster-client-streams.ts";

const quiet = (): void => undefined;

const KINDS: Readonly<Record<string, Kind>> = {
  "in the process": { actor: "ui:me", open: openLocal },
  "over a unix socket": { actor: "unix:me", open: openUnix },
  "over TCP with a token": { actor: "token:api", open: openTcp },
};

for (const [name, kind] of Object.entries(KINDS)) {
  clusterClientContract(name, kind);
  clusterClientStreamsContract(name, kind);
}

async function openLocal({ manager, streams, shutdowns }: Behind): Promise<Subject> {
  const client = createLocalClient({ access: manager, streams, info: INFO, actor: "ui:me", onShutdown: shutdowns });
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

function optionsOf({ manager, streams, shutdowns }: Behind) {
  return { access: manager, streams, info: INFO, onShutdown: shutdowns, log: quiet };
}
