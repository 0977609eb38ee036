import { expect, test } from "bun:test";
import { parseCpus, parseDuration, parseSize } from "../../src/core/quantities.ts";

test("core/quantities: units are those that people know from docker run", () => {
  expect(["512m", "1g", "1.5GiB", "64KB", "7", "1b", ".5k", 9].map(parseSize)).toEqual([
    512 << 20,
    1 << 30,
    1.5 * 2 ** 30,
    65_536,
    7,
    1,
    512,
    9,
  ]);
  expect(["", "-1", "1x", "1e3", "m", -1, 1.5, Number.NaN, 2 ** 53, "9999999t"].map(parseSize)).toEqual(
    Array(10).fill(undefined),
  );
  expect(["10s", "1m30s", "250ms", "1.5h", 5].map(parseDuration)).toEqual([10_000, 90_000, 250, 5_400_000, 5]);
  expect(["", "10", "s", "-1s", "1 s", -5].map(parseDuration)).toEqual(Array(6).fill(undefined));
  expect([0.5, "2", 0, 0.001].map(parseCpus)).toEqual([500, 2_000, 0, 1]);
  expect([0.0001, -1, Number.NaN, Number.POSITIVE_INFINITY, "x", ""].map(parseCpus)).toEqual(Array(6).fill(undefined));
});
