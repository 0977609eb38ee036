import { expect, test } from "bun:test";
import { ClientError } from "../../src/client/cluster-client.ts";
import type { DecisionResource } from "../../src/client/resources.ts";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { aJob, aNode, aTask, NOW_MS } from "./fake-client.ts";
import { FakeShell, until } from "./fake-shell.ts";

test("cli/node: the book's columns; a node that is out of placement says so", async () => {
  using shell = new FakeShell();
  shell.client.nodeList = [aNode(), aNode({ name: "n2", tasks: 12, availability: "cordoned", state: "disconnected" })];
  expect(await shell.run("node")).toEqual({
    code: 0,
    out: [
      "NAME   MEMORY (MiB)   DISK (GiB)   ROLE                              TASKS",
      "n1     8192           100          worker                            3",
      "n2     8192           100          worker (disconnected, cordoned)   12",
      "",
    ].join("\n"),
    err: "",
  });
});

test("cli/node: a runtime that cannot run tasks is said beside the table, with its way out", async () => {
  using shell = new FakeShell();
  const problem = "no container engine answers at /run/docker.sock: install or start Docker";
  shell.client.nodeList = [aNode({ runtimes: [{ kind: "docker", version: "", problem }] })];
  expect((await shell.run("node")).err).toBe(`cube: n1: docker: ${problem}\n`);
});

test("cli/node: cordon and uncordon change the nodes named", async () => {
  using shell = new FakeShell();
  shell.client.nodeList = [aNode(), aNode({ id: "node-2", name: "n2" })];
  const outcomes = [
    await shell.run("node", "cordon", "n1", "n2"),
    await shell.run("node", "uncordon", "n1"),
    await shell.run("node", "cordon", "n9"),
  ];
  expect(outcomes).toEqual([
    { code: 0, out: "n1 is cordoned\nn2 is cordoned\n", err: "" },
    { code: 0, out: "n1 is eligible\n", err: "" },
    { code: 1, out: "", err: 'cube: nothing is called "n9"\ncube status lists what there is\n' },
  ]);
});

test("cli/stop, start, restart, rm: every task named is tried, and one failure makes the exit code 1", async () => {
  using shell = new FakeShell();
  shell.client.jobList = [aJob({ id: "1", name: "a" }), aJob({ id: "2", name: "b" })];
  const outcomes = [
    await shell.run("stop", "a", "missing", "b"),
    await shell.run("start", "a"),
    await shell.run("restart", "b"),
    await shell.run("rm", "a"),
  ];
  expect(outcomes).toEqual([
    { code: 1, out: "a\nb\n", err: 'cube: nothing is called "missing"\ncube status lists what there is\n' },
    { code: 0, out: "a\n", err: "" },
    { code: 0, out: "b\n", err: "" },
    { code: 0, out: "a\n", err: "" },
  ]);
  expect(shell.client.calls).toEqual(["stop a", "stop missing", "stop b", "start a", "restart b", "remove a"]);
});

