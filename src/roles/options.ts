/**
 * Flags that mean nothing in the role that was asked for are refused, never ignored. In a file or a variable the same settings may be meant for another role on
 * this machine, and wait for it there. What a role would open to more people than it may is refused wherever it was written.
 */
import type { Config } from "../config/config.ts";
import type { Origins } from "../config/sources.ts";
import { isLoopback } from "../core/address.ts";

/** What the process is going to be; `attach` is the screen of a manager that runs already. */
export type RoleName = "ui" | "all" | "manager" | "worker" | "attach";

type Key = keyof Origins;

/** Settings that a role has no use for, and how the sentence goes on that begins with their flag. */
interface Idle {
  readonly keys: readonly Key[];
  readonly why: string;
}

const OF_MANAGERS: readonly Key[] = [
  "host",
  "port",
  "auth",
  "scheduler",
  "acceptLoss",
  "adopt",
  "workers",
  "localWorker",
];
const OF_WORKERS: readonly Key[] = [
  "name",
  "labels",
  "reserve",
  "runtimes",
  "workerPort",
  "bookApi",
  "exec",
  "allowBind",
  "allowPrivileged",
  "allowHostNetwork",
  "allowHostNamespaces",
  "allowDevices",
  "allowCaps",
  "allowEngineSocket",
];

const OF_WORKERS_ALONE: readonly Idle[] = [
  { keys: ["join", "joinTokenFile"], why: "is for a worker alone: `cube worker --join HOST:PORT`" },
];

/** Of commands, and of the screen of a manager that runs already. */
const OF_CLIENTS: readonly Idle[] = [
  { keys: ["manager", "clusterId", "tokenFile"], why: "is for a manager that runs already: leave it out to begin one" },
];

const OF_SCREENS: readonly Idle[] = [
  { keys: ["readOnly"], why: "is for the screen: leave it out, or give it to `cube attach`" },
];

const TO_A_WORKER: readonly Idle[] = [
  { keys: OF_MANAGERS, why: "is for a manager: `cube worker --help` has what is for a worker" },
  {
    keys: ["manager", "clusterId"],
    why: "is for commands and the screen: a worker finds its manager by --join HOST:PORT",
  },
  { keys: ["tokenFile"], why: "is for commands and the screen: a worker is let in by --join-token-file" },
];

const ANOTHERS = "is for a manager and a worker of one's own, and this is the screen of another manager: leave it out";
const TO_AN_ATTACHED_SCREEN: readonly Idle[] = [
  { keys: [...OF_MANAGERS, ...OF_WORKERS, "store", "join"], why: ANOTHERS },
];

/** Why these settings make no sense together, with the way out; undefined when they do. Pure. */
export function contradiction(config: Config, role: RoleName): string | undefined {
  return idleFlag(config, idleIn(config, role)) ?? openToAll(config, role) ?? withoutPort(config, role);
}

function idleIn({ manager }: Config, role: RoleName): readonly Idle[] {
  if (role === "worker") return [...TO_A_WORKER, ...OF_SCREENS];
  if (role === "attach") return TO_AN_ATTACHED_SCREEN;
  const idle = [...OF_WORKERS_ALONE, ...OF_CLIENTS, ...(role === "ui" ? [] : OF_SCREENS)];
  if (role === "manager") {
    const keys: readonly Key[] = manager.keepLocalWorker ? [...OF_WORKERS, "localWorker"] : OF_WORKERS;
    return [...idle, { keys, why: "needs a worker beside the manager: `cube --headless all`" }];
  }
  if (manager.localWorker) return idle;
  return [...idle, { keys: OF_WORKERS, why: "needs a worker in this process: leave --no-local-worker out" }];
}

/** The first flag that was given and has no meaning. */
function idleFlag({ origins }: Config, idle: readonly Idle[]): string | undefined {
  const found = idle.flatMap(({ keys, why }) =>
    keys.filter((key) => origins[key]?.isFlag === true).map((key) => `${origins[key]?.where} ${why}`),
  );
  return found[0];
}

/** What would listen beyond this machine without TLS, or to anybody. */
function openToAll({ manager, worker, origins }: Config, role: RoleName): string | undefined {
  if (role === "worker" || role === "attach") return undefined;
  if (!manager.auth && !isLoopback(manager.host))
    return `refusing to listen on ${manager.host} (${origins.host?.where}): without a token (${origins.auth?.where}) whoever reaches the port is let in. Leave one of the two out`;
  if (hasWorker({ manager }, role) && worker.api.port !== null && !isLoopback(worker.api.host))
    return `refusing to listen on ${worker.api.host} (${origins.workerHost?.where}): the worker API of the book has no TLS. Leave it out: a manager's own worker is on 127.0.0.1`;
  return undefined;
}

function withoutPort({ manager, worker, origins }: Config, role: RoleName): string | undefined {
  if (!worker.bookApi || worker.api.port !== null) return undefined;
  // A worker that dials listens nowhere unless it is told to.
  if (role === "worker")
    return worker.join.address === ""
      ? undefined
      : "--book-api is about the worker's own port, and with --join it has none: give --port 5556 too";
  return hasWorker({ manager }, role) && origins.bookApi?.isFlag === true
    ? "--book-api is about the worker's own port: give --worker-port 5556 too"
    : undefined;
}

function hasWorker({ manager }: Pick<Config, "manager">, role: RoleName): boolean {
  return (role === "ui" || role === "all") && manager.localWorker;
}
