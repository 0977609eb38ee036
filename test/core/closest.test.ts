import { expect, test } from "bun:test";
import { closest, didYouMean, editDistance } from "../../src/core/closest.ts";

test("core/closest: a swap of neighbours counts once", () => {
  expect([editDistance("prot", "port"), editDistance("", "abc"), editDistance("kitten", "sitting")]).toEqual([1, 3, 3]);
});

test("core/closest: a suggestion is near, whatever its case, or there is none", () => {
  const words = ["memory", "image", "restart", "env", "port"];
  const typed = ["memmory", "imgae", "RESTART", "prot", "en", "volumes", "zzzz", "x", ""];
  expect(typed.map((word) => closest(word, words))).toEqual([
    "memory",
    "image",
    "restart",
    "port",
    "env",
    null,
    null,
    null,
    null,
  ]);
  expect([closest("a", ["xy"]), closest("a", ["b"])]).toEqual([null, null]);
});

test("core/closest: a suggestion is a question, and none is silence", () => {
  expect([didYouMean("imgae", ["image"]), didYouMean("volumes", ["image"])]).toEqual(['did you mean "image"?', ""]);
});
