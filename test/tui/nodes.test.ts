import { describe, expect, test } from "bun:test";
import type { NodeResource } from "../../src/client/resources.ts";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { Play, snapshot } from "./play.ts";
import { job, manager, metrics, node, START_MS, smallCluster, task } from "./records.ts";

const remote = (of: Partial<NodeResource> = {}): NodeResource =>
  node({
    id: "node-id-r",
    name: "node-r",
    local: false,
    address: "10.0.0.7:5556",
    dialledBy: "manager",
    protocol: 1,
    linkedSinceMs: START_MS - 120_000,
    ...of,
  });

const withNodes = (...nodes: readonly NodeResource[]) => ({ ...smallCluster(), tasks: [], jobs: [], nodes });

describe("tasks of a node that is out of reach", () => {
  for (const cols of [80, 120])
    test(`show that it is, and no figures of before, at ${cols} columns`, () => {
      const out = remote({ state: "disconnected", reason: "no heartbeat" });
      const here = { nodeId: out.id, nodeName: out.name, current: true, state: "running" } as const;
      const tasks = [
        task({ ...here, id: "task-db", name: "db", slot: 0 }),
        task({ ...here, id: "task-once", name: "once", slot: 1, state: "complete" }),
      ];
      const play = new Play({ ...withNodes(out), tasks }, { cols, rows: 30 });
      const rows = play.text().split("\n");
      expect(rows.find((row) => row.includes(" db "))).toMatch(
        cols === 80 ? / db +▲ disconnected +node-r +\d+m/ : / db +▲ disconnected +node-r +- +- /,
      );
      expect(rows.find((row) => row.includes(" once "))).toContain("✓ complete");
      expect(play.press("enter").text()).toMatch(/State +▲ disconnected/);
    });
});

