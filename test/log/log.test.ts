import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, formatLine, MAX_LINE_BYTES } from "../../src/log/log.ts";

const NOW_MS = Date.UTC(2026, 10, 20);
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cube-log-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function lines(file: string): unknown[] {
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("log: a line is one JSON object with time, level, message and fields; lower levels are dropped", () => {
  using log = createLog({ file: join(folder, "deep", "cube.log"), level: "info", nowMs: () => NOW_MS });
  log.debug("unseen");
  log.info("one\ntwo", { taskId: "t", level: "mine", size: 12n });
  log.warn("warned");
  log.error("broken", { error: new Error("outer", { cause: new TypeError("inner") }) });
  const at = "2026-11-20T00:00:00.000Z";
  expect(lines(log.file)).toEqual([
    { at, level: "info", message: "one\ntwo", taskId: "t", size: "12" },
    { at, level: "warn", message: "warned" },
    {
      at,
      level: "error",
      message: "broken",
      error: {
        name: "Error",
        message: "outer",
        stack: expect.stringContaining("outer"),
        cause: { name: "TypeError", message: "inner", stack: expect.stringContaining("inner") },
      },
    },
  ]);
});

test("log: only its owner can read it, whatever it was before", () => {
  const file = join(folder, "cube.log");
  writeFileSync(file, "");
  chmodSync(file, 0o644);
  using log = createLog({ file, level: "info" });
  log.info("x");
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("log: it goes on behind what an earlier run wrote", () => {
  const file = join(folder, "cube.log");
  for (const message of ["first", "second"]) {
    using log = createLog({ file, level: "info", nowMs: () => NOW_MS });
    log.info(message);
  }
  expect(lines(file).map((line) => (line as { message: string }).message)).toEqual(["first", "second"]);
});

test("log: file and the one before it keep to the bound, and both hold whole lines", () => {
  using log = createLog({ file: join(folder, "cube.log"), level: "info", maxBytes: 1_000, nowMs: () => NOW_MS });
  for (let number = 0; number < 100; number++) log.info("a line", { number });
  const [now, before] = [lines(log.file), lines(`${log.file}.1`)] as { number: number }[][];
  const numbers = [...(before ?? []), ...(now ?? [])].map(({ number }) => number);
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => 100 - numbers.length + index));
  expect([
    statSync(log.file).size <= 1_000,
    statSync(`${log.file}.1`).size <= 1_000,
    existsSync(`${log.file}.2`),
  ]).toEqual([true, true, false]);
});

test("log: a line has a bound, and what cannot be written as JSON does no harm", () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const long = formatLine({ atMs: NOW_MS, level: "info", message: "\u0001".repeat(100_000), fields: { a: 1 } });
  const odd = formatLine({ atMs: NOW_MS, level: "info", message: "odd", fields: { circle } });
  expect([
    Buffer.byteLength(long) <= MAX_LINE_BYTES,
    JSON.parse(long).cut,
    JSON.parse(odd).message,
    typeof JSON.parse(odd).unwritable,
  ]).toEqual([true, true, "odd", "string"]);
});

test("log: a file that cannot be written stops nobody, says why, and is written again once it can be", () => {
  const file = join(folder, "cube.log");
  mkdirSync(file);
  using log = createLog({ file, level: "info" });
  log.error("lost");
  const { problem } = log;
  rmSync(file, { recursive: true });
  log.error("kept");
  expect([problem.includes("EISDIR"), log.problem, lines(file).length]).toEqual([true, "", 1]);
});
