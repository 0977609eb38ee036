// Each way in which LevelDB is known to lose or refuse data, done to a real store: nothing is lost in silence, and nothing turns into an empty cluster.
import { describe, expect, test } from "bun:test";
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { levelPaths } from "../../src/store/level-files.ts";
import { repairOnCopy } from "../../src/store/level-repair.ts";
import { mustCommit, mustLoad } from "../contract/store.ts";
import { LevelBed } from "./level-bed.ts";
import { applied, SAMPLE_MS, sorted, taskPut } from "./sample.ts";

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const content = readFileSync(file);
  content.set(bytes, at);
  writeFileSync(file, content);
}

const GARBAGE = Buffer.from("garbage bytes!");

describe("level store, repaired:", () => {
  const damages: Record<string, (bed: LevelBed) => void> = {
    "CURRENT missing": (bed) => rmSync(join(bed.database, "CURRENT")),
    "CURRENT empty": (bed) => writeFileSync(join(bed.database, "CURRENT"), ""),
    "garbage in MANIFEST": (bed) => overwrite(bed.file(/^MANIFEST/), 8, GARBAGE),
    "MANIFEST cut off": (bed) => truncateSync(bed.file(/^MANIFEST/), 10),
    "MANIFEST missing": (bed) => rmSync(bed.file(/^MANIFEST/)),
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`${name}: everything is back, people are told, and the damaged original is kept as it was`, async () => {
      await using bed = new LevelBed();
      const before = [...(await bed.fill(60)), ...(await bed.fill(60, 1))];
      const { lineage } = await bed.contents();
      damage(bed);
      const names = readdirSync(bed.database).filter((file) => file !== "LOCK" && !file.startsWith("LOG"));
      const contents = await bed.contents();
      expect(sorted(contents.records)).toEqual(applied(before));
      expect(contents).toMatchObject({ lineage, problem: "", revision: 120 });
      expect(contents.notice).toContain(bed.kept()[0] ?? "no directory kept");
      const kept = readdirSync(join(bed.directory, bed.kept()[0] ?? ""));
      expect(names.filter((file) => !kept.includes(file))).toEqual([]);
      await bed.fill(1);
      expect(await bed.contents()).toMatchObject({ revision: 121, problem: "", notice: "" });
    });
  }

  test("the database's directory stays the same one, so that nobody can find it missing meanwhile", async () => {
    await using bed = new LevelBed();
    await bed.fill(3);
    const { ino } = statSync(bed.database);
    rmSync(join(bed.database, "CURRENT"));
    await bed.contents();
    expect([statSync(bed.database).ino, bed.kept().length]).toEqual([ino, 1]);
  });

  for (const moved of ["none", "one", "all"] as const) {
    test(`a repair that was cut off with ${moved} of its files in place is finished by the next opening`, async () => {
      await using bed = new LevelBed();
      const before = await bed.fill(30);
      const copy = join(bed.directory, "store.repair", "copy");
      await cp(bed.database, copy, { recursive: true });
      const names = readdirSync(copy).filter((name) => /^(CURRENT|MANIFEST.*|.*\.(ldb|log))$/.test(name));
      for (const name of names) writeFileSync(join(bed.database, name), GARBAGE);
      writeFileSync(join(bed.database, "MANIFEST-999999"), GARBAGE);
      const already = { none: 0, one: 1, all: names.length }[moved];
      for (const name of names.slice(0, already)) {
        rmSync(join(bed.database, name));
        linkSync(join(copy, name), join(bed.database, name));
      }
      const contents = await bed.contents();
      expect(sorted(contents.records)).toEqual(applied(before));
      expect([contents.problem, contents.notice]).toEqual([
        "",
        "a repair of the store that had been cut off is finished",
      ]);
      const files = ["store", "store.acked", "store.json"];
      expect([readdirSync(bed.directory).sort(), bed.kept()]).toEqual([files, []]);
    });
  }

  test("what is left of a copy that was not whole is never taken for one", async () => {
    await using bed = new LevelBed();
    const before = await bed.fill(30);
    for (const part of ["work", "done"]) {
      await cp(bed.database, join(bed.directory, "store.repair", part), { recursive: true });
      rmSync(join(bed.directory, "store.repair", part, "CURRENT"));
    }
    expect(sorted((await bed.contents()).records)).toEqual(applied(before));
    rmSync(join(bed.database, "CURRENT"));
    expect(sorted((await bed.contents()).records)).toEqual(applied(before));
    expect(readdirSync(bed.directory)).not.toContain("store.repair");
  });

  test("whoever comes to repair and finds that another has just done it leaves that alone", async () => {
    await using bed = new LevelBed();
    await bed.fill(3);
    mkdirSync(`${bed.database}.damaged-just-now`);
    const before = readdirSync(bed.database);
    const repair = () => Promise.reject(new Error("it repaired"));
    const outcome = await repairOnCopy({ paths: levelPaths(bed.directory), keptBefore: [], repair, nowMs: SAMPLE_MS });
    expect([outcome, readdirSync(bed.database)]).toEqual([{ ok: true, value: "" }, before]);
  });

  test("a repair that fails leaves the original as it was, and can be tried again", async () => {
    await using bed = new LevelBed();
    await bed.fill(3);
    const repair = () => Promise.reject(new Error("no space"));
    const outcome = await repairOnCopy({ paths: levelPaths(bed.directory), keptBefore: [], repair, nowMs: SAMPLE_MS });
    expect(outcome).toMatchObject({ ok: false, failure: { kind: "transient" } });
    expect(readdirSync(bed.directory).sort()).toEqual(["store", "store.acked", "store.json"]);
    expect(await bed.contents()).toMatchObject({ revision: 3, problem: "" });
  });
});

