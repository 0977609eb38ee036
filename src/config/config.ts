/**
 * The configuration: file, variables and flags, read once at start into one value that every role gets. What is wrong in it is refused here with the place
 * where it was written; nobody later asks the environment again. It must never create or change anything.
 */
import { join } from "node:path";
import { MANAGER_PORT } from "../core/address.ts";
import type { Resources, RuntimeKind } from "../core/spec.ts";
import type { Target } from "../core/target.ts";
import { type Directories, directories, type Place, socketPath } from "./directories.ts";
import type { LOG_LEVELS, SCHEDULERS, Values } from "./settings.ts";
import { configFile, type Flags, gather, type Origins } from "./sources.ts";
import { targetOf } from "./target.ts";

/** What this process is going to be; some defaults differ. `client` is every command that only speaks to a manager. */
export type Role = "client" | "all" | "manager" | "worker";

/** How the manager is reached and how it decides. */
export interface ManagerConfig {
  readonly host: string;
  /** 0 for a free port chosen by the system. */
  readonly port: number;
  /** False when `--no-auth` switched the token off; roles/options.ts refuses that beyond loopback. */
  readonly auth: boolean;
  readonly readOnly: boolean;
  readonly scheduler: (typeof SCHEDULERS)[number];
  readonly store: "persistent" | "memory";
  /** Go on with what is left of a damaged store, under a new lineage. */
  readonly acceptLoss: boolean;
  /** Take in what the workers run and a term above theirs. By flag only. */
  readonly adopt: boolean;
  /** Whether the in-process worker takes tasks. */
  readonly localWorker: boolean;
  /** Whether it goes on taking tasks once a node has joined from elsewhere: only when asked for by name. */
  readonly keepLocalWorker: boolean;
  /** Addresses of workers to dial, HOST:PORT. */
  readonly workers: readonly string[];
}

/** What a task may ask of this machine beyond its sandbox; all off by default. */
export interface WorkerPolicy {
  /** Absolute paths; binds are allowed at and below them. */
  readonly allowBind: readonly string[];
  readonly allowPrivileged: boolean;
  readonly allowHostNetwork: boolean;
  readonly allowHostNamespaces: readonly ("pid" | "ipc" | "uts")[];
  readonly allowDevices: readonly string[];
  readonly allowCaps: readonly string[];
  readonly allowEngineSocket: boolean;
}

export interface WorkerConfig {
  /** "" for the machine's own name. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Kept back for the system; null lets the worker choose. */
  readonly reserve: Resources | null;
  readonly runtimes: readonly RuntimeKind[];
  readonly policy: WorkerPolicy;
  /** The worker's own port: the book's worker API of one beside a manager, the manager's dial of one alone. `port` null opens none, 0 a free one. */
  readonly api: { readonly host: string; readonly port: number | null };
  /** How a worker alone finds its manager and is let in. */
  readonly join: {
    /** HOST:PORT to dial; "" to wait for the manager's dial. */
    readonly address: string;
    /** The token itself; "" for none. */
    readonly token: string;
    /** Absolute path; the one that a manager of the same user leaves on this machine when nobody says otherwise. */
    readonly tokenFile: string;
    /** Somebody named the file: then it has to be there. */
    readonly tokenFileGiven: boolean;
  };
  /** Whether the book's worker API takes writes. */
  readonly bookApi: boolean;
  /** False where nobody may run commands in tasks. */
  readonly exec: boolean;
}

export interface Config {
  readonly dirs: Directories;
  /** Absolute path of the file that it was read from; without one of another name it need not be there. */
  readonly file: string;
  /** The manager's local socket. */
  readonly socket: string;
  readonly target: Target;
  /** True when flag, variable or file named a manager: then no manager is started here. */
  readonly targetGiven: boolean;
  readonly manager: ManagerConfig;
  readonly worker: WorkerConfig;
  readonly log: { readonly level: (typeof LOG_LEVELS)[number]; readonly file: string };
  /** Where each setting that somebody gave was written: what a role has no use for is refused by the name of its flag. */
  readonly origins: Origins;
}

/** Reads everything. Throws ConfigError, and nothing else on purpose. */
export function loadConfig(place: Place, options: { readonly flags: Flags; readonly role: Role }): Config {
  const { values, origins } = gather(place, options.flags);
  const dirs = directories(place, values.dataDir ?? "");
  const choice = {
    manager: values.manager ?? "",
    tokenFile: values.tokenFile ?? "",
    clusterId: values.clusterId ?? "",
    dataDir: dirs.data,
    configDir: dirs.config,
  };
  return {
    dirs,
    file: configFile(place, options.flags),
    socket: socketPath(dirs.data),
    target: targetOf(choice, place),
    targetGiven: values.manager !== undefined,
    manager: { ...managerConfig(values), adopt: origins.adopt !== undefined },
    worker: workerConfig(values, { role: options.role, place, config: dirs.config }),
    log: { level: values.logLevel ?? "info", file: values.logFile ?? join(dirs.state, "cube.log") },
    origins,
  };
}

function managerConfig(values: Values): Omit<ManagerConfig, "adopt"> {
  return {
    host: values.host ?? "127.0.0.1",
    port: values.port ?? MANAGER_PORT,
    auth: values.auth ?? true,
    readOnly: values.readOnly ?? false,
    scheduler: values.scheduler ?? "epvm",
    store: values.store === "memory" ? "memory" : "persistent",
    acceptLoss: values.acceptLoss ?? false,
    localWorker: values.localWorker ?? true,
    keepLocalWorker: values.localWorker ?? false,
    workers: values.workers ?? [],
  };
}

function workerConfig(
  values: Values,
  { role, place, config }: { role: Role; place: Place; config: string },
): WorkerConfig {
  const alone = role === "worker";
  return {
    name: values.name ?? "",
    labels: values.labels ?? {},
    reserve: values.reserve ?? null,
    // Plain processes are no sandbox: only whoever owns the machine may switch them on for a manager elsewhere.
    runtimes: values.runtimes ?? (alone ? ["docker"] : ["docker", "process"]),
    policy: policyOf(values, alone ? [] : [place.home]),
    api: { host: values.workerHost ?? "127.0.0.1", port: values.workerPort ?? null },
    join: {
      address: values.join ?? "",
      token: values.joinToken ?? "",
      tokenFile: values.joinTokenFile ?? join(config, "join-token"),
      tokenFileGiven: values.joinTokenFile !== undefined,
    },
    bookApi: values.bookApi ?? false,
    exec: values.exec ?? true,
  };
}

function policyOf(values: Values, bindDefault: readonly string[]): WorkerPolicy {
  return {
    allowBind: values.allowBind ?? bindDefault,
    allowPrivileged: values.allowPrivileged ?? false,
    allowHostNetwork: values.allowHostNetwork ?? false,
    allowHostNamespaces: values.allowHostNamespaces ?? [],
    allowDevices: values.allowDevices ?? [],
    allowCaps: values.allowCaps ?? [],
    allowEngineSocket: values.allowEngineSocket ?? false,
  };
}
