/** What the small parts of the worker's machine share while one event is handled: the time, chance, and where effects go. */
import { type Draw, jittered } from "../core/jitter.ts";
import type { Time } from "../core/time.ts";
import type { WorkerEffect } from "./effects.ts";
import { amend, type OperationKind, type TaskRun } from "./task-run.ts";

export interface Turn {
  readonly time: Time;
  readonly draw: Draw;
  /** A manager that is obeyed is linked now. */
  readonly linked: boolean;
  /** Asks the host; in order. */
  emit(effect: WorkerEffect): void;
  /** Marks that something was done or learned about the run, so that an older list says nothing about it. */
  touch(run: TaskRun): void;
  log(level: "info" | "warn" | "error", text: string): void;
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/** Plans the same operation again, later each time, and says why. */
export function retryLater(run: TaskRun, kind: OperationKind, turn: Turn, message: string): void {
  const before = run.retries.get(kind);
  const delayMs = before === undefined ? FIRST_RETRY_MS : Math.min(before.delayMs * 2, LAST_RETRY_MS);
  run.retries.set(kind, { atMs: turn.time.monoMs + jittered(delayMs, 100, turn.draw), delayMs });
  amend(run, { message });
}

/** For people: which task a log line is about. */
export function nameOf(run: TaskRun): string {
  return run.assignment === null ? `task ${run.taskId}` : `${run.assignment.name} (task ${run.taskId})`;
}
