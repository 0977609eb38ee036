import { expect, test } from "bun:test";
import { FAULT_KINDS, faultsOf, KINDS } from "./fault.ts";
import { reportOf, runsAt, type Tally } from "./tally.ts";

const steps = (seed: number) => Array.from({ length: 300 }, (_, step) => faultsOf(seed, step, FAULT_KINDS));

test("chaos, plan: a seed gives the same faults each time, another seed others, and every kind comes", () => {
  expect(steps(1)).toEqual(steps(1));
  expect(steps(1)).not.toEqual(steps(2));
  expect(new Set(steps(1).flatMap((faults) => faults.map(({ kind }) => kind)))).toEqual(new Set(FAULT_KINDS));
});

test("chaos, plan: a step has only the kinds that were asked for, and two faults of it never concern the same thing", () => {
  const few = Array.from({ length: 100 }, (_, step) => faultsOf(1, step, ["kill-worker", "loss"]));
  expect(new Set(few.flatMap((faults) => faults.map(({ kind }) => kind)))).toEqual(new Set(["kill-worker", "loss"]));
  for (const faults of steps(3)) {
    const kinds = faults.map(({ kind }) => KINDS[kind].seat);
    expect(kinds.filter((seat) => seat === "manager").length).toBeLessThanOrEqual(1);
    if (kinds.includes("alone")) expect(faults.length).toBe(1);
    const workers = faults.filter(({ kind }) => KINDS[kind].seat === "worker").map(({ node }) => node);
    expect(new Set(workers).size).toBe(workers.length);
  }
});

const RUN: Tally = {
  commit: "abc",
  seed: 1,
  minutes: 2,
  steps: 5,
  faults: { "kill-worker": 3, "cut-node": 2, "store-deleted": 1, loss: 4 },
  jobs: 10,
  tasks: 20,
  repeats: 1,
  replacements: 3,
  restarts: 4,
  writtenOff: 0,
  endedAlone: 0,
  restSeconds: [1, 3],
  found: {},
};

test("chaos, report: runs at one commit add up, those at another are left out", () => {
  const lines = [RUN, { ...RUN, seed: 2, found: { lost: 1 } }, { ...RUN, commit: "def" }];
  const runs = runsAt("abc", lines.map((run) => JSON.stringify(run)).join("\n"));
  const table = reportOf(runs);
  const rows = Object.fromEntries(
    table.split("\n").map((line) =>
      line
        .split("|")
        .slice(1, 3)
        .map((cell) => cell.trim()),
    ),
  );
  expect(rows).toMatchObject({
    seeds: "1, 2",
    kills: "6",
    partitions: "4",
    "damaged stores": "2",
    "other faults": "8",
    "tasks submitted": "40",
    "**accepted tasks lost**": "**1**",
    "**orphans**": "**0**",
    "seconds until the books balance: median, most": "3.0, 3.0",
  });
});
