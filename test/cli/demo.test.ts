import { describe, expect, test } from "bun:test";
import { FakeShell } from "./fake-shell.ts";

describe("cli: demo", () => {
  test("cli: demo: twelve nodes, the first seed and our own speed, unless other figures are given", async () => {
    using shell = new FakeShell();
    await shell.run("demo");
    await shell.run("demo", "--nodes", "5", "--seed", "9", "--speed", "60");
    expect(shell.roles).toEqual(["demo 12 1 1", "demo 5 9 60"]);
  });

  test("cli: demo: figures that make no sense are refused with the range", async () => {
    using shell = new FakeShell();
    for (const [flag, value] of [
      ["--nodes", "101"],
      ["--speed", "0"],
      ["--speed", "1.5"],
      ["--seed", "-1"],
    ] as const) {
      const { code, err } = await shell.run("demo", `${flag}=${value}`);
      expect([code, err.includes(`${flag} takes a whole number from`)]).toEqual([2, true]);
    }
    expect(shell.roles).toEqual([]);
  });
});
