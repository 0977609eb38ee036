import { expect, test } from "bun:test";
import { fitOf } from "./ask.ts";
import { Book, type Entry } from "./book.ts";
import type { Fault } from "./fault.ts";
import { Recording } from "./recording.ts";
import { readSchedule, type Schedule, scheduleText } from "./schedule.ts";

const CUT: Fault = { kind: "cut-node", node: 1, afterMs: 3, holdMs: 20_000, force: 0.25 };
const HIT: Fault = { kind: "kill-shim", node: 2, afterMs: 0, holdMs: 0, force: 0.999, hit: ["s1.s1.1", "s2"] };
const STORE: Fault = { kind: "store-deleted", node: 0, afterMs: 0, holdMs: 0, force: 0 };

const SCHEDULE: Schedule = {
  was: 'step 1: lost: "s1"',
  commit: "abc",
  seed: 7,
  quietMs: 1_000,
  opening: [{ atMs: 0, do: "submit", job: "s1", kind: "service", count: 2, replace: true }],
  steps: [
    {
      before: [{ atMs: 4, do: "stop", job: "s1" }],
      faults: [CUT, HIT],
      meanwhile: [{ atMs: 250, do: "repeat", job: "s1" }],
    },
    { before: [], faults: [STORE], meanwhile: [] },
  ],
};

test("chaos, schedule: what is written is read as it was, one line for each fault and each request", () => {
  const text = scheduleText(SCHEDULE);
  expect(readSchedule(text)).toEqual(SCHEDULE);
  const own = text.split("\n").filter((line) => /"kind": "(cut|kill|store)|"do":/.test(line));
  expect(own.length).toBe(6);
  for (const line of own) expect(() => JSON.parse(line.trim().replace(/,$/, ""))).not.toThrow();
});

test("chaos, schedule: a fault that is none, a node where none belongs and a key that nobody knows are refused, with their place", () => {
  const broken = (from: string, to: string) => () => readSchedule(scheduleText(SCHEDULE).replace(from, to));
  expect(broken("cut-node", "cut-mode")).toThrow(/steps\[0\]\.faults\[0\]\.kind/);
  expect(broken('"store-deleted", ', '"store-deleted", "node": "n1", ')).toThrow(/steps\[1\]\.faults\[0\]/);
  expect(broken('"holdMs": 20000', '"holdsMs": 20000')).toThrow(/holdsMs/);
});

test("chaos, schedule: a run writes down its parts, with what its faults hit, and a script says what to ask in each", () => {
  const recording = new Recording(SCHEDULE);
  expect(recording.opening().script).toEqual(SCHEDULE.opening);
  recording.step([CUT, { ...HIT, hit: [] }]);
  const [faults, [before, meanwhile]] = [
    recording.done.steps[0]?.faults,
    [recording.part("before"), recording.part("meanwhile")],
  ];
  expect([before.script, meanwhile.script]).toEqual([SCHEDULE.steps[0]?.before, SCHEDULE.steps[0]?.meanwhile]);
  meanwhile.asked.push({ atMs: 1, do: "remove", job: "s1" });
  recording.hit(faults?.[1] as Fault, ["s1.s1.1", "s2"]);
  expect(recording.done.steps).toEqual([
    { before: [], faults: [CUT, HIT], meanwhile: [{ atMs: 1, do: "remove", job: "s1" }] },
  ]);
  expect(new Recording().opening().script).toBeUndefined();
});

test("chaos, schedule: what lost its sense by a line that was deleted is left out, and what is not yet answered is waited for", () => {
  const book = new Book();
  const entry: Entry = {
    name: "s1",
    key: "key-s1",
    count: 1,
    kind: "service",
    replace: true,
    told: "run",
    isUnsure: false,
    jobId: "j",
    keyIsKnown: true,
  };
  book.entries.push(entry);
  expect(fitOf({ do: "start", job: "s1" }, book, true)).toBe("never");
  expect(fitOf({ do: "remove", job: "s2" }, book, true)).toBe("never");
  expect(fitOf({ do: "stop", job: "s1" }, book, true)).toBe("now");
  expect(fitOf({ do: "stop", job: "s1" }, book, false)).toBe("later");
  entry.isUnsure = true;
  expect(fitOf({ do: "stop", job: "s1" }, book, true)).toBe("later");
});
