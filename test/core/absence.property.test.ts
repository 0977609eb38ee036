// What follows from a node's absence, and what is forgotten of old attempts: due, once, and never for what it does not concern.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { planAbsence } from "../../src/core/absence.ts";
import { apply, type Cluster } from "../../src/core/cluster.ts";
import type { Draft } from "../../src/core/draft.ts";
import { endsAloneAfterMs } from "../../src/core/handover.ts";
import { pruneSlot } from "../../src/core/prune.ts";
import { DEFAULT_DISCONNECT } from "../../src/core/spec.ts";
import { isTerminal } from "../../src/core/task.ts";
import { desiredState, taskState } from "./arbitraries.ts";
import { aCluster, aJob, aJobSpec, aNode, aSlot, aSpec, aTask, NOW } from "./records.ts";

const SECOND = 1_000;
const oneTask = fc.record({
  nodeId: fc.constantFrom("n1", "n1", "n1", "n2", null),
  state: taskState,
  desired: desiredState,
  replaceAfterMs: fc.constantFrom(5, 30, 60).map((s) => s * SECOND),
  lostAfterMs: fc.constantFrom(60, 300).map((s) => s * SECOND),
  stopAfterMs: fc.constantFrom(null, null, 0, 40 * SECOND),
  replace: fc.constantFrom(true, true, false),
  stopped: fc.constantFrom(false, false, true),
});
const tasks = fc.array(oneTask, { maxLength: 5 });
type Given = typeof tasks extends fc.Arbitrary<infer T> ? T : never;
const outForS = fc.constantFrom(0, 4, 5, 29, 30, 59, 60, 299, 300, 4_000);

function clusterOf(given: Given): Cluster {
  const cluster = aCluster(aNode("n1"), aNode("n2"));
  for (const [i, { nodeId, state, desired, stopped, ...times }] of given.entries()) {
    const name = `job-${i}`;
    const spec = aJobSpec(name, aSpec({ disconnect: { ...DEFAULT_DISCONNECT, ...times } }));
    apply(cluster, { kind: "job.put", job: aJob(name, { spec, desired: stopped ? "stop" : "run" }) });
    apply(cluster, { kind: "slot.put", slot: aSlot(name) });
    apply(cluster, { kind: "task.put", task: aTask(name, { nodeId, desired }, { state, containerId: "box" }) });
  }
  return cluster;
}

function plan(cluster: Cluster, outForMs: number, mayReplace = true) {
  const planned = planAbsence({
    cluster,
    clusterId: "c",
    nodeId: "n1",
    outForMs,
    mayReplace: () => mayReplace,
    nowMs: NOW,
  });
  for (const { change } of planned.drafts) apply(cluster, change);
  return planned;
}

function concerned(drafts: readonly Draft[]): string[] {
  return drafts.flatMap(({ change }) =>
    change.kind === "task.put" ? [change.task.jobId] : change.kind === "slot.put" ? [change.slot.jobId] : [],
  );
}