describe("node pane", () => {
  test("Enter shows a node with its link, its heartbeat, its runtimes' problems and why it is as it is", () => {
    const runtimes = [{ kind: "docker" as const, version: "", problem: "the engine does not answer" }];
    const play = new Play(withNodes(remote({ runtimes, availability: "cordoned", reason: "asked to" })));
    const link = { address: "10.0.0.7:5556", dialledBy: "manager", roundTripMs: 12.34, protocol: 1 } as const;
    const sample = { ...metrics({ nodeId: "node-id-r", tasks: [], progress: [] }), seenMs: START_MS - 3_000 };
    play.items([{ kind: "metrics", metrics: [{ ...sample, link: { ...link, linkedSinceMs: START_MS - 120_000 } }] }]);
    const text = play.press("2", "enter").text();
    for (const part of [
      "cordoned",
      "asked to",
      "10.0.0.7:5556",
      "dialled by the manager, up for 2m",
      "12.3 ms",
      "3s ago",
      "protocol 1",
      "docker: the engine does not answer",
    ])
      expect(text).toContain(part);
    expect(play.press("q").model.overlay).toBeUndefined();
  });

  test("a link that comes or goes shows without an event", () => {
    const play = new Play(withNodes(remote())).press("2", "enter");
    expect(play.text()).toContain("dialled by the manager");
    play.items([{ kind: "metrics", metrics: [metrics({ nodeId: "node-id-r" })] }]);
    expect(play.text()).toMatch(/Link +none/);
  });

  test("a node that is ready by the store alone says so until it is heard of, one beside the manager too", () => {
    const seed = withNodes(remote({ awaited: true }), node({ id: "node-id-l", name: "node-l", awaited: true }));
    const play = new Play(seed, { cols: 200, rows: 50 }).press("2", "j");
    expect(play.text()).toContain("not linked since the manager's start");
    expect(play.text().match(/○/g)?.length).toBe(2);
    play.items([{ kind: "metrics", metrics: ["node-id-r", "node-id-l"].map((nodeId) => metrics({ nodeId })) }]);
    expect(play.text()).not.toContain("not linked since");
    expect(play.text().match(/●/g)?.length).toBe(2);
  });

  test("the foot says why the selected node is as it is, and else which address gives no link", () => {
    const vain = { address: "n9:5556", nodeId: "", linked: false, problem: "nobody listens there", configured: false };
    const seed = withNodes(node({ availability: "cordoned", reason: "other nodes have joined" }), remote());
    const play = new Play({ ...seed, manager: manager({ unlinked: [vain] }) }, { cols: 200, rows: 50 });
    expect(play.text()).toContain("other nodes have joined");
    expect(play.press("2", "j").text()).toContain("no link to n9:5556: nobody listens there");
  });

  test("a adds a node by its address, and an empty line nothing", () => {
    const play = new Play(withNodes(remote())).press("2", "a", "enter");
    expect(play.effects).toEqual([]);
    expect(play.press("a", "type:10.0.0.9:5556").footer()).toContain("dial HOST:PORT 10.0.0.9:5556");
    expect(play.press("enter").effects).toEqual([{ kind: "add-node", address: "10.0.0.9:5556" }]);
  });

  test("D removes a node that is out, after a question that says what goes with it; one that is there it leaves", () => {
    const play = new Play(withNodes(remote())).press("2", "D");
    expect(play.footer()).toContain("node-r is there: end its worker first");
    const out = new Play(withNodes(remote({ state: "lost", reason: "no heartbeat", tasks: 2 }))).press("2", "D");
    expect(out.text()).toContain("Remove node-r?");
    expect(out.text()).toContain("The 2 tasks");
    expect(out.press("enter").effects).toEqual([]);
    expect(out.press("D", "y").effects).toEqual([
      { kind: "remove-node", nodeId: "node-id-r", force: true, done: "node-r is removed" },
    ]);
  });

  test("D and its answer leave the tasks marked", () => {
    const play = new Play({ ...smallCluster(), nodes: [remote({ state: "lost" })] }).press("space");
    const marked = [...play.model.marks];
    expect(marked).toHaveLength(1);
    expect(play.press("2", "D", "y").effects).toMatchObject([{ kind: "remove-node" }]);
    expect([...play.model.marks]).toEqual(marked);
  });

  test("o sorts the nodes, those that are out first by state, and the selection stays on its node", () => {
    const nodes = ["a", "b", "c"].map((name) =>
      remote({ id: name, name, tasks: name.charCodeAt(0), state: name === "c" ? "lost" : "ready" }),
    );
    const play = new Play(withNodes(...nodes)).press("2", "j", "o");
    expect(play.model.nodes.map(({ name }) => name)).toEqual(["c", "a", "b"]);
    expect(play.model.nodes[play.model.places.nodes.index]?.name).toBe("b");
    expect(play.press("o", "o", "o").model.nodes.map(({ name }) => name)).toEqual(["c", "b", "a"]);
    expect(play.press("O").model.nodes.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  });

  test("of several nodes each has a line; of one that is out it says for how long", () => {
    const nodes = ["a", "b", "c", "d"].map((name) => remote({ id: name, name }));
    const out = remote({ id: "e", name: "e", state: "lost", stateSinceMs: START_MS - 180_000 });
    const rows = new Play(withNodes(...nodes, out)).screen().filter((row) => / cpu |lost for/.test(row));
    expect([rows.length, rows.at(-1)]).toEqual([5, expect.stringMatching(/e +\? +lost for 3m/)]);
  });

  test("a task whose data is on a node that is out shows what the choices are", () => {
    const mounts = [{ kind: "volume" as const, source: "data", target: "/data", readOnly: false }];
    const services = [{ name: "db", count: 1, task: { ...DEFAULT_TASK, image: "pg", mounts } }];
    const seed = {
      ...withNodes(remote({ state: "disconnected", reason: "no heartbeat" })),
      tasks: [task({ id: "t", jobId: "j", name: "db", service: "db", nodeId: "node-id-r", nodeName: "node-r" })],
      jobs: [job({ id: "j", name: "db", services })],
    };
    const text = new Play(seed, { cols: 200, rows: 60 }).press("enter").text();
    expect(text).toContain("Its data is on node-r (volume data)");
    expect(text).toContain("The choices: wait until node-r is back");
  });
});

describe("caution", () => {
  const CAUTION = "isolated? more than half of the nodes are out at once";

  for (const cols of [80, 160])
    test(`at ${cols} columns a manager that is cautious says so in the header, among the events and in the errors`, () => {
      const play = new Play(smallCluster(), { cols });
      play.items([{ kind: "manager", manager: manager({ caution: CAUTION }) }]);
      expect(play.screen()[0]).toContain("manager isolated? more than half");
      expect(play.model.live.events.at(-1)?.text).toBe(`caution: ${CAUTION}`);
      expect(play.model.errors.at(-1)).toMatchObject({ code: "caution", message: CAUTION });
      play.items([{ kind: "manager", manager: manager() }]);
      expect(play.screen()[0]).toContain("manager ok");
      expect(play.model.live.events.at(-1)?.text).toStartWith("caution is over");
    });

  test("a manager that settles says so only where nodes could come back from elsewhere", () => {
    const caution = "settling: nodes are given time to come back";
    const alone = new Play({ ...withNodes(node()), manager: manager({ caution }) });
    expect(alone.screen()[0]).toContain("manager ok");
    const play = new Play({ ...withNodes(node(), remote()), manager: manager({ caution }) });
    expect(play.screen()[0]).toContain("manager settling: nodes are given");
    expect(play.model.errors).toEqual([]);
  });

  test("what was done to the store is told once", () => {
    const seed = { ...smallCluster(), manager: manager({ notice: "the store was repaired" }) };
    const play = new Play(seed, { cols: 200 });
    play.items([{ kind: "manager", manager: manager({ notice: "the store was repaired", revision: 101 }) }]);
    expect(play.screen()[0]).toContain("the store was repaired");
    expect(play.model.errors).toMatchObject([{ code: "notice", message: "the store was repaired" }]);
    expect(snapshot(seed)).toMatchObject({ kind: "snapshot" });
  });
});
