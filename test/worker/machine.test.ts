/** The worker's machine: a task from its assignment to its removal. */
import { expect, test } from "bun:test";
import { assignment, Driver, FACTS, MANAGER, ScriptedEngine } from "./driver.ts";

function started(...put: ReturnType<typeof assignment>[]): Driver {
  return new Driver()
    .begin()
    .welcome()
    .assign(...put);
}

test("worker: a task goes from its assignment to running and back to nothing", () => {
  const driver = started(assignment("t1"));
  expect(driver.at("t1")).toBe("1:running");
  expect(driver.reported("t1")).toEqual(["1:pulling", "1:starting", "1:running"]);
  driver.assign(assignment("t1", {}, { desired: "stop" }));
  expect(driver.at("t1")).toBe("1:stopped");
  expect(driver.engine.of("t1")).toEqual(["1:exited"]);
  driver.assign(assignment("t1", {}, { desired: "remove" }));
  expect(driver.machine.tasks()).toEqual([]);
  expect(driver.engine.of("t1")).toEqual([]);
  expect(driver.reports().at(-1)?.removed).toEqual(["t1"]);
  expect(driver.journal.at(-1)).toEqual({ kind: "forget", taskId: "t1" });
});

test("worker: the journal has a task before it is reported and before anything is created", () => {
  const driver = new Driver().begin().welcome();
  driver.engine.silent.add("journal");
  driver.assign(assignment("t1"));
  expect(driver.kinds().filter((kind) => kind === "create")).toEqual([]);
  expect(driver.reported("t1")).not.toContain("1:running");
  const asked = driver.effects.findLast((effect) => effect.kind === "journal");
  driver.engine.silent.delete("journal");
  driver.feed({ kind: "journaled", number: asked?.kind === "journal" ? asked.number : -1 });
  expect(driver.at("t1")).toBe("1:running");
});

test("worker: one append before the container is created is all that a start needs", () => {
  const driver = new Driver().begin().welcome();
  const before = driver.effects.length;
  driver.assign(assignment("t1"));
  const kinds = driver.kinds().slice(before);
  expect(kinds.filter((kind) => kind === "journal")).toHaveLength(1);
  expect(kinds.indexOf("journal")).toBeLessThan(kinds.indexOf("create"));
  expect(kinds.filter((kind) => kind !== "send" && kind !== "journal")).toEqual(["pull", "create", "start"]);
});

test("worker: many tasks of one set are journaled together", () => {
  const driver = new Driver().begin().welcome();
  const before = driver.kinds().filter((kind) => kind === "journal").length;
  driver.assign(...Array.from({ length: 20 }, (_, i) => assignment(`t${i}`)));
  expect(driver.kinds().filter((kind) => kind === "journal").length - before).toBe(1);
  expect(driver.engine.live()).toHaveLength(20);
});

test("worker: a task that is only to be ready is created and waits", () => {
  const driver = started(assignment("t1", {}, { desired: "ready" }));
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:ready", ["1:created"]]);
  driver.assign(assignment("t1", {}, { desired: "run" }));
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:running", ["1:running"]]);
});

test("worker: a ready task that is stopped leaves nothing behind", () => {
  const driver = started(assignment("t1", {}, { desired: "ready" }));
  driver.assign(assignment("t1", {}, { desired: "stop" }));
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:stopped", []]);
});

test("worker: starts are limited and go in the order in which they were asked for", () => {
  const driver = new Driver({ startsAtATime: 2 }).begin().welcome();
  driver.engine.silent.add("start");
  driver.assign(...["a", "b", "c", "d"].map((id) => assignment(id)));
  expect(driver.engine.of("c")).toEqual([]);
  const finish = (taskId: string): void => {
    driver.engine.silent.delete("start");
    const effect = driver.effects.findLast((one) => one.kind === "start" && one.of.taskId === taskId);
    if (effect === undefined) throw new Error(`${taskId} was not started`);
    const event = driver.engine.perform(effect);
    driver.engine.silent.add("start");
    if (event !== null) driver.feed(event);
  };
  finish("b");
  expect(["a", "b", "c", "d"].map((id) => driver.at(id))).toEqual([
    "1:starting",
    "1:running",
    "1:starting",
    "1:pulling",
  ]);
  finish("a");
  expect(driver.at("d")).toBe("1:starting");
});

