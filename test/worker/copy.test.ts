/** The worker's machine on data that was copied from another machine, as with a virtual machine: it runs nothing by it until a manager has taken it for that node. */
import { describe, expect, test } from "bun:test";
import { assignment, Driver, FACTS } from "./driver.ts";

const ELSEWHERE = { ...FACTS, machineId: "another machine" };

/** A worker with what one had on disk that ran two tasks. */
function onCopy(): Driver {
  const original = new Driver().begin().welcome().assign(assignment("t1"), assignment("t2")).pass(5_000);
  return new Driver({ journal: original.journal, facts: ELSEWHERE });
}

describe("worker: copied data", () => {
  test("starts, restarts and stops nothing, and says so with the way out", () => {
    const copy = onCopy().feed({ kind: "tick" }).pass(3_600_000);
    expect(copy.kinds().filter((kind) => kind !== "list" && kind !== "log")).toEqual([]);
    expect(copy.machine.refused()).toContain("copied from another machine");
    expect(copy.machine.refused()).toContain("`cube node rm`");
    expect(copy.logs.filter((line) => line.includes("copied from another machine"))).toHaveLength(1);
  });

  test("what it says stays on disk, so that the same data on its own machine goes on as before", () => {
    const copy = onCopy().feed({ kind: "tick" }).pass(60_000);
    const back = new Driver({ journal: copy.journal }).begin().pass(5_000);
    expect(back.machine.refused()).toBe("");
    expect(back.machine.tasks().map(({ taskId }) => taskId)).toEqual(["t1", "t2"]);
  });

  test("what it says stays on disk however long it is, and however the worker ends", () => {
    const original = new Driver().begin().welcome().assign(assignment("t1")).pass(5_000);
    const many = Array.from({ length: 600 }, () => original.journal).flat();
    const copy = new Driver({ journal: many, facts: ELSEWHERE }).feed({ kind: "tick" }).pass(60_000);
    expect([copy.journal.length, copy.machine.records(copy.time())]).toEqual([many.length, null]);
    copy.begin().welcome().assign(assignment("t1")).pass(5_000);
    expect(copy.journal.length).toBeLessThan(600);
    expect(copy.machine.records(copy.time())).not.toBeNull();
  });

  test("is forgotten once a manager takes this machine for that node, and what is ordered then is kept", () => {
    const copy = onCopy().begin().welcome().assign(assignment("t2"), assignment("t3"));
    expect([copy.at("t2"), copy.at("t3"), copy.machine.refused()]).toEqual(["1:running", "1:running", ""]);
    const again = new Driver({ engine: copy.engine, journal: copy.journal, facts: ELSEWHERE }).begin().pass(5_000);
    expect(again.machine.tasks().map(({ taskId }) => taskId)).toEqual(["t2", "t3"]);
    expect(again.machine.refused()).toBe("");
  });

  test("another store is believed by its first set alone, and what that orders is kept too", () => {
    const other = { clusterId: "c1", instanceId: "m2", term: 5, lineage: "l2", revision: 1 };
    const copy = onCopy().begin().welcome(other);
    expect(copy.machine.refused()).toContain("copied from another machine");
    copy.set({ put: [assignment("t1")], manager: other });
    const again = new Driver({ engine: copy.engine, journal: copy.journal, facts: ELSEWHERE }).begin().pass(5_000);
    expect(again.machine.tasks().map(({ taskId }) => taskId)).toEqual(["t1"]);
    expect(again.at("t1")).toBe("1:running");
  });

  test("a machine that cannot be told from others, and a journal from before, are believed", () => {
    const original = new Driver().begin().welcome().assign(assignment("t1")).pass(5_000);
    const unknown = new Driver({ journal: original.journal, facts: { ...FACTS, machineId: "" } });
    expect(unknown.machine.refused()).toBe("");
    const older = original.journal.map((record) => {
      if (record.kind !== "manager") return record;
      const { machineId: _, ...value } = record.value as Record<string, unknown>;
      return { ...record, value };
    });
    expect(new Driver({ journal: older, facts: ELSEWHERE }).machine.refused()).toBe("");
  });
});
