// A process of its own that appends to a journal and says how many records are acked, until it is killed.
import { openJournal } from "../../src/store/journal.ts";
import { journalRecord } from "../contract/journal.ts";

const opened = await openJournal(process.argv[2] ?? "");
if (!opened.ok) throw new Error(opened.failure.message);
for (let number = 0; ; number += 1) {
  await opened.value.append([journalRecord(number)]);
  process.stdout.write(`${number + 1}\n`);
}
