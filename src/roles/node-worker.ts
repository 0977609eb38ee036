/** A worker with everything it stands on: its runtimes, its journal, its measurements. The same beside a manager and alone; only the link differs. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { SYSTEM_RESERVE } from "../config/values.ts";
import { ok, type Result } from "../core/failure.ts";
import type { Log } from "../log/log.ts";
import { createNodeMetrics } from "../metrics/node-metrics.ts";
import { createDockerRuntime } from "../runtime/docker.ts";
import type { RuntimePolicy } from "../runtime/policy.ts";
import { createProcessRuntime } from "../runtime/process.ts";
import { openJournal } from "../store/journal.ts";
import { createMemoryJournal } from "../store/memory-journal.ts";
import { version } from "../version.ts";
import { WorkerHost } from "../worker/host.ts";
import type { ManagerLink, Runtime } from "../worker/ports.ts";
import { systemClock } from "./clock.ts";
import { hostName } from "./names.ts";

/** What tells one worker from another. */
export interface NodeWorkerOptions {
  readonly nodeId: string;
  /** Its journal and its processes lie there. */
  readonly directory: string;
  /** "" while it follows no cluster yet. */
  readonly clusterId: () => string;
  readonly link: ManagerLink;
  /** How it is reached, for people. */
  readonly address: string;
  /** True beside its manager, in one process. */
  readonly local: boolean;
  readonly log: Log;
}

/** A worker that has not begun. Disposing it leaves its tasks running. */
export interface NodeWorker extends AsyncDisposable {
  readonly host: WorkerHost;
}

/** Makes the worker; nothing runs before its host starts. Fails as its journal does. */
export async function openNodeWorker(config: Config, options: NodeWorkerOptions): Promise<Result<NodeWorker>> {
  // Beside a manager that forgets everything the journal is all that keeps an empty set from ending what runs.
  const inMemory = config.manager.store === "memory" && !options.local;
  const journal = inMemory ? ok(createMemoryJournal()) : await openJournal(join(options.directory, "worker.journal"));
  if (!journal.ok) return journal;
  const { worker } = config;
  const runtimes = openRuntimes(config, options);
  const host = new WorkerHost({
    node: {
      id: options.nodeId,
      name: worker.name || hostName(),
      address: options.address,
      version,
      labels: worker.labels,
      reserved: worker.reserve ?? SYSTEM_RESERVE,
      local: options.local,
    },
    runtimes,
    journal: journal.value,
    link: options.link,
    metrics: createNodeMetrics({ book: true }),
    clock: systemClock(),
    log: options.log,
    exec: worker.exec,
    seed: createHash("sha256").update(options.nodeId).digest().readUInt32LE(0),
  });
  const opened = new AsyncDisposableStack();
  opened.defer(() => journal.value.close());
  for (const runtime of runtimes) opened.defer(() => runtime.close());
  opened.defer(() => host.close());
  return ok({ host, [Symbol.asyncDispose]: () => opened.disposeAsync() });
}

function openRuntimes(config: Config, options: NodeWorkerOptions): Runtime[] {
  const { nodeId, clusterId } = options;
  const directory = join(options.directory, "processes");
  return config.worker.runtimes.map((kind) =>
    kind === "process"
      ? createProcessRuntime({ directory, nodeId })
      : createDockerRuntime({ nodeId, clusterId, policy: policyOf(config) }),
  );
}

/** What containers may ask of this machine. Cube's keys and tokens are given to none, whatever is allowed. Pure. */
export function policyOf({ dirs, file, worker }: Config): RuntimePolicy {
  const { policy, join: joining } = worker;
  return {
    allowBind: policy.allowBind,
    allowPrivileged: policy.allowPrivileged,
    allowHostNetwork: policy.allowHostNetwork,
    allowHostNamespaces: policy.allowHostNamespaces,
    allowDevice: policy.allowDevices,
    allowCap: policy.allowCaps,
    allowEngineSocket: policy.allowEngineSocket,
    protect: [dirs.data, dirs.config, joining.tokenFile, file],
  };
}
