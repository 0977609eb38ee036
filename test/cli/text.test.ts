import { expect, test } from "bun:test";
import { clean, cleanLine, jsonText } from "../../src/cli/text.ts";

test("cli/text: control sequences go as a whole, whatever they were for", () => {
  const hostile = [
    "\u001b[31mred\u001b[0m",
    "\u001b]52;c;c3RlYWw=\u0007clip",
    "\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\",
    "\u001bP$qm\u001b\\dcs",
    "\u001bcreset",
    "\u009b2Jc1",
    "bell\u0007back\b",
  ];
  expect(hostile.map(clean)).toEqual(["red", "clip", "link", "dcs", "reset", "c1", "bellback"]);
});

test("cli/text: line ends and tabs become one space, ordinary text of any language stays", () => {
  expect(clean("a\r\n\tb ñ 日本 ✓")).toBe("a b ñ 日本 ✓");
});

test("cli/text: a line of output keeps its tabs, and of a progress bar what was written last", () => {
  expect(["a\tb", "10%\r50%\r100%", "dos\r"].map(cleanLine)).toEqual(["a\tb", "100%", "dos"]);
});

test("cli/text: JSON loses nothing and still steers no terminal", () => {
  const value = { name: "a\u009b31m\u202e\u001b[0m", list: [1, null] };
  const text = jsonText(value);
  expect(JSON.parse(text)).toEqual(value);
  expect(text).toBe('{\n  "name": "a\\u009b31m\\u202e\\u001b[0m",\n  "list": [\n    1,\n    null\n  ]\n}');
});
