/** The fast scheduler against the blackboard one, over random histories. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Need, NodeView, SchedulerName } from "../../src/core/schedule.ts";
import { Placement, SCHEDULERS } from "../../src/core/schedule.ts";
import { ReferenceScheduler } from "./reference-scheduler.ts";
import { GIB, MIB } from "./schedule-nodes.ts";

const NAMES: readonly SchedulerName[] = ["epvm", "roundrobin", "pack"];

type Step =
  | { readonly kind: "put"; readonly view: NodeView }
  | { readonly kind: "measure"; readonly pick: number; readonly measured: NodeView["measured"] }
  | { readonly kind: "remove"; readonly nodeId: string }
  | { readonly kind: "place"; readonly need: Need; readonly avoid: readonly string[]; readonly taskId: string }
  | { readonly kind: "reserve"; readonly taskId: string; readonly nodeId: string; readonly need: Need }
  | { readonly kind: "release"; readonly taskId: string };

const nodeId = fc.integer({ min: 1, max: 24 }).map((n) => `n${n}`);
const taskId = fc.integer({ min: 1, max: 60 }).map((n) => `t${n}`);
const resources = fc.record({
  cpuMillis: fc.constantFrom(0, 500, 1_000, 2_000, 4_000, 3_333),
  memoryBytes: fc.constantFrom(0, 512 * MIB, GIB, 2 * GIB, 3_000_000_001),
  diskBytes: fc.constantFrom(0, GIB, 10 * GIB),
});
const use = fc.record({
  cpuMillis: fc.integer({ min: 0, max: 5_000 }),
  memoryBytes: fc.integer({ min: 0, max: 3 * GIB }),
  diskBytes: fc.integer({ min: 0, max: 12 * GIB }),
});
const measured = fc.option(use, { freq: 4 });
const zone = fc.constantFrom("eu", "us");

const view: fc.Arbitrary<NodeView> = fc
  .record({
    id: nodeId,
    joinedMs: fc.integer({ min: 1, max: 8 }),
    labels: fc.oneof(fc.constant({}), fc.record({ zone })),
    arch: fc.constantFrom("x64", "arm64"),
    runtimes: fc.constantFrom<NodeView["runtimes"]>(["docker"], ["docker", "process"], ["process"], ["docker"]),
    refusal: fc.constantFrom("", "", "", "", "is draining"),
    allocatable: resources,
    measured,
    measuredTasks: use,
  })
  .map((fields) => ({ ...fields, name: `host-${fields.id}`, os: "linux" }));

const hostPort = fc.record({
  port: fc.constantFrom(80, 443),
  protocol: fc.constantFrom("tcp" as const, "udp" as const),
  hostIp: fc.constantFrom("", "0.0.0.0", "127.0.0.1", "10.0.0.1"),
});
const constraint = fc.oneof(
  fc.record({
    key: fc.constantFrom("zone", "node.labels.zone"),
    operator: fc.constantFrom("==" as const, "!=" as const),
    value: zone,
  }),
  fc.record({ key: fc.constant("node.id"), operator: fc.constant("!=" as const), value: nodeId }),
  fc.record({
    key: fc.constant("node.platform.arch"),
    operator: fc.constant("==" as const),
    value: fc.constant("x64"),
  }),
);
const need: fc.Arbitrary<Need> = fc.record({
  runtime: fc.constantFrom("docker" as const, "docker" as const, "process" as const),
  resources: fc.record({
    cpuMillis: fc.constantFrom(0, 10, 100, 250, 1_000),
    memoryBytes: fc.constantFrom(0, MIB, 64 * MIB, 256 * MIB, 1_000_000_007),
    diskBytes: fc.constantFrom(0, 0, GIB),
  }),
  hostPorts: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.array(hostPort, { maxLength: 2 })),
  constraints: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(constraint, { maxLength: 2 })),
});

/** A history over few needs, so that classes are met again after things changed. */
const history: fc.Arbitrary<readonly Step[]> = fc.array(need, { minLength: 1, maxLength: 4 }).chain((needs) => {
  const oneNeed = fc.constantFrom(...needs);
  return fc.array(
    fc.oneof(
      { weight: 4, arbitrary: view.map((view): Step => ({ kind: "put", view })) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("measure" as const), pick: fc.nat(), measured }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), nodeId }) },
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant("place" as const),
          need: oneNeed,
          avoid: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(nodeId, { maxLength: 3 })),
          taskId,
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("reserve" as const), taskId, nodeId, need: oneNeed }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("release" as const), taskId }) },
    ),
    { minLength: 20, maxLength: 120 },
  );
});

