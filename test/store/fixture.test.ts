// The data directories that earlier versions left: every version must open them, find everything, and go on.
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { LoggedChange } from "../../src/core/change.ts";
import { prepareDataDir } from "../../src/store/data-dir.ts";
import { openJournal } from "../../src/store/journal.ts";
import { openLevelStore } from "../../src/store/level.ts";
import { STORE_FORMAT } from "../../src/store/migrate.ts";
import type { JournalRecord } from "../../src/worker/effects.ts";
import { mustCommit, mustLoad } from "../contract/store.ts";
import { FIXTURE_JOURNAL } from "./fixture-content.ts";
import { applied, SAMPLE_MS, sorted, taskPut } from "./sample.ts";

const FIXTURES = resolve(import.meta.dir, "../fixtures");

// What was written then, as it was then: made beside the fixture, so that it does not change with today's records.
const expected: { readonly batches: readonly LoggedChange[][]; readonly journal: readonly JournalRecord[] } =
  JSON.parse(readFileSync(join(FIXTURES, "data-v1.json"), "utf8"));

describe("data directory of format 1:", () => {
  const changes = expected.batches.flat();
  const last = changes.length;

  test("everything in it is found, with its history, and it can be written to", async () => {
    const directory = mkdtempSync(join(tmpdir(), "cube-fixture-"));
    await cp(join(FIXTURES, "data-v1"), directory, { recursive: true });
    // Git keeps no such modes, and a checkout may be group-writable.
    chmodSync(directory, 0o700);
    expect(prepareDataDir(directory)).toMatchObject({ ok: true });
    const store = openLevelStore({ directory, nowMs: () => SAMPLE_MS });
    const contents = await mustLoad(store);
    expect(sorted(contents.records)).toEqual(applied(changes));
    expect(contents).toMatchObject({ term: 3, revision: last, problem: "", notice: "" });
    expect(await store.log(0, 1_000)).toEqual(changes);
    await mustCommit(store, taskPut(last));
    expect((await mustLoad(store)).revision).toBe(last + 1);
    await store.close();
    rmSync(directory, { recursive: true });
  });

  test("the worker's journal in it is found, and can be written to", async () => {
    const directory = mkdtempSync(join(tmpdir(), "cube-fixture-"));
    const file = join(directory, FIXTURE_JOURNAL);
    await cp(join(FIXTURES, "data-v1", FIXTURE_JOURNAL), file);
    const journal = await openJournal(file);
    if (!journal.ok) throw new Error(journal.failure.message);
    expect(await journal.value.load()).toEqual({ records: expected.journal, problem: "" });
    await journal.value.append(expected.journal);
    expect((await journal.value.load()).records).toEqual([...expected.journal, ...expected.journal]);
    await journal.value.close();
    rmSync(directory, { recursive: true });
  });

  test("there is a fixture for every format up to today's", () => {
    const wanted = Array.from({ length: STORE_FORMAT }, (_, index) => `data-v${index + 1}`);
    expect(
      readdirSync(FIXTURES)
        .filter((name) => /^data-v\d+$/.test(name))
        .sort(),
    ).toEqual(wanted);
  });
});
