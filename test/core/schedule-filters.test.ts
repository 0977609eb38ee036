/** Every filter, and the words in which it says no. */
import { describe, expect, test } from "bun:test";
import type { Need, NodeView } from "../../src/core/schedule.ts";
import { needKey, Placement, readNeed, SCHEDULERS, viewNode } from "../../src/core/schedule.ts";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { demand, GIB, MIB, need, node } from "./schedule-nodes.ts";

const ASKED = { taskId: "t", jobId: "j" };

/** What the scheduler says of one node when `held` tasks of the need `held` run on it already. */
function ask(view: NodeView, wanted: Need, held: Need | null = null) {
  const placement = new Placement(SCHEDULERS.epvm);
  placement.putNode(view);
  if (held) placement.reserve("other", view.id, held);
  const { nodeId, refusals, summary } = placement.explain(wanted, [], ASKED, 0);
  expect(placement.place(wanted, [])).toBe(nodeId);
  const [refusal] = refusals;
  return { nodeId, filter: refusal?.filter, reason: refusal?.reason, summary };
}

function refused(filter: string, phrase: string, detail = "") {
  return { nodeId: null, filter, reason: detail ? `${phrase} (${detail})` : phrase, summary: `1 node: ${phrase}` };
}

const port = (number: number, hostIp = "", protocol: "tcp" | "udp" = "tcp"): Need =>
  need({ hostPorts: [{ port: number, protocol, hostIp }] });

const labelled = (key: string, operator: "==" | "!=", value: string): Need =>
  need({ constraints: [{ key, operator, value }] });

describe("filters/state", () => {
  test("says what the node's record says", () => {
    expect(ask(node(1, { refusal: "is draining" }), need())).toEqual(refused("state", "is draining"));
  });

  test("reads availability and state from the record, and runtimes that work", () => {
    const record = {
      ...node(1),
      machineId: "m",
      address: "",
      version: "1",
      capacity: { cpuMillis: 4_000, memoryBytes: 8 * GIB, diskBytes: 0 },
      reserved: { cpuMillis: 500, memoryBytes: GIB, diskBytes: 0 },
      runtimes: [
        { kind: "docker", version: "27", problem: "no engine answers" },
        { kind: "process", version: "1", problem: "" },
      ],
      local: true,
      state: "ready",
      availability: "cordoned",
      reason: "",
      stateSinceMs: 0,
    } as const;
    const view = viewNode(record, null);
    expect(view).toEqual(
      node(1, {
        refusal: "is cordoned",
        runtimes: ["process"],
        allocatable: { cpuMillis: 3_500, memoryBytes: 7 * GIB, diskBytes: 0 },
        measured: null,
      }),
    );
    expect(viewNode({ ...record, state: "disconnected" }, null).refusal).toBe("is disconnected");
    expect(viewNode({ ...record, availability: "eligible" }, null).refusal).toBe("");
  });
});

describe("filters/runtime", () => {
  test("refuses a node without the runtime and says what it has", () => {
    const words = refused("runtime", "has no working process runtime", "only docker");
    expect(ask(node(1), need({ runtime: "process" }))).toEqual(words);
  });

  test("says when no runtime works at all", () => {
    const words = refused("runtime", "has no working docker runtime", "no runtime works");
    expect(ask(node(1, { runtimes: [] }), need())).toEqual(words);
  });
});

describe("filters/labels", () => {
  const view = node(1, { name: "alpha", arch: "arm64", labels: { zone: "eu", constructor: "x" } });

  test.each([
    ["zone", "==", "eu"],
    ["node.labels.zone", "==", "eu"],
    ["node.id", "==", "n1"],
    ["node.hostname", "==", "alpha"],
    ["node.platform.os", "==", "linux"],
    ["node.platform.arch", "!=", "x64"],
    ["disk", "!=", "ssd"],
    ["constructor", "==", "x"],
  ] as const)("lets %s %s %s pass", (key, operator, value) => {
    expect(ask(view, labelled(key, operator, value)).nodeId).toBe("n1");
  });

  test.each([
    ["zone", "==", "us", "zone is eu"],
    ["node.labels.zone", "!=", "eu", "node.labels.zone is eu"],
    ["node.id", "==", "n2", "node.id is n1"],
    ["node.hostname", "!=", "alpha", "node.hostname is alpha"],
    ["node.platform.arch", "==", "x64", "node.platform.arch is arm64"],
    ["disk", "==", "ssd", "no disk"],
    ["toString", "==", "x", "no toString"],
  ] as const)("refuses %s %s %s", (key, operator, value, detail) => {
    const words = refused("labels", `does not meet ${key} ${operator} ${value}`, detail);
    expect(ask(view, labelled(key, operator, value))).toEqual(words);
  });
});

