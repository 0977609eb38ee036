// What every Store must do, whatever keeps its rows. An implementation calls `storeContract` with how to open itself.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Change, LoggedChange } from "../../src/core/change.ts";
import type { CommitOutcome, Store, StoreContents, TakeOver } from "../../src/manager/ports.ts";
import {
  applied,
  logged,
  onePutOfEach,
  oneRemoveOfEach,
  SAMPLE_MS,
  sampleRequest,
  sorted,
  taskPut,
} from "../store/sample.ts";

/** One "disk": every `open` opens what the last store left there. */
export interface StoreBed {
  open(nowMs: () => number): Store;
  dispose(): Promise<void>;
}

/** Parts of the contract that a model of a store may lack, each with its reason. */
export type StorePart = "closing" | "log" | "order" | "overlap";
export type StoreLacks = Readonly<Partial<Record<StorePart, string>>>;

const HOUR_MS = 3_600_000;
/** Kinds of records. */
const KINDS = onePutOfEach("a").length;

/** Loads, and fails the test when that fails. */
export async function mustLoad(store: Store, takeOver?: TakeOver): Promise<StoreContents> {
  const loaded = await store.load(takeOver);
  if (!loaded.ok) throw new Error(loaded.failure.message);
  return loaded.value;
}

/** Commits, and fails the test when that fails. */
export async function mustCommit(store: Store, changes: readonly LoggedChange[]): Promise<void> {
  expect(await store.commit({ changes })).toEqual({ kind: "committed" });
}

