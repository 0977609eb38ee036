/** The order of writes and of what waits for them. */
import { expect, test } from "bun:test";
import type { JournalRecord, WorkerEffect } from "../../src/worker/effects.ts";
import type { Journal } from "../../src/worker/ports.ts";
import { WriteQueue } from "../../src/worker/write-queue.ts";

class GatedJournal implements Journal {
  readonly size = 0;
  readonly writes: string[] = [];
  failures = 0;
  gate: Promise<void> = Promise.resolve();
  async load(): Promise<{ records: readonly JournalRecord[]; problem: string }> {
    return { records: [], problem: "" };
  }
  async append(records: readonly JournalRecord[]): Promise<void> {
    await this.gate;
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error("disk full");
    }
    this.writes.push(records.map(nameOf).join("+"));
  }
  async compact(records: readonly JournalRecord[]): Promise<void> {
    this.writes.push(`compact ${records.map(nameOf).join("+")}`);
  }
  async close(): Promise<void> {}
}

function nameOf(record: JournalRecord): string {
  return record.kind === "manager" ? "manager" : record.taskId;
}

function append(number: number): WorkerEffect {
  return { kind: "journal", number, records: [{ kind: "forget", taskId: `r${number}` }] };
}

function log(text: string): WorkerEffect {
  return { kind: "log", level: "info", text };
}

function queueOn(journal: Journal): { queue: WriteQueue; seen: string[]; problems: string[] } {
  const seen: string[] = [];
  const problems: string[] = [];
  const queue = new WriteQueue({
    journal,
    perform: (effect) => seen.push(effect.kind === "log" ? effect.text : effect.kind),
    onWritten: (number) => seen.push(`written ${number}`),
    onProblem: (text) => problems.push(text),
    retryMs: 1,
  });
  return { queue, seen, problems };
}

async function drained(queue: WriteQueue): Promise<void> {
  while (!queue.idle) await new Promise((resolve) => setImmediate(resolve));
}

test("write queue: what follows a write waits for it, and appends that wait together are written together", async () => {
  const journal = new GatedJournal();
  const { promise, resolve } = Promise.withResolvers<void>();
  journal.gate = promise;
  const { queue, seen } = queueOn(journal);
  queue.push([append(1), log("after 1")]);
  queue.push([append(2), log("after 2")]);
  queue.push([append(3)]);
  expect([seen, queue.idle]).toEqual([[], false]);
  resolve();
  await drained(queue);
  expect(journal.writes).toEqual(["r1", "r2+r3"]);
  expect(seen).toEqual(["written 1", "after 1", "written 2", "written 3", "after 2"]);
});

test("write queue: a snapshot keeps its place among the appends", async () => {
  const journal = new GatedJournal();
  const { queue, seen } = queueOn(journal);
  queue.push([append(1), { kind: "compact", records: [{ kind: "forget", taskId: "all" }] }, append(2), append(3)]);
  await drained(queue);
  expect(journal.writes).toEqual(["r1", "compact all", "r2+r3"]);
  expect(seen).toEqual(["written 1", "written 2", "written 3"]);
});

test("write queue: a failed write is tried again before anything that waits for it, and told once", async () => {
  const journal = new GatedJournal();
  journal.failures = 3;
  const { queue, seen, problems } = queueOn(journal);
  queue.push([append(1), log("after")]);
  await drained(queue);
  expect([seen, journal.writes]).toEqual([["written 1", "after"], ["r1"]]);
  expect(problems).toEqual(["the journal cannot be written, so nothing new is started: disk full", ""]);
});

test("write queue: closing gives up a write that fails, and nothing that waits for it happens", async () => {
  const journal = new GatedJournal();
  journal.failures = Number.POSITIVE_INFINITY;
  const { queue, seen } = queueOn(journal);
  queue.push([append(1), log("after")]);
  await queue.close();
  expect(seen).toEqual([]);
});
