// A manager that has lost its store, or has an older one, or is a copy: nothing is killed, it is said, and --adopt brings everything back.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { TaskSpec } from "../../src/core/spec.ts";
import { isTerminal } from "../../src/core/task.ts";
import { adoptionLines } from "../../src/manager/adoption.ts";
import { aJobSpec, aSpec } from "../core/records.ts";
import { World } from "./world.ts";

function run(world: World, name: string, spec: TaskSpec = aSpec(), count = 1): string {
  const reply = world.command({ kind: "job.submit", id: "", idempotencyKey: "", spec: aJobSpec(name, spec, count) });
  if (!reply.ok) throw new Error(reply.message);
  return reply.jobId;
}

/** What runs, as the engine has it, and how often each was started. */
const running = (world: World) =>
  world.engine.live().map((one) => `${one.instanceId} ${world.engine.starts.get(one.instanceId)}`);

describe("an emptied store", () => {
  test("ends nothing, may start nothing there, and says what to do", () => {
    const world = new World();
    for (const name of ["a", "b", "c"]) run(world, name);
    const before = running(world);
    world.emptyStore();
    world.pass(60_000);
    const reply = world.command({ kind: "job.submit", id: "", idempotencyKey: "", spec: aJobSpec("new", aSpec()) });
    world.pass(60_000);
    expect(running(world)).toEqual(before);
    expect(reply.ok).toBe(true);
    expect(world.tasks).toEqual(["new #1 0:pending"]);
    expect(world.caution).toMatch(
      /^node node refuses this manager: .* put the newer data directory back, or start the manager once with --adopt\. Nothing is stopped/,
    );
    expect(world.events.at(-1)).toContain("new waits");
    const [node] = world.cluster.nodes.values();
    expect(node?.reason).toMatch(/^refuses this manager: .*--adopt/);
  });

  test("is not obeyed either once its term has risen above the known one", () => {
    const world = new World();
    for (const name of ["a", "b"]) run(world, name);
    const before = running(world);
    world.emptyStore();
    for (let i = 0; i < 5; i++) world.crash();
    world.pass(60_000);
    expect(running(world)).toEqual(before);
    expect(world.caution).toContain("another store");
  });

  test("with --adopt every task is known again and none was touched", () => {
    const world = new World();
    for (const name of ["a", "b"]) run(world, name);
    run(world, "web", aSpec(), 3);
    const [before, tasks] = [running(world), world.tasks];
    world.emptyStore();
    const adopted = world.adopt();
    world.pass(60_000);
    expect(running(world)).toEqual(before);
    expect(world.tasks.toSorted()).toEqual(tasks.toSorted());
    expect(adoptionLines(adopted)).toEqual([
      "node node runs 5 tasks: a, b, web.web.0, web.web.1, web.web.2",
      "no worker knows the API's tokens, nor jobs that never ran: if the store has lost such, make them anew",
      "adopted from 1 node: 3 jobs and 5 tasks that the store did not know",
    ]);
    expect(world.caution).not.toContain("refuse");
    expect([...world.cluster.nodes.values()].map((node) => node.reason)).toEqual([""]);
  });

  test("what was adopted is managed as before: restarted when it ends, stopped when asked", () => {
    const world = new World();
    const job = run(world, "web");
    world.emptyStore();
    world.adopt();
    world.die(world.taskId, 1);
    world.pass(2_000);
    expect(world.tasks).toEqual(["web #1 2:running"]);
    expect(world.command({ kind: "job.stop", jobId: job }).ok).toBe(true);
    expect(world.tasks).toEqual(["web #1 2:stopped"]);
    expect(running(world)).toEqual([]);
  });

  test("adopting once more changes nothing but the term", () => {
    const world = new World();
    run(world, "web", aSpec(), 2);
    world.emptyStore();
    world.adopt();
    const tasks = world.tasks;
    expect(world.adopt()).toMatchObject({ drafts: [], newJobs: 0, newTasks: 0 });
    expect(world.tasks).toEqual(tasks);
  });
});

