/**
 * Whether and when an ended task starts again: condition, back-off and budget in one pure decision.
 * The worker asks it, and only the worker; times are monotonic milliseconds that the caller passes in.
 */
import { type Draw, jittered } from "./jitter.ts";
import type { RestartPolicy } from "./spec.ts";

/** What a task remembers of its restarts. A journal stores it as ages, see `agesOf`. */
export interface RestartHistory {
  /** Ends in a row without a healthy stretch: the exponent of the back-off. */
  readonly streak: number;
  /** When restarts were decided, monotonic ms, oldest first; only those that a window can still count. */
  readonly atMs: readonly number[];
}

/** How an incarnation ended, as far as a restart depends on it. */
export interface Ending {
  /** null when it never started, was unhealthy, or its code is not known: a failure. */
  readonly exitCode: number | null;
  /** How long it had been running and not unhealthy; 0 when it never was. */
  readonly healthyForMs: number;
  /** False when no manager is linked: then a worker never gives up. */
  readonly linked: boolean;
}

/** `reason` is in words, for people; "" when the end itself says all. */
export type RestartDecision =
  | { readonly kind: "complete" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "restart"; readonly delayMs: number; readonly history: RestartHistory };

/** A task that has never been restarted. */
export const NO_RESTARTS: RestartHistory = { streak: 0, atMs: [] };

/** After this long in health the back-off starts anew; the budget goes by its own window. */
const HEALTHY_RESET_MS = 600_000;

/** Past its budget and without a manager, a task is tried again after a time between these. */
const AUTONOMOUS_RETRY_MS = { min: 120_000, max: 300_000 } as const;

const BACKOFF_JITTER = 250;
/** Restarts remembered of one task, and so the largest budget: a policy that allows more within its window gets this many. */
const MAX_REMEMBERED = 1000;

/** Decides on an ended incarnation. Pure but for `draw`. */
export function decideRestart(input: {
  readonly policy: RestartPolicy;
  readonly ending: Ending;
  readonly history: RestartHistory;
  readonly nowMs: number;
  readonly draw: Draw;
}): RestartDecision {
  const { policy, ending, nowMs, draw } = input;
  if (ending.exitCode === 0 && (policy.condition === "no" || policy.condition === "on-failure"))
    return { kind: "complete" };
  if (policy.condition === "no") return { kind: "failed", reason: "" };
  const streak = ending.healthyForMs >= HEALTHY_RESET_MS ? 0 : input.history.streak;
  const inWindow = input.history.atMs.filter((at) => nowMs - at < policy.windowMs);
  const budget = Math.min(policy.attempts, MAX_REMEMBERED);
  const spent = inWindow.length >= budget;
  if (spent && ending.linked) return { kind: "failed", reason: spentReason(budget, policy.windowMs) };
  const delayMs = spent ? autonomousDelay(draw) : jittered(backoffMs(policy, streak), BACKOFF_JITTER, draw);
  const atMs = [...inWindow, nowMs].slice(-MAX_REMEMBERED);
  return { kind: "restart", delayMs, history: { streak: streak + 1, atMs } };
}

/** The delay before jitter after `streak` ends in a row: doubling, capped. */
export function backoffMs(policy: Pick<RestartPolicy, "delayMs" | "maxDelayMs">, streak: number): number {
  let delay = Math.max(0, policy.delayMs);
  for (let i = 0; i < streak && delay < policy.maxDelayMs && delay > 0; i++) delay *= 2;
  return Math.min(delay, policy.maxDelayMs);
}

/** Times as ages, for a journal: a monotonic time means nothing after a restart of the process. */
export function agesOf(
  history: RestartHistory,
  nowMs: number,
): { readonly streak: number; readonly agesMs: readonly number[] } {
  return { streak: history.streak, agesMs: history.atMs.map((at) => nowMs - at) };
}

/** The reverse of `agesOf`: time that passed in between does not count. */
export function fromAges(
  stored: { readonly streak: number; readonly agesMs: readonly number[] },
  nowMs: number,
): RestartHistory {
  return { streak: stored.streak, atMs: stored.agesMs.map((age) => nowMs - age) };
}

function autonomousDelay(draw: Draw): number {
  const { min, max } = AUTONOMOUS_RETRY_MS;
  return min + Math.floor(draw() * (max - min + 1));
}

function spentReason(budget: number, windowMs: number): string {
  return `budget spent: ${budget} restarts within ${Math.round(windowMs / 1000)} s`;
}
