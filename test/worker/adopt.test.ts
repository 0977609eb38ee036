/** The worker after a crash, an engine's restart, or with a journal that is lost: what runs is adopted, and nothing lives twice. */
import { expect, test } from "bun:test";
import { ok } from "../../src/core/failure.ts";
import { DEFAULT_RESTART } from "../../src/core/spec.ts";
import { type TaskFact, type TaskState, unseen } from "../../src/core/task.ts";
import { assignment, Driver } from "./driver.ts";

/** What a manager has of a task: facts of an earlier report. */
function known(incarnation: number, state: TaskState, taskId = "t1"): TaskFact {
  return { ...unseen(taskId), incarnation, state, restarts: incarnation - 1 };
}

function started(...put: ReturnType<typeof assignment>[]): Driver {
  return new Driver()
    .begin()
    .welcome()
    .assign(...put);
}

test("adopt: running tasks go on, with nothing done to them", () => {
  const first = started(assignment("t1"), assignment("t2")).pass(2_000);
  const second = first.reborn().begin().pass(10_000);
  expect([second.at("t1"), second.at("t2")]).toEqual(["1:running", "1:running"]);
  const acts = second
    .kinds()
    .filter((kind) => kind !== "list" && kind !== "journal" && kind !== "send" && kind !== "log");
  expect(acts).toEqual([]);
  expect([...first.engine.starts.values()]).toEqual([1, 1]);
});

test("adopt: what ended meanwhile is handled as an exit once", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.engine.die("t1", 4);
  const second = first.reborn().begin().pass(20_000);
  expect(second.at("t1")).toBe("2:running");
  const third = second.reborn().begin().pass(20_000);
  expect(third.fact("t1")).toMatchObject({ incarnation: 2, restarts: 1 });
  expect(third.fact("t1").exits).toMatchObject([{ incarnation: 1, code: 4 }]);
});

test("adopt: what was created and not started is started", () => {
  const first = new Driver().begin().welcome();
  first.engine.silent.add("start");
  first.assign(assignment("t1"));
  first.engine.silent.clear();
  const second = first.reborn().begin();
  expect([second.at("t1"), second.engine.of("t1")]).toEqual(["1:running", ["1:running"]]);
});

test("adopt: a list that is older than a removal does not make a sound journal one that is behind", () => {
  const driver = started(assignment("t1"), assignment("t2")).pass(2_000).reborn().begin().pass(20_000);
  const list = [...driver.engine.made.values()];
  driver.set({ base: 0, put: [assignment("t1")] });
  const alone = driver.reborn().begin().pass(20_000);
  alone.feed({ kind: "listed", runtime: "docker", result: ok(list.map((one) => alone.engine.sight(one))) });
  expect([alone.machine.firstOrders.problem, alone.die("t1", 1).pass(5_000).at("t1")]).toEqual(["", "2:running"]);
});

test("adopt: what is gone is an end with an unknown code", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.engine.made.clear();
  const second = first.reborn().begin().pass(20_000);
  expect(second.at("t1")).toBe("2:running");
  expect(second.fact("t1").exits).toMatchObject([{ incarnation: 1, code: null, reason: "container is gone" }]);
});

test("adopt: a back-off goes on where it stood", () => {
  const slow = assignment("t1", { restart: { ...DEFAULT_RESTART, delayMs: 60_000 } });
  const first = started(slow).die("t1", 1);
  const waits = first.fact("t1").restartInMs ?? 0;
  const second = first.reborn().begin();
  expect(second.fact("t1").restartInMs).toBe(waits);
  second.pass(waits - 10);
  expect(second.at("t1")).toBe("2:accepted");
  second.pass(20);
  expect(second.at("t1")).toBe("2:running");
});

test("adopt: a budget is not refilled by a crash", () => {
  const task = assignment("t1", { restart: { ...DEFAULT_RESTART, attempts: 2 } });
  let driver = started(task);
  for (let i = 0; i < 2; i++) {
    driver.die("t1", 1).pass(20_000);
    driver = driver.reborn().begin().welcome();
  }
  driver.die("t1", 1);
  expect(driver.at("t1")).toBe("3:failed");
});

