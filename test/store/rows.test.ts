// The store's small pure parts: rows and their versions, the digest, the bounds of the log.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { digestText, replaceInDigest, rowHash } from "../../src/store/digest.ts";
import { LOG_AGE_MS, LOG_ENTRIES, LogWindow } from "../../src/store/log-window.ts";
import { refuseNewer, upgradeRecord } from "../../src/store/migrate.ts";
import { fromLogValue, fromRow, logValue, rowValue, toRow } from "../../src/store/rows.ts";
import { logged, onePutOfEach, oneRemoveOfEach } from "./sample.ts";

describe("store rows:", () => {
  test("every kind of put comes back from its row, every kind of change from the log", () => {
    for (const change of onePutOfEach("a")) {
      const row = toRow(change);
      expect(fromRow(row.key, rowValue(row.table, row.record ?? ""))).toEqual(change);
    }
    for (const entry of logged(7, [...onePutOfEach("a"), ...oneRemoveOfEach("a")])) {
      expect(fromLogValue(logValue(entry, toRow(entry.change)))).toEqual(entry);
    }
  });

  test("rows that no Cube wrote are refused, whatever they are", () => {
    const values = ["", "null", "[]", "{}", '{"v":1}', '{"v":1,"job":', '{"job":{}}', "garbage"];
    for (const value of values) expect(() => fromRow("job/a", value)).toThrow();
    for (const key of ["", "/", "jobs/a", "job", "meta/head"]) expect(() => fromRow(key, '{"v":1,"job":{}}')).toThrow();
  });
});

describe("store migration:", () => {
  const steps = [
    { from: 1, upgrade: (_: string, record: unknown) => ({ ...(record as object), second: 2 }) },
    { from: 2, upgrade: (table: string, record: unknown) => ({ ...(record as object), third: table }) },
  ];

  test("a record goes through every step from its own format on", () => {
    const upgraded = [1, 2, 3].map((format) => upgradeRecord({ table: "job", format, record: { id: "a" } }, steps));
    expect(upgraded).toEqual([{ id: "a", second: 2, third: "job" }, { id: "a", third: "job" }, { id: "a" }]);
  });

  test("a record newer than the last step is refused", () => {
    expect(() => upgradeRecord({ table: "job", format: 4, record: {} }, steps)).toThrow("format 4");
    expect(() => upgradeRecord({ table: "job", format: 2, record: {} })).toThrow("format 2");
  });

  test("only a newer format is refused, with both numbers and the way out", () => {
    expect([refuseNewer("x", 1, 1), refuseNewer("x", 0, 1)]).toEqual([null, null]);
    expect(refuseNewer("the store", 3, 2)?.message).toMatch(/the store has format 3.*up to format 2.*--data-dir/);
  });
});

describe("store digest:", () => {
  test("it is xxHash64 over UTF-8, so that stores of this format can be verified by every later version", () => {
    expect(digestText(Bun.hash.xxHash64("abc"))).toBe("44bc2cf5ad770999");
    expect(digestText(rowHash("job/a", '{"v":1}'))).toBe("ab29edef40ecf110");
    expect(digestText(rowHash("job/ü", "grüß 👋"))).toBe("01222919d1e8b3b5");
  });

  test("it does not depend on the order of rows or on what was there in between", () => {
    const rows = fc.uniqueArray(fc.tuple(fc.string(), fc.string()), { selector: ([key]) => key });
    fc.assert(
      fc.property(rows, fc.string(), (list, extra) => {
        const sum = (order: typeof list) =>
          order.reduce(
            (digest, [key, value]) => replaceInDigest(digest, { before: 0n, after: rowHash(key, value) }),
            0n,
          );
        const before = rowHash("extra", extra);
        const grown = replaceInDigest(sum(list), { before: 0n, after: before });
        expect(replaceInDigest(grown, { before, after: 0n })).toBe(sum(list.toReversed()));
      }),
    );
  });
});

describe("store log window:", () => {
  test("a million entries are kept and no more, in steps that each commit can bear", () => {
    const window = new LogWindow(1);
    expect(window.keepFrom({ newest: LOG_ENTRIES, changes: 10, nowMs: 0 })).toBe(1);
    expect(window.keepFrom({ newest: LOG_ENTRIES + 5, changes: 10, nowMs: 0 })).toBe(6);
    expect(window.keepFrom({ newest: LOG_ENTRIES + 5_000, changes: 10, nowMs: 0 })).toBe(65);
    expect(window.keepFrom({ newest: LOG_ENTRIES + 5_000, changes: 1_000, nowMs: 0 })).toBe(2_001);
  });

  test("an hour is kept, to the thousand", () => {
    const window = new LogWindow(1);
    for (let revision = 1; revision <= 3_500; revision += 1) window.note(revision, revision);
    const keepAt = (nowMs: number) => window.keepFrom({ newest: 3_500, changes: 10_000, nowMs });
    expect([keepAt(LOG_AGE_MS + 1_000), keepAt(LOG_AGE_MS + 1_001), keepAt(LOG_AGE_MS + 9_999)]).toEqual([
      1, 1_001, 3_001,
    ]);
  });
});
