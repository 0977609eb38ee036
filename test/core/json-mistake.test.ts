import { expect, test } from "bun:test";
import fc from "fast-check";
import { findJsonMistake } from "../../src/core/json-mistake.ts";

function place(text: string): string {
  const mistake = findJsonMistake(text);
  return mistake === null ? "ok" : `${mistake.line}:${mistake.column} ${mistake.expected}`;
}

test("json mistake: the first mistake is found with line and column", () => {
  const texts = [
    '{"a": 1,}',
    '{"a" 1}',
    "{a: 1}",
    "[1 2]",
    "[1",
    '{"a": tru}',
    '"open\n"',
    "[01]",
    "{} x",
    '\n\n  {"é": ?}',
    '["\\x"]',
  ];
  expect(texts.map(place)).toEqual([
    "1:9 a key in double quotes",
    '1:6 ":"',
    "1:2 a key in double quotes",
    '1:4 "," or "]"',
    '1:3 "," or "]"',
    "1:7 a value",
    "1:1 a string that ends on its line, with valid escapes",
    '1:3 "," or "]"',
    "1:4 nothing more after the value",
    "3:9 a value",
    "1:2 a string that ends on its line, with valid escapes",
  ]);
});

test("json mistake: whatever is JSON has none", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      expect(place(text)).toBe("ok");
    }),
  );
});

test("json mistake: it calls wrong exactly what the engine cannot read", () => {
  const pieces = fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', "1", "-", "1e5", "null", "true", " ", "\n", '"');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 9 }), (parts) => {
      const text = parts.join("");
      let readable = true;
      try {
        JSON.parse(text);
      } catch {
        readable = false;
      }
      expect([text, findJsonMistake(text) === null]).toEqual([text, readable]);
    }),
    { numRuns: 2_000 },
  );
});

test("json mistake: depth has a bound instead of a crash", () => {
  expect(place("[".repeat(100_000))).toBe("1:201 at most 200 levels");
});

test("json mistake: a string of megabytes is read to its end, and where it does not end its place is told", () => {
  const long = "a\\n".repeat(1_000_000);
  expect(place(`{"a": "${long}"}`)).toBe("ok");
  expect(place(`{"a": "${long}", }`)).toBe(`1:${long.length + 11} a key in double quotes`);
  expect(place(`{"a": "${long}`)).toBe("1:7 a string that ends on its line, with valid escapes");
  expect(place(`{"a":\n"${long}\u0000"}`)).toBe("2:1 a string that ends on its line, with valid escapes");
});
