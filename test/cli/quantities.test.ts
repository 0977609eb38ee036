import { expect, test } from "bun:test";
import { ago, agoWithin, gibibytes, lasting, mebibytes, score } from "../../src/cli/quantities.ts";

test("cli/quantities: times since are in docker's words", () => {
  const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];
  const now = 10 * 365 * day;
  const since = [
    0,
    second,
    59 * second,
    minute,
    2 * minute,
    59 * minute,
    hour,
    3 * hour,
    47 * hour,
    3 * day,
    15 * day,
    70 * day,
    800 * day,
  ];
  expect(since.map((ms) => ago(now - ms, now))).toEqual([
    "Less than a second ago",
    "1 second ago",
    "59 seconds ago",
    "About a minute ago",
    "2 minutes ago",
    "59 minutes ago",
    "About an hour ago",
    "3 hours ago",
    "47 hours ago",
    "3 days ago",
    "2 weeks ago",
    "2 months ago",
    "2 years ago",
  ]);
});

test("cli/quantities: a clock that is behind shows no negative age, and no date is never", () => {
  expect([ago(2_000, 1_000), ago(0, 1_000)]).toEqual(["Less than a second ago", "never"]);
});

test("cli/quantities: sizes are whole binary units, scores have six digits", () => {
  expect([mebibytes(8 * 2 ** 30), gibibytes(1.6 * 2 ** 30), score(0.123456789), score(2)]).toEqual([
    "8192",
    "2",
    "0.123457",
    "2",
  ]);
});

test("cli/quantities: within a sentence a time begins with a small letter, and a duration has no ago", () => {
  expect([agoWithin(1, 2), agoWithin(1, 60_001), lasting(1, 60_001), lasting(1, 1), lasting(0, 5)]).toEqual([
    "less than a second ago",
    "about a minute ago",
    "for about a minute",
    "for less than a second",
    "since ever",
  ]);
});
