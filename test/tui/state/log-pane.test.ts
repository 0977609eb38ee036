import { describe, expect, test } from "bun:test";
import {
  addLines,
  findNext,
  hits,
  LINES_KEPT,
  type LogRow,
  openLog,
  scrollLog,
  visibleRows,
} from "../../../src/tui/state/log-pane.ts";

const size = { width: 20, rows: 5 };
const lines = (count: number, from = 0): LogRow[] =>
  Array.from({ length: count }, (_, i) => ({ stream: "stdout", atMs: 0, text: `line ${from + i}` }));
const log = (count: number) => addLines(openLog("t", "web"), lines(count));
const texts = (pane: ReturnType<typeof log>): string[] => visibleRows(pane, size).map((row) => row.text);

describe("log pane", () => {
  test("follows the end until someone scrolls up, and again from the end on", () => {
    const following = log(20);
    expect(texts(following)).toEqual(["line 15", "line 16", "line 17", "line 18", "line 19"]);
    const still = scrollLog(following, -3, size);
    expect(texts(addLines(still, lines(5, 20)))).toEqual(["line 12", "line 13", "line 14", "line 15", "line 16"]);
    expect(scrollLog(still, 1000, size).follow).toBe(true);
  });

  test("drops the oldest lines at its bound, counts them, and keeps in view what is read", () => {
    const still = { ...scrollLog(log(LINES_KEPT), -100, size) };
    const more = addLines(still, lines(50, LINES_KEPT));
    expect([more.lines.length, more.dropped]).toEqual([LINES_KEPT, 50]);
    expect(texts(more)).toEqual(texts(still));
  });

  test("wraps long lines, and cuts them from a column on when asked to", () => {
    const long = addLines(openLog("t", "web"), [{ stream: "stdout", atMs: 0, text: "a".repeat(25) + "b".repeat(20) }]);
    expect(texts(long)).toEqual(["a".repeat(20), `${"a".repeat(5)}${"b".repeat(15)}`, "b".repeat(5)]);
    expect(texts({ ...long, wrap: false, left: 24 })).toEqual([`a${"b".repeat(20)}`]);
  });

  test("finds a text in both directions, around the ends, and says when there is none", () => {
    const searching = { ...log(30), search: "line 1" };
    expect(hits(searching)).toBe(11);
    const last = findNext(searching, -1, size);
    expect([last.found, last.pane.top]).toEqual([true, 19]);
    expect(findNext(last.pane, 1, size).pane.top).toBe(1);
    expect(findNext({ ...searching, search: "nothing" }, 1, size).found).toBe(false);
  });

  test("stays quick with the longest lines: only rows in view are wrapped", () => {
    const row: LogRow = { stream: "stdout", atMs: 0, text: "x".repeat(8000) };
    const pane = addLines(
      openLog("t", "web"),
      Array.from({ length: LINES_KEPT }, () => row),
    );
    const begin = performance.now();
    for (let i = 0; i < 20; i++) visibleRows(pane, { width: 100, rows: 40 });
    expect((performance.now() - begin) / 20).toBeLessThan(50);
  });
});
