/** Options that several commands share: how to reach a manager, and how manager and worker run. Declared once, so they mean the same everywhere. */
import { LOG_LEVELS, RUNTIMES, SCHEDULERS, STORES } from "../config/settings.ts";
import type { OptionGroup, OptionSpec } from "./command-spec.ts";

/** Keys of TARGET_OPTIONS: the only flags of a parent that also count for a command behind it. */
export const TARGET_KEYS = ["manager", "clusterId", "tokenFile", "dataDir", "config"] as const;

const MANAGER: OptionSpec = { flags: "-m, --manager <HOST:PORT|SOCKET>", about: "" };
const TOKEN_FILE: OptionSpec = { flags: "--token-file <FILE>", about: "", completes: "file" };
const FILES: readonly OptionSpec[] = [
  { flags: "--data-dir <DIR>", about: "", completes: "file" },
  { flags: "--config <FILE>", about: "", completes: "file" },
  { flags: "-h, --help", about: "" },
];
const CLUSTER_ID: OptionSpec = { flags: "--cluster-id <ID>", about: "" };

/** For every command that speaks to a manager. */
export const TARGET_OPTIONS: OptionGroup = {
  title: "Manager (default: the local one):",
  options: [MANAGER, CLUSTER_ID, TOKEN_FILE, ...FILES],
};

/** The same where -m means something else. */
export const TARGET_OPTIONS_LONG: OptionGroup = {
  title: "Manager (default: the local one):",
  options: [{ flags: "--manager <HOST:PORT|SOCKET>", about: "" }, CLUSTER_ID, TOKEN_FILE, ...FILES],
};

/** For roles, which are no manager's client. */
export const FILE_OPTIONS: OptionGroup = { title: "Files:", options: FILES };

/** The screen without the keys that change something. */
export const READ_ONLY: OptionSpec = { flags: "--read-only", about: "a screen on which nothing can be changed" };

/** Prints the result as JSON. */
export const JSON_OPTION: OptionSpec = { flags: "--json", about: "print JSON instead" };

/** Where the manager listens and how it decides. */
export const MANAGER_OPTIONS: OptionGroup = {
  title: "Manager (the book listens on 0.0.0.0 and keeps its state in memory):",
  options: [
    { flags: "-H, --host <HOST>", about: "where it listens; beyond loopback by TLS (127.0.0.1)" },
    { flags: "-p, --port <PORT>", about: "its port (5555)" },
    { flags: "--no-auth", about: "no token, as the book's curls need" },
    { flags: "-s, --scheduler <NAME>", about: "epvm, roundrobin or pack (epvm)", choices: SCHEDULERS },
    {
      flags: "-d, --dbType <TYPE>",
      about: "persistent or memory (persistent); also --store",
      key: "store",
      choices: STORES,
    },
    { flags: "--listen <HOST:PORT>", about: "" },
    { flags: "--local-worker", about: "" },
    { flags: "--no-local-worker", about: "" },
    { flags: "--accept-loss", about: "" },
    { flags: "-w, --workers <LIST>", about: "workers to dial, HOST:PORT,... (127.0.0.1:5556)", repeat: true },
    { flags: "--adopt", about: "take in what the workers run, after a lost store" },
    { flags: "--store <TYPE>", about: "", choices: STORES, hidden: true },
    { flags: "--dbtype <TYPE>", about: "", key: "store", choices: STORES, hidden: true },
  ],
};

/** What the worker offers and what it allows. */
export const WORKER_OPTIONS: OptionGroup = {
  title: "Worker:",
  options: [
    { flags: "--name <NAME>", about: "" },
    { flags: "--label <KEY=VALUE>", about: "", repeat: true, key: "labels" },
    { flags: "--runtime <docker,process>", about: "", repeat: true, key: "runtimes", choices: RUNTIMES },
    { flags: "--reserve <cpu=N,memory=SIZE>", about: "" },
    { flags: "--worker-port <PORT>", about: "" },
    { flags: "--book-api", about: "" },
    { flags: "--no-exec", about: "" },
  ],
};

/** What tasks may do beyond their sandbox. */
export const ALLOW_OPTIONS: OptionGroup = {
  title: "Refused to tasks unless allowed:",
  options: [
    { flags: "--allow-bind <PATH>", about: "", repeat: true, completes: "file" },
    { flags: "--allow-privileged", about: "" },
    { flags: "--allow-host-network", about: "" },
    { flags: "--allow-host-namespaces <pid,ipc,uts>", about: "", repeat: true },
    { flags: "--allow-device <PATH>", about: "", repeat: true, key: "allowDevices", completes: "file" },
    { flags: "--allow-cap <NAME>", about: "", repeat: true, key: "allowCaps" },
    { flags: "--allow-engine-socket", about: "" },
  ],
};

export const LOG_OPTIONS: readonly OptionSpec[] = [
  { flags: "--log-level <LEVEL>", about: "", choices: LOG_LEVELS },
  { flags: "--log-file <FILE>", about: "", completes: "file" },
];