test("worker: a task that ends while others wait for a start gives its place back", () => {
  const driver = new Driver({ startsAtATime: 1 }).begin().welcome();
  driver.engine.failNext("start", { kind: "invalid", message: "no such program" });
  driver.assign(assignment("a"), assignment("b"));
  expect([driver.at("a"), driver.at("b")]).toEqual(["1:rejected", "1:running"]);
});

test("worker: desired states never go back", () => {
  const driver = started(assignment("t1"));
  driver.assign(assignment("t1", {}, { desired: "stop" }));
  driver.assign(assignment("t1", {}, { desired: "run" }));
  driver.pass(600_000);
  expect([driver.at("t1"), driver.engine.live()]).toEqual(["1:stopped", []]);
});

test("worker: a stop during a pull aborts it", () => {
  const driver = new Driver().begin().welcome();
  driver.engine.silent.add("pull");
  driver.assign(assignment("t1"));
  driver.assign(assignment("t1", {}, { desired: "stop" }));
  expect(driver.kinds()).toContain("abort");
  const of = { taskId: "t1", incarnation: 1 };
  driver.feed({ kind: "pulled", of, result: { ok: false, failure: { kind: "aborted", message: "stopped" } } });
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:stopped", []]);
});

test("worker: a stop during a start waits for it and then stops what was started", () => {
  const driver = new Driver().begin().welcome();
  driver.engine.silent.add("start");
  driver.assign(assignment("t1"));
  driver.assign(assignment("t1", {}, { desired: "stop" }));
  expect(driver.at("t1")).toBe("1:starting");
  driver.engine.silent.clear();
  const start = driver.effects.findLast((effect) => effect.kind === "start");
  const event = start === undefined ? null : driver.engine.perform(start);
  if (event !== null) driver.feed(event);
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:stopped", ["1:exited"]]);
});

test("worker: a stop uses the task's own signal and grace", () => {
  const driver = started(assignment("t1", { stopSignal: "SIGINT", stopGraceMs: 1_234 }));
  driver.assign(assignment("t1", { stopSignal: "SIGINT", stopGraceMs: 1_234 }, { desired: "stop" }));
  expect(driver.effects.find((effect) => effect.kind === "stop")).toMatchObject({ signal: "SIGINT", graceMs: 1_234 });
  expect(driver.fact("t1").exits).toMatchObject([{ incarnation: 1, code: 143, reason: "stopped" }]);
});

test("worker: a task that does not die stays stopping and is tried again, later each time", () => {
  const driver = started(assignment("t1"));
  driver.engine.zombies = true;
  driver.assign(assignment("t1", {}, { desired: "stop" }));
  driver.pass(120_000);
  expect([driver.at("t1"), driver.reported("t1").at(-1)]).toEqual(["1:stopping", "1:stopping"]);
  expect(driver.fact("t1").message).toContain("does not die");
  const tries = driver.kinds().filter((kind) => kind === "stop").length;
  expect(tries).toBeGreaterThan(4);
  expect(tries).toBeLessThan(12);
  driver.engine.zombies = false;
  driver.pass(60_000);
  expect(driver.at("t1")).toBe("1:stopped");
});