test("cli/logs: two streams on our two, without what would steer the terminal", async () => {
  using shell = new FakeShell();
  shell.client.logLines = [
    { stream: "stdout", atMs: NOW_MS, text: "one\u001b[2J" },
    { stream: "stderr", atMs: NOW_MS, text: "two" },
  ];
  const plain = await shell.run("logs", "web");
  const stamped = await shell.run("logs", "-t", "web");
  const raw = await shell.run("logs", "--raw", "web");
  const json = await shell.run("logs", "--json", "web");
  expect([plain, stamped, raw].map(({ code, out, err }) => [code, out, err])).toEqual([
    [0, "one\n", "two\n"],
    [0, "2026-11-20T08:00:00.000Z one\n", "2026-11-20T08:00:00.000Z two\n"],
    [0, "one\u001b[2J\n", "two\n"],
  ]);
  expect(
    json.out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual(shell.client.logLines);
});

test("cli/logs: what is asked for reaches the manager", async () => {
  using shell = new FakeShell();
  await shell.run("logs", "web");
  await shell.run("logs", "-n", "5", "--since", "10m", "web");
  await shell.run("logs", "--tail", "all", "--since", "2026-11-20T07:00:00Z", "web");
  expect(shell.client.logQueries).toEqual([
    { follow: false, tail: null, sinceMs: null },
    { follow: false, tail: 5, sinceMs: NOW_MS - 600_000 },
    { follow: false, tail: null, sinceMs: NOW_MS - 3_600_000 },
  ]);
});

test("cli/logs: wrong values are named", async () => {
  using shell = new FakeShell();
  const outcomes = [await shell.run("logs", "-n", "x", "web"), await shell.run("logs", "--since", "yesterday", "web")];
  expect(outcomes).toEqual([
    { code: 2, out: "", err: 'cube: --tail "x" is no whole number\n' },
    {
      code: 2,
      out: "",
      err: 'cube: --since "yesterday" is neither a time ago such as 10m nor a date such as 2026-11-20T08:00:00Z\n',
    },
  ]);
});

test("cli/logs -f: an interrupt ends it with 130 and a closed pipe with 0, both without a word", async () => {
  using shell = new FakeShell();
  shell.client.logLines = [{ stream: "stdout", atMs: NOW_MS, text: "one" }];
  const outcomes = [];
  for (const code of [130, 0]) {
    const running = shell.run("logs", "-f", "web");
    await until(() => shell.stdout.text !== "");
    shell.interrupt(code);
    outcomes.push(await running);
  }
  expect(outcomes).toEqual([
    { code: 130, out: "one\n", err: "" },
    { code: 0, out: "one\n", err: "" },
  ]);
});

const DECISION: DecisionResource = {
  taskId: "t",
  jobId: "j",
  scheduler: "epvm",
  nodeId: "node-1",
  candidates: [
    {
      nodeId: "node-1",
      nodeName: "n1",
      score: 0.25,
      parts: [
        { name: "cpu", value: 0.15 },
        { name: "memory", value: 0.1 },
      ],
    },
    { nodeId: "node-2", nodeName: "n2", score: 1.1234567, parts: [{ name: "cpu", value: 1.1234567 }] },
  ],
  candidateCount: 4,
  refusals: [{ nodeId: "node-3", nodeName: "n3", filter: "memory", reason: "lacks 512 MiB memory" }],
  refusalCount: 1,
  summary: "placed on n1: best of 4",
  atMs: NOW_MS - 5_000,
};

test("cli/why: the candidates with the parts of their scores, and the refusals with their reasons", async () => {
  using shell = new FakeShell();
  shell.client.decisionOnAll = DECISION;
  expect(await shell.run("why", "web")).toEqual({
    code: 0,
    out: [
      "placed on n1: best of 4 (epvm, 5 seconds ago)",
      "",
      "    NODE     SCORE       CPU   MEMORY",
      "*   n1        0.25      0.15      0.1",
      "    n2     1.12346   1.12346        -",
      "and 2 more",
      "",
      "REFUSED   FILTER   REASON",
      "n3        memory   lacks 512 MiB memory",
      "",
    ].join("\n"),
    err: "",
  });
});

test("cli/why: of a task whose data is on a node that is out it says what the choices are, decision or not", async () => {
  using shell = new FakeShell();
  const mounts = [{ kind: "volume" as const, source: "data", target: "/data", readOnly: false }];
  const services = [{ name: "web", count: 1, task: { ...DEFAULT_TASK, image: "pg", mounts } }];
  shell.client.taskList = [aTask({ nodeId: "node-2", nodeName: "n2" })];
  shell.client.jobList = [aJob({ services })];
  shell.client.nodeList = [aNode({ id: "node-2", name: "n2", state: "disconnected", reason: "no heartbeat" })];
  const advice = [
    "n2 is disconnected (no heartbeat).",
    "Its data is on n2 (volume data), so nothing takes its place elsewhere.",
    "The choices: wait until n2 is back; restore n2 with its data; or give it up: `cube node rm --force n2` starts it elsewhere, empty.",
    "",
  ].join("\n");
  expect(await shell.run("why", "web")).toEqual({ code: 0, out: `running\n\n${advice}`, err: "" });
  shell.client.decisionOnAll = DECISION;
  expect((await shell.run("why", "web")).out).toStartWith(`running\n\n${advice}\nplaced on n1`);
  shell.client.jobList = [aJob()];
  expect((await shell.run("why", "web")).out).toContain(
    "It is replaced elsewhere 5 s after n2 went; back within 5 min",
  );
  const disconnect = { ...DEFAULT_TASK.disconnect, stopAfterMs: 60_000 };
  shell.client.jobList = [aJob({ services: [{ name: "web", count: 1, task: { ...DEFAULT_TASK, disconnect } }] })];
  expect((await shell.run("why", "web")).out).toContain(
    "It is ended there 60 s after n2 was left alone, and replaced elsewhere once that has surely happened, 92 s after n2 went.",
  );
});

test("cli/why: a task that fits nowhere has refusals only; --json is the decision itself", async () => {
  using shell = new FakeShell();
  shell.client.decisionOnAll = {
    ...DECISION,
    nodeId: null,
    candidates: [],
    candidateCount: 0,
    summary: "1 node: 1 lacks 512 MiB memory",
  };
  const plain = await shell.run("why", "web");
  const json = await shell.run("why", "--json", "web");
  expect(plain.out).toBe(
    [
      "not placed: 1 node: 1 lacks 512 MiB memory (epvm, 5 seconds ago)",
      "",
      "REFUSED   FILTER   REASON",
      "n3        memory   lacks 512 MiB memory",
      "",
    ].join("\n"),
  );
  expect(JSON.parse(json.out)).toEqual(shell.client.decisionOnAll);
});

test("cli/why: the task's state with its last exit and message stands above the decision", async () => {
  using shell = new FakeShell();
  shell.client.decisionOnAll = DECISION;
  const exit = { incarnation: 1, code: 1, oomKilled: false, reason: "boom", atMs: NOW_MS - 120_000 };
  const first = async (changes: Parameters<typeof aTask>[0]): Promise<string | undefined> => {
    shell.client.taskList = [aTask(changes)];
    return (await shell.run("why", "web")).out.split("\n")[0];
  };
  expect([
    await first({ state: "failed", exits: [exit], message: "boom" }),
    await first({ health: "healthy", exits: [{ ...exit, code: null, reason: "", atMs: NOW_MS - 60_000 }] }),
    await first({
      state: "failed",
      exits: [{ ...exit, code: 137, oomKilled: true, atMs: NOW_MS }],
      message: "gives up",
    }),
    await first({ state: "pulling", message: "layer 2\u001b[2J of 3" }),
  ]).toEqual([
    "failed: exit 1, 2 minutes ago: boom",
    "running (healthy): last exit with an unknown code, about a minute ago",
    "failed: exit 137 (out of memory), less than a second ago: boom: gives up",
    "pulling: layer 2 of 3",
  ]);
  shell.client.decisionOnAll = null;
  expect((await shell.run("why", "web")).out).toBe("pulling: layer 2 of 3\n\nno decision on it is kept\n");
  expect((await shell.run("why", "gone")).code).toBe(1);
});

test("cli/inspect: a task as JSON, and an unknown one is an error", async () => {
  using shell = new FakeShell();
  shell.client.taskList = [aTask({ message: "as it is" })];
  expect(JSON.parse((await shell.run("inspect", "web")).out)).toEqual(shell.client.taskList[0]);
  expect((await shell.run("inspect", "gone")).code).toBe(1);
});

test("cli/version: this program's and the manager's; without a manager only this program's", async () => {
  using shell = new FakeShell();
  const both = await shell.run("version");
  const json = JSON.parse((await shell.run("version", "--json")).out);
  shell.client.down = new ClientError("unavailable", "no manager answers");
  const alone = await shell.run("version");
  const none = JSON.parse((await shell.run("version", "--json")).out);
  expect([
    both.out.split("\n")[1],
    json.manager.version,
    alone.out.split("\n").length,
    none.manager,
    alone.code,
  ]).toEqual(["manager laptop 9.9.9 (abc)", "9.9.9", 2, null, 0]);
});

test("cli/shutdown: asks the manager to end, waits for it and says which it was", async () => {
  using shell = new FakeShell();
  shell.looksAtLife = 2;
  const outcomes = [await shell.run("shutdown"), await shell.run("stop-manager")];
  expect(outcomes).toEqual([
    { code: 0, out: "manager laptop (pid 42) has ended; its tasks run on\n", err: "" },
    {
      code: 1,
      out: "",
      err: "cube: no manager answers\n",
    },
  ]);
  expect([shell.client.calls, shell.looksAtLife]).toEqual([["shutdown"], -1]);
});

test("cli/shutdown: a manager that does not end in time is a failure", async () => {
  using shell = new FakeShell();
  shell.looksAtLife = Number.POSITIVE_INFINITY;
  shell.msPerLook = 4_000;
  expect(await shell.run("shutdown")).toEqual({
    code: 1,
    out: "",
    err: "cube: manager laptop (pid 42) is still ending after 10 s; its tasks run on\nits log says more; `cube shutdown` again waits for it again\n",
  });
});

test("cli/errors: one line and a hint, never a stack, and the client is closed", async () => {
  using shell = new FakeShell();
  shell.client.down = new ClientError("unavailable", "no manager answers on \u001b[31m/x");
  const unavailable = await shell.run("status");
  shell.client.down = new ClientError("unauthorized", "the token is wrong");
  const unauthorized = await shell.run("status");
  shell.client.logs = () => {
    throw new TypeError("a defect");
  };
  const defect = await shell.run("logs", "web");
  expect([unavailable, unauthorized, defect]).toEqual([
    {
      code: 1,
      out: "",
      err: "cube: no manager answers on /x\n",
    },
    {
      code: 1,
      out: "",
      err: "cube: the token is wrong\ngive its token by CUBE_TOKEN or --token-file (it is in api-token in its data directory; for one elsewhere `cube token create NAME` there makes one)\n",
    },
    { code: 1, out: "", err: "cube: a defect\n" },
  ]);
  expect(shell.client.closed).toBe(true);
});

test("cli/errors: a wrong configuration ends every command with 2", async () => {
  using shell = new FakeShell();
  shell.env.CUBE_PORT = "many";
  expect(await shell.run("status")).toEqual({
    code: 2,
    out: "",
    err: 'cube: CUBE_PORT is "many", but must be a port from 0 to 65535\n',
  });
});
