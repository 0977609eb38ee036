/** Scripted lives of tasks, cut after every single effect: what comes back has at most one live instance of each task, and restarts nothing needlessly. */
import { expect, test } from "bun:test";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { rank } from "../../src/core/task.ts";
import type { JournalRecord } from "../../src/worker/effects.ts";
import { assignment, Crash, Driver } from "./driver.ts";

interface Scenario {
  readonly name: string;
  readonly script: (driver: Driver) => void;
  /** What is wanted at the end, as the manager's whole set. */
  readonly put: readonly ReturnType<typeof assignment>[];
  /** Where each task has to be once everything has settled. */
  readonly end: Readonly<Record<string, readonly string[]>>;
}

const health = {
  probe: { kind: "tcp", port: 1 } as const,
  intervalMs: 1_000,
  timeoutMs: 500,
  retries: 2,
  startPeriodMs: 0,
};

const SCENARIOS: readonly Scenario[] = [
  {
    name: "start of two tasks",
    script: (driver) => driver.assign(assignment("t1"), assignment("t2")).pass(2_000),
    put: [assignment("t1"), assignment("t2")],
    end: { t1: ["1:running"], t2: ["1:running"] },
  },
  {
    name: "exit and restart",
    script: (driver) => driver.assign(assignment("t1")).pass(2_000).die("t1", 1).pass(5_000),
    put: [assignment("t1")],
    end: { t1: ["1:running", "2:running"] },
  },
  {
    name: "restart by command",
    script: (driver) =>
      driver
        .assign(assignment("t1"))
        .pass(2_000)
        .assign(assignment("t1", {}, { restartSerial: 1 }))
        .pass(2_000),
    put: [assignment("t1", {}, { restartSerial: 1 })],
    // A container that the crash found stopped for the command counts as that command's end.
    end: { t1: ["1:running", "2:running"] },
  },
  {
    name: "unhealthy and restarted",
    script: (driver) => {
      driver.assign(assignment("t1", { health })).pass(2_000);
      driver.probe = { kind: "transient", message: "refused" };
      driver.pass(2_500);
      driver.probe = null;
      driver.pass(5_000);
    },
    put: [assignment("t1", { health })],
    end: { t1: ["1:running", "2:running"] },
  },
  {
    name: "stop and removal",
    script: (driver) =>
      driver
        .assign(assignment("t1"), assignment("t2"))
        .pass(2_000)
        .assign(assignment("t1", {}, { desired: "stop" }), assignment("t2"))
        .assign(assignment("t2"))
        .pass(2_000),
    put: [assignment("t2")],
    end: { t1: [], t2: ["1:running"] },
  },
];

/** How often each task's containers died by themselves or by a planned end, as the invariant S11 counts it. */
function starts(driver: Driver, taskId: string): number {
  return [...driver.engine.starts]
    .filter(([id]) => id.startsWith(`${taskId}-`))
    .reduce((sum, [, count]) => sum + count, 0);
}

function deaths(driver: Driver, taskId: string): number {
  return [...driver.engine.starts.keys()].filter(
    (id) => id.startsWith(`${taskId}-`) && !driver.engine.live(taskId).some((one) => one.instanceId === id),
  ).length;
}

function watch(driver: Driver): void {
  driver.check = () => {
    const live = driver.engine.live().map((one) => one.of.taskId);
    if (new Set(live).size !== live.length) throw new Error(`two live instances of one task: ${live.join(", ")}`);
    for (const [id, count] of driver.engine.starts) if (count > 1) throw new Error(`${id} was started ${count} times`);
  };
}

