/**
 * When a running task is asked how it is, and what its answers mean. Probes of one task never overlap, and only so many run at once on a node.
 * An unhealthy task is stopped and started again by the rules of a restart; this file only plans the end.
 */

import type { Failure } from "../core/failure.ts";
import { jittered } from "../core/jitter.ts";
import type { HealthCheck } from "../core/spec.ts";
import type { Incarnation, WorkerEffect } from "./effects.ts";
import { amend, currentInstance, identity, isEnding, keyOf, mark, type TaskRun } from "./task-run.ts";
import { nameOf, type Turn } from "./turn.ts";

/** Pace of the probes until the first interval and the start period are over, so that a good start is seen soon. */
const START_INTERVAL_MS = 1_000;

const JITTER = 100;

/** Begins the watch over an incarnation that runs now. */
export function beginHealth(run: TaskRun, turn: Turn): void {
  const check = run.assignment?.spec.health ?? null;
  const { probes } = run;
  probes.runningSinceMs = turn.time.monoMs;
  probes.begun = true;
  probes.failures = 0;
  probes.probing = false;
  probes.wellSinceMs = check === null || run.fact.health === "healthy" ? turn.time.monoMs : null;
  probes.nextAtMs = check === null ? null : turn.time.monoMs + pause(run, check, turn);
}

/** Sends the probes that are due, oldest first, as far as there is room. */
function sendProbes(runs: Iterable<TaskRun>, room: number, turn: Turn): void {
  if (room <= 0) return;
  const due: TaskRun[] = [];
  for (const run of runs) if (isDue(run, turn.time.monoMs)) due.push(run);
  due.sort((a, b) => (a.probes.nextAtMs ?? 0) - (b.probes.nextAtMs ?? 0));
  for (const run of due.slice(0, room)) sendProbe(run, turn);
}

/** Takes an answer in; `failure` null is a good one. */
export function takeProbe(run: TaskRun, failure: Failure | null, turn: Turn): void {
  const check = run.assignment?.spec.health ?? null;
  const { probes } = run;
  probes.probing = false;
  if (check === null || run.endIsPlanned || isEnding(run)) return;
  const nowMs = turn.time.monoMs;
  if (failure === null) {
    probes.failures = 0;
    probes.wellSinceMs ??= nowMs;
    amend(run, { health: "healthy", message: "" });
  } else if (failure.kind !== "unavailable" && countsNow(run, check, nowMs)) {
    countFailure(run, check, failure, turn);
  }
  if (!run.endIsPlanned) probes.nextAtMs = nowMs + pause(run, check, turn);
}

function countFailure(run: TaskRun, check: HealthCheck, failure: Failure, turn: Turn): void {
  run.probes.failures += 1;
  const retries = Math.max(1, check.retries);
  amend(run, { message: `health check failed ${run.probes.failures} of ${retries}: ${failure.message}` });
  if (run.probes.failures < retries) return;
  const reason = `unhealthy: ${failure.message}`;
  run.probes.nextAtMs = null;
  run.probes.wellSinceMs = null;
  run.endIsPlanned = true;
  amend(run, { health: "unhealthy", message: reason });
  // A crash between the stop and the next start must not take the end for the task's own.
  mark(run, "sync");
  turn.log("warn", `${nameOf(run)}: ${reason}`);
}

function sendProbe(run: TaskRun, turn: Turn): void {
  const instance = currentInstance(run);
  if (instance === null || run.assignment === null) return;
  run.probes.probing = true;
  run.probes.nextAtMs = null;
  turn.emit({ kind: "probe", of: identity(run), instance, spec: run.assignment.spec });
}

function isDue(run: TaskRun, nowMs: number): boolean {
  const { nextAtMs, probing } = run.probes;
  return nextAtMs !== null && nextAtMs <= nowMs && !probing && currentInstance(run)?.status === "running";
}

/** Before a first good answer the early, quick probes and those of the start period are only attempts. */
function countsNow(run: TaskRun, check: HealthCheck, nowMs: number): boolean {
  return run.fact.health === "healthy" || nowMs - run.probes.runningSinceMs >= countsFromMs(check);
}

function countsFromMs(check: HealthCheck): number {
  return Math.max(check.startPeriodMs, check.intervalMs - Math.floor(check.intervalMs / 10));
}

function pause(run: TaskRun, check: HealthCheck, turn: Turn): number {
  const early = run.fact.health !== "healthy" && turn.time.monoMs - run.probes.runningSinceMs < countsFromMs(check);
  return jittered(early ? Math.min(START_INTERVAL_MS, check.intervalMs) : check.intervalMs, JITTER, turn.draw);
}

const PROBES_AT_A_TIME = 16;

/** The probes of a node that are under way: only so many at once. */
export class ProbesAway {
  readonly #most: number;
  readonly #away = new Set<string>();

  constructor(most = PROBES_AT_A_TIME) {
    this.#most = most;
  }

  get hasRoom(): boolean {
    return this.#away.size < this.#most;
  }

  /** Sends what is due, as far as there is room. */
  send(runs: Iterable<TaskRun>, turn: Turn): void {
    const emit = (effect: WorkerEffect): void => {
      if (effect.kind === "probe") this.#away.add(keyOf(effect.of));
      turn.emit(effect);
    };
    sendProbes(runs, this.#most - this.#away.size, { ...turn, emit });
  }

  /** An answer has come. */
  back(of: Incarnation): void {
    this.#away.delete(keyOf(of));
  }
}
