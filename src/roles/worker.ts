/** `cube worker`: a worker alone. It follows one cluster, that of its join token, and goes on by itself while its manager is away. Ending it leaves its tasks running. */
import { randomInt } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import type { Server } from "node:http";
import { dirname, join } from "node:path";
import { startBookWorker } from "../api/book-worker.ts";
import { type OwnWorker, workerTasksOf } from "../api/worker-tasks.ts";
import type { Config } from "../config/config.ts";
import { type Address, addressText, MANAGER_PORT, parseAddress, WORKER_PORT } from "../core/address.ts";
import { fail, ok, type Result, wordsOf } from "../core/failure.ts";
import { seededDraw } from "../core/jitter.ts";
import type { FileLog, Log } from "../log/log.ts";
import { createNodeMetrics } from "../metrics/node-metrics.ts";
import { prepareDataDir } from "../store/data-dir.ts";
import { openIdentity } from "../transport/identity.ts";
import { type JoinToken, parseJoinToken, readJoinToken } from "../transport/join-token.ts";
import { createManagerLink, type RemoteManagerLink } from "../transport/manager-link.ts";
import { readPin } from "../transport/pin.ts";
import type { WorkerHost } from "../worker/host.ts";
import { endSignal } from "./end-signal.ts";
import { hostName } from "./names.ts";
import { openNodeWorker } from "./node-worker.ts";
import { openLog } from "./own-log.ts";
import { takePidLock } from "./pid-lock.ts";

/** More reasons than these are in the log alone. */
const SAID_REASONS = 20;

/** Runs until a signal ends it; the exit code. */
export async function runWorker(config: Config): Promise<number> {
  const wrong = tokenFileProblem(config);
  if (wrong !== "") {
    process.stderr.write(`cube: ${wrong}\n`);
    return 2;
  }
  const log = openLog(config);
  const ended = endSignal();
  await using opened = new AsyncDisposableStack();
  const started = await start(config, log, opened);
  if (!started.ok) {
    log.error(started.failure.message);
    process.stderr.write(`cube: ${started.failure.message}\n`);
    return 1;
  }
  process.stdout.write(`cube: ${started.value}\n`);
  log.info(`ending on ${await ended}; tasks go on`);
  return 0;
}

/** What it is doing from now on, in words. */
async function start(config: Config, log: FileLog, opened: AsyncDisposableStack): Promise<Result<string>> {
  const directory = join(config.dirs.data, "worker");
  mkdirSync(config.dirs.data, { recursive: true, mode: 0o700 });
  const prepared = prepareDataDir(directory);
  if (!prepared.ok) return prepared;
  const lock = takePidLock(join(directory, "worker.pid"));
  if (!lock.ok) return lock;
  opened.use(lock.value);
  const identity = openIdentity(join(directory, "worker.key"));
  if (!identity.ok) return identity;
  const managerAt = joinAddress(config);
  if (!managerAt.ok) return managerAt;
  const pinFile = pinFileOf(config);
  const { machineId } = await createNodeMetrics().facts();
  const link = createManagerLink({
    identity: identity.value,
    machineId,
    pinFile,
    token: () => findToken(config),
    join: managerAt.value,
    log: alsoOnScreen(log, "warn"),
    draw: seededDraw(randomInt(2 ** 31)),
  });
  opened.defer(() => link.end());
  let own: WorkerHost | null = null;
  const holder = (): OwnWorker | null => own && asOwn(own, identity.value.id);
  const listening = await listen(config, { link, holder }, opened);
  if (!listening.ok) return listening;
  const worker = await openNodeWorker(config, {
    nodeId: identity.value.id,
    directory,
    clusterId: () => pinnedCluster(pinFile),
    link,
    address: addressOf(listening.value),
    local: false,
    log: alsoOnScreen(log, "error"),
  });
  if (!worker.ok) return worker;
  opened.use(worker.value);
  link.serve(worker.value.host);
  await worker.value.host.start();
  own = worker.value.host;
  const name = config.worker.name || hostName();
  const to = managerAt.value ? `joins ${config.worker.join.address}` : `waits for its manager on ${listening.value}`;
  return ok(`worker ${name} (${identity.value.id.slice(0, 8)}) ${to}`);
}

