import { expect, test } from "bun:test";
import { ROOT } from "../../src/cli/commands/root.ts";
import { parseCommandLine } from "../../src/cli/program.ts";
import { FakeShell } from "./fake-shell.ts";

function parsed(...argv: string[]) {
  const result = parseCommandLine(ROOT, argv);
  if (result.kind === "help") return { help: result.text };
  const { spec, args, flags } = result.invocation;
  return { command: spec.name, args, flags };
}

test("cli/command line: short flags join, values follow in every form, repeated flags gather", () => {
  expect(parsed("run", "-p", "80", "-p8080:80", "--env=A=1", "-eB=2", "-m", "512m", "--cpus", "0.5", "nginx")).toEqual({
    command: "run",
    args: ["nginx"],
    flags: { publish: ["80", "8080:80"], env: ["A=1", "B=2"], m: "512m", cpus: "0.5" },
  });
  expect(parsed("logs", "-ftn5", "web")).toEqual({
    command: "logs",
    args: ["web"],
    flags: { follow: true, timestamps: true, tail: "5" },
  });
});

test("cli/command line: behind an image the first plain word begins the task's command, flags and all", () => {
  expect(parsed("run", "--name", "a", "alpine", "sh", "-c", "echo -e hi")).toEqual({
    command: "run",
    args: ["alpine", "sh", "-c", "echo -e hi"],
    flags: { name: "a" },
  });
});

test("cli/command line: flags between the image and -- are still cube's", () => {
  expect(parsed("run", "alpine", "--name", "a", "-e", "X=1", "--", "ls", "--name")).toEqual({
    command: "run",
    args: ["alpine", "ls", "--name"],
    flags: { name: "a", env: ["X=1"] },
  });
  expect(parsed("exec", "web", "-it", "--", "sh", "-l")).toEqual({
    command: "exec",
    args: ["web", "sh", "-l"],
    flags: { interactive: true, tty: true },
  });
});

test("cli/command line: behind -- nothing is a flag of cube's", () => {
  expect(parsed("run", "--runtime", "process", "--", "sleep", "-e", "5")).toEqual({
    command: "run",
    args: ["sleep", "-e", "5"],
    flags: { runtime: "process" },
  });
  expect(parsed("run", "alpine", "--", "-weird")).toEqual({ command: "run", args: ["alpine", "-weird"], flags: {} });
});

test("cli/command line: which manager is meant may be said before the command or behind it, and the nearer one counts", () => {
  expect(parsed("-m", "a:1", "--data-dir", "/d", "status", "-m", "b:2")).toEqual({
    command: "status",
    args: [],
    flags: { manager: "b:2", dataDir: "/d" },
  });
});

test("cli/command line: the book's commands and flags are all taken", () => {
  expect([
    parsed(
      "manager",
      "-H",
      "localhost",
      "-p",
      "5555",
      "-w",
      "localhost:5556,localhost:5557",
      "-s",
      "epvm",
      "-d",
      "memory",
    ),
    parsed(
      "manager",
      "--host",
      "localhost",
      "--port",
      "1",
      "--workers",
      "a:1",
      "--workers",
      "b:2",
      "--scheduler",
      "roundrobin",
      "--dbType",
      "persistent",
    ),
    parsed("worker", "-H", "localhost", "-p", "5556", "-n", "worker-1", "-d", "persistent"),
    parsed("worker", "--host", "localhost", "--port", "5556", "--name", "worker-1", "--dbtype", "memory"),
    parsed("run", "--manager", "localhost:5555", "--filename", "task1.json"),
    parsed("run", "-m", "localhost:5555", "-f", "task1.json"),
    parsed("stop", "-m", "localhost:5555", "bb1d59ef"),
    parsed("status", "--manager", "localhost:5555"),
    parsed("node", "-m", "localhost:5555"),
  ]).toEqual([
    {
      command: "manager",
      args: [],
      flags: {
        host: "localhost",
        port: "5555",
        workers: ["localhost:5556,localhost:5557"],
        scheduler: "epvm",
        store: "memory",
      },
    },
    {
      command: "manager",
      args: [],
      flags: { host: "localhost", port: "1", workers: ["a:1", "b:2"], scheduler: "roundrobin", store: "persistent" },
    },
    {
      command: "worker",
      args: [],
      flags: { workerHost: "localhost", workerPort: "5556", name: "worker-1", store: "persistent" },
    },
    {
      command: "worker",
      args: [],
      flags: { workerHost: "localhost", workerPort: "5556", name: "worker-1", store: "memory" },
    },
    { command: "run", args: [], flags: { manager: "localhost:5555", filename: "task1.json" } },
    { command: "run", args: [], flags: { m: "localhost:5555", filename: "task1.json" } },
    { command: "stop", args: ["bb1d59ef"], flags: { manager: "localhost:5555" } },
    { command: "status", args: [], flags: { manager: "localhost:5555" } },
    { command: "node", args: [], flags: { manager: "localhost:5555" } },
  ]);
});

