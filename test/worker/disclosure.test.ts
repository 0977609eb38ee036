import { describe, expect, test } from "bun:test";
import { MAX_MESSAGE_BYTES, type WorkerMessage } from "../../src/protocol/messages.ts";
import { assignment, Driver, MANAGER } from "./driver.ts";

const heldOf = (driver: Driver) =>
  driver.sent.filter((message): message is Extract<WorkerMessage, { kind: "held" }> => message.kind === "held");
const refusals = (driver: Driver) =>
  driver.sent.flatMap((message) => (message.kind === "refused" ? [message.reason] : []));
const tell = (driver: Driver) => driver.feed({ kind: "message", message: { kind: "tell" } });
const COPY = { ...MANAGER, instanceId: "m2" };

describe("worker: what it tells a manager", () => {
  test("asked, it tells each task with its facts, and that it has obeyed somebody", () => {
    const driver = new Driver().begin().welcome().assign(assignment("a"), assignment("b"));
    driver.feed({ kind: "unlinked" }).feed({ kind: "linked" });
    tell(driver);
    expect(driver.sent.findLast(({ kind }) => kind === "hello")).toMatchObject({ seen: MANAGER });
    expect(heldOf(driver)).toEqual([
      {
        kind: "held",
        held: ["a", "b"].map((id) => ({ assignment: assignment(id), fact: driver.fact(id) })),
        strays: [],
        last: true,
      },
    ]);
  });

  test("a manager that it refuses is told why, once, and gets its answer all the same; nothing is done for it", () => {
    const driver = new Driver().begin().welcome().assign(assignment("a"));
    driver.feed({ kind: "unlinked" }).feed({ kind: "linked" }).welcome(COPY).set({ manager: COPY, number: 9 });
    tell(driver);
    expect(refusals(driver)).toEqual([expect.stringContaining("two managers run on copies")]);
    expect(heldOf(driver)).toMatchObject([{ held: [{ assignment: { taskId: "a" } }], last: true }]);
    expect(driver.at("a")).toBe("1:running");
    expect(driver.engine.live("a")).toHaveLength(1);
  });

  test("when a set is taken again the manager hears that too", () => {
    const driver = new Driver().begin().welcome().assign(assignment("a"));
    const other = { ...MANAGER, term: 2, lineage: "l2", instanceId: "m2" };
    driver.feed({ kind: "unlinked" }).feed({ kind: "linked" }).welcome(other).set({ manager: other, number: 1 });
    expect(refusals(driver)).toEqual([expect.stringContaining("does not know 1 of 1")]);
    driver.set({ manager: other, number: 2, put: [assignment("a")] });
    expect(refusals(driver).at(-1)).toBe("");
    expect(driver.engine.of("a")).toEqual(["1:running"]);
  });

  test("a manager that is greeted again, having sent a change of a set that is not held, hears the same refusal again", () => {
    const driver = new Driver().begin().welcome().assign(assignment("a"));
    const other = { ...MANAGER, term: 2, lineage: "l2", instanceId: "m2" };
    driver.feed({ kind: "unlinked" }).feed({ kind: "linked" }).welcome(other).set({ manager: other, number: 1 });
    const before = driver.sent.length;
    driver.set({ manager: other, base: 1, number: 2, put: [assignment("b")] });
    driver.welcome(other).set({ manager: other, number: 3, put: [assignment("b")] });
    const kinds = driver.sent.slice(before).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "hello" || kind === "refused")).toEqual(["hello", "refused"]);
    expect(refusals(driver).at(-1)).toContain("does not know 1 of 1");
  });

  test("with nothing to tell it says so; not asked, it tells nothing", () => {
    const driver = new Driver().begin();
    expect(heldOf(driver)).toEqual([]);
    tell(driver);
    expect(heldOf(driver)).toEqual([{ kind: "held", held: [], strays: [], last: true }]);
  });

  test("it does not answer before it knows what runs", () => {
    const driver = new Driver();
    driver.engine.silent.add("list");
    driver.begin();
    tell(driver);
    expect(heldOf(driver)).toEqual([]);
  });

  test("what runs without an assignment, its journal being lost, is told as such", () => {
    const driver = new Driver().begin().welcome().assign(assignment("a"));
    const bare = new Driver({ engine: driver.engine }).begin();
    tell(bare);
    expect(heldOf(bare)).toMatchObject([
      { held: [], strays: [{ taskId: "a", incarnation: 1, state: "running" }], last: true },
    ]);
  });

  test("no piece is larger than a message may be, and no task is left out", () => {
    const env = { TEXT: "€".repeat(40_000) };
    const ids = Array.from({ length: 20 }, (_, i) => `task-${i}`);
    const driver = new Driver()
      .begin()
      .welcome()
      .assign(...ids.map((id) => assignment(id, { env })));
    tell(driver);
    const pieces = heldOf(driver);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.map(({ last }) => last)).toEqual(pieces.map((_, i) => i === pieces.length - 1));
    expect(pieces.flatMap(({ held }) => held.map((one) => one.assignment.taskId))).toEqual(ids);
    for (const piece of pieces) expect(Buffer.byteLength(JSON.stringify(piece))).toBeLessThan(MAX_MESSAGE_BYTES);
  });

  test("once a copy of the known store was seen, no set that leaves out what runs is taken, whatever its term, also after a restart", () => {
    const driver = new Driver().begin().welcome().assign(assignment("a"), assignment("b"));
    const older = { ...MANAGER, instanceId: "m2", term: 2, revision: 3 };
    driver.feed({ kind: "unlinked" }).feed({ kind: "linked" }).welcome(older);
    const again = new Driver({ engine: driver.engine, journal: driver.journal }).begin();
    const grown = { ...MANAGER, instanceId: "m3", term: 9, revision: 99 };
    again.welcome(grown).set({ manager: grown, number: 1, put: [assignment("a")] });
    expect(refusals(again)).toEqual([expect.stringContaining("a copy of the known store that does not know 1 of 2")]);
    expect(again.engine.live("b")).toHaveLength(1);
    again.set({ manager: grown, number: 2, put: [assignment("a"), assignment("b")] });
    again.set({ manager: grown, number: 3, put: [assignment("a")] });
    expect(again.engine.live("b")).toEqual([]);
  });

  test("what a set of another store names as to go it has not forgotten: that alone ends, and the manager is followed", () => {
    const driver = new Driver().begin().welcome().assign(assignment("a"), assignment("b"));
    const adopter = { ...MANAGER, instanceId: "m2", term: 9, lineage: "after adoption", revision: 3 };
    driver.feed({ kind: "unlinked" }).feed({ kind: "linked" }).welcome(adopter);
    driver.set({ manager: adopter, number: 1, put: [assignment("a")], remove: ["b"] });
    expect([refusals(driver), driver.engine.live("b"), driver.engine.live("a").length]).toEqual([[], [], 1]);
  });
});