test("adopt: a stop that was wanted is finished after a crash", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.engine.silent.add("stop");
  first.assign(assignment("t1", {}, { desired: "stop" }));
  first.engine.silent.clear();
  const second = first.reborn().begin();
  expect([second.at("t1"), second.engine.of("t1")]).toEqual(["1:stopped", ["1:exited"]]);
});

test("adopt: without a journal what runs is left alone until a manager speaks, and then it goes on", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.journal = [];
  const second = first.reborn().begin().pass(300_000);
  expect([second.at("t1"), second.engine.of("t1")]).toEqual(["1:running", ["1:running"]]);
  second.welcome().assign(assignment("t1"));
  expect([second.at("t1"), first.engine.starts.get("t1-1")]).toEqual(["1:running", 1]);
  second.die("t1", 1).pass(5_000);
  expect(second.at("t1")).toBe("2:running");
});

test("adopt: what nobody knows and somebody has taken away is no reason to refuse a manager any more", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.journal = first.journal.filter((record) => record.kind === "manager");
  const second = first.reborn().begin().pass(2_000);
  const other = { clusterId: "c1", instanceId: "m2", term: 5, lineage: "l2", revision: 1 };
  second.welcome(other).set({ put: [assignment("t2")], manager: other });
  expect(second.machine.refused()).toContain("does not know 1 of 1 tasks running here");
  second.engine.made.clear();
  second.pass(120_000).set({ put: [assignment("t2")], manager: other });
  expect([second.machine.refused(), second.machine.tasks().map(({ taskId }) => taskId)]).toEqual(["", ["t2"]]);
});

test("adopt: without a journal, and before the engine has said what is there, a task that is to go is not said to be gone", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.journal = [];
  first.engine.silent.add("list");
  const gone = { ...assignment("t1"), desired: "remove" as const };
  const second = first
    .reborn()
    .begin()
    .welcome()
    .assign(gone, { ...gone, taskId: "t2" })
    .pass(5_000);
  const removed = () => second.reports().flatMap((report) => report.removed);
  expect(removed()).toEqual([]);
  second.engine.silent.clear();
  second.feed({
    kind: "listed",
    runtime: "docker",
    result: ok([...second.engine.made.values()].map((one) => second.engine.sight(one))),
  });
  expect([second.engine.of("t1"), removed().sort()]).toEqual([[], ["t1", "t2"]]);
});

test("adopt: without a journal what a whole set leaves out is stopped and removed", () => {
  const first = started(assignment("t1"), assignment("t2")).pass(2_000);
  first.journal = [];
  const second = first.reborn().begin().welcome().assign(assignment("t2"));
  expect([second.engine.of("t1"), second.engine.of("t2")]).toEqual([[], ["1:running"]]);
  expect(second.reports().flatMap((report) => report.removed)).toEqual(["t1"]);
});

test("adopt: without a journal an exit of the meantime is still an exit", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.engine.die("t1", 1);
  first.journal = [];
  const second = first.reborn().begin().welcome().assign(assignment("t1")).pass(5_000);
  expect(second.at("t1")).toBe("2:running");
});

test("adopt: an orphan that appears after the manager has spoken goes", () => {
  const driver = started(assignment("t1"));
  const of = { taskId: "lost", incarnation: 3 };
  driver.engine.made.set("lost-3", { of, instanceId: "lost-3", status: "running", exitCode: null });
  driver.pass(70_000);
  expect([driver.engine.of("lost"), driver.engine.of("t1")]).toEqual([[], ["1:running"]]);
});

test("adopt: labels are believed over a journal that lost its end", () => {
  const first = started(assignment("t1")).pass(2_000);
  const early = [...first.journal];
  first.die("t1", 1).pass(5_000);
  expect(first.at("t1")).toBe("2:running");
  first.journal = early;
  const second = first.reborn().begin().pass(5_000);
  expect([second.at("t1"), second.engine.live()]).toMatchObject(["2:running", [{ instanceId: "t1-2" }]]);
});

test("adopt: what would have to be made again waits for the first orders, and is not made when they leave it out", () => {
  const first = started(assignment("t1"), assignment("t2")).pass(2_000);
  first.engine.made.clear();
  const second = first.reborn().begin().pass(14_900);
  expect(second.effects.filter((effect) => effect.kind === "create")).toEqual([]);
  second.welcome().assign(assignment("t2"));
  expect([second.engine.of("t1"), second.at("t2")]).toEqual([[], "2:running"]);
});