test("worker: an instance that the engine shows as it was before its start is looked at again, and runs on", () => {
  const driver = started(assignment("t1"));
  const [made] = driver.engine.live("t1");
  if (made === undefined) throw new Error("it does not run");
  made.status = "created";
  driver.feed({ kind: "died", of: made.of, runtime: "docker", instanceId: made.instanceId });
  driver.pass(5_000);
  expect(driver.at("t1")).toBe("1:running");
  made.status = "running";
  driver.pass(3_000);
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:running", ["1:running"]]);
  driver.die("t1", 1).pass(10_000);
  expect(driver.at("t1")).toBe("2:running");
});

test("worker: a start that fails and takes effect all the same is found out by the removal, whatever the engine shows meanwhile", () => {
  const driver = new Driver().begin().welcome();
  driver.engine.failNext("start", { kind: "transient", message: "start fails" }, true);
  driver.engine.failNext("remove", { kind: "conflict", message: "it runs" });
  driver.check = () => {
    const [made] = driver.engine.made.values();
    const last = driver.effects.at(-1)?.kind;
    if (made !== undefined && last === "start") made.status = "created";
    if (made !== undefined && last === "remove") made.status = "running";
  };
  driver.assign(assignment("t1")).pass(5_000);
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:running", ["1:running"]]);
  expect(driver.kinds()).toContain("remove");
});

test("worker: what had begun to end before the journal was lost goes on ending, although its manager has not asked for that", () => {
  const before = started(assignment("t1"));
  const known = { ...before.fact("t1"), state: "stopping" as const };
  for (const isThere of [true, false]) {
    const engine = isThere ? before.engine : new ScriptedEngine();
    const driver = new Driver({ engine }).begin().welcome();
    driver.assign(assignment("t1", {}, { known })).pass(20_000);
    expect([isThere, driver.at("t1"), engine.live("t1")]).toEqual([isThere, "1:stopped", []]);
  }
});

test("worker: an instance that somebody has made anew ends its incarnation, and is ended before the next one starts", () => {
  const driver = started(assignment("t1"));
  const [made] = driver.engine.live("t1");
  if (made === undefined) throw new Error("it does not run");
  const anew = { ...made, instanceId: "anew", status: "created" as const };
  driver.engine.made.delete(made.instanceId);
  driver.engine.made.set(anew.instanceId, anew);
  driver.feed({ kind: "resync", runtime: "docker" });
  expect([driver.at("t1"), driver.fact("t1").exits.at(-1)?.reason]).toEqual([
    "2:accepted",
    "container was made anew by somebody else",
  ]);
  driver.engine.made.set(anew.instanceId, { ...anew, status: "running" });
  driver.engine.failNext("remove", { kind: "conflict", message: "it runs" });
  driver.pass(3_000);
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["2:running", ["1:exited", "2:running"]]);
});

test("worker: what an earlier incarnation left behind and cannot be removed says nothing about the one that runs", () => {
  const driver = started(assignment("t1"));
  driver.engine.failNext("remove", { kind: "transient", message: "it hangs" }, true);
  for (let ends = 0; ends < 3; ends++) driver.die("t1", 1).pass(10_000);
  expect(driver.kinds()).toContain("remove");
  expect([driver.at("t1"), driver.fact("t1").message]).toEqual(["4:running", ""]);
  driver.engine.failNext("remove", { kind: "transient", message: "it hangs" });
  driver.assign(assignment("t1", {}, { desired: "remove" }));
  expect(driver.fact("t1").message).toBe("cannot be removed: it hangs");
});

test("worker: a batch task is complete with exit code 0 and failed with any other, and never starts again", () => {
  const batch = { restart: { ...assignment("x").spec.restart, condition: "no" as const } };
  const driver = started(assignment("good", batch), assignment("bad", batch));
  driver.die("good", 0).die("bad", 2).pass(600_000);
  expect([driver.at("good"), driver.at("bad")]).toEqual(["1:complete", "1:failed"]);
  expect([...driver.engine.starts.values()]).toEqual([1, 1]);
  expect(driver.fact("bad").exits).toMatchObject([{ code: 2, reason: "exit code 2" }]);
});

