// What is said to be missing is missing, and what is not said to be missing is there: a checker for every invariant, a mark for every name of the list.
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKERS } from "../../src/sim/checks.ts";
import { MARKS } from "../../src/sim/coverage.ts";
import { NOT_YET, type Sign } from "../../src/sim/not-yet.ts";

const ROOT = join(import.meta.dir, "../..");

/** Invariants that the run itself demands of a cluster, or that only a comparison of two runs shows (checks-wall.test.ts). */
const ELSEWHERE = ["L1", "L6", "S22"];

function isThere({ file, text }: Sign): boolean {
  const path = join(ROOT, file);
  return existsSync(path) && (text === undefined || readFileSync(path, "utf8").includes(text));
}

describe("what the simulator cannot do yet:", () => {
  test("nothing stands there although its feature exists", () => {
    expect(NOT_YET.filter(({ sign }) => isThere(sign)).map(({ id }) => id)).toEqual([]);
  });

  test("every invariant has its checker, or stands there", () => {
    const known = new Set([...CHECKERS.map(({ id }) => id), ...ELSEWHERE, ...NOT_YET.map(({ id }) => id)]);
    const all = [
      ...Array.from({ length: 25 }, (_, i) => `S${i + 1}`),
      ...Array.from({ length: 7 }, (_, i) => `L${i + 1}`),
    ];
    expect(all.filter((id) => !known.has(id))).toEqual([]);
  });

  test("no invariant has its checker and stands there too", () => {
    const both = NOT_YET.filter(({ id }) => CHECKERS.some((checker) => checker.id === id));
    expect(both).toEqual([]);
  });

  test("every mark of the specification is listed, and each that came since", () => {
    expect(MARKS).toEqual([
      "adopt-after-lost-create-reply",
      "409-name-conflict",
      "kill-then-zombie",
      "reconnect-with-longer-history",
      "stale-term-refused",
      "amnesia-refused",
      "duplicate-submit-deduped",
      "replacement-then-original-returns",
      "update-paused-by-unrelated-failure",
      "rollback",
      "progress-deadline",
      "drain-deadline",
      "budget-spent→reschedule",
      "store-gap→read-only",
      "watch-gap→resync",
      "slow-consumer-dropped",
      "capacity-shrink",
      "clock-step",
      "store-gone-back-refused",
      "strayed-store-refused",
    ]);
  });
});
