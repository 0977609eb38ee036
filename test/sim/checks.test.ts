// Each checker against a story told by hand that breaks its invariant, and against the sound story beside it: one that finds nothing proves nothing.
import { describe, expect, test } from "bun:test";
import type { Change } from "../../src/core/change.ts";
import { DEFAULT_DISCONNECT } from "../../src/core/spec.ts";
import { unseen } from "../../src/core/task.ts";
import type { Command } from "../../src/manager/commands.ts";
import type { ManagerMessage } from "../../src/protocol/messages.ts";
import { drawPlan } from "../../src/sim/draw.ts";
import { run } from "../../src/sim/run.ts";
import { SECRET } from "../../src/sim/secret.ts";
import type { SimEvent } from "../../src/sim/trace.ts";
import { aJob, aJobSpec, aNode, aSlot, aSpec, aTask } from "../core/records.ts";
import { aContainer, CheckBench, died, identity, started } from "./checks-bench.ts";

const submit: Command = { kind: "job.submit", id: "", spec: aJobSpec("web"), idempotencyKey: "k" };
const handled = { key: "user/k", digest: "d", jobId: "web", atMs: 0 };
const jobPut: Change = { kind: "job.put", job: aJob("web") };
const slotPut: Change = { kind: "slot.put", slot: aSlot("web") };
const requestPut: Change = { kind: "request.put", request: handled };

function answered(jobId: string, created: boolean, revision = 0): SimEvent {
  return { kind: "answered", ticket: 1, command: submit, result: { ok: true, jobId, created, revision } };
}

function nodePut(name: string, state: "ready" | "disconnected" = "ready", cpuMillis = 4_000): Change {
  const capacity = { cpuMillis, memoryBytes: 2 ** 33, diskBytes: 2 ** 40 };
  return { kind: "node.put", node: aNode(name, { state, capacity }) };
}

function assignments(
  from: Parameters<typeof identity>[0],
  put: readonly string[],
  desired: "run" | "stop" = "run",
): SimEvent {
  const manager = identity(from);
  const named = put.map((taskId) => ({
    ...{ taskId, jobId: "web", name: "web", service: "web", slot: 0, attempt: 1, spec: aSpec() },
    ...{ desired, restartSerial: 0 },
  }));
  const set: Extract<ManagerMessage, { kind: "assignments" }> = {
    ...{ kind: "assignments", manager, number: 1, base: 0, put: named, remove: [] },
  };
  return { kind: "ordered", node: "n1", from: manager, base: 0, set };
}

function journaled(value: unknown): SimEvent {
  return { kind: "journaled", node: "n1", records: [{ kind: "manager", value }], isWhole: false };
}

/** A worker's record of task "t". */
function recorded(state: string, incarnation = 1, desired = "run"): SimEvent {
  const value = { format: 1, assignment: { desired }, fact: { ...unseen("t"), state, incarnation } };
  return { kind: "journaled", node: "n1", records: [{ kind: "task", taskId: "t", value }], isWhole: false };
}

/** Every checker's broken story, and the sound one that differs from it in what counts. */
const STORIES: Readonly<
  Record<string, readonly [broken: (bench: CheckBench) => void, sound: (bench: CheckBench) => void]>