test("worker: what ends within its own start is an end like any other", () => {
  const driver = new Driver().begin().welcome();
  driver.engine.exitsWith = 0;
  const batch = { restart: { ...assignment("x").spec.restart, condition: "no" as const } };
  driver.assign(assignment("t1", batch));
  expect(driver.at("t1")).toBe("1:complete");
});

test("worker: a task for a runtime that the node has not is rejected", () => {
  const driver = started(assignment("t1", { runtime: "process", image: "" }));
  expect([driver.at("t1"), driver.fact("t1").message]).toEqual(["1:rejected", 'this node has no runtime "process"']);
});

test("worker: unknown tasks that are to stop or go are answered without touching the engine", () => {
  const driver = started(assignment("a", {}, { desired: "stop" }), assignment("b", {}, { desired: "remove" }));
  expect(driver.at("a")).toBe("0:stopped");
  expect(driver.reports().flatMap((report) => report.removed)).toEqual(["b"]);
  expect(driver.kinds()).not.toContain("pull");
});

test("worker: a new runtime's facts go to the manager, and its return is a reason to list again", () => {
  const driver = started(assignment("t1"));
  const broken = { ...FACTS, runtimes: [{ kind: "docker" as const, version: "", problem: "refused" }] };
  driver.feed({ kind: "facts", facts: broken });
  const lists = driver.kinds().filter((kind) => kind === "list").length;
  driver.feed({ kind: "facts", facts: FACTS });
  expect(driver.sent.filter((message) => message.kind === "facts")).toHaveLength(2);
  expect(driver.kinds().filter((kind) => kind === "list").length).toBe(lists + 1);
});

test("worker: progress is shown while a pull runs and not after", () => {
  const driver = new Driver().begin().welcome();
  driver.engine.silent.add("pull");
  driver.assign(assignment("t1"));
  const of = { taskId: "t1", incarnation: 1 };
  driver.feed({ kind: "progress", of, text: "40 %" });
  expect(driver.machine.progress()).toEqual([{ taskId: "t1", text: "40 %" }]);
  driver.feed({ kind: "pulled", of, result: { ok: true, value: null } });
  expect(driver.machine.progress()).toEqual([]);
});

test("worker: a job's stop_after stops its task alone once no manager is in reach for that long", () => {
  const disconnect = { ...assignment("x").spec.disconnect, stopAfterMs: 30_000 };
  const driver = started(assignment("t1", { disconnect }), assignment("t2"));
  driver.feed({ kind: "unlinked" }).pass(29_000);
  expect(driver.at("t1")).toBe("1:running");
  driver.pass(2_000);
  expect([driver.at("t1"), driver.at("t2")]).toEqual(["1:stopped", "1:running"]);
});

test("worker: a link over which no manager answers does not begin the time alone anew", () => {
  const disconnect = { ...assignment("x").spec.disconnect, stopAfterMs: 30_000 };
  const driver = started(assignment("t1", { disconnect }));
  driver.feed({ kind: "unlinked" }).pass(20_000);
  driver.feed({ kind: "linked" }).pass(5_000);
  driver.feed({ kind: "unlinked" }).pass(4_000);
  expect(driver.at("t1")).toBe("1:running");
  driver.pass(2_000);
  expect(driver.at("t1")).toBe("1:stopped");
});

test("worker: a manager that is refused is no company", () => {
  const disconnect = { ...assignment("x").spec.disconnect, stopAfterMs: 30_000 };
  const manager = { ...MANAGER, term: 5 };
  const driver = new Driver().begin().welcome(manager);
  driver
    .set({ put: [assignment("t1", { disconnect })], manager })
    .feed({ kind: "unlinked" })
    .pass(1_000);
  driver.feed({ kind: "linked" }).welcome({ ...MANAGER, instanceId: "copy", term: 4 });
  expect(driver.machine.refused()).toContain("older term");
  driver.pass(28_000);
  expect(driver.at("t1")).toBe("1:running");
  driver.pass(2_000);
  expect(driver.at("t1")).toBe("1:stopped");
});

