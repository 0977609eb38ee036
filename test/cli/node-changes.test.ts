import { expect, test } from "bun:test";
import { aNode, aTask, NOW_MS } from "./fake-client.ts";
import { FakeShell } from "./fake-shell.ts";

test("cli/node: rm removes the nodes named, by force when asked to", async () => {
  using shell = new FakeShell();
  shell.client.nodeList = [aNode(), aNode({ id: "node-2", name: "n2" })];
  expect(await shell.run("node", "rm", "n1", "n2")).toEqual({ code: 0, out: "n1\nn2\n", err: "" });
  expect(await shell.run("nodes", "rm", "--force", "n1")).toMatchObject({ code: 0 });
  expect(await shell.run("node", "rm", "n9")).toMatchObject({ code: 1 });
  expect(shell.client.calls).toEqual(["remove node n1", "remove node n2", "remove node n1 by force"]);
});

test("cli/node: one name that is wrong keeps no other from being tried", async () => {
  using shell = new FakeShell();
  shell.client.nodeList = [aNode(), aNode({ id: "node-2", name: "n2" })];
  const cordoned = await shell.run("node", "cordon", "typo", "n1", "n2");
  const removed = await shell.run("node", "rm", "typo", "n2");
  expect([cordoned.code, cordoned.out, removed.code, removed.out]).toEqual([
    1,
    "n1 is cordoned\nn2 is cordoned\n",
    1,
    "n2\n",
  ]);
});

test("cli/node: trust-loss names the nodes that are taken for lost", async () => {
  using shell = new FakeShell();
  shell.client.nodeList = [
    aNode(),
    aNode({ id: "node-2", name: "n2", state: "disconnected" }),
    aNode({ id: "node-3", name: "n3", state: "lost" }),
  ];
  expect(await shell.run("nodes", "trust-loss")).toEqual({
    code: 0,
    out: "taken for lost, and replaced: n2, n3\n",
    err: "",
  });
  shell.client.nodeList = [aNode()];
  expect((await shell.run("node", "trust-loss")).out).toBe("no node is out: nothing to replace\n");
  expect(shell.client.calls).toEqual(["trust loss", "trust loss"]);
});

test("cli/node: inspect shows everything that is known, with why it is as it is", async () => {
  using shell = new FakeShell();
  shell.client.nodeList = [
    aNode({
      local: false,
      address: "10.0.0.7:41022",
      labels: { zone: "b", disk: "ssd" },
      state: "disconnected",
      reason: "no heartbeat",
      stateSinceMs: NOW_MS - 60_000,
      joinedMs: NOW_MS - 7_200_000,
      availability: "cordoned",
      runtimes: [
        { kind: "docker", version: "27.0", problem: "" },
        { kind: "process", version: "", problem: "no\u001b[31m cgroup" },
      ],
      allocatable: { cpuMillis: 1_900, memoryBytes: 7 * 2 ** 30, diskBytes: 99 * 2 ** 30 },
      allocated: { cpuMillis: 500, memoryBytes: 2 ** 30, diskBytes: 0 },
    }),
  ];
  shell.client.taskList = [aTask({ state: "failed", message: "exit code 1" })];
  shell.client.about = { caution: "settling: nodes are given time to come back" };
  expect(await shell.run("node", "inspect", "n1")).toEqual({
    code: 0,
    out: [
      "Name:          n1",
      "Id:            node-1",
      "State:         disconnected for about a minute: no heartbeat",
      "Placement:     cordoned",
      "Address:       10.0.0.7:41022",
      "System:        linux x64, Cube 0.1.0",
      "Runtimes:      docker 27.0; process does not work: no cgroup",
      "Labels:        zone=b, disk=ssd",
      "Joined:        2 hours ago",
      "CPU (cores):   2, 1.9 for tasks, 0.5 reserved",
      "Memory (MiB):  8192, 7168 for tasks, 1024 reserved",
      "Disk (GiB):    100, 99 for tasks, 0 reserved",
      "Tasks:         1",
      "Caution:       settling: nodes are given time to come back",
      "  web failed: exit code 1",
      "",
    ].join("\n"),
    err: "",
  });
  expect(shell.client.queries.at(-1)).toMatchObject({ node: "node-1" });
  const json = JSON.parse((await shell.run("node", "inspect", "--json", "n1")).out);
  expect([json.node, json.metrics, json.tasks, json.caution]).toEqual([
    shell.client.nodeList[0],
    null,
    shell.client.taskList,
    "settling: nodes are given time to come back",
  ]);
});

test("cli/node: inspect shows the link and the age of the last heartbeat", async () => {
  using shell = new FakeShell();
  const link = { dialledBy: "worker", roundTripMs: 1.52, protocol: 1, linkedSinceMs: NOW_MS - 60_000 } as const;
  shell.client.nodeList = [aNode({ local: false, address: "10.0.0.7:41022", ...link, heartbeatAgeMs: 1_234 })];
  const { out } = await shell.run("node", "inspect", "n1");
  expect(out).toContain(
    "Link:          dialled by the worker, up for about a minute, round trip 1.5 ms, protocol 1\nHeartbeat:     1.2 s ago\n",
  );
});
