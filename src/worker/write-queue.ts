/**
 * The order of what must not overtake: appends, snapshots, and everything that waits for them. Appends that wait at the same time are written
 * together. A write that fails is tried again until it succeeds: what depends on it never goes first.
 */
import { wordsOf } from "../core/failure.ts";
import type { JournalRecord, WorkerEffect } from "./effects.ts";
import { JOURNAL_RETRY_MS } from "./host-limits.ts";
import type { Journal } from "./ports.ts";

export interface WriteQueueOptions {
  readonly journal: Journal;
  /** Performs an effect that is no write. */
  readonly perform: (effect: WorkerEffect) => void;
  readonly onWritten: (number: number) => void;
  /** "" when a write succeeds again. */
  readonly onProblem: (text: string) => void;
  readonly retryMs?: number;
}

export class WriteQueue {
  readonly #options: WriteQueueOptions;
  readonly #queue: WorkerEffect[] = [];
  /** Appends that an earlier write has taken along. */
  readonly #written = new Set<number>();
  #draining: Promise<void> = Promise.resolve();
  #busy = false;
  #problem = "";
  #closed = false;
  #wake: (() => void) | null = null;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /** True when nothing waits. */
  get idle(): boolean {
    return !this.#busy;
  }

  /** Why the last write failed; "" when it did not. */
  get problem(): string {
    return this.#problem;
  }

  push(effects: readonly WorkerEffect[]): void {
    this.#queue.push(...effects);
    if (!this.#busy) this.#draining = this.#drain();
  }

  /** Nothing that waits is sent any more; the writes stay. */
  dropSends(): void {
    this.#queue.splice(0, this.#queue.length, ...this.#queue.filter((effect) => effect.kind !== "send"));
  }

  /** Ends after the write in progress; what waits for a write that fails is given up. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#draining;
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    try {
      for (let effect = this.#queue.shift(); effect !== undefined && !this.#closed; effect = this.#queue.shift()) {
        if (effect.kind === "journal") await this.#append(effect.number, effect.records);
        else if (effect.kind === "compact") await this.#compact(effect.records);
        else this.#options.perform(effect);
      }
    } finally {
      // At once, not a microtask later: what is pushed in between would never be drained.
      this.#busy = false;
    }
  }

  async #append(number: number, records: readonly JournalRecord[]): Promise<void> {
    if (this.#written.delete(number)) return;
    const together = this.#gather();
    const all = [records, ...together.map((one) => one.records)].flat();
    if (!(await this.#untilWritten(() => this.#options.journal.append(all)))) return;
    for (const one of together) this.#written.add(one.number);
    for (const done of [number, ...together.map((one) => one.number)]) this.#options.onWritten(done);
  }

  /** The appends that wait behind this one, up to a snapshot. */
  #gather(): readonly Extract<WorkerEffect, { readonly kind: "journal" }>[] {
    const end = this.#queue.findIndex((effect) => effect.kind === "compact");
    const before = end < 0 ? this.#queue : this.#queue.slice(0, end);
    return before.filter((effect) => effect.kind === "journal").filter((effect) => !this.#written.has(effect.number));
  }

  /** A snapshot that cannot be written is given up: the journal that it would replace is whole. */
  async #compact(records: readonly JournalRecord[]): Promise<void> {
    try {
      await this.#options.journal.compact(records);
    } catch (error) {
      this.#options.onProblem(`the journal cannot be compacted: ${wordsOf(error)}`);
    }
  }

  async #untilWritten(write: () => Promise<void>): Promise<boolean> {
    while (!this.#closed) {
      try {
        await write();
        this.#say("");
        return true;
      } catch (error) {
        this.#say(`the journal cannot be written, so nothing new is started: ${wordsOf(error)}`);
        await this.#pause();
      }
    }
    return false;
  }

  #say(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.onProblem(problem);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.retryMs ?? JOURNAL_RETRY_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
