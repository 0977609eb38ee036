/** Whom the worker obeys, which sets it takes, and what it reports. */
import { expect, test } from "bun:test";
import { unseen } from "../../src/core/task.ts";
import type { ManagerIdentity } from "../../src/protocol/messages.ts";
import { assignment, Driver, MANAGER } from "./driver.ts";

function started(...ids: string[]): Driver {
  return new Driver()
    .begin()
    .welcome()
    .assign(...ids.map((id) => assignment(id)));
}

function hellos(driver: Driver): number[] {
  return driver.sent.flatMap((message) => (message.kind === "hello" ? [message.setNumber] : []));
}

test("assignments: a change of the held set is taken, with what it puts and what it removes", () => {
  const driver = started("t1", "t2");
  driver.set({ base: 1, put: [assignment("t3")], remove: ["t1"] });
  expect(driver.machine.tasks().map((fact) => fact.taskId)).toEqual(["t2", "t3"]);
  expect(driver.engine.live().map((one) => one.of.taskId)).toEqual(["t2", "t3"]);
});

test("assignments: what a whole set leaves out is stopped, then removed", () => {
  const driver = started("t1", "t2");
  driver.assign(assignment("t1"));
  expect(driver.engine.of("t2")).toEqual([]);
  expect(driver.reported("t2").slice(-2)).toEqual(["1:stopping", "1:stopped"]);
  expect(driver.reports().flatMap((report) => report.removed)).toEqual(["t2"]);
});

test("assignments: a late set is ignored", () => {
  const driver = started("t1");
  driver.set({ number: 3, base: 1, put: [assignment("t2")] });
  driver.set({ number: 2, put: [] });
  expect(driver.engine.live()).toHaveLength(2);
});

test("assignments: a change of a set that is not held is answered by a hello, and the whole set that follows is taken", () => {
  const driver = started("t1");
  driver.set({ number: 5, base: 4, put: [assignment("t2")] });
  expect([hellos(driver), driver.engine.live().length]).toEqual([[0, 1], 1]);
  // To its manager it is as one that has just come, and counts as there once it has said all that it knows.
  expect(driver.welcome().pass(1_000).reports().at(-1)).toMatchObject({ full: true, facts: [{ taskId: "t1" }] });
  driver.set({ number: 1, put: [assignment("t1"), assignment("t2")] });
  expect(driver.engine.live()).toHaveLength(2);
});

test("assignments: the same set twice changes nothing", () => {
  const driver = started("t1", "t2");
  const before = driver.effects.length;
  driver.assign(assignment("t1"), assignment("t2"));
  expect(driver.kinds().slice(before)).toEqual([]);
});

test("assignments: each manager that must not be obeyed is refused, in words, and nothing happens", () => {
  const cases: [Partial<ManagerIdentity>, string][] = [
    [{ clusterId: "c2" }, "another cluster"],
    [{ term: 0 }, "older term"],
    [{ instanceId: "m2" }, "second manager"],
    [{ revision: 9 }, "gone back from revision 10 to 9"],
    [{ lineage: "l2", term: 2, instanceId: "m2" }, "another store"],
  ];
  for (const [change, words] of cases) {
    const driver = started("t1", "t2");
    const before = driver.journal.length;
    driver.set({ manager: { ...MANAGER, ...change }, put: [] });
    expect(driver.engine.live()).toHaveLength(2);
    expect(driver.machine.refused()).toContain(words);
    expect(driver.logs.filter((line) => line.includes(words))).toHaveLength(1);
    expect(driver.journal.length).toBe(before);
  }
});

test("assignments: what was refused once is refused after a crash too", () => {
  const driver = started("t1");
  driver.set({ manager: { ...MANAGER, term: 5, instanceId: "m5" }, put: [assignment("t1")] });
  const second = driver.reborn().begin().welcome();
  expect(second.machine.refused()).toContain("older term");
  second.assign();
  expect(second.engine.live()).toHaveLength(1);
});

test("assignments: a new term is on disk before it is obeyed", () => {
  const driver = started("t1");
  driver.engine.silent.add("journal");
  driver.set({ manager: { ...MANAGER, term: 2, instanceId: "m2", revision: 11 }, put: [] });
  expect(driver.kinds().filter((kind) => kind === "stop")).toEqual([]);
  const append = driver.effects.findLast((effect) => effect.kind === "journal");
  driver.feed({ kind: "journaled", number: append?.kind === "journal" ? append.number : -1 });
  expect(driver.kinds().filter((kind) => kind === "stop")).toHaveLength(1);
});

test("assignments: another store that forgets nothing that runs is taken", () => {
  const driver = started("t1", "t2");
  const manager = { ...MANAGER, term: 2, instanceId: "m2", lineage: "l2", revision: 1 };
  driver.set({ manager, put: [assignment("t1"), assignment("t2")] });
  expect([driver.machine.refused(), driver.engine.live().length]).toEqual(["", 2]);
  driver.set({ manager: { ...manager, revision: 2 }, put: [assignment("t1")] });
  expect(driver.engine.live()).toHaveLength(1);
});

