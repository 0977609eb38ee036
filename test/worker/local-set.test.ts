import { describe, expect, test } from "bun:test";
import { isLocalTask, localTaskId } from "../../src/core/local-task.ts";
import type { WorkerMessage } from "../../src/protocol/messages.ts";
import { assignment, Driver, FACTS, MANAGER } from "./driver.ts";

const OWN = localTaskId("n1", "bb1d59ef-9fc1-4e4b-a44d-db571eeed203");
const LIMITS = { cpuMillis: 500, memoryBytes: 2 ** 20, diskBytes: 0 };

/** A worker that runs one task of a manager and one of its own. */
function both(): Driver {
  const driver = new Driver({ facts: { ...FACTS, local: false } }).begin().welcome().assign(assignment("t1"));
  return driver.feed({ kind: "local", assignment: assignment(OWN, { resources: LIMITS }) }).pass(1_000);
}

const stateOf = (driver: Driver, taskId: string) =>
  driver.machine.tasks().find((fact) => fact.taskId === taskId)?.state;

/** What the node said last that it keeps back. */
function reserved(sent: readonly WorkerMessage[]): unknown {
  const said = sent.flatMap((message) => (message.kind === "hello" || message.kind === "facts" ? [message.facts] : []));
  return said.at(-1)?.reserved;
}

describe("worker/local-set:", () => {
  test("no id of a manager's task is one of its own", () => {
    expect([isLocalTask(OWN), isLocalTask("3f".repeat(10)), OWN.length]).toEqual([true, false, 20]);
    expect(localTaskId("n2", "bb1d59ef-9fc1-4e4b-a44d-db571eeed203")).not.toBe(OWN);
  });

  test("a task that is posted to the node runs without any manager, from the journal too", () => {
    const driver = new Driver().feed({ kind: "tick" });
    driver.feed({ kind: "local", assignment: assignment(OWN) }).pass(1_000);
    expect(stateOf(driver, OWN)).toBe("running");
    const again = new Driver({ engine: driver.engine, journal: driver.journal, monoMs: 5_000 }).feed({ kind: "tick" });
    expect([stateOf(again, OWN), again.machine.isKept(OWN)]).toEqual(["running", true]);
    expect(again.effects.filter(({ kind }) => kind === "create")).toEqual([]);
  });

  test("no manager's whole set ends it, no manager is told of it, and it is no reason to refuse one", () => {
    const driver = both();
    expect([stateOf(driver, "t1"), stateOf(driver, OWN)]).toEqual(["running", "running"]);
    driver.set({ put: [], manager: { ...MANAGER, revision: 20 } }).pass(1_000);
    expect([stateOf(driver, "t1"), stateOf(driver, OWN)]).toEqual([undefined, "running"]);
    const other = { ...MANAGER, instanceId: "m2", lineage: "l2", term: 9 };
    driver.feed({ kind: "unlinked" }).feed({ kind: "linked" }).welcome(other).set({ put: [], manager: other });
    driver.feed({ kind: "message", message: { kind: "tell" } }).pass(1_000);
    expect([driver.machine.refused(), stateOf(driver, OWN)]).toEqual(["", "running"]);
    driver.feed({ kind: "local", assignment: assignment(OWN, {}, { desired: "remove" }) }).pass(20_000);
    expect(stateOf(driver, OWN)).toBeUndefined();
    expect(JSON.stringify(driver.sent)).not.toContain(OWN);
  });

  test("what it takes is reported as kept back, until it has ended", () => {
    const driver = both();
    expect(reserved(driver.sent)).toEqual(LIMITS);
    driver.feed({ kind: "unlinked" }).feed({ kind: "linked" });
    expect(reserved(driver.sent)).toEqual(LIMITS);
    driver.feed({ kind: "local", assignment: assignment(OWN, {}, { desired: "stop" }) }).pass(20_000);
    expect([stateOf(driver, OWN), reserved(driver.sent)]).toEqual(["stopped", FACTS.reserved]);
  });

  test("posted again it only may be wanted less; what has ended stays to be seen, the newest hundred", () => {
    const driver = new Driver().feed({ kind: "tick" });
    for (let i = 0; i < 103; i++) {
      const taskId = localTaskId("n1", `${i}`);
      driver.feed({ kind: "local", assignment: assignment(taskId) }).pass(100);
      driver.feed({ kind: "local", assignment: assignment(taskId, {}, { desired: "stop" }) }).pass(20_000);
      driver.feed({ kind: "local", assignment: assignment(taskId) }).pass(100);
      expect(stateOf(driver, taskId)).toBe("stopped");
    }
    expect(driver.machine.tasks().length).toBe(100);
    expect(stateOf(driver, localTaskId("n1", "2"))).toBeUndefined();
  });

  test("found without a journal, it is left alone whatever a manager says", () => {
    const first = new Driver().feed({ kind: "tick" }).feed({ kind: "local", assignment: assignment(OWN) });
    first.pass(1_000);
    const again = new Driver({ engine: first.engine, monoMs: 5_000 }).begin().welcome().assign().pass(20_000);
    expect(stateOf(again, OWN)).toBe("running");
    again.feed({ kind: "local", assignment: assignment(OWN, {}, { desired: "stop" }) }).pass(20_000);
    expect(stateOf(again, OWN)).toBe("stopped");
  });
});
