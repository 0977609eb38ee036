// The worker's journals through the one suite.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../../src/store/journal.ts";
import { createMemoryJournal } from "../../src/store/memory-journal.ts";
import type { JournalRecord } from "../../src/worker/effects.ts";
import { journalContract } from "./journal.ts";

journalContract("file", () => {
  const directory = mkdtempSync(join(tmpdir(), "cube-journal-"));
  return {
    open: async () => {
      const opened = await openJournal(join(directory, "journal"));
      if (!opened.ok) throw new Error(opened.failure.message);
      return opened.value;
    },
    dispose: async () => rmSync(directory, { recursive: true, force: true }),
  };
});

journalContract("memory", () => {
  const disk: JournalRecord[] = [];
  return { open: async () => createMemoryJournal(disk), dispose: async () => {} };
});