test("assignments: a manager that has lost its memory kills nothing, however it greets", () => {
  const driver = started("t1", "t2", "t3", "t4", "t5");
  const manager = { ...MANAGER, term: 2, instanceId: "m2", lineage: "l2", revision: 1 };
  driver.feed({ kind: "unlinked" }).feed({ kind: "linked" }).welcome(manager).set({ manager, put: [] }).pass(60_000);
  expect([driver.engine.live().length, driver.kinds().includes("stop")]).toEqual([5, false]);
  expect(driver.machine.refused()).toContain("does not know 5 of 5 tasks");
});

test("assignments: a manager that has lost its memory kills nothing, even when it speaks before the runtimes have answered", () => {
  const again = started("t1", "t2").reborn();
  const manager = { ...MANAGER, term: 2, instanceId: "m2", lineage: "l2", revision: 1 };
  again.slow = true;
  again.begin().welcome(manager).set({ manager, number: 1, put: [] });
  again.slow = false;
  while (again.answers.length > 0) again.deliver(0);
  again.write().pass(60_000);
  expect([again.engine.live().length, again.kinds().includes("stop")]).toEqual([2, false]);
  expect(again.machine.refused()).toContain("does not know 2 of 2 tasks");
});

test("assignments: a restarted manager with the same store is obeyed", () => {
  const driver = started("t1");
  const manager = { ...MANAGER, term: 2, instanceId: "m2", revision: 12 };
  driver.feed({ kind: "unlinked" }).feed({ kind: "linked" }).welcome(manager).set({ number: 1, manager, put: [] });
  expect(driver.engine.live()).toEqual([]);
});

test("reports: one a turn, numbered without gaps, the newest facts of each task", () => {
  const driver = started("t1", "t2");
  const numbers = driver.reports().map((report) => report.number);
  expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  for (const report of driver.reports()) {
    const named = report.facts.map((fact) => fact.taskId);
    expect(new Set(named).size).toBe(named.length);
  }
});

test("reports: a new link gets everything, what happened meanwhile included", () => {
  const driver = started("t1", "t2");
  driver.feed({ kind: "unlinked" });
  const before = driver.sent.length;
  driver.die("t1", 1).pass(5_000);
  expect(driver.sent.length).toBe(before);
  driver.feed({ kind: "linked" });
  expect(driver.sent.slice(before).map((message) => message.kind)).toEqual(["hello", "report"]);
  const report = driver.reports().at(-1);
  expect(report?.full).toBe(true);
  expect(report?.facts.map((fact) => `${fact.taskId} ${fact.incarnation}:${fact.state}`)).toEqual([
    "t1 2:running",
    "t2 1:running",
  ]);
});

test("reports: the first full one waits until the engine has said what is there", () => {
  const driver = new Driver();
  driver.engine.silent.add("list");
  driver.begin().welcome();
  expect(driver.sent.map((message) => message.kind)).toEqual(["hello"]);
  driver.feed({
    kind: "listed",
    runtime: "docker",
    result: { ok: false, failure: { kind: "unavailable", message: "x" } },
  });
  expect(driver.reports()).toMatchObject([{ full: true, facts: [] }]);
});

test("reports: a removal that was not acknowledged is said again to the next link, an acknowledged one is not", () => {
  const driver = started("t1", "t2");
  driver.acks = false;
  driver.assign(assignment("t2"));
  driver.feed({ kind: "unlinked" }).feed({ kind: "linked" });
  expect(driver.reports().at(-1)?.removed).toEqual(["t1"]);
  const number = driver.reports().at(-1)?.number ?? 0;
  driver.feed({ kind: "message", message: { kind: "ack", number } });
  driver.feed({ kind: "unlinked" }).feed({ kind: "linked" });
  expect(driver.reports().at(-1)?.removed).toEqual([]);
});

test("reports: one that stays without an acknowledgement is said again, whole", () => {
  const driver = new Driver();
  driver.acks = false;
  driver.begin().welcome().assign(assignment("t1"));
  const before = driver.reports().length;
  driver.pass(11_000);
  expect(driver.reports().slice(before)).toMatchObject([{ full: true, facts: [{ taskId: "t1", state: "running" }] }]);
  driver.acks = true;
  driver.pass(60_000);
  const after = driver.reports().length;
  driver.pass(60_000);
  expect(driver.reports().length).toBe(after);
});

test("assignments: a task that runs already is told of again when its manager knows less of it", () => {
  const driver = started("t1");
  const before = driver.reports().length;
  driver.assign(assignment("t1", {}, { known: unseen("t1", "assigned") }));
  expect(driver.reports().slice(before)).toMatchObject([
    { facts: [{ taskId: "t1", incarnation: 1, state: "running" }] },
  ]);
  const known = driver.fact("t1");
  driver.assign(assignment("t1", {}, { known }));
  expect(driver.reports()).toHaveLength(before + 1);
});

test("assignments: a task that was rejected for want of a runtime can be removed, also when the worker has forgotten it", () => {
  const other = assignment("t1", { runtime: "process" });
  const gone = { ...other, desired: "remove" as const };
  const driver = new Driver().begin().welcome().assign(other);
  expect(driver.at("t1")).toBe("1:rejected");
  driver.assign(gone).pass(5_000);
  expect(driver.reports().flatMap((report) => report.removed)).toEqual(["t1"]);
  driver.journal = [];
  const again = driver.reborn().begin().welcome().assign(gone).pass(5_000);
  expect(again.reports().flatMap((report) => report.removed)).toEqual(["t1"]);
});
