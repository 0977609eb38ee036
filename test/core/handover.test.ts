// When a task that ends by itself without a manager counts as ended: late enough for both clocks, and soon enough to be of use.
import { expect, test } from "bun:test";
import { endsAloneAfterMs, NOTICE_MS } from "../../src/core/handover.ts";
import { DEFAULT_DISCONNECT } from "../../src/core/spec.ts";
import { SESSION_TIMES } from "../../src/protocol/session-events.ts";
import { aSpec } from "./records.ts";

function specOf(stopAfterMs: number | null, stopGraceMs: number) {
  return aSpec({ stopGraceMs, disconnect: { ...DEFAULT_DISCONNECT, stopAfterMs } });
}

test("handover: a task that goes on alone is waited for no longer than its job says", () => {
  expect(endsAloneAfterMs(specOf(null, 10_000))).toBe(0);
});

test("handover: a slow clock of the worker and a fast one of the manager still leave time to notice, to wait, to end and to kill", () => {
  for (const [stopAfterMs, graceMs] of [
    [0, 0],
    [30_000, 10_000],
    [3_600_000, 120_000],
  ] as const) {
    const byWorkerMs = (2 * SESSION_TIMES.pingMs + stopAfterMs + graceMs) / 0.99;
    expect(endsAloneAfterMs(specOf(stopAfterMs, graceMs)) / 1.01).toBeGreaterThan(byWorkerMs);
    expect(endsAloneAfterMs(specOf(stopAfterMs, graceMs))).toBeLessThan(1.03 * (byWorkerMs + 11_000));
  }
});

test("handover: a worker notices that its link is of no use within two pings of its session", () => {
  expect(NOTICE_MS).toBe(2 * SESSION_TIMES.pingMs);
});
