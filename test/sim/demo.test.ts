// The cluster of `cube demo`: the same story for the same seed, full and lively, and under the invariants of every run.
import { describe, expect, test } from "bun:test";
import { withoutAmbient } from "../../scripts/simulator/ambient.ts";
import { CHECKERS } from "../../src/sim/checks.ts";
import { DemoCluster } from "../../src/sim/demo.ts";
import { outputOf } from "../../src/sim/demo-output.ts";
import { demoUse } from "../../src/sim/demo-usage.ts";
import { BEGIN_MS } from "../../src/sim/machine-clock.ts";
import type { SimEvent } from "../../src/sim/trace.ts";

const MINUTE = 60_000;
const NODES = 12;

function machineOf(demo: DemoCluster) {
  const { machine } = demo.sim.manager.manager;
  if (machine === null) throw new Error("the manager is dead");
  return machine;
}

/** Tasks by state. */
function states(demo: DemoCluster): Record<string, number> {
  const count: Record<string, number> = {};
  for (const { fact } of machineOf(demo).cluster.tasks.values()) count[fact.state] = (count[fact.state] ?? 0) + 1;
  return count;
}

function nodeStates(demo: DemoCluster): string[] {
  return [...machineOf(demo).cluster.nodes.values()].map(({ state }) => state);
}

