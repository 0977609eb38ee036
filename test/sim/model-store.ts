// The simulator's store and journal behind the ports of the real ones, so that the same suites run on them: each call drives virtual time until it is answered.

import type { LoggedChange } from "../../src/core/change.ts";
import { ok } from "../../src/core/failure.ts";
import type { Store } from "../../src/manager/ports.ts";
import { SimJournal, SimStore } from "../../src/sim/disk.ts";
import { EventQueue } from "../../src/sim/queue.ts";
import { Streams } from "../../src/sim/random.ts";
import type { Journal } from "../../src/worker/ports.ts";

/** Longer than anything in a model takes, in virtual ms. */
const PATIENCE_MS = 600_000;

/** Lets time go by until something has been answered; throws when it never is. */
export async function answered<T>(queue: EventQueue, ask: (answer: (value: T) => void) => void): Promise<T> {
  const answers: T[] = [];
  ask((value) => answers.push(value));
  const limitMs = queue.nowMs + PATIENCE_MS;
  while (answers.length === 0 && queue.step(limitMs));
  if (answers.length === 0) throw new Error("the model never answers");
  return answers[0] as T;
}

let seed = 0;

/** A directory of a store: whatever is opened from it is the same one. */
export function modelStore(): { open(): Store; durable: LoggedChange[] } {
  const queue = new EventQueue();
  const durable: LoggedChange[] = [];
  const store = new SimStore(queue, new Streams(++seed).of("disk"), (changes) => durable.push(...changes));
  return {
    durable,
    open: () => ({
      load: async (takeOver) => ok(store.load(takeOver)),
      commit: (batch) => answered(queue, (answer) => store.commit(batch, answer)),
      log: async () => null,
      close: async () => {},
    }),
  };
}

/** The same for a journal. */
export function modelJournal(): { open(): Promise<Journal> } {
  const queue = new EventQueue();
  const journal = new SimJournal(queue, new Streams(++seed).of("disk"));
  const written = async (ask: (answer: (isWritten: boolean) => void) => void): Promise<void> => {
    if (!(await answered(queue, ask))) throw new Error("it may not be on disk");
  };
  return {
    open: async () => ({
      load: async () => ({ records: journal.load(), problem: "" }),
      append: (records) => written((answer) => journal.append(records, answer)),
      compact: (records) => written((answer) => journal.compact(records, answer)),
      close: async () => {},
    }),
  };
}
