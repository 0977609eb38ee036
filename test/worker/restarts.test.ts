/** The worker's restarts: after an exit, after a failed start, on command; and what ends a task for good. */
import { expect, test } from "bun:test";
import type { FailureKind } from "../../src/core/failure.ts";
import { DEFAULT_RESTART, type RestartPolicy } from "../../src/core/spec.ts";
import type { Incarnation } from "../../src/worker/effects.ts";
import { assignment, Driver, MANAGER } from "./driver.ts";

function with_(policy: Partial<RestartPolicy>, id = "t1", serial = 0) {
  return assignment(id, { restart: { ...DEFAULT_RESTART, ...policy } }, { restartSerial: serial });
}

function started(...put: ReturnType<typeof assignment>[]): Driver {
  return new Driver()
    .begin()
    .welcome()
    .assign(...put);
}

test("restarts: an exit is followed by the next incarnation after the back-off, with the exit kept", () => {
  const driver = started(with_({})).die("t1", 3);
  expect(driver.at("t1")).toBe("2:accepted");
  const waits = driver.fact("t1").restartInMs ?? 0;
  expect(waits).toBeGreaterThanOrEqual(750);
  expect(waits).toBeLessThanOrEqual(1_250);
  expect(driver.reports().at(-1)?.facts[0]).toMatchObject({ incarnation: 2, state: "accepted", restartInMs: waits });
  driver.pass(waits - 1);
  expect(driver.at("t1")).toBe("2:accepted");
  driver.pass(2);
  expect(driver.fact("t1")).toMatchObject({ incarnation: 2, state: "running", restarts: 1, restartInMs: null });
  expect(driver.fact("t1").exits).toMatchObject([{ incarnation: 1, code: 3, reason: "exit code 3" }]);
});

test("restarts: past the budget a task fails for good and says so", () => {
  const driver = started(with_({ attempts: 3 }));
  for (let i = 0; i < 3; i++) driver.die("t1", 1).pass(10_000);
  expect(driver.at("t1")).toBe("4:running");
  driver.die("t1", 1).pass(3_600_000);
  expect(driver.at("t1")).toBe("4:failed");
  expect(driver.fact("t1").message).toContain("budget spent: 3 restarts within 600 s");
  expect(driver.engine.live()).toEqual([]);
});

test("restarts: without a manager a task is never given up", () => {
  const driver = started(with_({ attempts: 1 })).feed({ kind: "unlinked" });
  for (let i = 0; i < 4; i++) driver.die("t1", 1).pass(310_000);
  expect(driver.at("t1")).toBe("5:running");
});

test("restarts: with a manager that is refused a task is never given up", () => {
  const manager = { ...MANAGER, term: 5 };
  const driver = new Driver()
    .begin()
    .welcome(manager)
    .set({ put: [with_({ attempts: 1 })], manager });
  driver
    .feed({ kind: "unlinked" })
    .feed({ kind: "linked" })
    .welcome({ ...MANAGER, instanceId: "copy", term: 4 });
  for (let i = 0; i < 4; i++) driver.die("t1", 1).pass(310_000);
  expect(driver.at("t1")).toBe("5:running");
});

test("restarts: an exit is handled once, however often and late the engine tells of it", () => {
  const driver = started(with_({})).die("t1", 1);
  const died = { kind: "died", of: { taskId: "t1", incarnation: 1 }, runtime: "docker", instanceId: "t1-1" } as const;
  driver.feed(died).feed(died).pass(5_000).feed(died).pass(5_000);
  expect([driver.at("t1"), driver.fact("t1").restarts]).toEqual(["2:running", 1]);
});

test("restarts: a death that no event told of is found by the sweep", () => {
  const driver = started(with_({}));
  driver.engine.die("t1", 1);
  driver.pass(65_000);
  expect(driver.at("t1")).toBe("2:running");
});

test("restarts: a container that somebody removed counts as an end with an unknown code", () => {
  const driver = started(with_({}));
  driver.engine.made.clear();
  driver.feed({ kind: "resync", runtime: "docker" }).pass(2_000);
  expect(driver.at("t1")).toBe("2:running");
  expect(driver.fact("t1").exits).toMatchObject([{ code: null, reason: "container is gone" }]);
});

test("restarts: the last two dead containers are kept, older ones removed once a successor runs", () => {
  const driver = started(with_({ attempts: 100, delayMs: 1, maxDelayMs: 1 }));
  for (let i = 0; i < 5; i++) driver.die("t1", 1).pass(10);
  expect(driver.engine.of("t1")).toEqual(["4:exited", "5:exited", "6:running"]);
});

test("restarts: a command starts the next incarnation at once, without back-off and without burning budget", () => {
  const driver = started(with_({ attempts: 1 }));
  for (let serial = 1; serial <= 4; serial++) driver.assign(with_({ attempts: 1 }, "t1", serial));
  expect(driver.fact("t1")).toMatchObject({ incarnation: 5, state: "running", restarts: 4 });
  expect(driver.engine.live()).toHaveLength(1);
  driver.die("t1", 1).pass(2_000);
  expect(driver.at("t1")).toBe("6:running");
});

