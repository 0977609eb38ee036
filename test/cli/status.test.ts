import { expect, test } from "bun:test";
import { aNode, aTask, NOW_MS } from "./fake-client.ts";
import { FakeShell } from "./fake-shell.ts";

const JOB = "bb1d59ef-9fc1-4e4b-a44d-db571eeed203";

test("cli/status: the book's columns; a lone task goes by its job's id, in full for a pipe", async () => {
  using shell = new FakeShell();
  shell.client.taskList = [
    aTask({ health: "healthy" }),
    aTask({
      id: "many-1-abcdef",
      name: "many.web.1",
      slot: 1,
      state: "pulling",
      containerId: "",
      containerName: "",
      createdMs: NOW_MS - 3 * 3_600_000,
    }),
    aTask({
      jobId: "p",
      name: "tick",
      runtime: "process",
      image: "",
      command: ["sleep", "5"],
      state: "complete",
      containerName: "",
    }),
  ];
  expect(await shell.run("status")).toEqual({
    code: 0,
    out: [
      "ID                                     NAME         CREATED         STATE               CONTAINERNAME             IMAGE",
      `${JOB}   web          2 minutes ago   running (healthy)   cube-web-task-web-000-1   nginx:1`,
      "many-1-abcdef                          many.web.1   3 hours ago     pulling             -                         nginx:1",
      "p                                      tick         2 minutes ago   complete            -                         sleep 5",
      "",
    ].join("\n"),
    err: "",
  });
});

test("cli/status: what is being removed says so until it has ended; the JSON has the state itself", async () => {
  using shell = new FakeShell();
  shell.client.taskList = [
    aTask({ id: "a", desired: "remove", health: "healthy" }),
    aTask({ id: "b", desired: "remove", state: "stopped" }),
    aTask({ id: "c", desired: "stop", state: "stopping" }),
  ];
  const states = (await shell.run("status")).out.split("\n").slice(1, 4);
  expect(states.map((line) => line.split(/ {2,}/)[3])).toEqual(["removing", "stopped", "stopping"]);
  const json: { state: string }[] = JSON.parse((await shell.run("status", "--json")).out);
  expect(json.map(({ state }) => state)).toEqual(["running", "stopped", "stopping"]);
});

test("cli/status: a task whose node is out of reach is not said to run; one that has ended has", async () => {
  using shell = new FakeShell();
  shell.client.nodeList = [aNode({ id: "n1" }), aNode({ id: "n2", state: "disconnected" })];
  shell.client.taskList = [
    aTask({ id: "a", nodeId: "n1" }),
    aTask({ id: "b", nodeId: "n2", health: "healthy" }),
    aTask({ id: "c", nodeId: "n2", desired: "remove" }),
    aTask({ id: "d", nodeId: "n2", state: "complete" }),
  ];
  const states = (await shell.run("status")).out.split("\n").slice(1, 5);
  expect(states.map((line) => line.split(/ {2,}/)[3])).toEqual([
    "running",
    "running (disconnected)",
    "removing (disconnected)",
    "complete",
  ]);
});

test("cli/status: on a terminal ids are short and the table keeps to its width", async () => {
  using shell = new FakeShell();
  shell.stdout.isTTY = true;
  shell.env.NO_COLOR = "1";
  shell.client.taskList = [
    aTask({ name: "a-name-that-is-quite-long", image: "registry.example:5000/some/very/long/image:tag" }),
  ];
  const { out } = await shell.run("ps");
  expect(out).toBe(
    [
      "ID             NAME           CREATED         STATE     CONTAINERNAME      IMAGE",
      "bb1d59ef-9fc   a-name-that…   2 minutes ago   running   cube-web-task-w…   registry.ex…",
      "",
    ].join("\n"),
  );
  const wide = await shell.run("ps", "--no-trunc");
  expect(wide.out.split("\n")[1]).toBe(
    `${JOB}   a-name-that-is-quite-long   2 minutes ago   running   cube-web-task-web-000-1   registry.example:5000/some/very/long/image:tag`,
  );
});

test("cli/status: the head is bold on a terminal with colours, and nowhere else", async () => {
  using shell = new FakeShell();
  shell.stdout.isTTY = true;
  const colours = (await shell.run("node")).out;
  shell.env.TERM = "dumb";
  const dumb = (await shell.run("node")).out;
  expect([colours.startsWith("\u001b[1mNAME"), dumb.startsWith("NAME")]).toEqual([true, true]);
});

test("cli/status: filters are the manager's, every page is read, and --json and -q give the same tasks", async () => {
  using shell = new FakeShell();
  shell.client.pageSize = 2;
  shell.client.taskList = ["a", "b", "c", "d", "e"].map((name) =>
    aTask({ id: `task-${name}`, jobId: `job-${name}`, name }),
  );
  const quiet = await shell.run("status", "-aq", "--job", "x", "--node", "n1", "--state", "running");
  const json = await shell.run("status", "--json");
  expect([quiet.out, JSON.parse(json.out)]).toEqual(["job-a\njob-b\njob-c\njob-d\njob-e\n", shell.client.taskList]);
  expect(shell.client.queries[0]).toEqual({ history: true, job: "x", node: "n1", state: "running", limit: 500 });
  expect(shell.client.queries.slice(3).map(({ cursor }) => cursor)).toEqual([undefined, "2", "4"]);
});

test("cli/status: what people should know of the manager stands below the table, on standard error", async () => {
  using shell = new FakeShell();
  shell.client.about = { notice: "the store was damaged and has been repaired", workerProblem: "journal: no space" };
  const outcome = await shell.run("status");
  expect([outcome.out.split("\n").length, outcome.err]).toEqual([
    2,
    "cube: the store was damaged and has been repaired\ncube: journal: no space\n",
  ]);
  expect([await shell.run("status", "-q"), await shell.run("status", "--json")]).toEqual([
    { code: 0, out: "", err: "" },
    { code: 0, out: "[]\n", err: "" },
  ]);
});

test("cli/status: nodes that do not follow the manager are told of, its settling after a start is not", async () => {
  using shell = new FakeShell();
  const said = async (caution: string) => {
    shell.client.about = { caution };
    return (await shell.run("status")).err;
  };
  expect([
    await said("node n1 refuses this manager"),
    await said("settling: nodes are given time to come back"),
  ]).toEqual(["cube: node n1 refuses this manager\n", ""]);
});
