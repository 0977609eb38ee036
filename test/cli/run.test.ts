import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClientError } from "../../src/client/cluster-client.ts";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { FakeShell } from "./fake-shell.ts";

test("cli/run: every flag of docker run arrives in the specification", async () => {
  using shell = new FakeShell();
  shell.env.TOKEN = "from-outside";
  writeFileSync(join(shell.home, "vars"), "# a comment\nFILE=1\nA=overridden\n\nTOKEN\nUNSET\n");
  const outcome = await shell.run(
    ...[
      "run",
      "--name",
      "web",
      "-p",
      "8080:80",
      "-p",
      "127.0.0.1:53:53/udp",
      "-e",
      "A=b=c",
      "-e",
      "TOKEN",
      "-e",
      "NOTSET",
      "--env-file",
      "vars",
    ],
    ...[
      "-v",
      "/srv:/data:ro",
      "-v",
      "cache:/cache",
      "-v",
      "./here:/there",
      "--tmpfs",
      "/tmp",
      "-m",
      "512m",
      "--cpus",
      "1.5",
      "--disk",
      "1g",
    ],
    ...[
      "--label",
      "a=b",
      "--restart",
      "on-failure:3",
      "--entrypoint",
      "sh",
      "--user",
      "1:1",
      "--workdir",
      "/w",
      "--pull",
      "always",
    ],
    ...[
      "--stop-signal",
      "int",
      "--stop-timeout",
      "30",
      "--count",
      "2",
      "--constraint",
      "zone!=b",
      "--privileged",
      "--network",
      "host",
    ],
    ...[
      "--cap-add",
      "NET_ADMIN",
      "--pid",
      "host",
      "--uts",
      "host",
      "--device",
      "/dev/fuse",
      "--health-cmd",
      "test -f /ok",
      "--health-interval",
      "5s",
      "--health-timeout",
      "500ms",
    ],
    ...["--health-retries", "2", "--health-start-period", "1m", "nginx:1", "--", "-c", "x y"],
  );
  expect(outcome).toEqual({ code: 0, out: "job-1\n", err: "" });
  expect(shell.client.submitted).toEqual([
    {
      id: undefined,
      spec: {
        name: "web",
        labels: { a: "b" },
        services: [
          {
            name: "web",
            count: 2,
            task: {
              ...DEFAULT_TASK,
              image: "nginx:1",
              command: ["-c", "x y"],
              entrypoint: ["sh"],
              env: { FILE: "1", A: "b=c", TOKEN: "from-outside" },
              workingDir: "/w",
              user: "1:1",
              resources: { cpuMillis: 1500, memoryBytes: 512 * 2 ** 20, diskBytes: 2 ** 30 },
              ports: [
                { containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "" },
                { containerPort: 53, hostPort: 53, protocol: "udp", hostIp: "127.0.0.1" },
              ],
              mounts: [
                { kind: "bind", source: "/srv", target: "/data", readOnly: true },
                { kind: "volume", source: "cache", target: "/cache", readOnly: false },
                { kind: "bind", source: join(shell.home, "here"), target: "/there", readOnly: false },
                { kind: "tmpfs", source: "", target: "/tmp", readOnly: false },
              ],
              restart: { ...DEFAULT_TASK.restart, condition: "on-failure", attempts: 3 },
              pull: "always",
              health: {
                probe: { kind: "exec", command: ["/bin/sh", "-c", "test -f /ok"] },
                intervalMs: 5_000,
                timeoutMs: 500,
                retries: 2,
                startPeriodMs: 60_000,
              },
              stopSignal: "SIGINT",
              stopGraceMs: 30_000,
              labels: { a: "b" },
              constraints: [{ key: "zone", operator: "!=", value: "b" }],
              privileges: {
                privileged: true,
                network: "host",
                hostNamespaces: ["pid", "uts"],
                devices: ["/dev/fuse"],
                capAdd: ["NET_ADMIN"],
              },
            },
          },
        ],
      },
    },
  ]);
});

test("cli/run: an image alone is a batch task with docker's defaults and a name of its own", async () => {
  using shell = new FakeShell();
  await shell.run("run", "registry.example:5000/tools/busy_box:1");
  const specs = shell.client.submitted.map(({ spec }) => ({
    name: spec.name.replace(/[0-9a-f]{4}$/, "####"),
    task: spec.services[0]?.task,
  }));
  const restart = { ...DEFAULT_TASK.restart, condition: "no" as const };
  expect(specs).toEqual([
    { name: "busy-box-####", task: { ...DEFAULT_TASK, image: "registry.example:5000/tools/busy_box:1", restart } },
  ]);
});

