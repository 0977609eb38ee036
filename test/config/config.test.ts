import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, loadConfig, type Role } from "../../src/config/config.ts";
import type { Flags } from "../../src/config/sources.ts";
import { problemOf } from "./problem.ts";

let home = "";
let file = "";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "cube-config-"));
  mkdirSync(join(home, ".config", "cube"), { recursive: true });
  file = join(home, ".config", "cube", "config.json");
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function load(at: { flags?: Flags; env?: Record<string, string>; role?: Role } = {}): Config {
  return loadConfig({ env: at.env ?? {}, home, cwd: "/srv" }, { flags: at.flags ?? {}, role: at.role ?? "all" });
}

function problem(at: { flags?: Flags; env?: Record<string, string>; role?: Role } = {}): string {
  return problemOf(() => load(at), home);
}

test("config: with nothing said, everything has its default", () => {
  const data = join(home, ".local", "share", "cube");
  expect(load()).toEqual({
    dirs: { data, config: join(home, ".config", "cube"), state: join(home, ".local", "state", "cube"), runtime: data },
    file: join(home, ".config", "cube", "config.json"),
    socket: join(data, "cube.sock"),
    target: { kind: "unix", path: join(data, "cube.sock") },
    targetGiven: false,
    manager: {
      host: "127.0.0.1",
      port: 5555,
      auth: true,
      readOnly: false,
      scheduler: "epvm",
      store: "persistent",
      localWorker: true,
      keepLocalWorker: false,
      acceptLoss: false,
      adopt: false,
      workers: [],
    },
    worker: {
      name: "",
      labels: {},
      reserve: null,
      runtimes: ["docker", "process"],
      policy: {
        allowBind: [home],
        allowPrivileged: false,
        allowHostNetwork: false,
        allowHostNamespaces: [],
        allowDevices: [],
        allowCaps: [],
        allowEngineSocket: false,
      },
      api: { host: "127.0.0.1", port: null },
      join: { address: "", token: "", tokenFile: join(home, ".config", "cube", "join-token"), tokenFileGiven: false },
      bookApi: false,
      exec: true,
    },
    log: { level: "info", file: join(home, ".local", "state", "cube", "cube.log") },
    origins: {},
  });
});

test("config: a worker for a manager elsewhere binds nothing and runs no plain processes by default", () => {
  const { runtimes, policy } = load({ role: "worker" }).worker;
  expect([runtimes, policy.allowBind]).toEqual([["docker"], []]);
});

test("config: a flag counts more than a variable, a variable more than the file", () => {
  writeFileSync(file, JSON.stringify({ port: 1, scheduler: "pack", name: "file", labels: { zone: "a" } }));
  const env = { CUBE_PORT: "2", CUBE_SCHEDULER: "roundrobin", CUBE_NAME: "" };
  const { manager, worker } = load({ env, flags: { port: "3" } });
  expect([manager.port, manager.scheduler, worker.name, worker.labels]).toEqual([
    3,
    "roundrobin",
    "file",
    { zone: "a" },
  ]);
});

