/** The worker in the manager's own process. */
import { join } from "node:path";
import { startBookWorker } from "../api/book-worker.ts";
import { localTasksOf } from "../api/local-tasks.ts";
import type { TaskStreams } from "../api/ports.ts";
import type { Config } from "../config/config.ts";
import { ok, type Result } from "../core/failure.ts";
import type { Log } from "../log/log.ts";
import type { ManagerHost } from "../manager/host.ts";
import { loadIdentity } from "../transport/identity.ts";
import type { WorkerHost } from "../worker/host.ts";
import type { ManagerLink } from "../worker/ports.ts";
import { userName } from "./names.ts";
import { openNodeWorker } from "./node-worker.ts";

/** A worker that is ready to start. Disposing it leaves its tasks running. */
export interface LocalWorker extends AsyncDisposable {
  readonly nodeId: string;
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

/** Makes the worker; nothing runs before `start`. Fails as its journal or its key do. */
export async function openLocalWorker(
  config: Config,
  to: { readonly log: Log; readonly clusterId: string; readonly link: ManagerLink },
): Promise<Result<LocalWorker>> {
  const nodeId = loadIdentity(join(config.dirs.data, "worker.key"));
  if (!nodeId.ok) return nodeId;
  const node = await openNodeWorker(config, {
    nodeId: nodeId.value,
    directory: config.dirs.data,
    clusterId: () => to.clusterId,
    link: to.link,
    address: "in-process",
    local: true,
    log: to.log,
  });
  if (!node.ok) return node;
  const { host } = node.value;
  const { worker } = config;
  const opened = new AsyncDisposableStack();
  opened.use(node.value);
  const streams = streamsOf(host);
  let begun: Promise<void> | undefined;
  const begin = () => {
    begun ??= host.start();
    return begun;
  };
  return ok({
    nodeId: nodeId.value,
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
        bookApi: worker.bookApi,
      });
      const server = await startBookWorker({ host: address, port, tasks, bookApi: worker.bookApi });
      opened.defer(() => server.close());
    },
    problem: () => host.problem(),
    running: () => host.tasks().filter((fact) => fact.state === "running").length,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  });
}

/** Output and commands of this node's tasks. */
function streamsOf(host: WorkerHost): TaskStreams {
  return {
    logs: (_node, taskId, query, signal) => host.logs(taskId, query, signal),
    exec: (_node, taskId, request) => host.exec(taskId, request),
    inspectRaw: (_node, taskId) => host.inspectRaw(taskId),
  };
}
