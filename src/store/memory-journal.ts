/** The worker's journal without a disk, for `--dbtype memory`: what runs is found again by its labels, everything else is forgotten with the process. */
import type { JournalRecord } from "../worker/effects.ts";
import type { Journal } from "../worker/ports.ts";

/** A Journal that forgets everything with its process. */
export function createMemoryJournal(): Journal {
  let records: JournalRecord[] = [];
  return {
    load: async () => ({ records: [...records], problem: "" }),
    append: async (more) => {
      records.push(...more);
    },
    compact: async (all) => {
      records = [...all];
    },
    get size() {
      return records.length;
    },
    close: async () => {},
  };
}