describe("level store, hole in the middle:", () => {
  async function holed(bed: LevelBed) {
    const before = await bed.fill(600);
    const file = bed.file(/\.log$/);
    overwrite(file, Math.floor(readFileSync(file).length / 2), GARBAGE);
    return before;
  }

  test("it is found, named with the way out, and stays so; what is left can be read and nothing can be written", async () => {
    await using bed = new LevelBed();
    const before = await holed(bed);
    const store = bed.open();
    const contents = await mustLoad(store);
    const found = contents.records.length;
    expect([found > 0, found < before.length, contents.revision]).toEqual([true, true, 600]);
    expect(contents.problem).toContain(`600 records were committed, ${found} are there`);
    expect(contents.problem).toMatch(/Restore a backup.*--accept-loss/);
    expect(await store.commit({ changes: taskPut(600) })).toEqual({ kind: "failed", reason: contents.problem });
    expect(await store.log(0, 1_000)).toBe(null);
    await store.close();
    expect((await bed.contents()).problem).toBe(contents.problem);
  });

  test("once the loss is accepted it goes on with what is left, under a new lineage", async () => {
    await using bed = new LevelBed();
    await holed(bed);
    const damaged = await bed.contents();
    const accepted = await bed.contents(true);
    expect(accepted).toMatchObject({ problem: "", revision: 600, term: damaged.term + 1 });
    expect([accepted.lineage !== damaged.lineage, accepted.notice?.includes("accepted")]).toEqual([true, true]);
    expect(sorted(accepted.records)).toEqual(sorted(damaged.records));
    await bed.fill(1);
    expect(await bed.contents()).toMatchObject({ revision: 601, problem: "", lineage: accepted.lineage });
  });

  test("accepting loss changes nothing in a sound store", async () => {
    await using bed = new LevelBed();
    await bed.fill(3);
    const { lineage } = await bed.contents();
    expect(await bed.contents(true)).toMatchObject({ lineage, problem: "", notice: "" });
  });
});

describe("level store, cut off:", () => {
  test("a torn commit that no one was told of is dropped, and is no problem", async () => {
    await using bed = new LevelBed();
    const before = await bed.fill(20);
    const file = bed.file(/\.log$/);
    truncateSync(file, readFileSync(file).length - 7);
    const note = join(bed.directory, "store.acked");
    writeFileSync(note, readFileSync(note, "utf8").replace("20\n", "19\n"));
    const contents = await bed.contents();
    expect(sorted(contents.records)).toEqual(applied(before.slice(0, -1)));
    expect(contents).toMatchObject({ revision: 19, problem: "" });
  });

  test("acknowledged commits that are missing at the end are named, though all else adds up", async () => {
    await using bed = new LevelBed();
    const before = await bed.fill(20);
    const file = bed.file(/\.log$/);
    truncateSync(file, readFileSync(file).length - 7);
    const contents = await bed.contents();
    expect(sorted(contents.records)).toEqual(applied(before.slice(0, -1)));
    expect(contents.problem).toContain("it ends at revision 19, but 20 had been committed");
    expect(await bed.contents(true)).toMatchObject({ revision: 19, problem: "" });
    await bed.fill(1);
    expect(await bed.contents()).toMatchObject({ revision: 20, problem: "" });
  });

  test("a note of acknowledged revisions that is gone or garbage costs nothing", async () => {
    await using bed = new LevelBed();
    await bed.fill(2);
    writeFileSync(join(bed.directory, "store.acked"), "\u0000garbage that is longer than any note ".repeat(9));
    expect(await bed.contents()).toMatchObject({ revision: 2, problem: "" });
    await bed.fill(2);
    rmSync(join(bed.directory, "store.acked"));
    expect(await bed.contents()).toMatchObject({ revision: 4, problem: "" });
  });

  test("zeros after the log's end cost nothing", async () => {
    await using bed = new LevelBed();
    const before = await bed.fill(20);
    const file = bed.file(/\.log$/);
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(8192)]));
    expect(sorted((await bed.contents()).records)).toEqual(applied(before));
  });
});

