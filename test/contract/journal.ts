// What every Journal must do. An implementation calls `journalContract` with how to open itself.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { JournalRecord } from "../../src/worker/effects.ts";
import type { Journal } from "../../src/worker/ports.ts";

/** One "disk": every `open` opens what the last journal left there. */
export interface JournalBed {
  open(): Promise<Journal>;
  dispose(): Promise<void>;
}

/** Parts of the contract that a model of a journal may lack, each with its reason. */
export type JournalPart = "overlap";
export type JournalLacks = Readonly<Partial<Record<JournalPart, string>>>;

/** A record that is different for each number. */
export function journalRecord(number: number): JournalRecord {
  const value = {
    incarnation: number,
    exits: [{ code: 137, reason: "ünlucky \u0000 👋\n" }],
    text: "x".repeat(number % 50),
  };
  if (number % 5 === 3) return { kind: "forget", taskId: `task-${number}` };
  if (number % 5 === 4) return { kind: "manager", value: { term: number, lineage: "l" } };
  return { kind: "task", taskId: `task-${number}`, value };
}

/** Records with the numbers `from` to `to` − 1. */
export function journalRecords(from: number, to: number): JournalRecord[] {
  return Array.from({ length: to - from }, (_, index) => journalRecord(from + index));
}

/** Runs the suite, without what a model lacks for the reason given. */
export function journalContract(name: string, makeBed: () => JournalBed, lacks: JournalLacks = {}): void {
  const testOf = (part: JournalPart) => test.skipIf(lacks[part] !== undefined);
  describe(`journal contract, ${name}:`, () => {
    let bed: JournalBed;
    beforeEach(() => {
      bed = makeBed();
    });
    afterEach(() => bed.dispose());

    const reopened = async (journal: Journal) => {
      await journal.close();
      const again = await bed.open();
      const loaded = await again.load();
      await again.close();
      return loaded;
    };

    test("a new journal is empty and sound", async () => {
      const journal = await bed.open();
      expect(await journal.load()).toEqual({ records: [], problem: "" });
      await journal.close();
    });

    test("what was appended comes back in order after an opening, and before it", async () => {
      const journal = await bed.open();
      await journal.append(journalRecords(0, 7));
      await journal.append(journalRecords(7, 8));
      const expected = { records: journalRecords(0, 8), problem: "" };
      expect(await journal.load()).toEqual(expected);
      expect(await reopened(journal)).toEqual(expected);
    });

    testOf("overlap")("appends that overlap are all kept, in the order of the calls", async () => {
      const journal = await bed.open();
      await Promise.all(journalRecords(0, 200).map((record) => journal.append([record])));
      expect(await reopened(journal)).toEqual({ records: journalRecords(0, 200), problem: "" });
    });

    test("an append of nothing resolves and leaves nothing", async () => {
      const journal = await bed.open();
      await journal.append([]);
      await journal.append(journalRecords(0, 1));
      expect(await reopened(journal)).toEqual({ records: journalRecords(0, 1), problem: "" });
    });

    test("a compaction replaces everything, and appends go on after it", async () => {
      const journal = await bed.open();
      await journal.append(journalRecords(0, 50));
      await journal.compact(journalRecords(40, 50));
      await journal.append(journalRecords(50, 52));
      expect(await journal.load()).toEqual({ records: journalRecords(40, 52), problem: "" });
      expect(await reopened(journal)).toEqual({ records: journalRecords(40, 52), problem: "" });
    });

    test("a compaction to nothing leaves an empty journal", async () => {
      const journal = await bed.open();
      await journal.append(journalRecords(0, 5));
      await journal.compact([]);
      expect([await reopened(journal)]).toEqual([{ records: [], problem: "" }]);
    });

    testOf("overlap")("a compaction among appends loses none that were called after it", async () => {
      const journal = await bed.open();
      const before = journal.append(journalRecords(0, 10));
      const compaction = journal.compact(journalRecords(5, 10));
      const after = journal.append(journalRecords(10, 12));
      await Promise.all([before, compaction, after]);
      expect(await reopened(journal)).toEqual({ records: journalRecords(5, 12), problem: "" });
    });

    test("whatever is appended and compacted, an opening finds exactly that", async () => {
      const step = fc.record({ compact: fc.boolean(), count: fc.nat(4), value: fc.jsonValue() });
      const property = fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        const own = makeBed();
        const journal = await own.open();
        let expected: JournalRecord[] = [];
        for (const { compact, count, value } of steps) {
          const records: JournalRecord[] = Array(count).fill({ kind: "task", taskId: "t", value });
          if (compact) await journal.compact(records);
          else await journal.append(records);
          expected = compact ? records : [...expected, ...records];
        }
        await journal.close();
        const again = await own.open();
        const loaded = await again.load();
        await again.close();
        await own.dispose();
        expect(loaded).toEqual({ records: JSON.parse(JSON.stringify(expected)), problem: "" });
      });
      await fc.assert(property, { numRuns: 30 });
    });
  });
}
