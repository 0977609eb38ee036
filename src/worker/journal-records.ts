/**
 * Tasks and the manager as journal records, and back. Deadlines are stored as remaining times and resume: a monotonic time means nothing
 * after a restart. A record that cannot be read is left out; then the labels of what runs tell the rest.
 */
import { isObject } from "../core/json.ts";
import { agesOf, fromAges } from "../core/restart.ts";
import { DESIRED_STATES, isTerminal, TASK_STATES, type TaskFact } from "../core/task.ts";
import type { Remembered } from "../protocol/fence.ts";
import type { Assignment } from "../protocol/messages.ts";
import type { JournalRecord } from "./effects.ts";
import { newRun, type TaskRun } from "./task-run.ts";

/** What is kept of a task. */
interface TaskRecord {
  readonly format: 1;
  readonly assignment: Assignment;
  readonly fact: TaskFact;
  readonly answeredSerial: number;
  readonly streak: number;
  readonly agesMs: readonly number[];
}

/** The manager as it is kept; `aloneSinceMs`: since when it has not answered, left out while it does. By the wall clock, since nobody counts while no worker runs. */
export type ManagerRecord = Remembered & { readonly aloneSinceMs?: number };

/** What a journal held. */
export interface Restored {
  readonly runs: ReadonlyMap<string, TaskRun>;
  readonly manager: Remembered | null;
  /** Since when no manager had answered, wall clock; null when one did. */
  readonly aloneSinceMs: number | null;
  /** Records that could not be read. */
  readonly unreadable: number;
}

/** A run as its record; null for one that has no assignment: its labels are its record. */
export function taskRecord(run: TaskRun, nowMs: number): JournalRecord | null {
  if (run.assignment === null) return null;
  const restartInMs = run.restartAtMs === null ? null : Math.max(0, Math.ceil(run.restartAtMs - nowMs));
  const value: TaskRecord = {
    format: 1,
    assignment: run.assignment,
    fact: { ...run.fact, restartInMs },
    answeredSerial: run.answeredSerial,
    ...agesOf(run.history, nowMs),
  };
  return { kind: "task", taskId: run.taskId, value };
}

/** Reads all records, oldest first; the last one of a key counts. */
export function restoreRecords(records: readonly JournalRecord[], nowMs: number): Restored {
  const runs = new Map<string, TaskRun>();
  let kept: ManagerRecord | null = null;
  let unreadable = 0;
  for (const record of records) {
    if (record.kind === "forget") {
      runs.delete(record.taskId);
    } else if (record.kind === "manager") {
      if (isManager(record.value)) kept = record.value;
      else unreadable += 1;
    } else if (isTaskRecord(record.value, record.taskId)) {
      runs.set(record.taskId, toRun(record.value, nowMs));
    } else {
      unreadable += 1;
    }
  }
  if (kept === null) return { runs, manager: null, aloneSinceMs: null, unreadable };
  const { aloneSinceMs = null, ...manager } = kept;
  return { runs, manager, aloneSinceMs, unreadable };
}

function toRun(record: TaskRecord, nowMs: number): TaskRun {
  const run = newRun(record.assignment.taskId, record.assignment);
  const { restartInMs } = record.fact;
  run.fact = { ...record.fact, restartInMs: null };
  run.answeredSerial = record.answeredSerial;
  run.history = fromAges(record, nowMs);
  if (restartInMs !== null && !isTerminal(run.fact.state)) run.restartAtMs = nowMs + restartInMs;
  return run;
}

function isTaskRecord(value: unknown, taskId: string): value is TaskRecord {
  if (!isObject(value) || value.format !== 1) return false;
  const { assignment, fact } = value;
  if (!isObject(assignment) || !isObject(fact)) return false;
  const named = assignment.taskId === taskId && fact.taskId === taskId && isObject(assignment.spec);
  const known = includes(DESIRED_STATES, assignment.desired) && includes(TASK_STATES, fact.state);
  const counted = isCount(fact.incarnation) && isCount(value.answeredSerial) && isCount(value.streak);
  return named && known && counted && Array.isArray(fact.exits) && isNumbers(value.agesMs);
}

function isManager(value: unknown): value is ManagerRecord {
  if (!isObject(value)) return false;
  const { clusterId, instanceId, term, lineage, revision, machineId = "", aloneSinceMs = 0 } = value;
  const texts = [clusterId, instanceId, lineage, machineId].every((text) => typeof text === "string");
  return texts && isCount(term) && isCount(revision) && typeof aloneSinceMs === "number";
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => typeof one === "number");
}

function includes(list: readonly string[], value: unknown): boolean {
  return typeof value === "string" && list.includes(value);
}
