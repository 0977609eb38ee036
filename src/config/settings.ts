/**
 * Every setting, once: its key in config.json, its variable, its flag and its reader. Defaults are applied in config.ts.
 * A setting that is not in this table does not exist; the CLI's options and the checks of unknown keys both go by it.
 */
import {
  listOf,
  oneOf,
  portReader,
  readClusterId,
  readLabels,
  readListen,
  readManager,
  readNodeName,
  readPeer,
  readReserve,
  readSwitch,
  readText,
  wholeListOf,
} from "./values.ts";

/** Which scheduler places tasks. */
export const SCHEDULERS = ["epvm", "roundrobin", "pack"] as const;
/** Where the manager keeps its state. `level` is another word for `persistent`. */
export const STORES = ["persistent", "memory", "level"] as const;
/** What a worker can run tasks with. */
export const RUNTIMES = ["docker", "process"] as const;
/** How much is written to the log file. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
const NAMESPACES = ["pid", "ipc", "uts"] as const;

/** The readers by key. The key is the one in config.json and, in camelCase, the flag's. */
export const SETTINGS = {
  manager: readManager,
  tokenFile: readText,
  dataDir: readText,
  clusterId: readClusterId,
  listen: readListen,
  host: readText,
  port: portReader(true),
  auth: readSwitch,
  bookApi: readSwitch,
  readOnly: readSwitch,
  scheduler: oneOf(SCHEDULERS),
  store: oneOf(STORES),
  acceptLoss: readSwitch,
  workers: listOf(readPeer),
  localWorker: readSwitch,
  workerHost: readText,
  workerPort: portReader(true),
  join: readPeer,
  joinTokenFile: readText,
  joinToken: readText,
  name: readNodeName,
  labels: readLabels,
  reserve: readReserve,
  runtimes: listOf(oneOf(RUNTIMES)),
  allowBind: wholeListOf(readText),
  allowPrivileged: readSwitch,
  allowHostNetwork: readSwitch,
  allowHostNamespaces: listOf(oneOf(NAMESPACES)),
  allowDevices: listOf(readText),
  allowCaps: listOf(readText),
  allowEngineSocket: readSwitch,
  exec: readSwitch,
  logLevel: oneOf(LOG_LEVELS),
  logFile: readText,
} as const;

export type Settings = typeof SETTINGS;
export type SettingKey = keyof Settings;

/** Values as read, each absent when nobody gave it. */
export type Values = { readonly [Key in SettingKey]?: ReturnType<Settings[Key]> };

/** All keys, in the table's order. */
export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[];

/** Variables that are no settings: the token itself must never be written into config.json, and the file cannot name itself. */
export const PLAIN_VARIABLES = ["CUBE_TOKEN", "CUBE_CONFIG"] as const;

/** The variable of a setting, such as CUBE_DATA_DIR for dataDir. */
export function variableOf(key: SettingKey): string {
  return `CUBE_${key.replace(/[A-Z]/g, "_$&").toUpperCase()}`;
}

/** Flags whose names are not simply the key with dashes, as they are shown in messages. */
const FLAGS: Partial<Record<SettingKey, string>> = {
  auth: "--no-auth",
  localWorker: "--no-local-worker",
  labels: "--label",
  runtimes: "--runtime",
  allowDevices: "--allow-device",
  allowCaps: "--allow-cap",
  exec: "--no-exec",
};

/** The flag of a setting, such as --data-dir. */
export function flagOf(key: SettingKey): string {
  return FLAGS[key] ?? `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
