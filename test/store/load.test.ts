// Loading over a fake engine: what no real disk does on demand.
import { describe, expect, test } from "bun:test";
import type { CommitOutcome } from "../../src/manager/ports.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { RowStore } from "../../src/store/row-store.ts";
import type { Rows } from "../../src/store/rows-port.ts";
import { mustCommit, mustLoad } from "../contract/store.ts";
import { applied, logged, onePutOfEach, SAMPLE_MS, sampleJob, sorted, taskPut } from "./sample.ts";

const nowMs = (): number => SAMPLE_MS;
/** Revision of a store that holds one record of every kind. */
const FILLED = onePutOfEach("a").length;

/** Rows as they are on "disk" after these commits. */
async function filled(): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  const store = createMemoryStore({ nowMs, rows });
  await mustLoad(store);
  await mustCommit(store, logged(0, onePutOfEach("a")));
  return rows;
}

describe("store load:", () => {
  test("a term that cannot be made durable leaves the contents readable, with a problem, and the next load tries again", async () => {
    const disk = await filled();
    let full = true;
    const fake: Rows = {
      fresh: false,
      lineage: "",
      notice: "",
      acked: () => 0,
      noteAcked: () => undefined,
      getMany: async (keys) => keys.map((key) => disk.get(key)),
      async *scan({ gte, lt }) {
        yield [...disk].filter(([key]) => key >= gte && key < lt);
      },
      write: async (): Promise<CommitOutcome> =>
        full ? { kind: "unknown", reason: "No space left on device" } : { kind: "committed" },
      noteLineage: async () => undefined,
      close: async () => undefined,
    };
    const open = async () => ({ ok: true as const, value: fake });
    const store = new RowStore({ name: "fake", open, repair: open }, { nowMs });
    const first = await mustLoad(store);
    expect(first.problem).toContain("takes no writes: No space left on device");
    expect([first.records.length, (await store.commit({ changes: taskPut(FILLED) })).kind]).toEqual([FILLED, "failed"]);
    full = false;
    expect((await mustLoad(store)).problem).toBe("");
  });

  test("an engine that throws is a failure to retry, and a change that cannot be encoded fails alone", async () => {
    const broken = {
      name: "fake",
      open: () => Promise.reject(new Error("EIO")),
      repair: () => Promise.reject(new Error("EIO")),
    };
    expect(await new RowStore(broken, { nowMs }).load()).toMatchObject({ ok: false, failure: { kind: "transient" } });
    const store = createMemoryStore({ nowMs });
    await mustLoad(store);
    const loop: { self?: unknown } = {};
    loop.self = loop;
    const bad = logged(0, [{ kind: "job.put", job: { ...sampleJob("a"), ...loop } }]);
    expect((await store.commit({ changes: bad })).kind).toBe("failed");
    await mustCommit(store, taskPut(0));
  });

  test("a store that is made anew at each start begins with the term it is given, and rises from there", async () => {
    const rows = new Map<string, string>();
    const load = () => mustLoad(createMemoryStore({ nowMs, rows, firstTerm: 1_795_000_000 }));
    expect([(await load()).term, (await load()).term]).toEqual([1_795_000_000, 1_795_000_001]);
  });

  const damages: Record<string, (rows: Map<string, string>) => void> = {
    "a lost row": (rows) => rows.delete("job/a"),
    "an altered row": (rows) => rows.set("job/a", (rows.get("job/a") ?? "").replace("web-a", "web-b")),
    "an old row in place of a newer one": (rows) =>
      rows.set("task/a-0-1", (rows.get("task/a-0-1") ?? "").replace("running", "pulling")),
    "a row too many": (rows) => rows.set("task/other", rows.get("task/a-0-1") ?? ""),
    "two rows with their values exchanged": (rows) => {
      rows.set("node/x", rows.get("job/a") ?? "");
      rows.delete("job/a");
    },
    "a lost head": (rows) => rows.delete("meta/head"),
    "an unreadable head": (rows) => rows.set("meta/head", "{"),
    "a row that is no record": (rows) => rows.set("strange/row", "{}"),
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`${name} is a problem at every opening, until the loss is accepted`, async () => {
      const rows = await filled();
      damage(rows);
      const problems = [];
      for (let opening = 0; opening < 2; opening += 1) {
        const store = createMemoryStore({ nowMs, rows });
        problems.push((await mustLoad(store)).problem);
        expect((await store.commit({ changes: taskPut(FILLED) })).kind).toBe("failed");
      }
      expect(problems.every((problem) => problem.includes("is damaged"))).toBe(true);
      const accepting = createMemoryStore({ nowMs, rows, acceptLoss: true });
      const accepted = await mustLoad(accepting);
      expect(accepted).toMatchObject({ problem: "", revision: FILLED });
      await mustCommit(accepting, taskPut(FILLED));
      expect(await mustLoad(createMemoryStore({ nowMs, rows }))).toMatchObject({ problem: "", revision: FILLED + 1 });
    });
  }

  test("an older owner of the same rows is fenced once a newer one has loaded them", async () => {
    const rows = await filled();
    const [older, newer] = [createMemoryStore({ nowMs, rows }), createMemoryStore({ nowMs, rows })];
    await mustLoad(older);
    await mustLoad(newer);
    expect((await older.commit({ changes: taskPut(FILLED) })).kind).toBe("fenced");
    await mustCommit(newer, taskPut(FILLED));
    const contents = await mustLoad(createMemoryStore({ nowMs, rows }));
    expect(sorted(contents.records)).toEqual(applied([...logged(0, onePutOfEach("a")), ...taskPut(FILLED)]));
  });
});
