import { describe, expect, test } from "bun:test";
import blessed from "blessed";
import fc from "fast-check";
import { cut, fit, safe, safeLines, safeRecord, width, wrap } from "../../../src/tui/terminal/text.ts";

const screenWidth = (text: string): number =>
  (blessed as unknown as { unicode: { strWidth(text: string): number } }).unicode.strWidth(text);

describe("text", () => {
  test("keeps plain text, accents, boxes and Chinese as they are", () => {
    expect(safe("web-1 Zürich ─│█░ 中文")).toBe("web-1 Zürich ─│█░ 中文");
  });

  test("takes out control sequences, titles, direction marks and zero-width characters", () => {
    expect(safe("\x1b[2J\x1b[31mred\x1b[0m\x1b]0;title\x07 a\u202eb\u200bc\x07")).toBe("red abc");
  });

  test("makes one sign of an emoji, however many code points it has", () => {
    expect(safe("a🚀b")).toBe("a·b");
    expect(safe("a👨‍👩‍👧b")).toBe("a·b");
    expect(safe("a👍🏽b")).toBe("a·b");
    expect(safe("ok✅")).toBe("ok·");
  });

  test("makes a blank of a tab and of a line's end", () => {
    expect(safe("a\tb\nc")).toBe("a b c");
  });

  test("keeps what a progress bar wrote last, and splits lines", () => {
    expect(safeLines("10%\r20%\r\nnext\tcolumn")).toEqual(["20%", "next  column"]);
  });

  test("cleans every string of a record, keys too", () => {
    expect(safeRecord<unknown>({ name: "a\x1b[31mb", list: ["🚀"], "k\u200b": 1, none: null })).toEqual({
      name: "ab",
      list: ["·"],
      k: 1,
      none: null,
    });
  });

  test("leaves no character that blessed would count otherwise", () => {
    const isCountedAlike = (clean: string): boolean => screenWidth(clean) === width(clean);
    const codes = Array.from({ length: 0x110000 }, (_, code) => code).filter((code) => code < 0xd800 || code > 0xdfff);
    expect(codes.filter((code) => !isCountedAlike(safe(String.fromCodePoint(code))))).toEqual([]);
  });

  test("leaves nothing that blessed would count otherwise, whatever the input", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text: string) => {
        const clean = safe(text);
        expect(screenWidth(clean)).toBe(width(clean));
        expect(clean).toBe(safe(clean));
      }),
      { numRuns: 3000 },
    );
  });

  test("fills and cuts to exactly the cells asked for, wide characters too", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "é", "中", "·", " ") }), fc.nat(30), (text, cells) => {
        expect(width(fit(text, cells))).toBe(cells);
        expect(width(cut(text, cells))).toBeLessThanOrEqual(cells);
      }),
    );
  });

  test("marks a cut by an ellipsis", () => {
    expect([cut("abcdef", 4), cut("中文字", 4), fit("ab", 4, "right")]).toEqual(["abc…", "中…", "  ab"]);
  });

  test("wraps at words and breaks only what is longer than a line", () => {
    expect(wrap("lacks 512 MiB memory", 9)).toEqual(["lacks 512", "MiB", "memory"]);
    expect(wrap("abcdefghij kl", 4)).toEqual(["abcd", "efgh", "ij", "kl"]);
  });
});
