// What is told of a failure is enough to find its reason: who said what to whom and what never arrived, what has touched the task, and a schedule that has it again.
import { describe, expect, test } from "bun:test";
import type { Checker } from "../../src/sim/checker.ts";
import { CHECKERS } from "../../src/sim/checks.ts";
import { MARKS } from "../../src/sim/coverage.ts";
import { drawPlan } from "../../src/sim/draw.ts";
import type { Fault, Plan } from "../../src/sim/faults.ts";
import { reportOf } from "../../src/sim/report.ts";
import { DIAGRAM_COLUMNS, DIAGRAM_ROWS, diagram } from "../../src/sim/report-diagram.ts";
import { type Recording, record } from "../../src/sim/report-recording.ts";
import { subjectOfRun } from "../../src/sim/report-subject.ts";
import { EXIT_CODES, run } from "../../src/sim/run.ts";

const LIMIT_MS = 60_000;
const plain = { cpuMillis: 2_000, driftPpm: 0, skewMs: 0, dialledBy: "worker" } as const;
const BEHAVIOUR = { lifeMs: 0, exitCode: 0, stopMs: 10, pullMs: 10, image: "there" } as const;

/** Two nodes and one task; `faults` begin once it runs. */
function planWith(...faults: readonly Fault[]): Plan {
  return {
    format: 1,
    seed: 1,
    nodes: [
      { ...plain, name: "n1" },
      { ...plain, name: "n2" },
    ],
    manager: { driftPpm: 0, skewMs: 0, scheduler: "pack" },
    network: { minDelayMs: 5, meanDelayMs: 1 },
    durationMs: 90_000,
    faults,
    steps: [
      {
        atMs: 10_000,
        kind: "submit",
        name: "job1",
        count: 1,
        batch: false,
        cpuMillis: 100,
        hostPort: 0,
        replace: true,
        health: false,
        volume: false,
        times: 1,
        behaviour: BEHAVIOUR,
      },
    ],
  };
}

/** Claims that the task's container has not lived at that moment: false, as long as it runs. */
function violatedAt(ms: number): Checker {
  return {
    id: "S0",
    rule: "nothing lives",
    begin: (sim, violate) => ({
      onEvent: () => {},
      recount: () => {
        const [one] = [...sim.nodes.values()].flatMap(({ engine }) => engine.live());
        if (sim.nowMs >= ms && one !== undefined) violate(`${one.taskId}.${one.incarnation} lives`, "and it must not");
      },
    }),
  };
}

function failed(
  plan: Plan,
  ...others: readonly Checker[]
): { readonly report: string; readonly rows: readonly string[] } {
  const checkers = [...others, violatedAt(plan.durationMs)];
  const outcome = run(plan, { checkers });
  expect(outcome.violation?.id).toBe("S0");
  const recording = record(outcome, checkers);
  const report = reportOf(outcome, { commit: "abc", engine: "Bun 0", replay: "again", checkers });
  return { report, rows: drawn(recording) };
}

function drawn(recording: Recording): readonly string[] {
  return diagram(recording, subjectOfRun(recording.outcome, recording.events), (ms) => `${ms}`);
}

const rowWith = (rows: readonly string[], words: string): string => rows.find((row) => row.includes(words)) ?? "";