/** Facts in a journal never fall (S9). */
function assertRising(records: readonly JournalRecord[]): void {
  const highest = new Map<string, [number, number]>();
  for (const record of records) {
    if (record.kind === "forget") highest.delete(record.taskId);
    if (record.kind !== "task") continue;
    const { fact } = record.value as { fact: { incarnation: number; state: Parameters<typeof rank>[0] } };
    const now: [number, number] = [fact.incarnation, rank(fact.state)];
    const before = highest.get(record.taskId) ?? [0, 0];
    const rises = now[0] > before[0] || (now[0] === before[0] && now[1] >= before[1]);
    if (!rises) throw new Error(`${record.taskId} falls from ${before.join(":")} to ${now.join(":")}`);
    highest.set(record.taskId, now);
  }
}

function effectsOf(scenario: Scenario): number {
  const driver = new Driver();
  watch(driver);
  scenario.script(driver.begin().welcome());
  return driver.effects.length;
}

/** Runs until the end or the crash; the driver remembers which. */
function until(driver: Driver, script: () => void): Driver {
  try {
    script();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
  return driver;
}

function runUntil(scenario: Scenario, cut: number): Driver {
  const driver = new Driver();
  watch(driver);
  driver.fuse = cut;
  return until(driver, () => scenario.script(driver.begin().welcome()));
}

function recover(before: Driver, put: Scenario["put"], cut: number | null = null): Driver {
  const driver = before.reborn();
  watch(driver);
  driver.fuse = cut;
  return until(driver, () =>
    driver
      .begin()
      .welcome()
      .assign(...put)
      .pass(30_000),
  );
}

function check(scenario: Scenario, driver: Driver): void {
  for (const [taskId, ends] of Object.entries(scenario.end)) {
    const known = driver.machine.tasks().some((fact) => fact.taskId === taskId);
    const at = known ? driver.at(taskId) : "";
    if (ends.length === 0 ? known : !ends.includes(at)) throw new Error(`${taskId} ends at "${at}"`);
    if (driver.engine.live(taskId).length !== (ends.length === 0 ? 0 : 1))
      throw new Error(`${taskId} has not one live instance`);
    if (starts(driver, taskId) > 1 + deaths(driver, taskId)) throw new Error(`${taskId} was started needlessly`);
  }
  assertRising(driver.journal);
}

for (const scenario of SCENARIOS) {
  test(`crash: ${scenario.name}: after a crash at any effect all is as it should be`, () => {
    const total = effectsOf(scenario);
    expect(total).toBeGreaterThan(10);
    for (let cut = 0; cut <= total; cut++) {
      try {
        check(scenario, recover(runUntil(scenario, cut), scenario.put));
      } catch (error) {
        throw new Error(`cut after ${cut} of ${total} effects: ${error instanceof Error ? error.message : error}`);
      }
    }
  });

  test(`crash: ${scenario.name}: also when the recovery crashes at any effect`, () => {
    const total = effectsOf(scenario);
    for (let cut = 0; cut <= total; cut += 3) {
      for (let second = 0; ; second++) {
        const between = recover(runUntil(scenario, cut), scenario.put, second);
        if (!between.crashed) break;
        try {
          check(scenario, recover(between, scenario.put));
        } catch (error) {
          throw new Error(`cuts at ${cut} and ${second}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }
  });
}

test("crash: a task that runs once, whose container is gone after a crash at any effect, does not run twice", () => {
  const once = assignment("t1", { restart: { ...DEFAULT_TASK.restart, condition: "no" } });
  const script = (driver: Driver): Driver => driver.assign(once).pass(500);
  const whole = new Driver();
  script(whole.begin().welcome());
  expect(whole.at("t1")).toBe("1:running");
  for (let cut = 0; cut <= whole.effects.length; cut++) {
    const before = new Driver();
    before.fuse = cut;
    until(before, () => script(before.begin().welcome()));
    const hadRun = starts(before, "t1");
    before.engine.made.clear();
    const after = recover(before, [once]);
    // One that was about to be started when the worker died may have run, and is not tried again either.
    const isOver = after.at("t1") === "1:failed";
    expect([cut, isOver, starts(after, "t1")]).toEqual([cut, isOver || hadRun > 0, isOver ? hadRun : 1]);
  }
});
