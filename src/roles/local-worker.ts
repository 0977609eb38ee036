/** The worker in the manager's own process: its runtimes, its journal, its node. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { startBookWorker } from "../api/book-worker.ts";
import { localTasksOf } from "../api/local-tasks.ts";
import type { TaskStreams } from "../api/ports.ts";
import type { Config } from "../config/config.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import type { Resources } from "../core/spec.ts";
import type { Log } from "../log/log.ts";
import type { ManagerHost } from "../manager/host.ts";
import { createNodeMetrics } from "../metrics/node-metrics.ts";
import { createDockerRuntime } from "../runtime/docker.ts";
import { createProcessRuntime } from "../runtime/process.ts";
import { openJournal } from "../store/journal.ts";
import { loadIdentity } from "../transport/identity.ts";
import { version } from "../version.ts";
import { WorkerHost } from "../worker/host.ts";
import type { ManagerLink, Runtime } from "../worker/ports.ts";
import { systemClock } from "./clock.ts";
import { hostName, userName } from "./names.ts";

/** A worker that is ready to start. Disposing it leaves its tasks running. */
export interface LocalWorker extends AsyncDisposable {
  readonly streams: TaskStreams;
  /** Looks at what runs and opens the link. Before `start`, when the manager has to hear it first. */
  begin(): Promise<void>;
  /** Begins, if that has not been done; with `--worker-port` it then also serves the book's worker API. */
  start(manager: ManagerHost): Promise<void>;
  /** Tasks that run now. */
  running(): number;
  /** Why it does not do all that it should, in words; "" for nothing. */
  problem(): string;
}

/** Kept back for the system when nobody says otherwise. */
const SYSTEM_RESERVE: Resources = { cpuMillis: 100, memoryBytes: 256 * 2 ** 20, diskBytes: 2 ** 30 };

/** Makes the worker; nothing runs before `start`. Fails as its journal or its key do. */
export async function openLocalWorker(
  config: Config,
  to: { readonly log: Log; readonly clusterId: string; readonly link: ManagerLink },
): Promise<Result<LocalWorker>> {
  const nodeId = loadIdentity(join(config.dirs.data, "worker.key"));
  if (!nodeId.ok) return nodeId;
  const journal = await openJournal(join(config.dirs.data, "worker.journal"));
  if (!journal.ok) return journal;
  const { worker } = config;
  const runtimes = openRuntimes(config, { nodeId: nodeId.value, clusterId: to.clusterId });
  const host = new WorkerHost({
    node: {
      id: nodeId.value,
      name: worker.name || hostName(),
      address: "in-process",
      version,
      labels: worker.labels,
      reserved: worker.reserve ?? SYSTEM_RESERVE,
      local: true,
    },
    runtimes,
    journal: journal.value,
    link: to.link,
    metrics: createNodeMetrics({ book: true }),
    clock: systemClock(),
    log: to.log,
    exec: worker.exec,
    seed: createHash("sha256").update(nodeId.value).digest().readUInt32LE(0),
  });
  const opened = new AsyncDisposableStack();
  opened.defer(() => journal.value.close());
  for (const runtime of runtimes) opened.defer(() => runtime.close());
  opened.defer(() => host.close());
  const streams = streamsOf(host, nodeId.value);
  let begun: Promise<void> | undefined;
  const begin = () => {
    begun ??= host.start();
    return begun;
  };
  return ok({
    streams,
    begin,
    start: async (manager) => {
      await begin();
      const { port, host: address } = worker.api;
      if (port === null) return;
      const tasks = localTasksOf({
        access: manager,
        streams,
        nodeId: nodeId.value,
        actor: `book:${userName()}`,
      });
      const server = await startBookWorker({ host: address, port, tasks, bookApi: worker.bookApi });
      opened.defer(() => server.close());
    },
    problem: () => host.problem(),
    running: () => host.tasks().filter((fact) => fact.state === "running").length,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  });
}

function openRuntimes(config: Config, as: { readonly nodeId: string; readonly clusterId: string }): Runtime[] {
  const { runtimes, policy } = config.worker;
  const directory = join(config.dirs.data, "processes");
  return runtimes.map((kind) =>
    kind === "process"
      ? createProcessRuntime({ directory, nodeId: as.nodeId })
      : createDockerRuntime({
          nodeId: as.nodeId,
          clusterId: () => as.clusterId,
          policy: {
            allowBind: policy.allowBind,
            allowPrivileged: policy.allowPrivileged,
            allowHostNetwork: policy.allowHostNetwork,
            allowHostNamespaces: policy.allowHostNamespaces,
            allowDevice: policy.allowDevices,
            allowCap: policy.allowCaps,
            allowEngineSocket: policy.allowEngineSocket,
            protect: [config.dirs.data],
          },
        }),
  );
}

/** Output and commands of this node's tasks; other nodes have no link yet. */
function streamsOf(host: WorkerHost, nodeId: string): TaskStreams {
  const elsewhere = (other: string) => fail("unavailable", `node ${other.slice(0, 8)} has no link to this manager`);
  return {
    logs: (node, taskId, query, signal) => {
      if (node !== nodeId) throw new Error(elsewhere(node).failure.message);
      return host.logs(taskId, query, signal);
    },
    exec: async (node, taskId, request) => (node === nodeId ? host.exec(taskId, request) : elsewhere(node)),
    inspectRaw: async (node, taskId) => (node === nodeId ? host.inspectRaw(taskId) : elsewhere(node)),
  };
}
