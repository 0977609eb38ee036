// The restart budget and the back-off (S12), over any policy and any history of ends.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededDraw } from "../../src/core/jitter.ts";
import {
  agesOf,
  backoffMs,
  decideRestart,
  type Ending,
  fromAges,
  NO_RESTARTS,
  type RestartHistory,
} from "../../src/core/restart.ts";
import { DEFAULT_RESTART, type RestartPolicy } from "../../src/core/spec.ts";
import { restartPolicy } from "./arbitraries.ts";

const ending = fc.record({
  exitCode: fc.constantFrom(0, 1, 137, null),
  healthyForMs: fc.constantFrom(0, 5_000, 599_999, 600_000, 5_000_000),
  linked: fc.boolean(),
});
/** An end that comes so long after its start. */
const ends = fc.array(fc.record({ ending, ranMs: fc.integer({ min: 0, max: 700_000 }) }), { maxLength: 40 });

interface Restarted {
  /** Position of its end among all ends. */
  readonly at: number;
  readonly decidedMs: number;
  readonly delayMs: number;
  readonly linked: boolean;
  /** Ends in a row without a healthy stretch before this one, counted here and not by the code under test. */
  readonly streak: number;
  /** The budget was spent when it was decided, counted here. */
  readonly spent: boolean;
}

type Ends = readonly { readonly ending: Ending; readonly ranMs: number }[];

/** Lives through the ends until the policy gives up. */
function live(
  policy: RestartPolicy,
  history: Ends,
  seed: number,
): { readonly restarts: Restarted[]; readonly end: string } {
  const draw = seededDraw(seed);
  const restarts: Restarted[] = [];
  let [memory, nowMs, streak]: [RestartHistory, number, number] = [NO_RESTARTS, 1_000_000, 0];
  for (const [at, { ending, ranMs }] of history.entries()) {
    nowMs += ranMs;
    if (ending.healthyForMs >= 600_000) streak = 0;
    const decision = decideRestart({ policy, ending, history: memory, nowMs, draw });
    if (decision.kind !== "restart") return { restarts, end: decision.kind };
    const since = restarts.filter(({ decidedMs }) => nowMs - decidedMs < policy.windowMs);
    const spent = since.length >= policy.attempts;
    restarts.push({ at, decidedMs: nowMs, delayMs: decision.delayMs, linked: ending.linked, streak, spent });
    memory = decision.history;
    nowMs += decision.delayMs;
    streak += 1;
  }
  return { restarts, end: "lives" };
}

const seed = fc.integer();

describe("restart:", () => {
  test("no window holds more restarts than the policy allows, but for a worker without a manager", () => {
    fc.assert(
      fc.property(restartPolicy, ends, seed, (policy, history, seed) => {
        const { restarts } = live(policy, history, seed);
        expect(restarts.filter(({ linked, spent }) => linked && spent)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("a restart waits its back-off, a quarter less or more; past the budget two to five minutes", () => {
    fc.assert(
      fc.property(restartPolicy, ends, seed, (policy, history, seed) => {
        for (const { streak, delayMs, spent } of live(policy, history, seed).restarts) {
          const base = Math.min(policy.maxDelayMs, policy.delayMs * 2 ** streak);
          const [least, most] = spent ? [120_000, 300_000] : [base * 0.75, base * 1.25];
          expect([delayMs >= least, delayMs <= most, Number.isInteger(delayMs)]).toEqual([true, true, true]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a task that runs once is never restarted, and a good end is only followed where the policy says always", () => {
    fc.assert(
      fc.property(restartPolicy, ends, seed, (policy, history, seed) => {
        const { restarts, end } = live(policy, history, seed);
        if (policy.condition === "no") expect([restarts.length, end === "lives"]).toEqual([0, history.length === 0]);
        if (policy.condition !== "on-failure") return;
        expect(restarts.filter(({ at }) => history[at]?.ending.exitCode === 0)).toEqual([]);
      }),
    );
  });

  test("without a manager a task that may restart is never given up", () => {
    const alone = ends.map((all) =>
      all.map((one) => ({ ...one, ending: { ...one.ending, exitCode: 1, linked: false } })),
    );
    fc.assert(
      fc.property(restartPolicy, alone, seed, (policy, history, seed) => {
        const { restarts, end } = live(policy, history, seed);
        if (policy.condition !== "no") expect([restarts.length, end]).toEqual([history.length, "lives"]);
      }),
    );
  });

  test("the back-off never falls with the streak and never passes its maximum", () => {
    fc.assert(
      fc.property(restartPolicy, fc.integer({ min: 0, max: 60 }), (policy, streak) => {
        const [now, next] = [backoffMs(policy, streak), backoffMs(policy, streak + 1)];
        expect([next >= now, next <= policy.maxDelayMs, now >= 0]).toEqual([true, true, true]);
      }),
    );
  });

  test("a clock that starts anew changes no decision", () => {
    fc.assert(
      fc.property(restartPolicy, ends, fc.nat(), ending, (policy, history, clock, end) => {
        let [memory, nowMs]: [RestartHistory, number] = [NO_RESTARTS, 1_000_000];
        const draw = () => 0.5;
        for (const { ending, ranMs } of history) {
          const decision = decideRestart({ policy, ending, history: memory, nowMs, draw });
          if (decision.kind === "restart") memory = decision.history;
          nowMs += ranMs;
        }
        const moved = fromAges(agesOf(memory, nowMs), clock);
        const before = decideRestart({ policy, ending: end, history: memory, nowMs, draw });
        const after = decideRestart({ policy, ending: end, history: moved, nowMs: clock, draw });
        const comparable = (decision: typeof before, at: number) =>
          decision.kind === "restart" ? { ...decision, history: agesOf(decision.history, at) } : decision;
        expect(comparable(after, clock)).toEqual(comparable(before, nowMs));
      }),
    );
  });

  test("a budget of more restarts than are remembered ends at those", () => {
    const policy = { ...DEFAULT_RESTART, attempts: 5_000, delayMs: 0 };
    const crash = { ending: { exitCode: 1, healthyForMs: 0, linked: true }, ranMs: 1 };
    const { restarts, end } = live(
      policy,
      Array.from({ length: 1_200 }, () => crash),
      1,
    );
    expect([restarts.length, end]).toEqual([1_000, "failed"]);
  });
});