/** Runs the suite, without what a model lacks for the reason given. */
export function storeContract(name: string, makeBed: () => StoreBed, lacks: StoreLacks = {}): void {
  const testOf = (part: StorePart) => test.skipIf(lacks[part] !== undefined);
  describe(`store contract, ${name}:`, () => {
    let bed: StoreBed;
    let nowMs: number;
    let opened: Store[];
    const open = (): Store => {
      const store = bed.open(() => nowMs);
      opened.push(store);
      return store;
    };
    const reopen = async (store: Store): Promise<StoreContents> => {
      await store.close();
      return mustLoad(open());
    };
    beforeEach(() => {
      bed = makeBed();
      nowMs = SAMPLE_MS;
      opened = [];
    });
    afterEach(async () => {
      for (const store of opened) await store.close();
      await bed.dispose();
    });

    test("a new store is empty, sound, and has a lineage and the first term", async () => {
      const contents = await mustLoad(open());
      expect({ ...contents, lineage: contents.lineage !== "" }).toEqual({
        lineage: true,
        term: 1,
        revision: 0,
        past: [{ term: 1, revision: 0, mark: expect.any(String) }],
        records: [],
        problem: "",
        retry: false,
        notice: "",
      });
    });

    test("the newest 32 openings are kept, each with its revision and a mark of its own; a new lineage begins with its first", async () => {
      const first = open();
      await mustLoad(first);
      const changes = logged(0, onePutOfEach("a"));
      await mustCommit(first, changes);
      const { past = [] } = await reopen(first);
      expect(past.map(({ term, revision }) => [term, revision])).toEqual([
        [1, 0],
        [2, changes.length],
      ]);
      await opened.at(-1)?.close();
      const last = open();
      for (let i = 0; i < 34; i++) await mustLoad(last);
      const kept = (await mustLoad(last)).past ?? [];
      expect([kept.length, kept.at(-1)?.term, new Set(kept.map(({ mark }) => mark)).size]).toEqual([32, 37, 32]);
      expect((await mustLoad(last, { aboveTerm: 40 })).past).toMatchObject([{ term: 41, revision: changes.length }]);
    });

    test("each opening raises the term and keeps the lineage, also without a close before it", async () => {
      const store = open();
      const first = await mustLoad(store);
      const second = await mustLoad(store);
      const third = await reopen(store);
      expect([first.term, second.term, third.term]).toEqual([1, 2, 3]);
      expect([second.lineage, third.lineage]).toEqual([first.lineage, first.lineage]);
    });

    test("taken over, it has its records, a new lineage and a term above both its own and the given one, from then on", async () => {
      const store = open();
      const first = await mustLoad(store);
      const changes = taskPut(0, "x");
      await mustCommit(store, changes);
      const taken = await mustLoad(store, { aboveTerm: 41 });
      expect(taken).toMatchObject({ term: 42, revision: 1, problem: "" });
      expect(sorted(taken.records)).toEqual(applied(changes));
      expect(taken.lineage).not.toBe(first.lineage);
      await mustCommit(store, taskPut(1, "y"));
      const next = await reopen(store);
      expect(next).toMatchObject({ term: 43, lineage: taken.lineage, revision: 2, problem: "" });
      await opened.at(-1)?.close();
      const again = await mustLoad(open(), { aboveTerm: 2 });
      expect([again.term, again.lineage === taken.lineage]).toEqual([44, false]);
    });

    test("two stores have two lineages", async () => {
      const other = makeBed();
      const store = other.open(() => nowMs);
      expect((await mustLoad(store)).lineage).not.toBe((await mustLoad(open())).lineage);
      await store.close();
      await other.dispose();
    });

    test("a record of every kind comes back exactly as it was put", async () => {
      const store = open();
      await mustLoad(store);
      const changes = logged(0, [...onePutOfEach("a"), ...onePutOfEach("b/with/slashes"), ...onePutOfEach("ü€👋")]);
      await mustCommit(store, changes);
      const contents = await reopen(store);
      expect(sorted(contents.records)).toEqual(applied(changes));
      expect([contents.revision, contents.problem]).toEqual([changes.length, ""]);
    });

    test("a removed record of any kind is gone, and the others stay", async () => {
      const store = open();
      await mustLoad(store);
      const puts = logged(0, [...onePutOfEach("a"), ...onePutOfEach("b")]);
      const removes = logged(puts.length, oneRemoveOfEach("a"));
      await mustCommit(store, puts);
      await mustCommit(store, removes);
      const contents = await reopen(store);
      expect(sorted(contents.records)).toEqual(applied([...puts, ...removes]));
      expect(contents).toMatchObject({ revision: 3 * KINDS, problem: "" });
    });

    test("the last of several changes of one record in one batch counts", async () => {
      const store = open();
      await mustLoad(store);
      const changes = [...taskPut(0, "x"), ...taskPut(1, "x"), ...taskPut(2, "y")];
      const removed = logged(3, [{ kind: "task.remove", taskId: "y" }]);
      const back = taskPut(4, "y");
      await mustCommit(store, [...changes, ...removed, ...back, ...logged(5, [{ kind: "task.remove", taskId: "z" }])]);
      const contents = await reopen(store);
      expect(sorted(contents.records)).toEqual(applied([...changes, ...removed, ...back]));
      expect(contents.problem).toBe("");
    });

    test("a key that is no well-formed text does not upset the digest", async () => {
      const store = open();
      await mustLoad(store);
      await mustCommit(store, logged(0, [{ kind: "request.put", request: sampleRequest("user/\ud800") }]));
      expect(await reopen(store)).toMatchObject({ revision: 1, problem: "", records: [{ kind: "request.put" }] });
    });

    testOf("order")("a batch that does not follow the newest revision fails and leaves no trace", async () => {
      const store = open();
      await mustLoad(store);
      await mustCommit(store, taskPut(0));
      const outcomes: CommitOutcome[] = [];
      for (const changes of [taskPut(0), taskPut(2), [...taskPut(1), ...taskPut(3)]])
        outcomes.push(await store.commit({ changes }));
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(["failed", "failed", "failed"]);
      await mustCommit(store, taskPut(1));
      expect(await reopen(store)).toMatchObject({ revision: 2, problem: "" });
    });

    test("an empty batch is committed and changes nothing", async () => {
      const store = open();
      await mustLoad(store);
      await mustCommit(store, []);
      expect(await reopen(store)).toMatchObject({ revision: 0, records: [] });
    });

    testOf("closing")(
      "before the first load and after the close a commit fails and the log is not to be had",
      async () => {
        const store = open();
        const before = [(await store.commit({ changes: taskPut(0) })).kind, await store.log(0, 10)];
        await mustLoad(store);
        await store.close();
        const after = [(await store.commit({ changes: taskPut(0) })).kind, await store.log(0, 10)];
        expect([before, after]).toEqual([
          ["failed", null],
          ["failed", null],
        ]);
        expect((await mustLoad(store)).revision).toBe(0);
      },
    );

    testOf("overlap")("commits that overlap are all kept, in order", async () => {
      const store = open();
      await mustLoad(store);
      const all = Array.from({ length: 50 }, (_, index) => taskPut(index, `t${index % 7}`));
      const outcomes = await Promise.all(all.map((changes) => store.commit({ changes })));
      expect(outcomes.every((outcome) => outcome.kind === "committed")).toBe(true);
      const contents = await reopen(store);
      expect(sorted(contents.records)).toEqual(applied(all.flat()));
      expect(contents).toMatchObject({ revision: 50, problem: "" });
    });

    testOf("log")("the log gives every change back as it was committed, in order and in pages", async () => {
      const store = open();
      await mustLoad(store);
      const changes = logged(0, [...onePutOfEach("a"), ...oneRemoveOfEach("a")]);
      await mustCommit(store, changes.slice(0, 5));
      await mustCommit(store, changes.slice(5));
      expect(await store.log(0, 100)).toEqual(changes);
      expect(await store.log(3, 4)).toEqual(changes.slice(3, 7));
      expect(await store.log(2 * KINDS, 4)).toEqual([]);
      await store.close();
      const again = open();
      await mustLoad(again);
      expect(await again.log(0, 100)).toEqual(changes);
    });

    testOf("log")(
      "the log lets go of what is older than an hour, a bounded number with each commit, and says so",
      async () => {
        const store = open();
        await mustLoad(store);
        let revision = 0;
        const commit = async (count: number): Promise<void> => {
          const change: Change = { kind: "request.put", request: sampleRequest("one") };
          await mustCommit(store, logged(revision, Array(count).fill(change), nowMs));
          revision += count;
        };
        await commit(2_500);
        nowMs += HOUR_MS + 1;
        await commit(1);
        const afterOne = [await store.log(0, 1), (await store.log(64, 1))?.length];
        for (let more = 0; more < 4; more += 1) await commit(500);
        const afterMany = [await store.log(1_999, 1), (await store.log(2_000, 5_000))?.length];
        expect([afterOne, afterMany]).toEqual([
          [null, 1],
          [null, revision - 2_000],
        ]);
        const contents = await reopen(store);
        expect(contents).toMatchObject({ revision, problem: "" });
        const again = opened.at(-1);
        expect([await again?.log(1_999, 1), (await again?.log(2_000, 5_000))?.length]).toEqual([
          null,
          revision - 2_000,
        ]);
      },
    );

    testOf("log")("the age of the log's entries is still known after an opening", async () => {
      const store = open();
      await mustLoad(store);
      const change: Change = { kind: "request.put", request: sampleRequest("one") };
      await mustCommit(store, logged(0, Array(1_500).fill(change), nowMs));
      await store.close();
      nowMs += HOUR_MS + 1;
      const again = open();
      await mustLoad(again);
      await mustCommit(again, logged(1_500, Array(600).fill(change), nowMs));
      expect([await again.log(999, 1), (await again.log(1_000, 5_000))?.length]).toEqual([null, 1_100]);
    });

    test("whatever is put and removed in whatever batches, an opening finds exactly that", async () => {
      const step = fc.record({
        id: fc.constantFrom("a", "b", "c"),
        kind: fc.nat(2 * KINDS - 1),
        newBatch: fc.boolean(),
      });
      const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const own = makeBed();
        const store = own.open(() => nowMs);
        await mustLoad(store);
        const changes = steps.flatMap(({ id, kind }, index) => {
          const choice = [...onePutOfEach(id), ...oneRemoveOfEach(id)][kind];
          return choice === undefined ? [] : logged(index, [choice]);
        });
        let from = 0;
        for (const [index, { newBatch }] of steps.entries()) {
          if (!newBatch && index + 1 < steps.length) continue;
          await mustCommit(store, changes.slice(from, index + 1));
          from = index + 1;
        }
        const contents = await mustLoad(store);
        await store.close();
        await own.dispose();
        expect(sorted(contents.records)).toEqual(applied(changes));
        expect(contents).toMatchObject({ revision: changes.length, problem: "" });
      });
      await fc.assert(property, { numRuns: 30 });
    });
  });
}
