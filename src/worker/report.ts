/**
 * What a worker still owes its manager: one report a turn, numbered, the newest facts of each task only. What was not acknowledged as durable
 * is said again, whole, after every new link.
 */
import { isLocalTask } from "../core/local-task.ts";
import type { TaskFact } from "../core/task.ts";
import type { WorkerMessage } from "../protocol/messages.ts";
import type { TaskRun } from "./task-run.ts";

type Report = Extract<WorkerMessage, { readonly kind: "report" }>;

/** A report that is not acknowledged for this long is said again, whole. */
const PATIENCE_MS = 10_000;

export class Reporter {
  #number = 0;
  #wantsFull = false;
  /** The report that named each task last, until it is acknowledged. */
  readonly #unacked = new Map<string, number>();
  /** Tasks removed, with the report that said so; 0 for not said yet. */
  readonly #removed = new Map<string, number>();
  #lastSentMs = 0;

  /** The next report names every task. */
  wantFull(): void {
    this.#wantsFull = true;
  }

  removed(taskId: string): void {
    if (isLocalTask(taskId)) return;
    this.#removed.set(taskId, 0);
    this.#unacked.delete(taskId);
  }

  /** The manager has `number` and everything before it on disk. */
  acked(number: number): void {
    for (const [taskId, last] of this.#unacked) if (last <= number) this.#unacked.delete(taskId);
    for (const [taskId, last] of this.#removed) if (last !== 0 && last <= number) this.#removed.delete(taskId);
  }

  /** When the newest report has been waiting for its acknowledgement for too long; null when nothing waits. */
  impatientAtMs(): number | null {
    const waits = this.#unacked.size > 0 || [...this.#removed.values()].some((number) => number > 0);
    return waits ? this.#lastSentMs + PATIENCE_MS : null;
  }

  /** The report that is due, if any; what it names counts as reported. */
  take(runs: ReadonlyMap<string, TaskRun>, nowMs: number): Report | null {
    const full = this.#wantsFull;
    const named: TaskRun[] = [];
    for (const run of runs.values()) {
      if ((full || run.unreported) && isReportable(run)) named.push(run);
      run.unreported = false;
    }
    const removed: string[] = [];
    for (const [taskId, number] of this.#removed) if (full || number === 0) removed.push(taskId);
    if (!full && named.length === 0 && removed.length === 0) return null;
    this.#wantsFull = false;
    this.#number += 1;
    this.#lastSentMs = nowMs;
    for (const run of named) this.#unacked.set(run.taskId, this.#number);
    for (const taskId of removed) this.#removed.set(taskId, this.#number);
    return { kind: "report", number: this.#number, full, facts: named.map((run) => factOf(run, nowMs)), removed };
  }
}

/** Facts as told now: the wait for a restart in milliseconds from this moment. */
export function factOf(run: TaskRun, nowMs: number): TaskFact {
  const waits = run.restartAtMs !== null && run.restartAtMs > nowMs;
  return { ...run.fact, restartInMs: waits ? Math.ceil((run.restartAtMs ?? 0) - nowMs) : null };
}

/** What was posted to the node is no manager's; an instance that was only found, and does not run, has no story to tell. */
function isReportable(run: TaskRun): boolean {
  return run.fact.state !== "assigned" && !isLocalTask(run.taskId);
}