describe("sim: report", () => {
  test(
    "a run that is written down is the same run",
    () => {
      const withLocal = Array.from({ length: 50 }, (_, i) => 20 + i).filter((seed) =>
        drawPlan(seed).nodes.some(({ local }) => local),
      );
      for (const seed of [21, ...withLocal.slice(0, 1)]) {
        const outcome = run(drawPlan(seed));
        const again = record(outcome);
        expect(again.outcome.hash).toBe(outcome.hash);
        expect(again.frames.length).toBeGreaterThan(100);
        const speakers = new Set(again.frames.map(({ from }) => from));
        for (const { name, local } of outcome.plan.nodes)
          expect([name, speakers.has(name) || !local]).toEqual([name, true]);
        expect(again.frames.filter(({ heard, fate }) => heard === null && fate === "")).toEqual([]);
      }
    },
    LIMIT_MS,
  );

  test("messages are arrows between the managers and the nodes of the task, in the order in which things happened", () => {
    const { rows } = failed(planWith());
    expect(rows[0]?.trim().split(/ +/)).toEqual(["m1", "n1"]);
    const told = ["assignments: set", "is created", "starting", "runs", "running"].map((words) => rowWith(rows, words));
    expect(told.map((row) => rows.indexOf(row))).toEqual(
      told.map((row) => rows.indexOf(row)).toSorted((a, b) => a - b),
    );
    expect(told[0]).toMatch(/\|-+>\| .*is to run/);
    expect(told[1]).toMatch(/\| +\* /);
    expect(told[2]).toMatch(/\|<-+\| .*report \d+: [0-9a-f]{8}\.1 starting/);
    // Signs of life that arrived, and the node that has nothing to do with it.
    expect(rows.filter((row) => /heartbeat|n2/.test(row))).toEqual([]);
  });

  test("what is sent into a cut does not arrive, and is no arrow of its own each time", () => {
    const cut: Fault = { atMs: 60_000, kind: "cut", from: "n1", to: "m1", both: false, forMs: 60_000 };
    const { report, rows } = failed(planWith(cut));
    expect(rowWith(rows, "heartbeat, and ")).toMatch(/\| +x-+\| .* more later: held by a cut$/);
    expect(rows.filter((row) => row.includes("heartbeat"))).toHaveLength(1);
    expect(report).toContain("n1: worker, lives (life 1)");
    expect(report).toContain("nothing gets through to m1");
  });

  test("what is sent to the dead is lost, and who is dead has no line", () => {
    const power: Fault = { atMs: 60_010, kind: "power", machine: "m1", downMs: 25_000 };
    const { rows } = failed(planWith(power));
    const dies = rows.findIndex((row) => /X +\| +m1 dies/.test(row));
    expect(dies).toBeGreaterThan(0);
    const lost = rows.slice(dies).filter((row) => /x-+\| +(heartbeat|ping|report|close)/.test(row));
    expect(lost.length).toBeGreaterThan(0);
    for (const row of lost) expect(row).toContain("lost: m1 has died");
    const starts = rows.findIndex((row) => /S +\| +m1 starts/.test(row) && rows.indexOf(row) > dies);
    for (const row of rows.slice(dies + 1, starts)) expect(row).not.toMatch(/^\d+ +\| +[|<-]+/);
  });

  test(
    "a diagram fits its size, however much was said",
    () => {
      for (const seed of [31, 32]) {
        const plan = drawPlan(seed, { nodes: 7 });
        const outcome = run(plan);
        const rows = drawn(record(outcome));
        expect(rows.length).toBeGreaterThan(10);
        expect(rows.length).toBeLessThanOrEqual(DIAGRAM_ROWS);
        expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(DIAGRAM_COLUMNS);
      }
    },
    LIMIT_MS,
  );

  test("the schedule in the report has the failure again, and all that the list asks for is there", () => {
    const plan = planWith({ atMs: 30_000, kind: "crash", who: "n2", when: "now", downMs: 1_000 });
    const checkers = [...CHECKERS, violatedAt(plan.durationMs)];
    const outcome = run(plan, { checkers });
    const whole = drawPlan(5);
    const report = reportOf(outcome, { commit: "abc", engine: "Bun 0", replay: "again", whole, checkers });
    const json = report.slice(report.indexOf("schedule:\n") + "schedule:\n".length, report.indexOf("\nagain: again"));
    const { plan: read } = JSON.parse(json) as { readonly plan: Plan };
    expect(read).toEqual(plan);
    expect(run(read, { checkers }).hash).toBe(outcome.hash);
    const [fact = ""] = outcome.violation?.facts ?? [];
    const id = fact.slice(0, 8);
    for (const words of [
      `seed 1 at commit abc, Bun 0: safety (exit code ${EXIT_CODES.safety})`,
      `S0 at 00:01:30.000`,
      `  ${fact}\n  and it must not`,
      `virtual time 00:01:30.000, step ${outcome.steps}`,
      "made smaller, it fails in the same way with:",
      `all that has touched ${id}:`,
      `m1 to n1: assignments: set`,
      `the last events of n1, ${id}:`,
      "n2, last:\n",
      "m1: manager, lives (life 1), takes orders",
      "n1: worker, lives (life 1), linked; containers: 1 running",
    ])
      expect(report).toContain(words);
    for (const node of whole.nodes)
      expect(report).toContain(`    ${node.name}: ${node.cpuMillis}m, ${node.driftPpm} ppm`);
    const [hit = "", missed = ""] = [/marks hit: ([\s\S]*?)\nmarks/, /marks not hit: ([\s\S]*?)\n\n/].map(
      (pattern) => pattern.exec(report)?.[1],
    );
    for (const mark of outcome.marks) expect(hit).toContain(mark);
    expect(missed).toContain(MARKS[0]);
    expect(missed).not.toContain("rollback");
  });

  test("a machine that throws is told with what it was and where, and what the others did until then", () => {
    const thrower: Checker = {
      id: "thrower",
      rule: "",
      begin: () => ({
        onEvent: (event) => {
          if (event.kind === "started") throw new Error(`illegal step of ${event.container.taskId}`);
        },
      }),
    };
    const outcome = run(planWith(), { checkers: [thrower] });
    const report = reportOf(outcome, { commit: "abc", engine: "Bun 0", replay: "again", checkers: [thrower] });
    expect(report).toStartWith(`seed 1 at commit abc, Bun 0: crashed (exit code ${EXIT_CODES.crashed})`);
    expect(report).toMatch(
      /crash at 00:00:1\d\.\d+: no machine ever throws\n {2}illegal step of [0-9a-f]{20}\n {2} +at /,
    );
    expect(report).toMatch(/\|-+>\| .*is to run/);
    expect(report).not.toContain("NOT DETERMINISTIC");
  });

  test("a failure of which the same plan knows nothing the second time is called what it is", () => {
    let runs = 0;
    const fickle: Checker = {
      id: "S0",
      rule: "the first run is never well",
      begin: (_sim, violate) => {
        const isFirst = ++runs === 1;
        return { onEvent: () => isFirst && violate("it is the first") };
      },
    };
    const outcome = run(planWith(), { checkers: [fickle] });
    const report = reportOf(outcome, { commit: "abc", engine: "Bun 0", replay: "again", checkers: [fickle] });
    expect(report).toContain("NOT DETERMINISTIC");
  });
});