describe("absence:", () => {
  test("each task gets what is due by its own times, and no other task gets anything", () => {
    fc.assert(
      fc.property(tasks, outForS, fc.boolean(), (given, outS, mayReplace) => {
        const cluster = clusterOf(given);
        const { drafts } = plan(cluster, outS * SECOND, mayReplace);
        const due = given.map((task) => {
          const here = task.nodeId === "n1" && !isTerminal(task.state) && task.replace;
          if (!here) return "nothing";
          const { stopAfterMs } = task;
          const mayLive =
            endsAloneAfterMs(aSpec({ disconnect: { ...DEFAULT_DISCONNECT, stopAfterMs } })) > outS * SECOND;
          if (mayLive) return "nothing";
          if (outS * SECOND >= task.lostAfterMs) return "lost";
          const wanted = task.desired === "run" && !task.stopped && mayReplace;
          return outS * SECOND >= task.replaceAfterMs && wanted ? "replaced" : "nothing";
        });
        const found = given.map((_, i) => {
          const [first, ...rest] = [...cluster.tasks.values()].filter(({ jobId }) => jobId === `job-${i}`);
          if (rest.length > 0) return "replaced";
          const isLost = given[i]?.state !== "lost" && first?.fact.state === "lost";
          return isLost ? "lost" : "nothing";
        });
        expect(found).toEqual(due);
        const spared = given.flatMap((_, i) => (due[i] === "nothing" ? [`job-${i}`] : []));
        expect(concerned(drafts).filter((jobId) => spared.includes(jobId))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("what was done for an absence is not done again", () => {
    fc.assert(
      fc.property(tasks, outForS, (given, outS) => {
        const cluster = clusterOf(given);
        plan(cluster, outS * SECOND);
        expect(plan(cluster, outS * SECOND).drafts).toEqual([]);
      }),
    );
  });

  test("looked at whenever it asks for it, an absence has the same end as looked at every second", () => {
    fc.assert(
      fc.property(tasks, (given) => {
        const [asked, always] = [clusterOf(given), clusterOf(given)];
        for (let ms: number | null = 0; ms !== null; ) {
          const { nextInMs } = plan(asked, ms);
          if (nextInMs !== null) expect(nextInMs).toBeGreaterThan(0);
          ms = nextInMs === null ? null : ms + nextInMs;
        }
        for (let s = 0; s <= 400; s += 1) plan(always, s * SECOND);
        const states = (cluster: Cluster) => [...cluster.tasks.values()].map(({ id, fact }) => [id, fact.state]).sort();
        expect(states(asked)).toEqual(states(always));
      }),
      { numRuns: 60 },
    );
  });
});

describe("prune:", () => {
  const attempt = fc.record({
    state: taskState,
    desired: desiredState,
    containerId: fc.constantFrom("", "box"),
    nodeId: fc.constantFrom("n1", "n1", null),
  });

  test("only ended attempts before the newest go, and a record only when nothing is left on its node", () => {
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 14 }), (given) => {
        const slot = aSlot("web", { attempt: given.length });
        const cluster = aCluster(aNode("n1"), aJob("web"), slot);
        for (const [i, { state, desired, containerId, nodeId }] of given.entries()) {
          const task = aTask("web", { attempt: i + 1, desired, nodeId }, { state, containerId });
          apply(cluster, { kind: "task.put", task });
        }
        const before = new Map(cluster.tasks);
        for (const { change } of pruneSlot(cluster, slot)) apply(cluster, change);
        for (const [id, was] of before) {
          const is = cluster.tasks.get(id);
          const spared = id === slot.taskId || !isTerminal(was.fact.state);
          if (spared) expect(is).toEqual(was);
          else if (is) expect([is.fact, is.nodeId]).toEqual([was.fact, was.nodeId]);
          else expect(was.nodeId === null || (was.desired === "remove" && was.fact.containerId === "")).toBe(true);
        }
      }),
    );
  });

  test("once workers have removed what they were told to, five ended attempts are left, two of them with containers", () => {
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 14 }), (given) => {
        const slot = aSlot("web", { attempt: given.length + 1 });
        const cluster = aCluster(aNode("n1"), aJob("web"), slot, aTask("web", { attempt: given.length + 1 }));
        for (const [i, { desired, containerId, nodeId }] of given.entries()) {
          const task = aTask("web", { attempt: i + 1, desired, nodeId }, { state: "failed", containerId });
          apply(cluster, { kind: "task.put", task });
        }
        for (let round = 0; round < 3; round += 1) {
          for (const { change } of pruneSlot(cluster, slot)) apply(cluster, change);
          for (const task of cluster.tasks.values()) {
            if (task.desired === "remove") {
              apply(cluster, { kind: "task.put", task: { ...task, fact: { ...task.fact, containerId: "" } } });
            }
          }
        }
        expect(pruneSlot(cluster, slot)).toEqual([]);
        const ended = [...cluster.tasks.values()].filter(({ id }) => id !== slot.taskId);
        expect(ended.length).toBe(Math.min(5, given.length));
        const numbers = ended.map(({ attempt }) => attempt).sort((a, b) => a - b);
        expect(numbers).toEqual(given.map((_, i) => i + 1).slice(-5));
        expect(ended.filter((task) => task.fact.containerId !== "" && task.nodeId !== null).length).toBeLessThan(3);
      }),
    );
  });
});