describe("a store that has gone back", () => {
  test("ends nothing, also once its revisions have grown past the known one; with --adopt all is known", () => {
    const world = new World();
    run(world, "a");
    const old = world.revision;
    run(world, "b");
    run(world, "c");
    const [before, tasks] = [running(world), world.tasks];
    world.rollBack(old);
    expect(world.caution).toContain("gone back");
    for (let i = 0; i < 30; i++) run(world, `later-${i}`);
    world.crash();
    world.pass(60_000);
    expect(running(world)).toEqual(before);
    expect(world.caution).toContain("a copy of the known store that does not know 2 of 3 tasks");
    world.rollBack(old);
    const adopted = world.adopt();
    world.pass(60_000);
    expect(running(world)).toEqual(before);
    expect(world.tasks).toEqual(tasks);
    expect(adopted).toMatchObject({ newJobs: 2, newTasks: 2, conflicts: [] });
  });

  test("a job that was stopped and started again meanwhile runs on", () => {
    const world = new World();
    const job = run(world, "web");
    world.command({ kind: "job.stop", jobId: job });
    const old = world.revision;
    world.command({ kind: "job.start", jobId: job });
    const before = running(world);
    world.rollBack(old);
    world.adopt();
    world.pass(60_000);
    expect(world.tasks).toEqual(["web #2 1:running"]);
    expect(running(world)).toEqual(before);
  });

  test("a job that was stopped meanwhile stays stopped", () => {
    const world = new World();
    const job = run(world, "web");
    const old = world.revision;
    world.command({ kind: "job.stop", jobId: job });
    world.rollBack(old);
    world.adopt();
    world.pass(60_000);
    expect(world.tasks).toEqual(["web #1 1:stopped"]);
    expect(running(world)).toEqual([]);
  });
});

test("a copy of the data directory, started beside its manager, is refused and nothing changes", () => {
  const world = new World();
  run(world, "web");
  const before = running(world);
  world.startCopy();
  world.pass(60_000);
  expect(world.caution).toContain("two managers run on copies of the same data");
  expect(running(world)).toEqual(before);
});

test("whatever a cluster did and however far its store went back: adopted, everything that runs is known once and runs on", () => {
  const name = fc.constantFrom("a", "b", "c");
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("submit" as const),
      name,
      count: fc.integer({ min: 1, max: 3 }),
      batch: fc.boolean(),
    }),
    fc.record({
      kind: fc.constantFrom("stop" as const, "start" as const, "restart" as const, "remove" as const),
      name,
    }),
    fc.record({ kind: fc.constant("die" as const), nth: fc.nat(8), exitCode: fc.constantFrom(0, 1) }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(10, 1_500, 70_000) }),
    fc.record({ kind: fc.constant("crash" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 14 }), fc.option(fc.nat(1_000)), (steps, back) => {
      const world = new World();
      const jobs = new Map<string, string>();
      for (const one of steps) {
        const job = "name" in one ? jobs.get(one.name) : undefined;
        if (one.kind === "submit" && job === undefined) {
          const restart = { ...aSpec().restart, condition: one.batch ? ("no" as const) : ("always" as const) };
          jobs.set(one.name, run(world, one.name, aSpec({ restart }), one.count));
        } else if (one.kind === "pass") world.pass(one.ms);
        else if (one.kind === "crash") world.crash();
        else if (one.kind === "die") {
          const live = world.engine.live();
          const victim = live[one.nth % Math.max(1, live.length)];
          if (victim) world.die(victim.of.taskId, one.exitCode);
        } else if (job !== undefined && one.kind !== "submit") world.command({ kind: `job.${one.kind}`, jobId: job });
        if (one.kind === "remove") jobs.delete(one.name);
      }
      const before = running(world);
      const counts = new Map([...world.cluster.jobs.values()].map((job) => [job.id, job.spec.services[0]?.count ?? 0]));
      if (back === null) world.emptyStore();
      else world.rollBack(1 + (back % Math.max(1, world.revision)));
      expect(running(world)).toEqual(before);
      world.adopt();
      const { tasks, slots, jobs: known } = world.cluster;
      const live = world.engine.live();
      for (const { of } of live) {
        const task = tasks.get(of.taskId);
        expect(task).toMatchObject({ nodeId: "n1", fact: { incarnation: of.incarnation, state: "running" } });
        expect(slots.get(`${task?.jobId}/${task?.service}/${task?.slot}`)?.taskId).toBe(of.taskId);
      }
      expect(new Set(live.map(({ of }) => of.taskId)).size).toBe(live.length);
      expect(running(world)).toEqual(expect.arrayContaining(before));
      if (back !== null) return;
      expect(running(world)).toEqual(before);
      for (const job of known.values())
        expect(job.spec.services[0]?.count ?? 0).toBeLessThanOrEqual(counts.get(job.id) ?? 0);
      world.pass(3_600_000);
      for (const task of tasks.values())
        if (!isTerminal(task.fact.state)) expect(world.engine.live(task.id).length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 150 },
  );
});