test("restarts: a command during the back-off starts at once", () => {
  const driver = started(with_({ delayMs: 60_000 })).die("t1", 1);
  expect(driver.at("t1")).toBe("2:accepted");
  driver.assign(with_({ delayMs: 60_000 }, "t1", 1));
  expect(driver.at("t1")).toBe("2:running");
});

test("restarts: a task first seen with restart commands in its past is started once", () => {
  const driver = started(with_({}, "t1", 7)).pass(5_000);
  expect(driver.at("t1")).toBe("1:running");
});

test("restarts: a command never brings an ended task back", () => {
  const driver = started(with_({ condition: "no" })).die("t1", 0);
  driver.assign(with_({ condition: "no" }, "t1", 1)).pass(5_000);
  expect(driver.at("t1")).toBe("1:complete");
});

test("restarts: an image that does not exist is asked for three times", () => {
  const driver = new Driver().begin().welcome();
  for (let i = 0; i < 3; i++) driver.engine.failNext("pull", { kind: "image_not_found", message: "no image web:1" });
  driver.assign(with_({}));
  expect([driver.at("t1"), driver.fact("t1").message]).toEqual(["1:pulling", "no image web:1 (try 1 of 3)"]);
  driver.pass(60_000);
  expect([driver.at("t1"), driver.fact("t1").message]).toEqual(["1:rejected", "no image web:1"]);
  expect(driver.kinds().filter((kind) => kind === "pull")).toHaveLength(3);
});

test("restarts: what cannot work or is not allowed is rejected at once", () => {
  const cases: [string, FailureKind][] = [
    ["pull", "denied"],
    ["create", "invalid"],
    ["create", "denied"],
    ["start", "invalid"],
  ];
  const ends = cases.map(([operation, kind]) => {
    const driver = new Driver().begin().welcome();
    driver.engine.failNext(operation, { kind, message: "no" });
    driver.assign(with_({})).pass(60_000);
    return [driver.at("t1"), driver.fact("t1").restarts, driver.engine.of("t1")];
  });
  expect(ends).toEqual(cases.map(() => ["1:rejected", 0, []]));
});

test("restarts: a taken port and any passing fault count as a failed start, and leave nothing behind", () => {
  const cases: [string, FailureKind][] = [
    ["pull", "transient"],
    ["create", "conflict"],
    ["create", "transient"],
    ["start", "port_taken"],
    ["start", "transient"],
  ];
  const ends = cases.map(([operation, kind]) => {
    const driver = new Driver().begin().welcome();
    driver.engine.failNext(operation, { kind, message: "port 80 is taken" });
    driver.assign(with_({}));
    const waiting = [driver.at("t1"), driver.fact("t1").exits[0]?.reason];
    driver.pass(2_000);
    return [...waiting, driver.at("t1"), driver.engine.of("t1")];
  });
  const reason = "it did not start: port 80 is taken";
  expect(ends).toEqual(cases.map(() => ["2:accepted", reason, "2:running", ["2:running"]]));
});

test("restarts: failed starts spend the budget", () => {
  const driver = new Driver().begin().welcome();
  for (let i = 0; i < 10; i++) driver.engine.failNext("start", { kind: "port_taken", message: "port 80 is taken" });
  driver.assign(with_({ attempts: 2 })).pass(600_000);
  expect(driver.at("t1")).toBe("3:failed");
  expect(driver.fact("t1").message).toContain("port 80 is taken");
});

test("restarts: an engine that is away costs no budget, is waited for, and is named", () => {
  for (const operation of ["pull", "create", "start"]) {
    const driver = new Driver().begin().welcome();
    for (let i = 0; i < 8; i++) driver.engine.failNext(operation, { kind: "unavailable", message: "engine is away" });
    driver.assign(with_({ attempts: 0 }));
    expect(driver.fact("t1").message).toContain("engine is away");
    driver.pass(200_000);
    expect(driver.fact("t1")).toMatchObject({ incarnation: 1, state: "running", restarts: 0, message: "" });
  }
});

test("restarts: a start whose answer was lost is looked at, not done again", () => {
  for (const kind of ["unavailable", "transient"] as const) {
    const driver = new Driver().begin().welcome();
    driver.engine.failNext("start", { kind, message: "connection reset" }, true);
    driver.assign(with_({})).pass(5_000);
    expect([driver.at("t1"), driver.engine.starts.get("t1-1")]).toEqual(["1:running", 1]);
  }
});

test("restarts: a start whose answer was lost and that has ended since is an exit, not a second start", () => {
  const driver = new Driver().begin().welcome();
  driver.engine.exitsWith = 5;
  driver.engine.failNext("start", { kind: "unavailable", message: "connection reset" }, true);
  driver.assign(with_({ condition: "no" })).pass(5_000);
  expect([driver.at("t1"), driver.engine.starts.get("t1-1")]).toEqual(["1:failed", 1]);
});

test("restarts: a container that was created although the answer said otherwise is removed before its successor", () => {
  const driver = new Driver().begin().welcome();
  driver.engine.failNext("create", { kind: "transient", message: "timeout" }, true);
  driver.assign(with_({})).pass(5_000);
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["2:running", ["2:running"]]);
});

