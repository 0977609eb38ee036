/**
 * What is to be journaled, and what is known to be on disk. Everything of one turn goes in one append; what is only good to know
 * (a state that a list would show as well) waits up to a second for company.
 */
import type { JournalRecord } from "./effects.ts";
import { type ManagerRecord, taskRecord } from "./journal-records.ts";
import type { TaskRun } from "./task-run.ts";

/** An append, and whether effects of the same turn have to wait for it (a new manager is obeyed only once it is remembered). */
export interface Append {
  readonly number: number;
  readonly records: readonly JournalRecord[];
  readonly first: boolean;
}

const LAZY_MS = 1_000;
const COMPACT_AT_LEAST = 500;
const COMPACT_PER_TASK = 4;

export class JournalKeeper {
  #number = 0;
  #confirmed = 0;
  /** The newest append that a report has to wait for, and the newest one with a new manager. */
  #lastSync = 0;
  #lastManager = 0;
  #managerDirty: "sync" | "lazy" | null = null;
  #lazyAtMs: number | null = null;
  #forgotten: string[] = [];
  /** Tasks in a journal that was copied from another machine. */
  #ofAnother: string[] = [];
  #appended = 0;

  /** True when the journal has all that is known of the run. */
  isDurable(run: TaskRun): boolean {
    return run.dirty !== "sync" && run.recordNumber <= this.#confirmed;
  }

  /** False while a new manager is not on disk yet. */
  mayObey(): boolean {
    return this.#managerDirty !== "sync" && this.#lastManager <= this.#confirmed;
  }

  /** False while facts that may only be told from disk are not there yet. */
  mayReport(): boolean {
    return this.#lastSync <= this.#confirmed;
  }

  /** What was read when the process began: that, too, is to be written anew one day. */
  restored(records: number): void {
    this.#appended = records;
  }

  /** The journal is another machine's: what it says of tasks is kept until a manager has taken this machine for that node. */
  isOfAnother(taskIds: Iterable<string>): void {
    this.#ofAnother = [...taskIds];
  }

  /** False while the journal holds another machine's tasks, which would be lost by writing it anew. */
  get mayCompact(): boolean {
    return this.#ofAnother.length === 0;
  }

  managerChanged(isNew: boolean, isCopy: boolean): void {
    if (!isCopy) this.#forgotten.push(...this.#ofAnother.splice(0));
    if (this.#managerDirty !== "sync") this.#managerDirty = isNew ? "sync" : "lazy";
  }

  forget(taskId: string): void {
    this.#forgotten.push(taskId);
  }

  /** Returns true when something may go on that could not before. */
  confirmed(number: number): boolean {
    if (number <= this.#confirmed) return false;
    this.#confirmed = number;
    return true;
  }

  wakeMs(): number | null {
    return this.#lazyAtMs;
  }

  /** The append that is due now, if any; what is in it counts as written. */
  take(runs: ReadonlyMap<string, TaskRun>, manager: ManagerRecord | null, nowMs: number): Append | null {
    const dirty: TaskRun[] = [];
    let urgent = this.#forgotten.length > 0 || this.#managerDirty === "sync";
    for (const run of runs.values()) {
      if (run.dirty === null || run.assignment === null) continue;
      dirty.push(run);
      urgent ||= run.dirty === "sync";
    }
    if (!urgent && !this.#lazyIsDue(dirty.length > 0, nowMs)) return null;
    this.#number += 1;
    const first = this.#managerDirty === "sync";
    if (urgent) this.#lastSync = this.#number;
    if (first) this.#lastManager = this.#number;
    const records = [...this.#managerRecords(manager), ...taskRecords(dirty, nowMs), ...this.#forgetRecords(runs)];
    for (const run of dirty) {
      run.dirty = null;
      run.recordNumber = this.#number;
    }
    this.#managerDirty = null;
    this.#lazyAtMs = null;
    this.#appended += records.length;
    return { number: this.#number, records, first };
  }

  /** A snapshot of everything, when the journal has grown past its bound. */
  snapshot(
    runs: ReadonlyMap<string, TaskRun>,
    manager: ManagerRecord | null,
    nowMs: number,
  ): readonly JournalRecord[] | null {
    if (!this.mayCompact || this.#appended <= COMPACT_AT_LEAST + COMPACT_PER_TASK * runs.size) return null;
    this.#appended = 0;
    return everything(runs, manager, nowMs);
  }

  #lazyIsDue(anyDirty: boolean, nowMs: number): boolean {
    if (!anyDirty && this.#managerDirty === null) return false;
    this.#lazyAtMs ??= nowMs + LAZY_MS;
    return this.#lazyAtMs <= nowMs;
  }

  #managerRecords(manager: ManagerRecord | null): JournalRecord[] {
    return manager === null || this.#managerDirty === null ? [] : [{ kind: "manager", value: manager }];
  }

  #forgetRecords(runs: ReadonlyMap<string, TaskRun>): JournalRecord[] {
    // What has come again meanwhile is told anew.
    const gone = this.#forgotten.filter((taskId) => !runs.has(taskId));
    const records = gone.map((taskId): JournalRecord => ({ kind: "forget", taskId }));
    this.#forgotten = [];
    return records;
  }
}

/** All that a journal has to hold. */
export function everything(
  runs: ReadonlyMap<string, TaskRun>,
  manager: ManagerRecord | null,
  nowMs: number,
): readonly JournalRecord[] {
  const known: JournalRecord[] = manager === null ? [] : [{ kind: "manager", value: manager }];
  return [...known, ...taskRecords([...runs.values()], nowMs)];
}

function taskRecords(runs: readonly TaskRun[], nowMs: number): JournalRecord[] {
  return runs.map((run) => taskRecord(run, nowMs)).filter((record) => record !== null);
}
