import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { aJob } from "./fake-client.ts";
import { FakeShell } from "./fake-shell.ts";

const ID = "bb1d59ef-9fc1-4e4b-a44d-db571eeed203";
const BOOK = {
  ID: "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c",
  State: 2,
  Task: {
    State: 1,
    ID,
    Name: "test-chapter-9.1",
    Image: "timboring/echo-server:latest",
    ExposedPorts: { "7777/tcp": {} },
    PortBindings: { "7777/tcp": "7777" },
    HealthCheck: "/health",
  },
};

/** BOOK's Task in full, as the API keeps it of a POST. */
const POSTED = {
  ID,
  ContainerID: "",
  Name: "test-chapter-9.1",
  State: 1,
  Image: "timboring/echo-server:latest",
  Cpu: 0,
  Memory: 0,
  Disk: 0,
  ExposedPorts: { "7777/tcp": {} },
  HostPorts: null,
  PortBindings: { "7777/tcp": "7777" },
  RestartPolicy: "",
  StartTime: "0001-01-01T00:00:00Z",
  FinishTime: "0001-01-01T00:00:00Z",
  HealthCheck: "/health",
  RestartCount: 0,
};

test("cli/run: -m with a file is the manager, as in the book", async () => {
  using shell = new FakeShell();
  writeFileSync(join(shell.home, "task.json"), JSON.stringify(BOOK));
  const outcome = await shell.run("run", "-m", "localhost:7777", "-f", "task.json");
  expect(outcome).toEqual({ code: 0, out: `${ID}\n`, err: "" });
  expect(shell.targets).toEqual([{ kind: "tcp", host: "localhost", port: 7777, token: "" }]);
  expect(shell.client.submitted).toEqual([
    {
      id: ID,
      spec: {
        name: "test-chapter-9-1",
        labels: { "cube.book": JSON.stringify(POSTED) },
        services: [
          {
            name: "test-chapter-9-1",
            count: 1,
            task: {
              ...DEFAULT_TASK,
              image: "timboring/echo-server:latest",
              ports: [{ containerPort: 7777, hostPort: 7777, protocol: "tcp", hostIp: "" }],
              restart: { ...DEFAULT_TASK.restart, condition: "no" },
              health: {
                probe: { kind: "http", path: "/health", port: 0 },
                intervalMs: 10_000,
                timeoutMs: 3_000,
                retries: 3,
                startPeriodMs: 0,
              },
            },
          },
        ],
      },
    },
  ]);
});

test("cli/run: a book event with state 3 stops the task that is there, and starts one that is not", async () => {
  using shell = new FakeShell();
  shell.stdin.text = JSON.stringify({ ...BOOK, state: 3, State: undefined });
  await shell.run("run", "-f", "-");
  const before = [...shell.client.calls];
  shell.client.jobList = [aJob({ id: ID })];
  await shell.run("run", "-f", "-");
  expect([before, shell.client.calls]).toEqual([[], [`stop ${ID}`]]);
});

test("cli/run: a file may be a job of the versioned API, short or in full", async () => {
  using shell = new FakeShell();
  shell.stdin.text = JSON.stringify({ image: "nginx:1", memory: "64m", restart: "always" });
  await shell.run("run", "-f", "-");
  shell.stdin.text = JSON.stringify({
    id: ID,
    name: "pair",
    services: [
      { name: "a", image: "x" },
      { name: "b", image: "y", count: 2 },
    ],
  });
  await shell.run("run", "-f", "-");
  expect(
    shell.client.submitted.map(({ id, spec }) => [
      id,
      spec.name,
      spec.services.map(({ name, count }) => `${name}*${count}`),
    ]),
  ).toEqual([
    [undefined, "nginx", ["nginx*1"]],
    [ID, "pair", ["a*1", "b*2"]],
  ]);
});

test("cli/run: a file that cannot be used is named with the place of its mistake, and nothing is sent", async () => {
  using shell = new FakeShell();
  const files: Record<string, string> = {
    "empty.json": " \n",
    "broken.json": '{\n  "image": "nginx",\n  "command": ["a",]\n}',
    "list.json": "[]",
    "typo.json": '{"image": "nginx", "memry": "1g"}',
    "type.json": '{"image": 5}',
    "state.json": JSON.stringify({ ...BOOK, State: "2" }),
    "uuid.json": JSON.stringify({ ...BOOK, Task: { ...BOOK.Task, ID: "abc" } }),
    "field.json": JSON.stringify({ ...BOOK, Task: { ...BOOK.Task, Colour: "red" } }),
    "size.json": JSON.stringify({ ...BOOK, Task: { ...BOOK.Task, Memory: "1g" } }),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(shell.home, name), text);
  mkdirSync(join(shell.home, "folder.json"));
  const outcomes = [];
  for (const name of ["missing.json", "folder.json", ...Object.keys(files)])
    outcomes.push(await shell.run("run", "-f", name));
  expect(outcomes.map(({ code, err }) => `${code} ${err.split("\n")[0]}`)).toEqual([
    "2 cube: cannot read missing.json: there is no such file",
    "2 cube: cannot read folder.json: it is a directory",
    "2 cube: empty.json is empty",
    "2 cube: broken.json:3:19 is not JSON: expected a value",
    "2 cube: list.json must hold one JSON object: a task event or a job",
    "2 cube: typo.json: memry: unknown",
    "2 cube: type.json: image: Invalid input: expected string, received number",
    "2 cube: state.json: State must be a number, not a text",
    '2 cube: uuid.json: Task.ID: "abc" is no UUID',
    '2 cube: field.json: unknown field "Task.Colour"',
    "2 cube: size.json: Task.Memory must be a number, not a text",
  ]);
  expect(shell.client.submitted).toEqual([]);
});

test("cli/run: flags that describe a task do not go with a file", async () => {
  using shell = new FakeShell();
  const outcomes = [
    await shell.run("run", "-f", "x", "--stop-timeout", "5"),
    await shell.run("run", "-f", "x", "nginx"),
  ];
  expect(outcomes.map(({ code, err }) => `${code} ${err.split("\n")[0]}`)).toEqual([
    "2 cube: --stop-timeout does not go with -f",
    '2 cube: "nginx" does not go with -f',
  ]);
});

test("cli/run: --json prints the job, and one that was there already is said to be so", async () => {
  using shell = new FakeShell();
  shell.client.jobList = [aJob({ id: ID, name: "old" })];
  shell.stdin.text = JSON.stringify(BOOK);
  const outcome = await shell.run("run", "--json", "-f", "-");
  expect({ ...outcome, out: JSON.parse(outcome.out) }).toEqual({
    code: 0,
    out: aJob({ id: ID, name: "old" }),
    err: "cube: old was there already and is unchanged\n",
  });
});

test("cli/run: with a file every option that names the manager counts", async () => {
  using shell = new FakeShell();
  writeFileSync(join(shell.home, "task.json"), JSON.stringify(BOOK));
  writeFileSync(join(shell.home, "token"), "secret", { mode: 0o600 });
  const clusterId = "a".repeat(52);
  const at = ["--manager", "10.0.0.1:5555", "--cluster-id", clusterId, "--token-file", join(shell.home, "token")];
  expect(await shell.run("run", "-f", "task.json", ...at)).toMatchObject({ code: 0 });
  expect(shell.targets).toEqual([{ kind: "tls", host: "10.0.0.1", port: 5555, clusterId, token: "secret" }]);
});