test("adopt: without a manager what is gone is made again after fifteen seconds", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.engine.made.clear();
  const second = first.reborn().begin().pass(14_900);
  expect([second.at("t1"), second.engine.of("t1")]).toEqual(["2:accepted", []]);
  expect(second.pass(200).at("t1")).toBe("2:running");
});

test("adopt: a journal that is older than what runs has nothing started until a manager speaks", () => {
  const first = started(assignment("t1")).pass(2_000);
  const backup = [...first.journal];
  first.assign(assignment("t1"), assignment("t2")).pass(2_000);
  first.engine.made.delete("t1-1");
  first.journal = backup;
  const second = first.reborn().begin().pass(300_000);
  expect([second.at("t1"), second.engine.live()]).toMatchObject(["2:accepted", [{ instanceId: "t2-1" }]]);
  expect(
    second.logs.filter((line) => line.includes("containers are here that the journal does not know")),
  ).toHaveLength(1);
  second.welcome().assign(assignment("t1"), assignment("t2"));
  expect([second.at("t1"), second.at("t2")]).toEqual(["2:running", "1:running"]);
});

test("adopt: what a journal that is behind asks for, and is not here, is no reason to refuse a manager that does not know it", () => {
  const first = started(assignment("t1")).pass(2_000);
  const backup = [...first.journal];
  first.assign(assignment("t2")).pass(2_000);
  first.journal = backup;
  const second = first.reborn().begin().pass(60_000);
  const other = { clusterId: "c1", instanceId: "m2", term: 5, lineage: "l2", revision: 1 };
  second.welcome(other).set({ put: [assignment("t2")], manager: other });
  expect([second.machine.refused(), second.machine.tasks().map(({ taskId }) => taskId)]).toEqual(["", ["t2"]]);
});

test("adopt: a journal from before a task's end makes nothing of it once the manager tells of that end", () => {
  const once = assignment("t1", { restart: { ...DEFAULT_RESTART, attempts: 1, delayMs: 1_000 } });
  const first = started(once).pass(2_000);
  const backup = [...first.journal];
  first.die("t1", 1).pass(5_000).die("t1", 1);
  expect(first.at("t1")).toBe("2:failed");
  first.journal = backup;
  const second = first.reborn().begin().welcome();
  expect(second.at("t1")).toBe("3:accepted");
  second.assign({ ...once, known: known(2, "failed") }).pass(60_000);
  expect([second.fact("t1").state, second.engine.live()]).toEqual(["failed", []]);
});

test("adopt: a journal that was read counts towards its next compaction", () => {
  const tireless = assignment("t1", { restart: { ...DEFAULT_RESTART, attempts: 1_000_000 } });
  let driver = started(tireless);
  for (let lives = 0; lives < 20; lives++) {
    for (let restarts = 0; restarts < 30; restarts++) driver.die("t1", 1).pass(120_000);
    driver = driver.reborn().begin().welcome().assign(tireless).pass(120_000);
  }
  expect(driver.journal.length).toBeLessThan(600);
});

test("adopt: of two live incarnations the older one is stopped before anything else", () => {
  const first = started(assignment("t1")).pass(2_000);
  const of = { taskId: "t1", incarnation: 2 };
  first.engine.made.set("t1-2", { of, instanceId: "t1-2", status: "running", exitCode: null });
  const second = first.reborn().begin();
  expect(second.engine.of("t1")).toEqual(["1:exited", "2:running"]);
});

test("adopt: damaged records are counted and left out, the rest is restored", () => {
  const first = started(assignment("t1"), assignment("t2")).pass(2_000);
  const broken = first.journal.map((record) =>
    record.kind === "task" && record.taskId === "t1" ? { ...record, value: { format: 1, assignment: 3 } } : record,
  );
  const driver = new Driver({ engine: first.engine });
  expect(driver.machine.restore(broken, driver.time())).toBeGreaterThan(0);
  driver.begin();
  expect([driver.at("t1"), driver.at("t2")]).toEqual(["1:running", "1:running"]);
});

test("adopt: nothing is done before the engine has said once what is there", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.engine.down = true;
  const second = first.reborn().begin().welcome().assign(assignment("t1"), assignment("t2")).pass(20_000);
  expect([second.at("t1"), second.at("t2")]).toEqual(["1:running", "1:accepted"]);
  expect(second.fact("t1").message).toContain("engine is away");
  first.engine.down = false;
  second.pass(40_000);
  expect([second.at("t1"), second.at("t2")]).toEqual(["1:running", "1:running"]);
  expect(second.fact("t1").message).toBe("");
});

