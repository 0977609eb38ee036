/**
 * Manager, in-process worker and API of one data directory, wired together: the shells are made here and handed to the hosts. Opened in the order in which each
 * may rely on the one before (directory, store and its lock, manager, worker, API) and closed in the reverse of it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createLocalClient } from "../api/local-client.ts";
import type { ManagerInfo } from "../api/ports.ts";
import { startApiServer } from "../api/server.ts";
import { loadToken } from "../api/token.ts";
import type { ClusterClient } from "../client/cluster-client.ts";
import type { Config } from "../config/config.ts";
import { addressText } from "../core/address.ts";
import type { Cluster } from "../core/cluster.ts";
import { fail, ok, type Result, wordsOf } from "../core/failure.ts";
import { SCHEDULERS } from "../core/schedule.ts";
import type { Log } from "../log/log.ts";
import { type ManagerHost, type ManagerHostOptions, openManager } from "../manager/host.ts";
import type { Store } from "../manager/ports.ts";
import { prepareDataDir } from "../store/data-dir.ts";
import { openLevelStore } from "../store/level.ts";
import { createMemoryStore } from "../store/memory.ts";
import { combineLinks } from "../transport/combine-links.ts";
import { type Identity, openIdentity } from "../transport/identity.ts";
import { createInProcessLink } from "../transport/in-process.ts";
import { commit, version } from "../version.ts";
import { adoptWorkers } from "./adopt.ts";
import { systemClock } from "./clock.ts";
import { logEvents } from "./event-log.ts";
import { type LocalWorker, openLocalWorker } from "./local-worker.ts";
import { hostName, userName } from "./names.ts";
import { createNodeLinks } from "./node-links.ts";
import { openForAdoption, openRemoteNodes, type RemoteNodes, streamsByNode } from "./remote-nodes.ts";
import type { Succession } from "./succession.ts";

/** A running manager with everything around it. */
export interface Stack {
  readonly clusterId: string;
  readonly client: ClusterClient;
  /** TCP port of the API. */
  readonly port: number;
  /** Resolves when somebody asks over the API that the manager end. */
  readonly shutdown: Promise<void>;
  /** Tasks that go on without a manager, by now. */
  running(): number;
  /** Ends everything but the tasks and the links that are up: another process may have the store from then on. `close` ends the links. */
  release(): Promise<void>;
  /** Ends everything but the tasks. */
  close(): Promise<void>;
}

/** Milliseconds between the heartbeats of a worker in a small cluster; in a large one they are rarer. */
const HEARTBEAT_MS = 2_000;

/** Brings everything up; a successor first waits for what its predecessor still has. Fails with `conflict` when another process has the data directory. */
export async function startStack(
  config: Config,
  log: Log,
  succession: Succession | null = null,
): Promise<Result<Stack>> {
  const directory = prepareDataDir(config.dirs.data);
  if (!directory.ok) return directory;
  const opened = new AsyncDisposableStack();
  try {
    const stack = await open(config, log, { opened, succession });
    if (!stack.ok) await opened.disposeAsync();
    return stack;
  } catch (error) {
    await opened.disposeAsync();
    return fail("transient", wordsOf(error));
  }
}

/** What has to be there before anybody is served. */
interface Parts {
  readonly clusterId: string;
  readonly nodes: RemoteNodes;
  readonly manager: ManagerHost;
  readonly worker: LocalWorker | null;
}

/** What closes it all, and whom it succeeds. */
interface Way {
  readonly opened: AsyncDisposableStack;
  readonly succession: Succession | null;
}

async function open(config: Config, log: Log, way: Way): Promise<Result<Stack>> {
  const parts = await openParts(config, log, way);
  return parts.ok ? ok(await serve(config, log, { parts: parts.value, ...way })) : parts;
}

async function openParts(config: Config, log: Log, { opened, succession }: Way): Promise<Result<Parts>> {
  const identity = openManagerIdentity(config.dirs.data);
  if (!identity.ok) return identity;
  const clusterId = identity.value.id;
  const remote = openRemoteNodes(config, log, identity.value);
  if (!remote.ok) return remote;
  const nodes = remote.value;
  const link = createInProcessLink();
  const openWorker = workerOpener(config, opened, { log, clusterId, link: link.worker });
  await succession?.storeIsFree();
  const on = { clusterId, store: openStore(config), links: combineLinks(link.manager, nodes.links) };
  const takeOver = config.manager.adopt ? await adoptAll(config, log, { ...on, nodes, openWorker }) : ok(undefined);
  if (!takeOver.ok) return takeOver;
  const manager = await openTheManager(config, log, { ...on, takeOver: takeOver.value });
  if (!manager.ok) return manager;
  opened.defer(() => manager.value.close());
  opened.defer(() => nodes.links.end());
  nodes.serve(manager.value);
  const worker = await openWorker();
  return worker.ok ? ok({ clusterId, nodes, manager: manager.value, worker: worker.value }) : worker;
}

