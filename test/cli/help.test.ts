import { expect, test } from "bun:test";
import type { CommandSpec } from "../../src/cli/command-spec.ts";
import { ROOT } from "../../src/cli/commands/root.ts";
import { helpText } from "../../src/cli/help.ts";
import { optionsOf } from "../../src/cli/program.ts";
import { FakeShell } from "./fake-shell.ts";

function all(spec: CommandSpec, path: string): { spec: CommandSpec; path: string }[] {
  return [{ spec, path }, ...(spec.children ?? []).flatMap((child) => all(child, `${path} ${child.name}`))];
}

const COMMANDS = all(ROOT, "cube").filter(({ spec }) => spec.hidden !== true);

test("cli/help: every command's help fits a screen of 80 by 24 with a prompt below it", () => {
  const tooLarge = COMMANDS.flatMap(({ spec, path }) => {
    const lines = helpText(spec, path).trimEnd().split("\n");
    const wide = lines.filter((line) => line.length > 79);
    return lines.length > 23 || wide.length > 0 ? [{ path, lines: lines.length, wide }] : [];
  });
  expect(tooLarge).toEqual([]);
});

test("cli/help: every command is named in the help of the one above it", () => {
  const unnamed = COMMANDS.flatMap(({ spec, path }) => {
    const text = helpText(spec, path);
    const names = (spec.children ?? []).filter((child) => child.hidden !== true).map(({ name }) => name);
    return names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)).map((name) => `${path}: ${name}`);
  });
  expect(unnamed).toEqual([]);
});

test("cli/help: every option that is not hidden is in its command's help", () => {
  const missing = COMMANDS.flatMap(({ spec, path }) => {
    const text = helpText(spec, path);
    const shown = optionsOf(spec).filter((option) => option.hidden !== true);
    return shown
      .map(({ flags }) => flags.replace(/[<>]/g, ""))
      .filter((flags) => !text.includes(flags))
      .map((flags) => `${path} ${flags}`);
  });
  expect(missing).toEqual([]);
});

test("cli/help: --help, -h and the help command show the same text and exit with 0", async () => {
  using shell = new FakeShell();
  const outcomes = [
    await shell.run("node", "cordon", "--help"),
    await shell.run("node", "cordon", "-h"),
    await shell.run("help", "node", "cordon"),
  ];
  expect(outcomes).toEqual(
    [0, 1, 2].map(() => ({
      code: 0,
      out: helpText(COMMANDS.find(({ path }) => path === "cube node cordon")?.spec as CommandSpec, "cube node cordon"),
      err: "",
    })),
  );
});

test("cli/help: where the book's defaults are unsafe the help says how ours differ", async () => {
  using shell = new FakeShell();
  const [manager, worker] = [await shell.run("manager", "--help"), await shell.run("worker", "--help")];
  expect(
    [manager.out, worker.out].map((text) => text.includes("the book listens on 0.0.0.0 and keeps its state in memory")),
  ).toEqual([true, true]);
});