> = {
  S1: [
    (bench) => {
      bench.keep([jobPut, requestPut]);
      bench.tell(answered("web", true));
      bench.keep([{ kind: "job.remove", jobId: "web" }]);
    },
    (bench) => {
      bench.keep([jobPut, requestPut]);
      bench.tell(answered("web", true));
      bench.tell({ kind: "asked", ticket: 2, command: { kind: "job.remove", jobId: "web" }, manager: "m1" });
      bench.keep([{ kind: "job.remove", jobId: "web" }]);
      bench.recount();
    },
  ],
  S2: [
    (bench) => bench.tell(answered("web", true), answered("web-again", true)),
    (bench) => bench.tell(answered("web", true), answered("web", false)),
  ],
  S3: [
    (bench) => bench.tell(started(aContainer()), started(aContainer({ node: "n2" }))),
    (bench) => {
      const first = aContainer();
      bench.tell(started(first), died(first), started(aContainer({ node: "n2" })));
    },
  ],
  S4: [
    (bench) => bench.tell(started(aContainer()), started(aContainer({ incarnation: 2 }))),
    (bench) => {
      const first = aContainer();
      bench.tell(started(first), died(first), started(aContainer({ incarnation: 2 })));
    },
  ],
  S5: [
    (bench) => bench.tell(started(aContainer()), started(aContainer({ taskId: "u", node: "n2" }))),
    (bench) => {
      bench.tell(started(aContainer()));
      bench.keep([nodePut("n1", "disconnected")]);
      bench.tell(started(aContainer({ taskId: "u", node: "n2" })));
    },
  ],
  S6: [
    (bench) => {
      const spec = aSpec({ disconnect: { ...DEFAULT_DISCONNECT, replace: false } });
      bench.keep([nodePut("n1", "disconnected")]);
      bench.tell(started(aContainer({ spec })), started(aContainer({ spec, taskId: "u", node: "n2" })));
    },
    (bench) => bench.tell(started(aContainer()), started(aContainer({ taskId: "u", node: "n2" }))),
  ],
  S7: [
    (bench) => {
      bench.keep([nodePut("n1", "ready", 150), jobPut, { kind: "job.put", job: aJob("api") }]);
      bench.keepTask(aTask("web", { nodeId: "n1" }));
      bench.keepTask(aTask("api", { nodeId: "n1" }));
    },
    (bench) => {
      bench.keep([nodePut("n1", "ready", 200), jobPut, { kind: "job.put", job: aJob("api") }]);
      bench.keepTask(aTask("web", { nodeId: "n1" }));
      bench.keepTask(aTask("api", { nodeId: "n1" }));
    },
  ],
  S9: [
    (bench) => bench.tell(recorded("running"), recorded("accepted")),
    (bench) => bench.tell(recorded("running"), recorded("accepted", 2)),
  ],
  S10: [
    (bench) => bench.tell(recorded("running", 1, "stop"), recorded("running", 1, "run")),
    (bench) => bench.tell(recorded("running", 1, "run"), recorded("running", 1, "stop")),
  ],
  S11: [
    (bench) => {
      bench.keep([nodePut("n1"), jobPut, slotPut]);
      bench.keepTask(aTask("web", { nodeId: "n1" }, { state: "running", incarnation: 1 }));
      bench.keep([{ kind: "slot.put", slot: aSlot("web", { attempt: 2 }) }]);
    },
    (bench) => {
      bench.keep([nodePut("n1"), jobPut, slotPut]);
      bench.keepTask(aTask("web", { nodeId: "n1" }, { state: "running", incarnation: 1 }));
      bench.keep([nodePut("n1", "disconnected")]);
      bench.passes(5_000);
      bench.keep([{ kind: "slot.put", slot: aSlot("web", { attempt: 2 }) }]);
    },
  ],
  S12: [
    (bench) => {
      const first = aContainer();
      bench.tell(started(first), died(first));
      bench.passes(600);
      bench.tell(started(aContainer({ incarnation: 2 })));
    },
    (bench) => {
      const first = aContainer();
      bench.tell(started(first), died(first));
      bench.passes(1_000);
      bench.tell(started(aContainer({ incarnation: 2 })));
    },
  ],
  S14: [
    (bench) =>
      bench.tell({ kind: "signalled", container: aContainer({ isForeign: true }), signal: "", graceMs: 10_000 }),
    (bench) => bench.tell({ kind: "signalled", container: aContainer(), signal: "", graceMs: 10_000 }),
  ],
  S15: [
    (bench) => {
      const one = aContainer();
      bench.tell(started(one), died(one), started(one));
    },
    (bench) => {
      const one = aContainer();
      bench.tell(started(one), died(one), started(aContainer({ incarnation: 2 })));
    },
  ],
  S18: [
    (bench) => {
      const one = aContainer();
      bench.tell({ kind: "signalled", container: one, signal: "", graceMs: 10_000 });
      bench.passes(9_000);
      bench.tell(died(one, "kill"));
    },
    (bench) => {
      const one = aContainer();
      bench.tell({ kind: "signalled", container: one, signal: "", graceMs: 10_000 });
      bench.passes(10_000);
      bench.tell(died(one, "kill"));
    },
  ],
  S19: [
    (bench) => bench.tell(journaled(identity({ term: 2, instanceId: "m1.2" })), journaled(identity())),
    (bench) => bench.tell(journaled(identity()), journaled(identity({ term: 2, instanceId: "m1.2" }))),
  ],
  S20: [
    (bench) => {
      bench.keep([jobPut]);
      bench.skipTo(2);
      bench.keep([slotPut]);
    },
    (bench) => {
      bench.keep([jobPut]);
      bench.tell({ kind: "took-over", manager: "m1", identity: identity({ revision: 2 }), how: "recovery" });
      bench.skipTo(2);
      bench.keep([slotPut]);
    },
  ],
  S21: [
    (bench) => {
      bench.keep([slotPut]);
      bench.keep([{ kind: "slot.put", slot: aSlot("web", { attempt: 3 }) }]);
    },
    (bench) => {
      bench.keep([slotPut]);
      bench.keep([{ kind: "slot.put", slot: aSlot("web", { attempt: 2 }) }]);
    },
  ],
  S23: [
    (bench) => {
      bench.keep([jobPut]);
      bench.tell(answered("web", true, 2));
    },
    (bench) => {
      bench.keep([jobPut]);
      bench.tell(answered("web", true, 1));
    },
  ],
  S24: [
    (bench) => bench.keep([jobPut], { text: `web is submitted with ${SECRET}` }),
    (bench) => bench.keep([jobPut], { text: "web is submitted" }),
  ],
};