/** Lets workers in, here and elsewhere, for as long as the adoption asks them. */
async function adoptAll(
  config: Config,
  log: Log,
  on: Pick<ManagerHostOptions, "clusterId" | "store" | "links"> & {
    readonly nodes: RemoteNodes;
    readonly openWorker: WorkerOpener;
  },
): ReturnType<typeof adoptWorkers> {
  await using adopting = new AsyncDisposableStack();
  const begin = async (stored: Cluster): Promise<void> => {
    on.nodes.serve({ node: (id) => stored.nodes.get(id), identity: () => null }, { readmits: true });
    adopting.use(await openForAdoption(config, on.nodes));
    const opening = await on.openWorker();
    if (!opening.ok) throw new Error(opening.failure.message);
    await opening.value?.begin();
  };
  const adopted = await adoptWorkers(config, log, { ...on, added: on.nodes.book.list(), begin });
  return adopted;
}

async function serve(config: Config, log: Log, on: Way & { readonly parts: Parts }): Promise<Stack> {
  const { clusterId, nodes, manager, worker } = on.parts;
  on.opened.use(logEvents(manager, log));
  const asked = Promise.withResolvers<void>();
  const listening = { port: 0 };
  const links = on.opened.use(createNodeLinks({ ...nodes, config, port: () => listening.port }));
  const api = {
    access: manager,
    streams: streamsByNode(worker, nodes.links.streams),
    info: aboutThisProcess(config, worker),
    links,
    onShutdown: () => asked.resolve(),
  };
  const { host, port, auth } = config.manager;
  const token = auth ? await loadToken(join(config.dirs.data, "api-token")) : null;
  const server = await startApiServer({
    ...api,
    log: (level, text) => log[level](text),
    ...(config.worker.api.port === null ? {} : { workerPort: config.worker.api.port }),
    unix: { path: config.socket, actor: `unix:${userName()}` },
    tcp: { host, port, token, front: (http) => nodes.links.front(http) },
  });
  on.opened.defer(() => server.close());
  manager.start();
  listening.port = server.port;
  // While the predecessor's links are up its workers would turn a dial away.
  await on.succession?.linksAreFree();
  links.begin();
  await worker?.start(manager);
  const kept = new DisposableStack();
  const tokenUsedMs = (name: string) => server.tokenUsedMs(name);
  log.info(`manager of ${clusterId} is up: ${config.socket}, ${addressText({ host, port: server.port })}`);
  return {
    clusterId,
    client: createLocalClient({ ...api, actor: `ui:${userName()}`, tokenUsedMs }),
    port: server.port,
    shutdown: asked.promise,
    running: () => worker?.running() ?? 0,
    release: () => {
      kept.use(nodes.links.handOver());
      return on.opened.disposeAsync();
    },
    close: async () => {
      await on.opened.disposeAsync();
      kept.dispose();
    },
  };
}

/** A store belongs to its key: a new key would be another cluster, and every worker would refuse it. */
function openManagerIdentity(data: string): Result<Identity> {
  const file = join(data, "manager.key");
  if (existsSync(join(data, "store.json")) && !existsSync(file)) {
    const message = `${file} is missing, and ${data} holds a cluster that belongs to it. Restore the key from a backup, or move the directory away to begin a new cluster`;
    return fail("invalid", message);
  }
  return openIdentity(file);
}

type WorkerOpener = () => Promise<Result<LocalWorker | null>>;

/** Opens the worker once, whoever needs it first; null without one. */
function workerOpener(
  config: Config,
  opened: AsyncDisposableStack,
  to: Parameters<typeof openLocalWorker>[1],
): WorkerOpener {
  let opening: Promise<Result<LocalWorker | null>> | undefined;
  const open = async (): Promise<Result<LocalWorker | null>> => {
    if (!config.manager.localWorker) return ok(null);
    const worker = await openLocalWorker(config, to);
    if (worker.ok) opened.use(worker.value);
    return worker;
  };
  return () => {
    opening ??= open();
    return opening;
  };
}

function openStore(config: Config): Store {
  const nowMs = () => Date.now();
  const { store, acceptLoss } = config.manager;
  return store === "memory"
    ? createMemoryStore({ nowMs, firstTerm: nowMs() })
    : openLevelStore({ directory: config.dirs.data, nowMs, acceptLoss });
}

function openTheManager(
  config: Config,
  log: Log,
  on: Pick<ManagerHostOptions, "clusterId" | "store" | "links"> & {
    readonly takeOver: ManagerHostOptions["takeOver"] | undefined;
  },
): Promise<Result<ManagerHost>> {
  const { takeOver, ...rest } = on;
  return openManager({
    ...rest,
    ...(takeOver && { takeOver }),
    clock: systemClock(),
    log,
    scheduler: SCHEDULERS[config.manager.scheduler],
    instanceId: crypto.randomUUID(),
    heartbeatMs: HEARTBEAT_MS,
    keepLocalWorker: config.manager.keepLocalWorker,
  });
}

function aboutThisProcess(config: Config, worker: LocalWorker | null): ManagerInfo {
  return {
    name: hostName(),
    version,
    commit,
    pid: process.pid,
    startedMs: Date.now(),
    dataDir: config.dirs.data,
    ...(worker === null ? {} : { workerProblem: () => worker.problem() }),
  };
}
