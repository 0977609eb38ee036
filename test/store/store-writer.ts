// A process of its own that loads the store in a directory, says so, and then (with "write") commits until it is killed, saying each acked revision.
import { openLevelStore } from "../../src/store/level.ts";
import { taskPut } from "./sample.ts";

const [directory = "", mode = ""] = process.argv.slice(2);
const store = openLevelStore({ directory, nowMs: Date.now });
const loaded = await store.load();
process.stdout.write(
  `${JSON.stringify(loaded.ok ? { ...loaded.value, records: loaded.value.records.length } : loaded.failure)}\n`,
);
if (!loaded.ok) process.exit(1);
if (mode === "once") await store.close();
let revision = loaded.value.revision;
while (mode === "write") {
  const outcome = await store.commit({ changes: taskPut(revision, `t${revision % 100}`) });
  if (outcome.kind !== "committed") throw new Error(outcome.reason);
  revision += 1;
  process.stdout.write(`${revision}\n`);
}
// "hold": stays until it is killed.
if (mode === "hold") setInterval(() => undefined, 1_000);
