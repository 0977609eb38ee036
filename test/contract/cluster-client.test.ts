// Runs the contract of ClusterClient for each of its implementations: in the process, over the unix socket and over TCP.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalClient } from "../../src/api/local-client.ts";
import { startApiServer } from "../../src/api/server.ts";
import { createHttpClient } from "../../src/client/http-client.ts";
import { type Behind, clusterClientContract, INFO, type Subject } from "./cluster-client.ts";

const quiet = (): void => undefined;

clusterClientContract("in the process", {
  actor: "ui:me",
  open: async ({ manager, streams, shutdowns }: Behind): Promise<Subject> => ({
    client: createLocalClient({ access: manager, streams, info: INFO, actor: "ui:me", onShutdown: shutdowns }),
    end: async () => undefined,
  }),
});

clusterClientContract("over a unix socket", {
  actor: "unix:me",
  open: async ({ manager, streams, shutdowns }: Behind): Promise<Subject> => {
    const directory = await mkdtemp(join(tmpdir(), "cube-api-"));
    const path = join(directory, "cube.sock");
    const options = { access: manager, streams, info: INFO, onShutdown: shutdowns, log: quiet };
    const server = await startApiServer({ ...options, unix: { path, actor: "unix:me" }, tcp: null });
    return {
      client: createHttpClient({ target: { kind: "unix", path } }),
      end: async () => {
        await server.close();
        await rm(directory, { recursive: true });
      },
    };
  },
});

clusterClientContract("over TCP with a token", {
  actor: "token:api",
  open: async ({ manager, streams, shutdowns }: Behind): Promise<Subject> => {
    const token = "a-token-of-the-test";
    const options = { access: manager, streams, info: INFO, onShutdown: shutdowns, log: quiet };
    const server = await startApiServer({ ...options, unix: null, tcp: { host: "127.0.0.1", port: 0, token } });
    const target = { kind: "tcp", host: "127.0.0.1", port: server.port, token } as const;
    return { client: createHttpClient({ target }), end: () => server.close() };
  },
});
