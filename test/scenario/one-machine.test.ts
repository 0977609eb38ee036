import { describe, expect, test } from "bun:test";
import type { TaskSpec } from "../../src/core/spec.ts";
import { aJobSpec, aSpec } from "../core/records.ts";
import { World } from "./world.ts";

function run(world: World, name: string, spec: TaskSpec = aSpec()): string {
  const reply = world.command({ kind: "job.submit", id: "", idempotencyKey: "", spec: aJobSpec(name, spec) });
  if (!reply.ok) throw new Error(reply.message);
  return reply.jobId;
}

describe("one machine", () => {
  test("a submitted task is placed, started and known to run, without any time passing", () => {
    const world = new World();
    run(world, "web");
    expect(world.tasks).toEqual(["web #1 1:running"]);
    expect(world.engine.live()).toHaveLength(1);
    expect(world.events).toEqual([
      "node node joined",
      "web is submitted",
      "web is placed on node",
      "web pulls busybox:1",
      "web is running",
    ]);
  });

  test("a task that ends is restarted by the worker after its back-off, under the same attempt", () => {
    const world = new World();
    run(world, "web");
    world.die(world.taskId, 1);
    expect(world.tasks).toEqual(["web #1 2:accepted"]);
    world.pass(2_000);
    expect(world.tasks).toEqual(["web #1 2:running"]);
  });

  test("a task that never stays up spends its budget, fails, and is tried again by the manager", () => {
    const world = new World();
    world.engine.exitsWith = 1;
    run(world, "web");
    world.pass(120_000);
    expect(world.events.filter((line) => line.includes("is failed"))).not.toEqual([]);
    world.engine.exitsWith = null;
    world.pass(700_000);
    expect(world.tasks[0]).toMatch(/^web #[2-9] \d+:running$/);
    expect(world.engine.live()).toHaveLength(1);
  });

  test("an unhealthy task is stopped and started again, one after the other", () => {
    const world = new World();
    const probe = { kind: "http", path: "/health", port: 80 } as const;
    const health = { probe, intervalMs: 1_000, timeoutMs: 500, retries: 3, startPeriodMs: 0 };
    run(world, "web", aSpec({ health }));
    world.pass(5_000);
    expect(world.events.at(-1)).toBe("web is healthy");
    world.unwell = { kind: "transient", message: "status 500" };
    world.pass(10_000);
    world.unwell = null;
    world.pass(20_000);
    expect(world.engine.live()).toHaveLength(1);
    expect(world.tasks[0]).toMatch(/^web #1 [2-9]:running$/);
    expect(world.events.some((line) => line.startsWith("web is unhealthy"))).toBe(true);
  });

  test("when all of cube is killed nothing is restarted: everything is adopted and known", () => {
    const world = new World();
    for (const name of ["a", "b", "c"]) run(world, name);
    world.crash();
    world.pass(10_000);
    expect(world.tasks).toEqual(["a #1 1:running", "b #1 1:running", "c #1 1:running"]);
    expect([...world.engine.starts.values()]).toEqual([1, 1, 1]);
  });

  test("what ended while nobody looked is found, counted once and restarted", () => {
    const world = new World();
    run(world, "web");
    const id = world.taskId;
    world.engine.die(id, 137);
    world.crash();
    world.pass(5_000);
    expect(world.tasks).toEqual(["web #1 2:running"]);
    expect(world.cluster.tasks.get(id)?.fact.exits.map((exit) => exit.code)).toEqual([137]);
  });

  test("a worker without its manager goes on, and the manager learns what happened", () => {
    const world = new World();
    run(world, "web");
    world.crashManager();
    world.die(world.taskId, 1);
    world.pass(5_000);
    expect(world.tasks).toEqual(["web #1 2:running"]);
  });

  test("stop, start and remove do what they say", () => {
    const world = new World();
    const jobId = run(world, "web");
    world.command({ kind: "job.stop", jobId });
    expect([world.tasks, world.engine.live()]).toEqual([["web #1 1:stopped"], []]);
    world.command({ kind: "job.start", jobId });
    expect(world.tasks).toEqual(["web #2 1:running"]);
    world.command({ kind: "job.remove", jobId });
    world.pass(1_000);
    expect([world.tasks, [...world.engine.made.keys()]]).toEqual([[], []]);
  });

  test("a restart replaces the container and spends no budget", () => {
    const world = new World();
    const jobId = run(world, "web");
    for (let i = 0; i < 10; i++) world.command({ kind: "job.restart", jobId });
    world.pass(1_000);
    expect(world.engine.live()).toHaveLength(1);
    expect(world.tasks).toEqual(["web #1 11:running"]);
  });

  test("a batch task runs once, and its end is final", () => {
    const world = new World();
    world.engine.exitsWith = 0;
    run(world, "once", aSpec({}, "no"));
    world.pass(60_000);
    expect(world.tasks).toEqual(["once #1 1:complete"]);
    world.engine.exitsWith = 3;
    run(world, "bad", aSpec({}, "no"));
    world.pass(700_000);
    expect(world.tasks).toEqual(["once #1 1:complete", "bad #1 1:failed"]);
  });

  test("an image that does not exist is asked for three times, then refused with its reason", () => {
    const world = new World();
    for (let i = 0; i < 3; i++)
      world.engine.failNext("pull", { kind: "image_not_found", message: "no such image: nope:1" });
    run(world, "nope", aSpec({ image: "nope:1" }, "no"));
    world.pass(60_000);
    expect(world.tasks).toEqual(["nope #1 1:rejected"]);
    expect(world.events.at(-1)).toContain("no such image: nope:1");
  });

  test("while the engine is away nothing is given up, and all goes on when it is back", () => {
    const world = new World();
    world.engine.down = true;
    run(world, "web");
    world.pass(120_000);
    expect(world.tasks[0]).toMatch(/^web #1 1:(accepted|pulling)$/);
    world.engine.down = false;
    world.pass(60_000);
    expect(world.tasks).toEqual(["web #1 1:running"]);
  });
});

test("an id that comes again after its job was removed is another job, whatever is left of the first one", () => {
  const world = new World();
  const submit = (image: string) => {
    const spec = aJobSpec("x", aSpec({ image }, "no"));
    return world.command({ kind: "job.submit", id: "x", idempotencyKey: "", spec });
  };
  world.engine.failNext("pull", { kind: "invalid", message: "bad" });
  submit("bad:1");
  const first = world.taskId;
  for (const kind of ["remove", "list", "inspect"]) world.engine.silent.add(kind);
  world.command({ kind: "job.remove", jobId: "x" });
  world.pass(10);
  expect(submit("good:1").ok).toBe(true);
  world.engine.heal();
  world.pass(600_000);
  expect(world.taskId).not.toBe(first);
  expect(world.tasks).toEqual(["x #1 1:running"]);
});