test("cli/run: a process has a command and no image", async () => {
  using shell = new FakeShell();
  await shell.run("run", "--runtime", "process", "--name", "tick", "--", "sleep", "5");
  const [{ spec } = { spec: null }] = shell.client.submitted;
  expect(spec?.services[0]?.task).toEqual({
    ...DEFAULT_TASK,
    runtime: "process",
    command: ["sleep", "5"],
    restart: { ...DEFAULT_TASK.restart, condition: "no" },
  });
});

test("cli/run: health by HTTP and TCP, with a port where one is named", async () => {
  using shell = new FakeShell();
  await shell.run("run", "-p", "80", "--health-http", "/health", "nginx");
  await shell.run("run", "-p", "80", "--health-http", ":8080/health", "nginx");
  await shell.run("run", "-p", "80", "--health-tcp", "80", "nginx");
  expect(shell.client.submitted.map(({ spec }) => spec.services[0]?.task.health?.probe)).toEqual([
    { kind: "http", path: "/health", port: 0 },
    { kind: "http", path: "/health", port: 8080 },
    { kind: "tcp", port: 80 },
  ]);
});

test("cli/run: a wrong value is named with its flag, and nothing is sent", async () => {
  using shell = new FakeShell();
  const lines = [
    ["-p", "eighty"],
    ["-p", "99999"],
    ["-p", "256.1.1.1:80:80"],
    ["--tmpfs", "/a:size=1m"],
    ["-v", "/only-one"],
    ["-m", "much"],
    ["-m", "1m"],
    ["-m", "127.0.0.1:5555"],
    ["--memory", "1g", "-m", "1g"],
    ["--cpus", "none"],
    ["--restart", "sometimes"],
    ["--restart", "always:3"],
    ["--health-interval", "5s"],
    ["--health-cmd", "a", "--health-tcp", "1"],
    ["--health-tcp", "0"],
    ["--stop-signal", "FOO"],
    ["--health-http", "health"],
    ["--stop-timeout", "soon"],
    ["--count", "-1"],
    ["--constraint", "zone"],
    ["--name", "Not A Name"],
    ["--env-file", "missing"],
    ["-e", "1X=2"],
  ];
  const outcomes = [];
  for (const line of lines) outcomes.push(await shell.run("run", ...line, "nginx"));
  expect(outcomes.map(({ code, err }) => `${code} ${err.split("\n")[0]}`)).toEqual([
    '2 cube: -p "eighty" is no port',
    "2 cube: ports[0].containerPort: 99999 is no port: 1 to 65535",
    '2 cube: ports[0].hostIp: "256.1.1.1" is no IP address of a node: such as 127.0.0.1 or ::1',
    '2 cube: --tmpfs "/a:size=1m": options are not known here',
    '2 cube: -v "/only-one" is no mount',
    '2 cube: -m "much" is no size such as 512m or 1.5g',
    "2 cube: resources.memoryBytes: 1048576 bytes are too few: an engine needs at least 6 MiB (6291456)",
    '2 cube: -m "127.0.0.1:5555" is no size such as 512m or 1.5g',
    "2 cube: -m and --memory are the same thing: give one of them",
    '2 cube: --cpus "none" is no number of cores such as 0.5 or 2',
    '2 cube: --restart "sometimes" is unknown',
    '2 cube: --restart "always:3" is unknown',
    "2 cube: how often to check is said, but not what",
    "2 cube: a task has one health check",
    "2 cube: --health-tcp 0 is no port",
    '2 cube: stopSignal: there is no signal "SIGFOO": a name such as SIGTERM, or a number from 1 to 64',
    '2 cube: --health-http "health" is no path',
    '2 cube: --stop-timeout "soon" is no time such as 10s or 1m30s',
    '2 cube: --count "-1" is no whole number',
    '2 cube: --constraint "zone" is none',
    '2 cube: name: "Not A Name" cannot be a name: lower-case letters, digits and -, not at either end, at most 63',
    `2 cube: --env-file ${join(shell.home, "missing")}: there is no such file`,
    '2 cube: env: "1X" cannot be a variable\'s name: letters, digits and _, no digit first',
  ]);
  expect(shell.client.submitted).toEqual([]);
});

test("cli/run: what the manager refuses is said with its hint and exits with 1", async () => {
  using shell = new FakeShell();
  shell.client.down = new ClientError("conflict", 'the name "web" is taken', "choose another one by --name");
  expect(await shell.run("run", "--name", "web", "nginx")).toEqual({
    code: 1,
    out: "",
    err: 'cube: the name "web" is taken\nchoose another one by --name\n',
  });
});
