/** Restart decisions: condition, back-off, budget. */
import { expect, test } from "bun:test";
import { jittered, seededDraw } from "../../src/core/jitter.ts";
import {
  agesOf,
  backoffMs,
  decideRestart,
  type Ending,
  fromAges,
  NO_RESTARTS,
  type RestartHistory,
} from "../../src/core/restart.ts";
import { DEFAULT_RESTART, type RestartCondition } from "../../src/core/spec.ts";

const middle = () => 0.5;
const crash: Ending = { exitCode: 1, healthyForMs: 0, linked: true };

function decide(
  condition: RestartCondition,
  ending: Partial<Ending>,
  history: RestartHistory = NO_RESTARTS,
  nowMs = 1_000_000,
) {
  const policy = { ...DEFAULT_RESTART, condition };
  return decideRestart({ policy, ending: { ...crash, ...ending }, history, nowMs, draw: middle });
}

test("restart: each condition decides on good, bad and unknown ends", () => {
  const table = (["no", "on-failure", "always", "unless-stopped"] as const).map((condition) =>
    [0, 1, null].map((exitCode) => decide(condition, { exitCode }).kind),
  );
  expect(table).toEqual([
    ["complete", "failed", "failed"],
    ["complete", "restart", "restart"],
    ["restart", "restart", "restart"],
    ["restart", "restart", "restart"],
  ]);
});

test("restart: the back-off doubles from a second to a minute", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 7, 50].map((streak) => backoffMs(DEFAULT_RESTART, streak))).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ]);
});

test("restart: a delay of nothing stays nothing, and a maximum below the first delay holds", () => {
  expect(backoffMs({ delayMs: 0, maxDelayMs: 60_000 }, 9)).toBe(0);
  expect(backoffMs({ delayMs: 5_000, maxDelayMs: 1_000 }, 0)).toBe(1_000);
});

test("restart: the jitter stays within a quarter either way and reaches both ends", () => {
  const draw = seededDraw(1);
  const delays = Array.from({ length: 2_000 }, () => jittered(1_000, 250, draw));
  expect([Math.min(...delays) >= 750, Math.max(...delays) <= 1_250]).toEqual([true, true]);
  expect([Math.min(...delays) < 770, Math.max(...delays) > 1_230]).toEqual([true, true]);
});

test("restart: the same seed draws the same numbers, another one others", () => {
  const first = Array.from({ length: 5 }, seededDraw(7));
  expect(Array.from({ length: 5 }, seededDraw(7))).toEqual(first);
  expect(Array.from({ length: 5 }, seededDraw(8))).not.toEqual(first);
});

test("restart: the sixth end within ten minutes spends the budget, a later one does not", () => {
  let history = NO_RESTARTS;
  for (let i = 0; i < 5; i++) {
    const decision = decide("always", {}, history, 1_000_000 + i * 1_000);
    if (decision.kind !== "restart") throw new Error("given up too early");
    history = decision.history;
  }
  expect(decide("always", {}, history, 1_010_000)).toEqual({
    kind: "failed",
    reason: "budget spent: 5 restarts within 600 s",
  });
  expect(decide("always", {}, history, 1_000_000 + 600_000).kind).toBe("restart");
});

test("restart: without a manager a spent budget means every two to five minutes, never the end", () => {
  const history = { streak: 9, atMs: [1, 2, 3, 4, 5].map((i) => 1_000_000 - i) };
  const delays = [0, 0.5, 0.999_999].map((drawn) => {
    const policy = DEFAULT_RESTART;
    const ending = { ...crash, linked: false };
    const decision = decideRestart({ policy, ending, history, nowMs: 1_000_000, draw: () => drawn });
    return decision.kind === "restart" ? decision.delayMs : -1;
  });
  expect(delays).toEqual([120_000, 210_000, 300_000]);
});

test("restart: ten healthy minutes set the back-off to its start, one less second does not", () => {
  const history = { streak: 4, atMs: [] };
  const delayAfter = (healthyForMs: number) => {
    const decision = decide("always", { healthyForMs }, history);
    return decision.kind === "restart" ? decision.delayMs : -1;
  };
  expect([delayAfter(599_000), delayAfter(600_000)]).toEqual([16_000, 1_000]);
});

test("restart: a history survives a restart of the clock as ages", () => {
  const history = { streak: 2, atMs: [900, 950] };
  expect(fromAges(agesOf(history, 1_000), 50)).toEqual({ streak: 2, atMs: [-50, 0] });
});