test("config: every setting can be given in each of the three places", () => {
  const clusterId = "c".repeat(52);
  const inFile = {
    manager: "localhost:9",
    clusterId,
    dataDir: "~/d",
    host: "localhost",
    port: 1,
    auth: false,
    acceptLoss: true,
    join: "m:1",
    joinToken: "cube1.a.b",
    joinTokenFile: "../../join",
    bookApi: true,
    exec: false,
    readOnly: true,
    scheduler: "pack",
    store: "level",
    workers: ["a:1", "b:2"],
    localWorker: false,

    workerPort: 5556,
    name: "n",
    labels: { k: "v" },
    reserve: { cpu: 0.5, memory: "512m" },
    runtimes: ["process"],
    allowBind: ["~/x", "y"],
    allowPrivileged: true,
    allowHostNetwork: true,
    allowHostNamespaces: ["pid"],
    allowDevices: ["/dev/fuse"],
    allowCaps: ["NET_ADMIN"],
    allowEngineSocket: true,
    logLevel: "debug",
    logFile: "l.log",
  };
  writeFileSync(file, JSON.stringify(inFile));
  const fromFile = load();
  const cwd = join(home, ".config", "cube");
  rmSync(file);
  const env = {
    CUBE_MANAGER: "localhost:9",
    CUBE_CLUSTER_ID: clusterId,
    CUBE_DATA_DIR: "~/d",
    CUBE_HOST: "localhost",
    CUBE_PORT: "1",
    CUBE_AUTH: "no",
    CUBE_BOOK_API: "1",
    CUBE_EXEC: "off",
    CUBE_ACCEPT_LOSS: "yes",
    CUBE_READ_ONLY: "on",
    CUBE_SCHEDULER: "pack",
    CUBE_STORE: "level",
    CUBE_WORKERS: "a:1, b:2",
    CUBE_LOCAL_WORKER: "false",
    CUBE_WORKER_PORT: "5556",
    CUBE_NAME: "n",
    CUBE_LABELS: "k=v",
    CUBE_RESERVE: "cpu=0.5,memory=512m",
    CUBE_RUNTIMES: "process",
    CUBE_ALLOW_BIND: `~/x,${cwd}/y`,
    CUBE_ALLOW_PRIVILEGED: "true",
    CUBE_ALLOW_HOST_NETWORK: "yes",
    CUBE_ALLOW_HOST_NAMESPACES: "pid",
    CUBE_ALLOW_DEVICES: "/dev/fuse",
    CUBE_ALLOW_CAPS: "NET_ADMIN",
    CUBE_ALLOW_ENGINE_SOCKET: "true",
    CUBE_JOIN: "m:1",
    CUBE_JOIN_TOKEN: "cube1.a.b",
    CUBE_JOIN_TOKEN_FILE: "~/join",
    CUBE_LOG_LEVEL: "debug",
    CUBE_LOG_FILE: `${cwd}/l.log`,
  };
  const flags = {
    manager: "localhost:9",
    clusterId,
    dataDir: "~/d",
    host: "localhost",
    port: "1",
    auth: false,
    acceptLoss: true,
    join: "m:1",
    joinToken: "cube1.a.b",
    joinTokenFile: "~/join",
    bookApi: true,
    exec: false,
    readOnly: true,
    scheduler: "pack",
    store: "level",
    workers: ["a:1,b:2"],
    localWorker: false,

    workerPort: "5556",
    name: "n",
    labels: ["k=v"],
    reserve: "cpu=0.5,memory=512m",
    runtimes: ["process"],
    allowBind: ["~/x", `${cwd}/y`],
    allowPrivileged: true,
    allowHostNetwork: true,
    allowHostNamespaces: ["pid"],
    allowDevices: ["/dev/fuse"],
    allowCaps: ["NET_ADMIN"],
    allowEngineSocket: true,
    logLevel: "debug",
    logFile: `${cwd}/l.log`,
  };
  const data = join(home, "d");
  const expected: Omit<Config, "origins"> = {
    dirs: { data, config: cwd, state: data, runtime: data },
    file,
    socket: join(data, "cube.sock"),
    target: { kind: "tls", host: "localhost", port: 9, clusterId, token: "" },
    targetGiven: true,
    manager: {
      host: "localhost",
      port: 1,
      auth: false,
      readOnly: true,
      scheduler: "pack",
      store: "persistent",
      localWorker: false,
      keepLocalWorker: false,
      acceptLoss: true,
      adopt: false,
      workers: ["a:1", "b:2"],
    },
    worker: {
      name: "n",
      labels: { k: "v" },
      reserve: { cpuMillis: 500, memoryBytes: 512 * 2 ** 20, diskBytes: 2 ** 30 },
      runtimes: ["process"],
      policy: {
        allowBind: [join(home, "x"), join(cwd, "y")],
        allowPrivileged: true,
        allowHostNetwork: true,
        allowHostNamespaces: ["pid"],
        allowDevices: ["/dev/fuse"],
        allowCaps: ["NET_ADMIN"],
        allowEngineSocket: true,
      },
      api: { host: "127.0.0.1", port: 5556 },
      join: { address: "m:1", token: "cube1.a.b", tokenFile: join(home, "join"), tokenFileGiven: true },
      bookApi: true,
      exec: false,
    },
    log: { level: "debug", file: join(cwd, "l.log") },
  };
  const found = [fromFile, load({ env }), load({ flags })];
  expect(found.map(({ origins: _, ...rest }) => rest)).toEqual([expected, expected, expected]);
  expect(found.map(({ origins }) => [origins.port, origins.localWorker])).toEqual([
    [
      { where: `${file}: "port"`, isFlag: false },
      { where: `${file}: "localWorker"`, isFlag: false },
    ],
    [
      { where: "CUBE_PORT", isFlag: false },
      { where: "CUBE_LOCAL_WORKER", isFlag: false },
    ],
    [
      { where: "--port", isFlag: true },
      { where: "--no-local-worker", isFlag: true },
    ],
  ]);
});

