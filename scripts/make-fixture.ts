// Makes test/fixtures/data-v<format>: a data directory in today's format, which every later version must open, and beside it as JSON what is in it.
// Run once, when the format is raised:
//   bun scripts/make-fixture.ts
// It must never overwrite one that is there: a fixture is what an old version wrote, not what today's version believes it wrote.
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { prepareDataDir } from "../src/store/data-dir.ts";
import { openJournal } from "../src/store/journal.ts";
import { openLevelStore } from "../src/store/level.ts";
import { STORE_FORMAT } from "../src/store/migrate.ts";
import { FIXTURE_JOURNAL, fixtureBatches, fixtureJournal } from "../test/store/fixture-content.ts";
import { SAMPLE_MS } from "../test/store/sample.ts";

const directory = resolve(import.meta.dir, `../test/fixtures/data-v${STORE_FORMAT}`);
if (existsSync(directory)) throw new Error(`${directory} is there already; raise STORE_FORMAT first`);
const prepared = prepareDataDir(directory);
if (!prepared.ok) throw new Error(prepared.failure.message);

const batches = fixtureBatches();
const half = Math.ceil(batches.length / 2);
// Two openings, so that there is a table file as well as a log.
for (const part of [batches.slice(0, half), batches.slice(half)]) {
  const store = openLevelStore({ directory, nowMs: () => SAMPLE_MS });
  const loaded = await store.load();
  if (!loaded.ok || loaded.value.problem !== "") throw new Error(JSON.stringify(loaded));
  for (const changes of part) {
    const outcome = await store.commit({ changes });
    if (outcome.kind !== "committed") throw new Error(outcome.reason);
  }
  await store.close();
}

const journal = await openJournal(join(directory, FIXTURE_JOURNAL));
if (!journal.ok) throw new Error(journal.failure.message);
for (const record of fixtureJournal()) await journal.value.append([record]);
await journal.value.close();

const expected = { batches, journal: fixtureJournal() };
writeFileSync(`${directory}.json`, `${JSON.stringify(expected, null, 1)}\n`);

// LevelDB's lock and its own log for people are no data.
for (const name of readdirSync(join(directory, "store"))) {
  if (name === "LOCK" || name.startsWith("LOG")) rmSync(join(directory, "store", name));
}
console.log(`${directory}: add it with git add -f, for *.log is ignored`);
