import { expect, test } from "bun:test";
import { type Column, renderTable } from "../../src/cli/table.ts";

const COLUMNS: readonly Column[] = [
  { title: "NAME", shrink: 6 },
  { title: "SCORE", align: "right" },
  { title: "WHY", shrink: 5 },
];

test("cli/table: columns are as wide as their widest cell, and no line ends in spaces", () => {
  const rows = [
    ["a", "10.5", ""],
    ["longer", "2", "fits"],
  ];
  expect(renderTable(COLUMNS, rows, { width: null })).toBe(
    ["NAME     SCORE   WHY", "a         10.5", "longer       2   fits", ""].join("\n"),
  );
});

test("cli/table: a table without rows is its head", () => {
  expect(renderTable(COLUMNS, [], { width: null })).toBe("NAME   SCORE   WHY\n");
});

test("cli/table: on a narrow terminal the widest column that may shrink is cut, and only so far", () => {
  const rows = [["a-very-long-name", "1", "because of something long"]];
  expect(renderTable(COLUMNS, rows, { width: 30 })).toBe(
    ["NAME        SCORE   WHY", "a-very-l…       1   because o…", ""].join("\n"),
  );
  expect(renderTable(COLUMNS, rows, { width: 5 })).toBe(
    ["NAME     SCORE   WHY", "a-ver…       1   beca…", ""].join("\n"),
  );
});

test("cli/table: without a terminal nothing is cut", () => {
  const name = "x".repeat(300);
  expect(renderTable([{ title: "NAME", shrink: 6 }], [[name]], { width: null })).toBe(`NAME\n${name}\n`);
});

test("cli/table: what would steer the terminal never gets into a cell", () => {
  const rows = [["\u001b[2Jnode\u001b]0;title\u0007", "1\r\n2", "a\u202eb\u200bc\u009b31md"]];
  expect(renderTable(COLUMNS, rows, { width: null })).toBe(
    ["NAME   SCORE   WHY", "node     1 2   abcd", ""].join("\n"),
  );
});

test("cli/table: wide characters count for two cells", () => {
  expect(
    renderTable(
      [{ title: "N" }, { title: "X" }],
      [
        ["日本", "1"],
        ["a", "2"],
      ],
      { width: null },
    ),
  ).toBe(["N      X", "日本   1", "a      2", ""].join("\n"));
});

test("cli/table: only the head stands out", () => {
  expect(renderTable([{ title: "N" }], [["a"]], { width: null, bold: (text) => `<${text}>` })).toBe("<N>\na\n");
});