/** Both schedulers through the same history. `onPlace` sees the fast one before it reserves. */
class Run {
  readonly fast: Placement;
  readonly plain: ReferenceScheduler;
  readonly nodes = new Map<string, NodeView>();

  constructor(name: SchedulerName) {
    this.fast = new Placement(SCHEDULERS[name]);
    this.plain = new ReferenceScheduler(name);
  }

  put(view: NodeView): void {
    this.nodes.set(view.id, view);
    this.fast.putNode(view);
    this.plain.putNode(view);
  }

  remove(id: string): void {
    this.nodes.delete(id);
    this.fast.removeNode(id);
    this.plain.removeNode(id);
  }

  reserve(taskId: string, nodeId: string, need: Need): void {
    this.fast.reserve(taskId, nodeId, need);
    this.plain.reserve(taskId, nodeId, need);
  }

  release(taskId: string): void {
    this.fast.release(taskId);
    this.plain.release(taskId);
  }

  measure(pick: number, measured: NodeView["measured"]): void {
    const known = [...this.nodes.values()];
    const view = known[pick % Math.max(1, known.length)];
    if (view) this.put({ ...view, measured });
  }

  /** Every step but a placement. */
  follow(step: Exclude<Step, { kind: "place" }>): void {
    if (step.kind === "put") this.put(step.view);
    else if (step.kind === "measure") this.measure(step.pick, step.measured);
    else if (step.kind === "remove") this.remove(step.nodeId);
    else if (step.kind === "reserve") this.reserve(step.taskId, step.nodeId, step.need);
    else this.release(step.taskId);
  }
}

const RUNS = { numRuns: 300, seed: 20_261_120 };

describe.each(NAMES)("schedule/%s", (name) => {
  test("answers as the full scan does, after any history", () => {
    let placed = 0;
    const check = (steps: readonly Step[]) => {
      const run = new Run(name);
      for (const step of steps) {
        if (step.kind !== "place") {
          run.follow(step);
          continue;
        }
        const answer = run.fast.place(step.need, step.avoid);
        expect(answer).toBe(run.plain.place(step.need, step.avoid));
        if (answer === null) continue;
        run.reserve(step.taskId, answer, step.need);
        placed++;
      }
      for (const id of run.nodes.keys()) expect(run.fast.allocated(id)).toEqual(run.plain.allocated(id));
    };
    fc.assert(fc.property(history, check), RUNS);
    expect(placed).toBeGreaterThan(1_000);
  });

  test("never gives a node more than it has, whatever came before", () => {
    const check = (steps: readonly Step[]) => {
      const run = new Run(name);
      for (const step of steps) {
        if (step.kind !== "place") {
          run.follow(step);
          continue;
        }
        run.release(step.taskId);
        const answer = run.fast.place(step.need, step.avoid);
        if (answer === null) continue;
        const room = run.nodes.get(answer)?.allocatable;
        run.reserve(step.taskId, answer, step.need);
        const allocated = run.fast.allocated(answer);
        for (const figure of ["cpuMillis", "memoryBytes", "diskBytes"] as const) {
          if (step.need.resources[figure] > 0) expect(allocated[figure]).toBeLessThanOrEqual(room?.[figure] ?? -1);
        }
      }
    };
    fc.assert(fc.property(history, check), RUNS);
  });

  test("explains the placement that it makes, with every node either a candidate or refused", () => {
    const check = (steps: readonly Step[]) => {
      const run = new Run(name);
      for (const step of steps) {
        if (step.kind !== "place") {
          run.follow(step);
          continue;
        }
        const told = run.fast.explain(step.need, step.avoid, { taskId: step.taskId, jobId: "j" }, 7);
        const answer = run.fast.place(step.need, step.avoid);
        expect(told.nodeId).toBe(answer);
        expect(told.candidates[0]?.nodeId ?? null).toBe(answer);
        const seen = [...told.candidates, ...told.refusals].map((entry) => entry.nodeId).sort();
        expect(seen).toEqual([...run.nodes.keys()].sort());
        for (const { score, parts } of told.candidates) {
          expect(parts.reduce((total, part) => total + part.value, 0)).toBeCloseTo(score, 5);
        }
        const scores = told.candidates.map((candidate) => candidate.score);
        expect(scores).toEqual([...scores].sort((a, b) => a - b));
        if (answer !== null) run.reserve(step.taskId, answer, step.need);
      }
    };
    fc.assert(fc.property(history, check), RUNS);
  });
});