describe("filters/room", () => {
  test("cpu: lets the last free millicore be given, and refuses one more", () => {
    expect(ask(node(1), demand(1_000, MIB), demand(3_000, MIB)).nodeId).toBe("n1");
    const words = refused("cpu", "lacks 1.001 CPU", "1 of 4 CPU free");
    expect(ask(node(1), demand(1_001, MIB), demand(3_000, MIB))).toEqual(words);
    expect(ask(node(1), demand(1_000, MIB), demand(3_500, MIB)).reason).toBe("lacks 1 CPU (0.5 of 4 CPU free)");
  });

  test("memory: lets the last free byte be given, and refuses one more", () => {
    expect(ask(node(1), demand(1, 512 * MIB), demand(1, 7.5 * GIB)).nodeId).toBe("n1");
    const words = refused("memory", "lacks 512 MiB memory", "511.9 MiB of 8 GiB memory free");
    expect(ask(node(1), demand(1, 512 * MIB), demand(1, 7.5 * GIB + 1))).toEqual(words);
  });

  test("disk: lets the last free byte be given, and refuses one more", () => {
    expect(ask(node(1), demand(1, 1, 10 * GIB), demand(1, 1, 90 * GIB)).nodeId).toBe("n1");
    const words = refused("disk", "lacks 10.1 GiB disk", "10 GiB of 100 GiB disk free");
    expect(ask(node(1), demand(1, 1, 10 * GIB + 1), demand(1, 1, 90 * GIB))).toEqual(words);
  });

  test("a task that wants none of a resource fits a node that has shrunk below its use of it", () => {
    const shrunk = node(1, { allocatable: { cpuMillis: 4_000, memoryBytes: 8 * GIB, diskBytes: GIB } });
    expect(ask(shrunk, demand(100, MIB), demand(100, MIB, 5 * GIB)).nodeId).toBe("n1");
    const words = refused("disk", "lacks 1 B disk", "0 B of 1 GiB disk free");
    expect(ask(shrunk, demand(100, MIB, 1), demand(100, MIB, 5 * GIB))).toEqual(words);
  });
});

describe("filters/ports", () => {
  const taken = refused("ports", "has port 80/tcp taken");

  test.each([
    ["", ""],
    ["10.0.0.1", ""],
    ["", "10.0.0.1"],
    ["0.0.0.0", "10.0.0.1"],
    ["::", "127.0.0.1"],
    ["10.0.0.1", "10.0.0.1"],
  ])("refuses a port on '%s' when it is taken on '%s'", (wanted, held) => {
    expect(ask(node(1), port(80, wanted), port(80, held))).toEqual(taken);
  });

  test("lets the same port pass on another address, in the other protocol, or when it is free again", () => {
    expect(ask(node(1), port(80, "10.0.0.1"), port(80, "10.0.0.2")).nodeId).toBe("n1");
    expect(ask(node(1), port(80), port(80, "", "udp")).nodeId).toBe("n1");
    const placement = new Placement(SCHEDULERS.epvm);
    placement.putNode(node(1));
    placement.reserve("a", "n1", port(80));
    placement.reserve("b", "n1", port(80));
    placement.release("a");
    expect(placement.place(port(80), [])).toBeNull();
    placement.release("b");
    expect(placement.place(port(80), [])).toBe("n1");
  });
});

describe("needs", () => {
  test("reads the reservation and fixed ports of a task, and equal needs have equal keys", () => {
    const mapping = { containerPort: 80, protocol: "tcp", hostIp: "" } as const;
    const spec = {
      ...DEFAULT_TASK,
      ports: [
        { ...mapping, hostPort: 8080 },
        { ...mapping, hostPort: 0 },
      ],
    };
    const read = readNeed(spec);
    expect(read).toEqual({
      runtime: "docker",
      resources: { cpuMillis: 100, memoryBytes: 64 * MIB, diskBytes: 0 },
      hostPorts: [{ port: 8080, protocol: "tcp", hostIp: "" }],
      constraints: [],
    });
    expect(needKey(read)).toBe(needKey(readNeed({ ...spec, image: "another" })));
    expect(needKey(read)).not.toBe(needKey(readNeed({ ...spec, runtime: "process" })));
  });
});
