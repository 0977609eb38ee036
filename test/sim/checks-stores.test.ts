// Checkers once a store was replaced or copied: what it excuses, and that all else is judged as before.
import { describe, expect, test } from "bun:test";
import type { Change } from "../../src/core/change.ts";
import type { Task } from "../../src/core/task.ts";
import { cloneOf } from "../../src/sim/simulation.ts";
import { aJob, aNode, aSpec, aTask } from "../core/records.ts";
import { aContainer, CheckBench, started } from "./checks-bench.ts";

describe("sim: checkers and replaced stores", () => {
  test("S3 lets a task live on two nodes only where each was given it by a store that knew nothing of the other", () => {
    const placed = (nodeId: string): Task => aTask("web", { id: "t", nodeId });
    const stories: readonly ((bench: CheckBench) => void)[] = [
      (bench) => bench.keepTask(placed("n1")),
      (bench) => {
        bench.keepTask(placed("n1"));
        bench.tell({ kind: "adopting", manager: "m1" });
        bench.keepTask(placed("n2"));
      },
      (bench) => {
        bench.keepTask(placed("n1"));
        bench.keepTask(placed("n2"));
      },
      (bench) => {
        bench.keepTask(placed("n1"));
        bench.keep([{ kind: "task.put", task: placed("n2") }], { manager: "m2" });
      },
    ];
    const found = stories.map((place) => {
      const bench = new CheckBench("S3");
      bench.tell({ kind: "replaced", manager: "m2", how: "copy" });
      place(bench);
      bench.tell(started(aContainer()), started(aContainer({ node: "n2", incarnation: 2 })));
      return bench.found.length;
    });
    expect(found).toEqual([1, 1, 1, 0]);
  });

  test("S3 lets a node's clone run what its original runs once a store has been replaced, and not before", () => {
    const found = [false, true].map((isReplaced) => {
      const bench = new CheckBench("S3");
      bench.keepTask(aTask("web", { id: "t", nodeId: "n1" }));
      if (isReplaced) bench.tell({ kind: "replaced", manager: "m1", how: "wipe" });
      bench.tell(started(aContainer()), started(aContainer({ node: cloneOf("n1") })));
      return bench.found.length;
    });
    expect(found).toEqual([1, 0]);
  });

  test("S7 judges what runs after a store was replaced where that store has placed it all, knowing what was there", () => {
    const big = aSpec({ resources: { ...aSpec().resources, cpuMillis: 800 } });
    const stories: readonly ((bench: CheckBench) => void)[] = [
      (bench) => {
        bench.keepTask(aTask("web", { id: "t", nodeId: "n1" }));
        bench.keepTask(aTask("web", { id: "u", nodeId: "n1" }));
      },
      (bench) => {
        bench.keepTask(aTask("web", { id: "t", nodeId: "n1" }));
        bench.tell({ kind: "adopting", manager: "m1" });
        bench.keepTask(aTask("web", { id: "u", nodeId: "n1" }));
      },
      (bench) => bench.keepTask(aTask("web", { id: "t", nodeId: "n1" })),
    ];
    const found = stories.map((place) => {
      const bench = new CheckBench("S7");
      const capacity = { cpuMillis: 4_000, memoryBytes: 2 ** 33, diskBytes: 2 ** 40 };
      const records: readonly Change[] = [
        { kind: "node.put", node: aNode("n1", { capacity }) },
        { kind: "job.put", job: aJob("web") },
      ];
      bench.keep(records);
      bench.tell({ kind: "replaced", manager: "m1", how: "rollback" });
      bench.keep(records);
      place(bench);
      const live = ["t", "u"].map((taskId) => aContainer({ taskId, spec: big }));
      const engine = bench.sim.nodes.get("n1")?.engine;
      for (const one of live) engine?.containers.set(one.instanceId, one);
      bench.tell(...live.map(started));
      return bench.found.length > 0;
    });
    expect(found).toEqual([true, false, false]);
  });
});