test("config: directories follow XDG; relative ones are ignored as the specification says", () => {
  const env = {
    XDG_DATA_HOME: "/xd",
    XDG_CONFIG_HOME: "/xc",
    XDG_STATE_HOME: "relative",
    XDG_RUNTIME_DIR: "/run/user/1",
  };
  expect(load({ env }).dirs).toEqual({
    data: "/xd/cube",
    config: "/xc/cube",
    state: join(home, ".local", "state", "cube"),
    runtime: "/run/user/1/cube",
  });
});

test("config: a relative data directory starts from the current one", () => {
  expect(load({ flags: { dataDir: "here" } }).socket).toBe("/srv/here/cube.sock");
});

test("config: a wrong value is refused with its place and what is allowed", () => {
  const text = (content: unknown) =>
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  const found: string[] = [];
  for (const content of [
    { port: "x" },
    { port: 70_000 },
    { auth: "maybe" },
    { scheduler: "best" },
    { labels: { "": "x" } },
    { labels: { a: 1 } },
    { reserve: { ram: "1g" } },
    { prot: 1 },
    { whatever: 1 },
    [],
    '{"port": 1,\n "auth": true,}',
    { workers: ["a:1", "b c"] },
    { name: "a b" },
  ]) {
    text(content);
    found.push(problem());
  }
  rmSync(file);
  found.push(
    problem({ env: { CUBE_STORE: "disk" } }),
    problem({ env: { CUBE_PROT: "1" } }),
    problem({ flags: { allowHostNamespaces: ["pid", "net"] } }),
    problem({ flags: { join: "a b" } }),
    problem({ flags: { listen: ":5555" } }),
  );
  found.push(problem({ env: { CUBE_BIN: "/x", CUBE_HOME: "/x", CUBE_TEST_NO_DOCKER: "1" } }));
  expect(found).toEqual([
    '~/.config/cube/config.json: "port" is "x", but must be a port from 0 to 65535',
    '~/.config/cube/config.json: "port" is 70000, but must be a port from 0 to 65535',
    '~/.config/cube/config.json: "auth" is "maybe", but must be true or false',
    '~/.config/cube/config.json: "scheduler" is "best", but must be epvm, roundrobin or pack',
    '~/.config/cube/config.json: "labels" is {"":"x"}, but must be labels as key=value; a key has letters, digits, dots, dashes, slashes and underscores',
    '~/.config/cube/config.json: "labels" is {"a":1}, but must be labels whose values are texts',
    '~/.config/cube/config.json: "reserve" is {"ram":"1g"}, but must be cpu=CORES, memory=SIZE and disk=SIZE, such as cpu=0.5,memory=512m',
    '~/.config/cube/config.json: unknown key "prot" | did you mean "port"?',
    expect.stringContaining(
      '~/.config/cube/config.json: unknown key "whatever" | known keys: manager, tokenFile, dataDir,',
    ),
    '~/.config/cube/config.json must hold one JSON object | such as {"port": 5555}',
    '~/.config/cube/config.json:2:15 is not JSON: expected a key in double quotes | it holds one object, such as {"port": 5555}',
    '~/.config/cube/config.json: "workers" is ["a:1","b c"], but must be HOST:PORT such as 10.0.0.2:5556',
    '~/.config/cube/config.json: "name" is "a b", but must be at most 63 letters, digits, dots, dashes and underscores, a letter or digit first',
    'CUBE_STORE is "disk", but must be persistent, memory or level',
    "unknown variable CUBE_PROT | did you mean CUBE_PORT?",
    '--allow-host-namespaces is ["pid","net"], but must be pid, ipc or uts',
    '--join is "a b", but must be HOST:PORT such as 10.0.0.2:5556',
    '--listen is ":5555", but must be HOST:PORT such as 127.0.0.1:5555, or 0.0.0.0:5555 for all of this machine\'s addresses',
    "no problem",
  ]);
});

test("config: a named file must be there and be a file; the default one need not be", () => {
  mkdirSync(file);
  expect([problem({ flags: { config: "/none.json" } }), problem({ env: { CUBE_CONFIG: home } }), problem()]).toEqual([
    "cannot read the configuration /none.json: there is no such file",
    "cannot read the configuration ~: it is a directory",
    "cannot read the configuration ~/.config/cube/config.json: it is a directory",
  ]);
  rmSync(file, { recursive: true });
  expect(problem()).toBe("no problem");
});

test("config: a data directory whose socket the system could not bind is refused at once", () => {
  expect(problem({ flags: { dataDir: `/${"x".repeat(100)}` } })).toBe(
    `the data directory's path is too long for a socket: /${"x".repeat(100)}/cube.sock (at most 103 bytes) | choose a shorter one by --data-dir or CUBE_DATA_DIR`,
  );
});
