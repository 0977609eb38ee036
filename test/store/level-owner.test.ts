// One owner at a time: LevelDB's lock decides, across processes and within one, through crashes and through repairs.
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { ok } from "../../src/core/failure.ts";
import { levelPaths } from "../../src/store/level-files.ts";
import { withDatabaseLocked } from "../../src/store/level-lock.ts";
import { repairOnCopy } from "../../src/store/level-repair.ts";
import { mustLoad } from "../contract/store.ts";
import { LevelBed, startWriter } from "./level-bed.ts";
import { applied, SAMPLE_MS, sorted, taskPut } from "./sample.ts";

describe("level store, owner:", () => {
  test("a second process is told who has the directory, does not break the lock by trying, and gets it after the first was killed", async () => {
    await using bed = new LevelBed();
    const holder = startWriter(bed.directory, "hold");
    await holder.line();
    const refusals = [await bed.failure(), await bed.failure()];
    const third = startWriter(bed.directory, "once");
    const heard: unknown = JSON.parse(await third.line());
    await third.kill();
    await holder.kill();
    const message = `another cube (pid ${holder.pid}) has the data directory ${bed.directory}: end it (cube shutdown --data-dir ${bed.directory}), or choose another one with --data-dir`;
    const refusal = { kind: "conflict" as const, message };
    expect([...refusals, heard]).toEqual([refusal, refusal, refusal]);
    expect(await bed.contents()).toMatchObject({ term: 2, problem: "" });
  });

  test("a second store in the same process is refused and does not drop the lock", async () => {
    await using bed = new LevelBed();
    const first = bed.open();
    await mustLoad(first);
    const here = await bed.failure();
    const other = startWriter(bed.directory, "once");
    const there = JSON.parse(await other.line()) as { kind: string };
    await other.kill();
    expect([here.kind, there.kind]).toEqual(["conflict", "conflict"]);
    expect(await first.commit({ changes: taskPut(0) })).toEqual({ kind: "committed" });
  });

  test("the directory is free after a close, and only its owner may look into the database", async () => {
    await using bed = new LevelBed();
    const first = bed.open();
    await mustLoad(first);
    await first.close();
    const other = startWriter(bed.directory, "once");
    expect(JSON.parse(await other.line())).toMatchObject({ term: 2, problem: "" });
    expect(await other.line()).toBe("");
    expect([statSync(bed.database).mode & 0o777, existsSync(join(bed.directory, "store.pid"))]).toEqual([0o700, false]);
  });

  test("of several that start on a new directory at once exactly one gets it, and the others hear of it", async () => {
    await using bed = new LevelBed();
    const starters = [1, 2, 3].map(() => startWriter(bed.directory, "hold"));
    const heard = await Promise.all(starters.map(async (starter) => JSON.parse(await starter.line()) as object));
    for (const starter of starters) await starter.kill();
    const owners = heard.filter((answer) => "term" in answer);
    const refused = heard.filter((answer) => "kind" in answer && answer.kind === "conflict");
    expect([owners.length, refused.length]).toEqual([1, 2]);
  });

  test("several that find the store damaged at once do not repair it twice", async () => {
    await using bed = new LevelBed();
    const before = await bed.fill(40);
    rmSync(join(bed.database, "CURRENT"));
    const starters = [1, 2, 3].map(() => startWriter(bed.directory, "hold"));
    const heard = await Promise.all(starters.map(async (starter) => JSON.parse(await starter.line()) as object));
    for (const starter of starters) await starter.kill();
    const owners = heard.filter((answer) => "term" in answer);
    const refused = heard.filter((answer) => "kind" in answer && answer.kind === "conflict");
    expect([owners.length, refused.length, bed.kept().length]).toEqual([1, 2, 1]);
    const contents = await bed.contents();
    expect(sorted(contents.records)).toEqual(applied(before));
    expect(contents.problem).toBe("");
  });
});

describe("level store, locked for a repair:", () => {
  test("whoever starts meanwhile hears of it, even where opening alone would find no damage, and the lock is free afterwards", async () => {
    await using bed = new LevelBed();
    await bed.fill(3);
    const paths = levelPaths(bed.directory);
    const starter = async () => {
      const writer = startWriter(bed.directory, "once");
      const heard: unknown = JSON.parse(await writer.line());
      await writer.line();
      return heard;
    };
    const { ClassicLevel } = await import("classic-level");
    const meanwhile: unknown[] = [];
    const repair = async (directory: string) => {
      meanwhile.push(await starter());
      await ClassicLevel.repair(directory);
    };
    const work = () => repairOnCopy({ paths, keptBefore: [], repair, nowMs: SAMPLE_MS });
    const repaired = await withDatabaseLocked(paths, ClassicLevel<string, string>, work);
    const message = `another cube (pid ${process.pid}) has the data directory ${bed.directory}: end it (cube shutdown --data-dir ${bed.directory}), or choose another one with --data-dir`;
    expect([repaired.ok, meanwhile]).toEqual([true, [{ kind: "conflict", message }]]);
    expect(await starter()).toMatchObject({ term: 2, revision: 3, problem: "" });
  });

  test("a process that has the database keeps it, and so does one that only has it locked", async () => {
    await using bed = new LevelBed();
    await bed.fill(3);
    const paths = levelPaths(bed.directory);
    const { ClassicLevel } = await import("classic-level");
    const attempt = () => withDatabaseLocked(paths, ClassicLevel<string, string>, async () => ok("got it"));
    const holder = startWriter(bed.directory, "hold");
    await holder.line();
    const refused = await attempt();
    await holder.kill();
    const message = `another cube (pid ${holder.pid}) has the data directory ${bed.directory}: end it (cube shutdown --data-dir ${bed.directory}), or choose another one with --data-dir`;
    expect([refused, await attempt()]).toEqual([{ ok: false, failure: { kind: "conflict", message } }, ok("got it")]);
    rmSync(join(bed.database, "LOCK"));
    expect(await attempt()).toEqual(ok("got it"));
    expect(readdirSync(bed.directory).sort()).toEqual(["store", "store.acked", "store.json"]);
  });
});

describe("level store, killed:", () => {
  test("killed in the middle of writing, again and again, it holds every acked commit and no part of another", async () => {
    await using bed = new LevelBed();
    let acked = 0;
    for (let round = 0; round < 4; round += 1) {
      const writer = startWriter(bed.directory, "write");
      const start = JSON.parse(await writer.line()) as { revision: number; problem: string };
      expect([start.problem, start.revision >= acked]).toEqual(["", true]);
      for (let seen = 0; seen < 40 + round * 17; seen += 1) acked = Number(await writer.line());
      await writer.kill();
      acked = Number((await writer.rest()).at(-1) ?? acked);
    }
    const contents = await bed.contents();
    expect([contents.problem, contents.revision >= acked, contents.revision <= acked + 1]).toEqual(["", true, true]);
    const all = Array.from({ length: contents.revision }, (_, index) => taskPut(index, `t${index % 100}`)).flat();
    expect(sorted(contents.records)).toEqual(applied(all));
  });
});
