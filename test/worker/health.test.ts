/** The worker's health checks: their rhythm, and what they lead to. */
import { expect, test } from "bun:test";
import type { Failure } from "../../src/core/failure.ts";
import { DEFAULT_RESTART, type HealthCheck } from "../../src/core/spec.ts";
import { WorkerMachine } from "../../src/worker/machine.ts";
import { assignment, Driver, FACTS, MANAGER } from "./driver.ts";

const CHECK: HealthCheck = {
  probe: { kind: "tcp", port: 80 },
  intervalMs: 10_000,
  timeoutMs: 3_000,
  retries: 3,
  startPeriodMs: 0,
};
const REFUSED: Failure = { kind: "transient", message: "connection refused" };

function checked(check: Partial<HealthCheck> = {}, id = "t1") {
  return assignment(id, { health: { ...CHECK, ...check } });
}

function started(...put: ReturnType<typeof assignment>[]): Driver {
  return new Driver()
    .begin()
    .welcome()
    .assign(...put);
}

function probes(driver: Driver): number {
  return driver.kinds().filter((kind) => kind === "probe").length;
}

test("health: a good start is seen within about a second, then the task is asked at its interval", () => {
  const driver = started(checked());
  expect(driver.fact("t1").health).toBe("unknown");
  driver.pass(1_200);
  expect([driver.fact("t1").health, probes(driver)]).toEqual(["healthy", 1]);
  driver.pass(100_000);
  expect(probes(driver)).toBeGreaterThanOrEqual(10);
  expect(probes(driver)).toBeLessThanOrEqual(12);
});

test("health: without a check nothing is asked", () => {
  expect(probes(started(assignment("t1")).pass(60_000))).toBe(0);
});

test("health: failures in a row make it unhealthy, which is reported before it is stopped and started again", () => {
  const driver = started(checked()).pass(2_000);
  driver.probe = REFUSED;
  driver.pass(21_000);
  expect(driver.fact("t1")).toMatchObject({
    health: "healthy",
    message: "health check failed 2 of 3: connection refused",
  });
  driver.pass(12_000);
  const said = driver.reports().flatMap((report) => report.facts);
  const unhealthy = said.findIndex((fact) => fact.health === "unhealthy" && fact.state === "running");
  const next = said.findIndex((fact) => fact.incarnation === 2);
  expect(unhealthy).toBeGreaterThan(-1);
  expect(next).toBeGreaterThan(unhealthy);
  expect(driver.fact("t1").exits).toMatchObject([
    { incarnation: 1, code: null, reason: "unhealthy: connection refused" },
  ]);
  expect(driver.engine.of("t1")[0]).toBe("1:exited");
});

test("health: one good answer forgets the failures before it", () => {
  const driver = started(checked()).pass(2_000);
  driver.probe = REFUSED;
  driver.pass(21_000);
  driver.probe = null;
  driver.pass(11_000);
  driver.probe = REFUSED;
  driver.pass(21_000);
  expect([driver.at("t1"), driver.fact("t1").health]).toEqual(["1:running", "healthy"]);
});

test("health: failures within the start period do not count", () => {
  const driver = new Driver().begin().welcome();
  driver.probe = REFUSED;
  driver.assign(checked({ startPeriodMs: 60_000 })).pass(60_000);
  expect([driver.at("t1"), driver.fact("t1").health]).toEqual(["1:running", "unknown"]);
  driver.pass(35_000);
  expect(driver.at("t1")).not.toBe("1:running");
});

test("health: a task that fails its check again and again spends its budget with growing pauses", () => {
  const driver = new Driver().begin().welcome();
  driver.probe = REFUSED;
  const restart = { ...DEFAULT_RESTART, attempts: 2 };
  driver.assign(assignment("t1", { health: { ...CHECK, intervalMs: 1_000 }, restart })).pass(120_000);
  expect(driver.at("t1")).toBe("3:failed");
  expect(driver.fact("t1").message).toContain("unhealthy: connection refused");
  expect(driver.engine.live()).toEqual([]);
});

test("health: an unhealthy task that does not die keeps its successor waiting", () => {
  const driver = started(checked()).pass(2_000);
  driver.engine.zombies = true;
  driver.probe = REFUSED;
  driver.pass(300_000);
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:running", ["1:running"]]);
  driver.engine.zombies = false;
  driver.probe = null;
  driver.pass(60_000);
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["2:running", ["1:exited", "2:running"]]);
});

test("health: probes of one task never overlap, and a node runs only so many at once", () => {
  const machine = new WorkerMachine({ facts: FACTS, startsAtATime: 50, probesAtATime: 3, seed: 1 });
  const driver = new Driver();
  driver.machine = machine;
  driver.engine.silent.add("probe");
  driver
    .begin()
    .welcome()
    .assign(...Array.from({ length: 8 }, (_, i) => checked({}, `t${i}`)))
    .pass(60_000);
  expect(probes(driver)).toBe(3);
  const first = driver.effects.find((effect) => effect.kind === "probe");
  if (first?.kind === "probe") driver.feed({ kind: "probed", of: first.of, failure: null });
  expect(probes(driver)).toBe(4);
  const asked = driver.effects.flatMap((effect) => (effect.kind === "probe" ? [effect.of.taskId] : []));
  expect(new Set(asked).size).toBe(4);
});

test("health: an engine that is away is no fault of the task", () => {
  const driver = started(checked()).pass(2_000);
  driver.probe = { kind: "unavailable", message: "engine is away" };
  driver.pass(300_000);
  expect([driver.at("t1"), driver.fact("t1").health]).toEqual(["1:running", "healthy"]);
});

test("health: a late answer of an earlier incarnation says nothing about the present one", () => {
  const driver = started(checked());
  driver.engine.silent.add("probe");
  driver.pass(2_000);
  driver.die("t1", 1).pass(1_000);
  driver.feed({ kind: "probed", of: { taskId: "t1", incarnation: 1 }, failure: null });
  expect(driver.fact("t1").health).toBe("unknown");
});

test("health: an adopted task keeps its health and is asked again", () => {
  const first = started(checked()).pass(5_000);
  expect(first.fact("t1").health).toBe("healthy");
  const second = first.reborn().begin();
  expect(second.fact("t1").health).toBe("healthy");
  second.probe = REFUSED;
  second.pass(40_000);
  expect(second.at("t1")).toBe("2:running");
});

test("health: a crash while an unhealthy task was being stopped does not take its end for a good one", () => {
  const onFailure = { ...DEFAULT_RESTART, condition: "on-failure" as const };
  const first = started(assignment("t1", { health: CHECK, restart: onFailure })).pass(2_000);
  first.engine.silent.add("stop");
  first.probe = REFUSED;
  first.pass(40_000);
  first.engine.die("t1", 0);
  first.engine.silent.clear();
  const second = first
    .reborn()
    .begin()
    .welcome({ ...MANAGER })
    .pass(20_000);
  expect(second.at("t1")).toBe("2:running");
});

test("health: a batch task that fails its check has failed", () => {
  const restart = { ...DEFAULT_RESTART, condition: "no" as const };
  const driver = started(assignment("t1", { health: CHECK, restart })).pass(2_000);
  driver.probe = REFUSED;
  driver.pass(60_000);
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:failed", ["1:exited"]]);
});