test("restarts: after ten minutes without fault the back-off begins anew", () => {
  const driver = started(with_({ attempts: 100 }));
  for (let i = 0; i < 5; i++) driver.die("t1", 1).pass(60_000);
  driver.die("t1", 1);
  expect(driver.fact("t1").restartInMs ?? 0).toBeGreaterThan(20_000);
  driver.pass(60_000 + 601_000).die("t1", 1);
  expect(driver.fact("t1").restartInMs ?? 0).toBeLessThan(1_300);
});

const ONCE = with_({ condition: "no" });

/** Lets writes and answers arrive, the oldest first, until that answer is on its way: its place among them. */
function answerOf(driver: Driver, kind: "started"): number {
  const at = (): number => driver.answers.findIndex((answer) => answer.kind === kind);
  for (let steps = 0; steps < 50 && at() < 0; steps++) {
    if (driver.lane.length > 0) driver.write();
    else driver.deliver(0);
  }
  return at();
}

/** Lets everything arrive. */
function calm(driver: Driver): Driver {
  for (let steps = 0; steps < 50; steps++) driver.write().deliver(0);
  return driver;
}

test("restarts: a death that is told while a start is under way is looked at, since the start's own sight may be from before", () => {
  const driver = new Driver().begin().welcome();
  driver.slow = true;
  const at = answerOf(driver.assign(ONCE), "started");
  driver.die("t1", 0).deliver(at);
  expect(calm(driver).at("t1")).toBe("1:complete");
});

test("restarts: a death that is told while an inspection is under way is looked at after it", () => {
  const driver = new Driver().begin().welcome().assign(ONCE);
  driver.slow = true;
  driver.feed({ kind: "died", of: { taskId: "t1", incarnation: 1 }, runtime: "docker", instanceId: "t1-1" });
  expect(driver.answers.map((answer) => answer.kind)).toEqual(["inspected"]);
  expect(calm(driver.die("t1", 0)).at("t1")).toBe("1:complete");
});

test("restarts: pulls that take long keep other images waiting, which say so, but no task that has run here from its restart", () => {
  const driver = started(with_({}));
  driver.engine.silent.add("pull");
  const slow = Array.from({ length: 17 }, (_, i) => assignment(`slow-${i}`, { image: "slow:1" }));
  driver.assign(with_({}), ...slow);
  driver.engine.silent.delete("pull");
  driver.die("t1", 1).pass(2_000);
  expect([driver.at("t1"), driver.at("slow-15"), driver.at("slow-16")]).toEqual([
    "2:running",
    "1:pulling",
    "1:accepted",
  ]);
  expect(driver.fact("slow-16").message).toBe("waits for other images to be pulled");
  driver.feed({ kind: "pulled", of: { taskId: "slow-0", incarnation: 1 }, result: { ok: true, value: null } });
  expect([driver.at("slow-16"), driver.fact("slow-16").message]).toEqual(["1:running", ""]);
});

test("restarts: what has never run here waits for a permit also when its pull has failed", () => {
  const driver = new Driver();
  driver.engine.silent.add("pull");
  driver.begin().welcome();
  driver.assign(...Array.from({ length: 60 }, (_, i) => assignment(`t${i}`, { image: `i${i}:1` })));
  const away = new Map<string, Incarnation>();
  const lookFrom = (from: number): number => {
    for (const effect of driver.effects.slice(from))
      if (effect.kind === "pull") away.set(effect.request.taskId, effect.request);
    return away.size;
  };
  const counts = [lookFrom(0)];
  for (let round = 0; round < 6; round++) {
    const from = driver.effects.length;
    for (const { taskId, incarnation } of [...away.values()]) {
      away.delete(taskId);
      const failure = { kind: "transient" as const, message: "slow" };
      driver.feed({ kind: "pulled", of: { taskId, incarnation }, result: { ok: false, failure } });
    }
    driver.pass(3_000);
    counts.push(lookFrom(from));
  }
  expect(counts).toEqual(counts.map(() => 16));
});

test("restarts: a task in line for its pull that turns out to have run here leaves the line", () => {
  const driver = new Driver();
  driver.engine.silent.add("pull");
  driver.begin().welcome();
  driver.assign(...Array.from({ length: 17 }, (_, i) => assignment(`t${i}`)));
  expect(driver.fact("t16").message).toBe("waits for other images to be pulled");
  const known = { ...driver.fact("t16"), incarnation: 3, restarts: 2, message: "" };
  driver.set({ base: 1, number: 2, put: [assignment("t16", {}, { known })] });
  driver.engine.made.set("t16-2", {
    of: { taskId: "t16", incarnation: 2 },
    instanceId: "t16-2",
    status: "exited",
    exitCode: 1,
  });
  driver.feed({ kind: "resync", runtime: "docker" });
  expect(driver.at("t16")).toBe("3:pulling");
  driver.feed({ kind: "pulled", of: { taskId: "t0", incarnation: 1 }, result: { ok: true, value: null } });
  expect([driver.at("t0"), driver.at("t16")]).toEqual(["1:running", "3:pulling"]);
});
