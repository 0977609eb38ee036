/** The order of what must not overtake in a simulated worker: the synchronous counterpart of worker/write-queue.ts, with the same rules. */
import type { WorkerEffect } from "../worker/effects.ts";
import { JOURNAL_RETRY_MS } from "../worker/host-limits.ts";
import type { SimJournal } from "./disk.ts";
import type { SimProcess } from "./process.ts";

export interface SimWriteQueueOptions {
  readonly journal: SimJournal;
  readonly process: SimProcess;
  readonly perform: (effect: WorkerEffect) => void;
  readonly onWritten: (number: number) => void;
}

type Append = Extract<WorkerEffect, { readonly kind: "journal" }>;

export class SimWriteQueue {
  readonly #options: SimWriteQueueOptions;
  readonly #queue: WorkerEffect[] = [];
  readonly #written = new Set<number>();
  #busy = false;

  constructor(options: SimWriteQueueOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return !this.#busy;
  }

  push(effects: readonly WorkerEffect[]): void {
    this.#queue.push(...effects);
    if (!this.#busy) this.#drain();
  }

  dropSends(): void {
    this.#queue.splice(0, this.#queue.length, ...this.#queue.filter((effect) => effect.kind !== "send"));
  }

  #drain(): void {
    this.#busy = true;
    const { journal, perform, process } = this.#options;
    for (let effect = this.#queue.shift(); effect !== undefined; effect = this.#queue.shift()) {
      if (effect.kind === "journal") {
        if (this.#written.delete(effect.number)) continue;
        this.#append([effect, ...this.#gather()]);
        return;
      }
      if (effect.kind === "compact") {
        journal.compact(
          effect.records,
          process.boundWith(() => this.#drain()),
        );
        return;
      }
      perform(effect);
      if (!process.alive) return;
    }
    this.#busy = false;
  }

  /** The appends that wait behind this one, up to a snapshot. */
  #gather(): Append[] {
    const end = this.#queue.findIndex((effect) => effect.kind === "compact");
    const before = end < 0 ? this.#queue : this.#queue.slice(0, end);
    return before.filter((effect) => effect.kind === "journal").filter((effect) => !this.#written.has(effect.number));
  }

  #append(appends: readonly Append[]): void {
    const { journal, process, onWritten } = this.#options;
    const written = process.boundWith((isWritten: boolean) => {
      if (!isWritten) {
        process.after(JOURNAL_RETRY_MS, () => this.#append(appends));
        return;
      }
      for (const { number } of appends.slice(1)) this.#written.add(number);
      for (const { number } of appends) onWritten(number);
      if (process.alive) this.#drain();
    });
    const records = appends.flatMap((one) => one.records);
    journal.append(records, written);
  }
}