describe("sim: checkers", () => {
  for (const [id, [broken, sound]] of Object.entries(STORIES)) {
    test(`${id} finds the story that breaks it, and nothing in the sound one`, () => {
      const [bad, good] = [new CheckBench(id), new CheckBench(id)];
      broken(bad);
      sound(good);
      expect([bad.found.length > 0, good.found]).toEqual([true, []]);
    });
  }

  test("S1 lets what went with a replaced store come back by an adoption, and in no other way", () => {
    const found = ["adopting", "not"].map((how) => {
      const bench = new CheckBench("S1");
      bench.keep([jobPut, requestPut]);
      bench.tell(answered("web", true), { kind: "replaced", manager: "m1", how: "wipe" });
      if (how === "adopting") bench.tell({ kind: "adopting", manager: "m1" });
      bench.keep([jobPut]);
      return bench.found.length;
    });
    expect(found).toEqual([0, 1]);
  });

  test("S9 knows who may take a step: a worker writes no lost, and a manager starts nothing", () => {
    const steps = (["lost", "running"] as const).map((state) => {
      const bench = new CheckBench("S9");
      bench.keepTask(aTask("web"));
      bench.keepTask(aTask("web", { nodeId: "n1" }, { state: "assigned" }));
      bench.keepTask(
        aTask("web", { nodeId: "n1" }, { state, incarnation: 0 }),
        state === "lost" ? "worker:n1" : "manager",
      );
      return bench.found.length;
    });
    expect(steps).toEqual([1, 1]);
  });

  test("S12 finds one restart more than the budget allows within its window", () => {
    const bench = new CheckBench("S12");
    for (let incarnation = 1; incarnation <= 8; incarnation++) {
      const one = aContainer({ incarnation });
      bench.tell(started(one));
      bench.passes(10);
      bench.tell(died(one));
      bench.passes(80_000);
    }
    expect(bench.found).toEqual([expect.stringContaining("restarts within")]);
  });

  test("S6 finds that another takes the place of what was to end when it was left alone, and still lives", () => {
    const spec = aSpec({ disconnect: { ...DEFAULT_DISCONNECT, stopAfterMs: 30_000 } });
    const found = [false, true].map((hasEnded) => {
      const bench = new CheckBench("S6");
      const one = aContainer({ spec, startedMs: -3_600_000 });
      bench.tell(started(one));
      if (hasEnded) bench.tell(died(one));
      bench.tell(started(aContainer({ spec, taskId: "u", node: "n2" })));
      return bench.found.length;
    });
    expect(found).toEqual([1, 0]);
  });

  test("S23 finds a record that a manager keeps although its store is damaged, until somebody has mended that", () => {
    const found = [false, true].map((isMended) => {
      const bench = new CheckBench("S23");
      bench.tell({ kind: "read-only", manager: "m1", problem: "the store is damaged" });
      if (isMended) bench.tell({ kind: "replaced", manager: "m1", how: "loss" });
      bench.keep([jobPut]);
      return bench.found.length;
    });
    expect(found).toEqual([1, 0]);
  });

  test("S24 finds that a message was sent although nothing gets through", () => {
    const found = [0, 7].map((beyond) => {
      const bench = new CheckBench("S24");
      bench.sim.network.beyond = beyond;
      bench.tell({ kind: "unlinked", node: "n1", manager: "m1", reason: "" });
      return bench.found.length;
    });
    expect(found).toEqual([0, 1]);
  });

  test("S13 finds a stop that only a manager of an older term has asked for", () => {
    const found = [1, 3].map((term) => {
      const bench = new CheckBench("S13");
      const worker = bench.sim.nodes.get("n1")?.worker;
      worker?.start();
      bench.tell(
        assignments({ term: 2, instanceId: "m1.2" }, ["t"]),
        journaled(identity({ term: 2, instanceId: "m1.2" })),
      );
      const manager = identity({ term: 2, instanceId: "m1.2" });
      const assignment = { taskId: "t", jobId: "web", name: "web", service: "web", slot: 0, attempt: 1 };
      const put = [{ ...assignment, spec: aSpec(), desired: "run" as const, restartSerial: 0 }];
      worker?.feed({ kind: "message", message: { kind: "assignments", manager, number: 1, base: 0, put, remove: [] } });
      bench.tell(assignments({ term, instanceId: `m1.${term}` }, ["t"], "stop"));
      const of = { taskId: "t", incarnation: 1 };
      bench.effect({ kind: "stop", of, runtime: "docker", instanceId: "t-1", signal: "", graceMs: 10_000 });
      return bench.found.length;
    });
    expect(found).toEqual([1, 0]);
  });

  test("a few random seeds break nothing", () => {
    const outcomes = [501, 502, 503].map((seed) => run(drawPlan(seed)));
    expect(outcomes.map(({ verdict, violation }) => [verdict, violation])).toEqual(
      outcomes.map(() => ["passed", null]),
    );
  }, 60_000);
});