describe("level store, anything damaged:", () => {
  // The promise behind all others: without a problem named, everything that was ever acknowledged is there.
  test("a store that claims to be sound holds all that was acknowledged, wherever bytes were hit", async () => {
    await using source = new LevelBed();
    const before = [...(await source.fill(150, 40)), ...(await source.fill(100, 40)), ...(await source.fill(50, 40))];
    let [sound, named, refused] = [0, 0, 0];
    for (const name of readdirSync(source.database).filter((file) =>
      /^(CURRENT|MANIFEST.*|.*\.ldb|.*\.log)$/.test(file),
    )) {
      const size = readFileSync(join(source.database, name)).length;
      for (let part = 0; part < 8 && size > 0; part += 1) {
        await using bed = new LevelBed();
        await cp(source.directory, bed.directory, { recursive: true });
        const content = readFileSync(join(bed.database, name));
        const at = Math.min(size - 1, Math.floor((size * part) / 8) + 11);
        content[at] = (content[at] ?? 0) ^ 0x55;
        writeFileSync(join(bed.database, name), content);
        const loaded = await bed.open().load();
        if (!loaded.ok) refused += 1;
        else if (loaded.value.problem !== "") named += 1;
        else {
          sound += 1;
          expect(loaded.value.revision).toBe(300);
          expect(sorted(loaded.value.records)).toEqual(applied(before));
        }
      }
    }
    // Every outcome but a silent loss is fine; the first two must occur, or nothing was damaged at all.
    expect([sound > 0, named + refused > 0]).toEqual([true, true]);
  });

  test("a removed table file is named, never a smaller cluster", async () => {
    await using bed = new LevelBed();
    await bed.fill(50);
    await bed.fill(50, 3);
    await bed.contents();
    rmSync(bed.file(/\.ldb$/));
    expect((await bed.contents()).problem).toContain("is damaged");
  });
});

describe("level store, gone or new:", () => {
  test("a database that is gone or empty is refused, never made anew", async () => {
    await using bed = new LevelBed();
    await bed.fill(5);
    for (const name of readdirSync(bed.database)) rmSync(join(bed.database, name));
    const empty = await bed.failure();
    rmSync(bed.database, { recursive: true });
    const gone = await bed.failure();
    expect([empty.kind, gone.kind]).toEqual(["invalid", "invalid"]);
    expect(gone.message).toMatch(/is gone or empty.*remove .*store\.json/);
    expect(readdirSync(bed.directory).sort()).toEqual(["store.acked", "store.json"]);
  });

  test("a database without rows beside a marker is a loss, not a first start", async () => {
    await using bed = new LevelBed();
    await using other = new LevelBed();
    await bed.fill(5);
    const { ClassicLevel } = await import("classic-level");
    const empty = new ClassicLevel(other.database);
    await empty.open();
    await empty.close();
    rmSync(bed.database, { recursive: true });
    await cp(other.database, bed.database, { recursive: true });
    const contents = await bed.contents();
    expect(contents.problem).toContain("the head row is missing");
  });

  test("a crash while a store is being made leaves one that opens as new", async () => {
    await using bed = new LevelBed();
    const { ClassicLevel } = await import("classic-level");
    const empty = new ClassicLevel(bed.database);
    await empty.open();
    await empty.close();
    expect(await bed.contents()).toMatchObject({ term: 1, revision: 0, problem: "" });
    rmSync(join(bed.directory, "store.json"));
    expect(await bed.contents()).toMatchObject({ term: 2, revision: 0, problem: "" });
    await bed.fill(1);
    expect(await bed.contents()).toMatchObject({ revision: 1, problem: "" });
  });

  test("a newer format is refused with both versions, whether the marker or the head says so, and nothing is changed", async () => {
    await using bed = new LevelBed();
    await bed.fill(5);
    const { ClassicLevel } = await import("classic-level");
    const level = new ClassicLevel<string, string>(bed.database);
    const head = await level.get("meta/head");
    await level.put("meta/head", JSON.stringify({ ...JSON.parse(head ?? ""), v: 9 }));
    await level.close();
    const byHead = await bed.failure();
    writeFileSync(join(bed.directory, "store.json"), JSON.stringify({ format: 8, lineage: "l" }));
    const byMarker = await bed.failure();
    expect([byHead.kind, byMarker.kind]).toEqual(["invalid", "invalid"]);
    expect(byHead.message).toMatch(/format 9.*up to format 1.*--data-dir/);
    expect(byMarker.message).toMatch(/format 8.*up to format 1/);
  });
});

describe("level store, sound again:", () => {
  test("a sticky state of one store object does not outlive a new load", async () => {
    await using bed = new LevelBed();
    const store = bed.open();
    await mustLoad(store);
    await mustCommit(store, taskPut(0));
    await mustLoad(store);
    await mustCommit(store, taskPut(1));
    expect((await store.log(0, 10))?.length).toBe(2);
  });
});