test("cli/command line: what is wrong is said in one line, with a suggestion, and exits with 2", async () => {
  using shell = new FakeShell();
  const lines = [
    ["stauts"],
    ["stauts", "--json"],
    ["frobnicate"],
    ["node", "cordn", "n1"],
    ["help", "rnu"],
    ["status", "--jsn"],
    ["status", "--state", "runing"],
    ["status", "extra"],
    ["stop"],
    ["run"],
    ["run", "--memory"],
    ["run", "-d", "nginx"],
    ["run", "alpine", "--nmae", "x"],
    ["logs", "a", "b"],
    ["--headless", "everything"],
    ["--name", "x", "status"],
  ];
  const outcomes = [];
  for (const line of lines) outcomes.push(await shell.run(...line));
  expect(outcomes.map(({ code, out, err }) => `${code} ${out}${err}`)).toEqual([
    '2 cube: unknown command "stauts"\ndid you mean "status"?\n',
    '2 cube: unknown command "stauts"\ndid you mean "status"?\n',
    '2 cube: unknown command "frobnicate"\ncube --help lists the commands\n',
    '2 cube: unknown command "cordn"\ndid you mean "cordon"?\n',
    '2 cube: unknown command "rnu"\ndid you mean "run"?\n',
    '2 cube: unknown option "--jsn"\ndid you mean --json?\n',
    "2 cube: option '--state <STATE>' argument 'runing' is invalid. Allowed choices are pending, assigned, accepted, pulling, ready, starting, running, stopping, complete, failed, rejected, stopped, lost\ncube status --help shows how it is used\n",
    "2 cube: too many arguments for 'status'. Expected 0 arguments but got 1\ncube status --help shows how it is used\n",
    "2 cube: missing required argument 'task'\ncube stop --help shows how it is used\n",
    "2 cube: run needs an IMAGE, or -f FILE\nsuch as: cube run -p 8080:80 nginx\n",
    "2 cube: option '--memory <SIZE>' argument missing\ncube run --help shows how it is used\n",
    '2 cube: unknown option "-d"\ntasks always run in the background: leave -d out\n',
    '2 cube: unknown option "--nmae"\ndid you mean --name?\n',
    "2 cube: too many arguments for 'logs'. Expected 1 argument but got 2\ncube logs --help shows how it is used\n",
    "2 cube: option '--headless <all|manager|worker>' argument 'everything' is invalid. Allowed choices are all, manager, worker\ncube --help shows how it is used\n",
    '2 cube: --name before "status" has no meaning\nwrite flags of status behind it: cube status --help\n',
  ]);
  expect(shell.targets).toEqual([]);
});

test("cli/command line: a command line without a command is a role", async () => {
  using shell = new FakeShell();
  const lines = [
    [],
    ["--headless", "all"],
    ["--headless", "worker"],
    ["--headless", "worker", "--join", "ops1:5555"],
    ["manager"],
    ["worker"],
    ["attach"],
    ["-m", "127.0.0.1:5555"],
    ["attach", "-m", "localhost:1"],
  ];
  for (const line of lines) await shell.run(...line);
  expect(shell.roles).toEqual([
    "ui",
    "headless all",
    "headless worker",
    "headless worker",
    "headless manager",
    "headless worker",
    `attach ${shell.home}/.local/share/cube/cube.sock`,
    "attach 127.0.0.1",
    "attach localhost",
  ]);
});

test("cli/command line: a worker is as strict by either of its names", async () => {
  using shell = new FakeShell();
  const strict = [];
  for (const line of [["worker"], ["--headless", "worker"], ["--headless", "all"]]) {
    await shell.run(...line);
    strict.push([shell.config?.worker.runtimes, shell.config?.worker.policy.allowBind]);
  }
  expect(strict).toEqual([
    [["docker"], []],
    [["docker"], []],
    [["docker", "process"], [shell.home]],
  ]);
});

test("cli/command line: --read-only is for the screen, one's own or attached", async () => {
  using shell = new FakeShell();
  const readOnly = [];
  for (const line of [["--read-only"], ["attach", "--read-only"], ["attach"]]) {
    await shell.run(...line);
    readOnly.push(shell.config?.manager.readOnly);
  }
  expect(readOnly).toEqual([true, true, false]);
  expect((await shell.run("manager", "--read-only")).code).toBe(2);
});

test("cli/command line: a manager of one's own and another one's address do not go together", async () => {
  using shell = new FakeShell();
  const outcome = await shell.run("--headless", "all", "-m", "127.0.0.1:5555");
  expect({ ...outcome, roles: shell.roles }).toEqual({
    code: 2,
    out: "",
    err: "cube: --manager does not go with a manager of one's own\nleave --headless out to see the other one\n",
    roles: [],
  });
});

test("cli/command line: --version and -V say version and commit, and ask no manager", async () => {
  using shell = new FakeShell();
  const outcomes = [await shell.run("--version"), await shell.run("-V"), await shell.run("--data-dir", "/x", "-V")];
  expect(
    outcomes.map(({ code, out, err }) => ({ code, err, right: /^cube \d+\.\d+\.\d+ \(\S+\)\n$/.test(out) })),
  ).toEqual([0, 1, 2].map(() => ({ code: 0, err: "", right: true })));
  expect(shell.targets).toEqual([]);
});