test("adopt: an engine that goes away leaves running tasks as they are and says so", () => {
  const driver = started(assignment("t1"));
  driver.engine.down = true;
  driver.feed({ kind: "resync", runtime: "docker" }).pass(120_000);
  expect(driver.fact("t1")).toMatchObject({
    incarnation: 1,
    state: "running",
    message: "docker does not answer: engine is away",
  });
  driver.engine.down = false;
  driver.feed({ kind: "resync", runtime: "docker" });
  expect(driver.fact("t1")).toMatchObject({ incarnation: 1, state: "running", message: "" });
});

test("adopt: an engine restart that ended everything restarts everything once", () => {
  const driver = started(assignment("t1"), assignment("t2"));
  driver.engine.die("t1", 137);
  driver.engine.die("t2", 137);
  driver.feed({ kind: "resync", runtime: "docker" }).pass(5_000);
  expect([driver.at("t1"), driver.at("t2")]).toEqual(["2:running", "2:running"]);
});

test("adopt: a list that is older than a start does not undo it", () => {
  const driver = started();
  driver.engine.silent.add("list");
  driver.feed({ kind: "resync", runtime: "docker" });
  driver.assign(assignment("t1"));
  expect(driver.at("t1")).toBe("1:running");
  driver.engine.silent.clear();
  driver.feed({ kind: "listed", runtime: "docker", result: ok([]) }).pass(5_000);
  expect([driver.at("t1"), driver.fact("t1").restarts]).toEqual(["1:running", 0]);
});

test("adopt: without a journal an end that the manager knows of stays an end", () => {
  const driver = new Driver().begin().welcome();
  driver.assign(
    assignment("t1", {}, { known: known(3, "complete") }),
    assignment("t2", {}, { known: known(2, "lost", "t2") }),
  );
  driver.pass(60_000);
  expect([driver.at("t1"), driver.at("t2"), driver.engine.made.size]).toEqual(["3:complete", "2:lost", 0]);
});

test("adopt: without journal and container a task goes on after the last incarnation that the manager knows", () => {
  const driver = started(assignment("t1", {}, { known: known(3, "running") })).pass(2_000);
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["4:running", ["4:running"]]);
});

test("adopt: what is found of an older incarnation than the manager knows is stopped, and its successor's number is new", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.journal = [];
  const second = first.reborn().begin().welcome();
  second.assign(assignment("t1", {}, { known: known(2, "running") })).pass(2_000);
  expect([second.at("t1"), second.engine.of("t1")]).toEqual(["3:running", ["1:exited", "3:running"]]);
});

test("adopt: what has ended by a journal from a backup, and had gone on as the manager knows, has ended as what it had gone on to", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.set({ base: 1, put: [assignment("t1", {}, { desired: "stop" })] }).pass(2_000);
  expect(first.at("t1")).toBe("1:stopped");
  const second = first.reborn().begin().welcome();
  second.assign(assignment("t1", {}, { known: known(2, "running") })).pass(60_000);
  expect([second.at("t1"), second.engine.made.size]).toEqual(["2:stopped", 1]);
});

test("adopt: a container of a task that the manager gave up as lost is stopped", () => {
  const driver = started(assignment("t1"));
  driver.set({ base: 1, put: [assignment("t1", {}, { desired: "stop", known: known(1, "lost") })] });
  expect([driver.at("t1"), driver.engine.of("t1")]).toEqual(["1:lost", ["1:exited"]]);
});

test("adopt: without a journal, and told of the task before the engine has said what is there, it is adopted all the same", () => {
  const first = started(assignment("t1")).pass(2_000);
  first.journal = [];
  const second = first.reborn();
  second.slow = true;
  second
    .begin()
    .welcome()
    .assign(assignment("t1", {}, { known: known(1, "running") }));
  second.slow = false;
  while (second.answers.length > 0 || second.lane.length > 0) second.write().deliver(0);
  expect([second.at("t1"), second.engine.of("t1"), second.kinds().includes("stop")]).toEqual([
    "1:running",
    ["1:running"],
    false,
  ]);
});
