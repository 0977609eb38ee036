/** The worker's journal without a disk, for `--dbtype memory`: what runs is found again by its labels, everything else is forgotten with the process. */
import type { JournalRecord } from "../worker/effects.ts";
import type { Journal } from "../worker/ports.ts";

/** A Journal that forgets everything with `records`, which is its "disk". */
export function createMemoryJournal(records: JournalRecord[] = []): Journal {
  return {
    load: async () => ({ records: [...records], problem: "" }),
    append: async (more) => {
      records.push(...more.map(asStored));
    },
    compact: async (all) => {
      records.splice(0, records.length, ...all.map(asStored));
    },
    close: async () => {},
  };
}

/** A copy as a file would keep it: nobody can change it afterwards, and it is read back as JSON is. */
function asStored(record: JournalRecord): JournalRecord {
  return JSON.parse(JSON.stringify(record)) as JournalRecord;
}