describe("sim: demo", () => {
  test("half an hour keeps every invariant, with some two hundred tasks running, and things that fail and come back", () => {
    const violations: string[] = [];
    const events: SimEvent[] = [];
    const recounts: (() => void)[] = [];
    const running: number[] = [];
    withoutAmbient(() => {
      const demo = new DemoCluster({
        seed: 1,
        nodes: NODES,
        onStage: (sim) => {
          sim.watch((event) => void events.push(event));
          for (const checker of CHECKERS) {
            const { onEvent, recount } = checker.begin(sim, (...facts) => {
              violations.push(`${checker.id} at ${sim.nowMs}: ${facts.join("; ")}`);
            });
            sim.watch(onEvent);
            if (recount !== undefined) recounts.push(recount);
          }
        },
      });
      for (let minute = 0; minute < 30; minute++) {
        demo.advance(MINUTE);
        running.push(states(demo).running ?? 0);
        for (const recount of recounts) recount();
      }
    });
    expect(violations).toEqual([]);
    expect(running.filter((count) => count > 175 && count < 230).length).toBeGreaterThan(24);
    const exits = events.filter((event) => event.kind === "died" && event.cause === "exit").length;
    const faults = events.filter((event) => event.kind === "fault" && event.phase === "begins").length;
    const submitted = events.filter((event) => event.kind === "answered" && event.command.kind === "job.submit").length;
    expect([exits > 15, faults > 2, submitted > 18]).toEqual([true, true, true]);
  }, 120_000);

  test("the same seed is the same story, and another seed another one", () => {
    const [first, again, other] = [1, 1, 2].map((seed) => {
      const demo = new DemoCluster({ seed, nodes: NODES });
      demo.advance(5 * MINUTE);
      return demo.sim.hash;
    });
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  }, 60_000);

  test("whoever looks first finds nodes that joined, tasks that run and such as wait, each with its reason", () => {
    const demo = new DemoCluster({ seed: 1, nodes: NODES });
    const { cluster } = machineOf(demo);
    const waiting = [...cluster.tasks.values()].filter(({ fact }) => fact.state === "pending");
    expect(cluster.nodes.size).toBe(NODES);
    expect(waiting.some(({ jobId, reason }) => jobId === "ml" && reason.includes("gpu == h100"))).toBe(true);
    expect(
      [...cluster.tasks.values()].some(({ jobId, fact }) => jobId === "recommender" && fact.state === "rejected"),
    ).toBe(true);
    expect(demo.changes.at(-1)?.revision).toBe(machineOf(demo).revision);
  });

  test("hushed, it is quiet: no node goes and no task is killed", () => {
    const demo = new DemoCluster({ seed: 3, nodes: NODES });
    demo.story.isOn = false;
    demo.advance(3 * MINUTE);
    const faults: SimEvent[] = [];
    demo.sim.watch((event) => {
      if (event.kind === "fault" && event.phase === "begins") faults.push(event);
    });
    demo.advance(20 * MINUTE);
    expect(faults).toEqual([]);
    expect(nodeStates(demo)).toEqual(Array(NODES).fill("ready"));
  }, 60_000);

  test("a cluster of any size fills up in proportion", () => {
    const running = [3, 24].map((nodes) => states(new DemoCluster({ seed: 1, nodes })).running ?? 0);
    expect([(running[0] ?? 0) > 40, (running[1] ?? 0) > 350]).toEqual([true, true]);
  });

  test("a killed container is started again by its worker", () => {
    const demo = new DemoCluster({ seed: 1, nodes: NODES });
    const task = [...machineOf(demo).cluster.tasks.values()].find(
      ({ jobId, fact }) => jobId === "queue" && fact.state === "running",
    );
    expect(demo.kill(task?.nodeId ?? "", task?.id ?? "")).toBe(true);
    demo.advance(MINUTE);
    const after = machineOf(demo).cluster.tasks.get(task?.id ?? "");
    expect([after?.fact.state, after?.fact.restarts]).toEqual(["running", (task?.fact.restarts ?? 0) + 1]);
  });

  test("a task's use breathes within what it reserves, and a node's use is the sum", () => {
    const demo = new DemoCluster({ seed: 1, nodes: NODES });
    const node = demo.sim.nodes.get("alder");
    if (node === undefined) throw new Error("there is no alder");
    const { facts } = node.worker.parts;
    const live = node.engine.live();
    const samples = [0, 15_000, 30_000, 200_000].map((ms) => demoUse(facts, live, demo.wallMs + ms));
    const first = samples[0];
    const task = live[0];
    const own = samples.map(({ tasks }) => tasks.find(({ taskId }) => taskId === task?.taskId));
    expect(new Set(own.map((use) => use?.cpuMillis)).size).toBeGreaterThan(2);
    expect(own.every((use) => (use?.cpuMillis ?? 0) <= (task?.spec.resources.cpuMillis ?? 0))).toBe(true);
    expect(first?.cpuMillis).toBeGreaterThan(first?.tasks.reduce((sum, { cpuMillis }) => sum + cpuMillis, 0) ?? 0);
    expect(samples.every(({ cpuMillis }) => Number.isInteger(cpuMillis))).toBe(true);
  });

  test("output comes in order, the same whenever it is asked for, and ends with its container", () => {
    const demo = new DemoCluster({ seed: 1, nodes: NODES });
    const one = demo.sim.nodes
      .get("oak")
      ?.engine.live()
      .find(({ jobId }) => jobId === "shop");
    if (one === undefined) throw new Error("no shop runs on oak");
    const { nowMs } = demo.sim;
    const all = outputOf(one, { afterMs: -1, untilMs: nowMs, most: 10_000 });
    const halfMs = Math.floor((one.startedMs + nowMs) / 2);
    const halves = [
      ...outputOf(one, { afterMs: -1, untilMs: halfMs, most: 10_000 }),
      ...outputOf(one, { afterMs: halfMs, untilMs: nowMs, most: 10_000 }),
    ];
    expect(halves).toEqual(all);
    expect(all.map(({ atMs }) => atMs)).toEqual(all.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    expect(outputOf(one, { afterMs: -1, untilMs: nowMs, most: 5 })).toEqual(all.slice(-5));
    expect(demo.kill("oak", one.taskId)).toBe(true);
    expect(outputOf(one, { afterMs: nowMs - 1, untilMs: nowMs + MINUTE, most: 10 }).map(({ text }) => text)).toEqual([
      "killed",
    ]);
    expect(demo.wallAt(0)).toBe(BEGIN_MS);
  });
});
