import { expect, test } from "bun:test";
import { aNode } from "./fake-client.ts";
import { FakeShell } from "./fake-shell.ts";

test("cli/node: token prints the token alone on standard output and beside it what to type on the node", async () => {
  using shell = new FakeShell();
  shell.client.reachedAt = ["10.0.0.1:5555", "[fd00::1]:5555"];
  const { code, out, err } = await shell.run("node", "token");
  expect([code, out]).toEqual([0, "cube1.cluster.secret1\n"]);
  expect(err).toContain("  cube worker --join 10.0.0.1:5555 --join-token-file cube-join-token\n");
  expect(err).toContain("  cube worker --join [fd00::1]:5555 --join-token-file cube-join-token\n");
  expect(err).toContain("cube node add HOST:5556");
});

test("cli/node: token of a manager on loopback says how to listen wider instead of an address that cannot work", async () => {
  using shell = new FakeShell();
  const { out, err } = await shell.run("node", "token");
  expect(out).toBe("cube1.cluster.secret1\n");
  expect(err).toContain("--listen 0.0.0.0:5555");
  expect(err).not.toContain("--join ");
});

test("cli/node: token --renew makes another one, --json gives it with the addresses", async () => {
  using shell = new FakeShell();
  shell.client.reachedAt = ["10.0.0.1:5555"];
  const { out } = await shell.run("node", "token", "--renew", "--json");
  expect(JSON.parse(out)).toEqual({ token: "cube1.cluster.secret2", addresses: ["10.0.0.1:5555"] });
});

test("cli/node: add and forget tell the manager whom to dial; one that is configured comes back", async () => {
  using shell = new FakeShell();
  expect(await shell.run("node", "add", "n2:5556")).toEqual({
    code: 0,
    out: "n2:5556: dialled from now on; `cube node` shows when it has joined\n",
    err: "",
  });
  shell.client.addressList = [{ address: "n2:5556", nodeId: "", linked: false, problem: "", configured: true }];
  expect(await shell.run("node", "forget", "n2:5556")).toEqual({
    code: 0,
    out: "n2:5556\n",
    err: "cube: n2:5556 is one of --workers: the manager's next start dials it again\n",
  });
  expect(await shell.run("node", "forget", "n3")).toMatchObject({ code: 1 });
  expect(shell.client.calls).toEqual(["dial n2:5556", "forget n2:5556"]);
});

test("cli/node: the list says why nothing is done about nodes that are out", async () => {
  using shell = new FakeShell();
  shell.client.nodeList = [aNode({ state: "disconnected" })];
  shell.client.about = { caution: "isolated? more than half of the nodes are out at once" };
  expect((await shell.run("node")).err).toBe("cube: isolated? more than half of the nodes are out at once\n");
  shell.client.nodeList = [aNode()];
  expect((await shell.run("node")).err).toBe("");
});

test("cli/node: the list names the addresses that give no link, and why", async () => {
  using shell = new FakeShell();
  shell.client.nodeList = [aNode()];
  shell.client.addressList = [
    { address: "n2:5556", nodeId: "", linked: false, problem: "nobody listens there", configured: true },
    { address: "n3:5556", nodeId: "node-3", linked: true, problem: "", configured: false },
    { address: "n4:5556", nodeId: "", linked: false, problem: "", configured: false },
  ];
  const { out, err } = await shell.run("node");
  expect(out).not.toContain("n2");
  expect(err).toBe("cube: no link to n2:5556: nobody listens there\ncube: no link to n4:5556: still dialling\n");
});

test("cli/node: add refuses what is no address before anybody is asked, and adds none of the others", async () => {
  using shell = new FakeShell();
  expect(await shell.run("node", "add", "n2:5556", "foo:bar")).toEqual({
    code: 2,
    out: "",
    err: 'cube: "foo:bar" is no HOST:PORT\nsuch as 10.0.0.2:5556\n',
  });
  expect(shell.targets).toEqual([]);
});

test("cli/node: nodes that share a name are told of, since by it none of them can be meant", async () => {
  using shell = new FakeShell();
  const ids = ["aaaaaaaa1", "bbbbbbbb2", "cccccccc3"];
  shell.client.nodeList = ids.map((id, at) => aNode({ id, name: at < 2 ? "n1" : "n3" }));
  expect((await shell.run("node")).err).toBe(
    "cube: 2 nodes are called n1 (aaaaaaaa, bbbbbbbb): start all but one with another --name; until then name them by id\n",
  );
});