test("worker: the time alone goes on across a restart of the worker, with what passes while none runs", () => {
  const disconnect = { ...assignment("x").spec.disconnect, stopAfterMs: 30_000 };
  const alone = started(assignment("t1", { disconnect })).feed({ kind: "unlinked" }).pass(10_000);
  const later = { engine: alone.engine, journal: alone.journal };
  const reborn = new Driver({ ...later, monoMs: alone.monoMs + 15_000 }).begin().pass(4_000);
  expect(reborn.at("t1")).toBe("1:running");
  expect(reborn.pass(2_000).at("t1")).toBe("1:stopped");
});

test("worker: a worker that had a manager until it ended counts from its own beginning", () => {
  const disconnect = { ...assignment("x").spec.disconnect, stopAfterMs: 30_000 };
  const answered = started(assignment("t1", { disconnect })).feed({ kind: "unlinked" }).pass(10_000);
  answered.feed({ kind: "linked" }).welcome().assign(assignment("t1", { disconnect })).pass(50_000);
  const later = { engine: answered.engine, journal: answered.journal };
  const reborn = new Driver({ ...later, monoMs: answered.monoMs }).begin().pass(29_000);
  expect(reborn.at("t1")).toBe("1:running");
  expect(reborn.pass(2_000).at("t1")).toBe("1:stopped");
});

test("worker: after a power cut nothing of a job with stop_after is made again before a manager speaks, and what runs is adopted", () => {
  const disconnect = { ...assignment("x").spec.disconnect, stopAfterMs: 60_000 };
  const jobs = [assignment("gone", { disconnect }), assignment("runs", { disconnect }), assignment("other")];
  const cut = (): Driver => {
    const linked = started(...jobs).pass(5_000);
    for (const id of ["gone", "other"]) linked.engine.die(id, 137);
    const after = new Driver({ engine: linked.engine, journal: linked.journal, monoMs: 3_600_000 });
    return after.feed({ kind: "tick" }).pass(50_000);
  };
  const alone = cut();
  const all = (): string[] => ["gone", "runs", "other"].map((id) => alone.at(id));
  expect(all()).toEqual(["2:accepted", "1:running", "2:running"]);
  alone.pass(20_000);
  expect(all()).toEqual(["2:stopped", "1:stopped", "2:running"]);
  const answered = cut().begin().welcome();
  expect(answered.assign(...jobs).at("gone")).toBe("2:running");
});

test("worker: at rest it asks the engine for a list now and then, and for nothing else", () => {
  const driver = started(assignment("t1"), assignment("t2")).pass(5_000);
  const before = driver.effects.length;
  driver.pass(600_000);
  expect([...new Set(driver.kinds().slice(before))]).toEqual(["list"]);
  expect(driver.effects.length - before).toBe(10);
});

test("worker: a journal that has grown is replaced by a snapshot that restores the same", () => {
  const always = { restart: { ...assignment("x").spec.restart, attempts: 1e6, delayMs: 1, maxDelayMs: 1 } };
  const driver = started(assignment("t1", always), assignment("t2"));
  for (let i = 0; i < 600; i++) driver.die("t1", 1).pass(10);
  expect(driver.kinds()).toContain("compact");
  expect(driver.journal.length).toBeLessThan(600);
  const again = driver.reborn().begin();
  expect([again.at("t1"), again.at("t2")]).toEqual(["601:running", "1:running"]);
  expect(again.fact("t1").exits).toHaveLength(10);
});

test("worker: an event that comes after a deadline, before the late tick, does what the deadline asks for", () => {
  const driver = started(assignment("t1")).die("t1", 1);
  driver.monoMs += 5_000;
  driver.feed({ kind: "message", message: { kind: "ack", number: 1 } });
  expect(driver.at("t1")).toBe("2:running");
});