/** What it calls itself while nobody has dialled it: all of a machine's addresses are none to look for. */
function addressOf(listening: string): string {
  return listening === "" ? hostName() : listening.replace(/^(0\.0\.0\.0|::|\[::\])(?=:\d+$)/, hostName());
}

/** Why the token file that somebody named is of no use; "" where it is, or where this node has joined already and needs none. */
function tokenFileProblem(config: Config): string {
  const { token, tokenFile, tokenFileGiven } = config.worker.join;
  if (!tokenFileGiven || token !== "" || existsSync(pinFileOf(config))) return "";
  const read = readJoinToken(tokenFile);
  if (!read.ok) return `the join token file ${tokenFile}: ${read.failure.message}`;
  return read.value === null
    ? `the join token file ${tokenFile}: there is no such file. \`cube node token\` on the manager prints the token`
    : "";
}

function pinFileOf(config: Config): string {
  return join(config.dirs.data, "worker", "manager.pin");
}

/** Why there is no link, or why a worker does not do all that it should, has to be seen by whoever starts it by hand: each reason once. */
function alsoOnScreen(log: Log, level: "warn" | "error"): Log {
  const said = new Set<string>();
  const say: Log["warn"] = (message, fields) => {
    log[level](message, fields);
    if (said.has(message) || said.size >= SAID_REASONS) return;
    said.add(message);
    process.stderr.write(`cube: ${message}\n`);
  };
  return { ...log, [level]: say };
}

function joinAddress(config: Config): Result<Address | null> {
  const { address } = config.worker.join;
  return address === "" ? ok(null) : parseAddress(address, MANAGER_PORT);
}

/**
 * Asked anew before each link: a manager that starts later leaves its token then. The one that lies about on this machine is of whichever manager started
 * last, so once this node has joined it counts only where it is of its own cluster, which may have forgotten it.
 */
function findToken(config: Config): Result<JoinToken | null> {
  const { token, tokenFile, tokenFileGiven } = config.worker.join;
  if (token !== "") return parseJoinToken(token);
  const found = existsSync(dirname(tokenFile)) ? readJoinToken(tokenFile) : ok(null);
  const own = pinnedCluster(pinFileOf(config));
  const isForeign = found.ok && own !== "" && found.value?.clusterId !== own;
  return isForeign && !tokenFileGiven ? ok(null) : found;
}

function pinnedCluster(pinFile: string): string {
  const pin = readPin(pinFile);
  return pin.ok ? (pin.value ?? "") : "";
}

/** Where it listens, as HOST:PORT; "" where it only dials. TLS is the manager's dial, plain HTTP from this machine the book's API. */
async function listen(
  config: Config,
  on: { readonly link: RemoteManagerLink; readonly holder: () => OwnWorker | null },
  opened: AsyncDisposableStack,
): Promise<Result<string>> {
  const { bookApi, join, api } = config.worker;
  if (api.port === null && join.address !== "") return ok("");
  const tasks = workerTasksOf(on.holder, bookApi);
  const front = (http: Server) => on.link.front(http);
  try {
    const server = await startBookWorker({ host: api.host, port: api.port ?? WORKER_PORT, tasks, bookApi, front });
    opened.defer(() => server.close());
    return ok(addressText({ host: api.host, port: server.port }));
  } catch (error) {
    return fail("invalid", wordsOf(error));
  }
}

function asOwn(host: WorkerHost, nodeId: string): OwnWorker {
  return {
    nodeId,
    holdings: () => host.holdings(),
    local: (assignment) => host.local(assignment),
    inspectRaw: (taskId) => host.inspectRaw(taskId),
    stats: () => host.stats(),
  };
}
