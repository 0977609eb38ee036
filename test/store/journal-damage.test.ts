// What a crash, a bad disk, a newer Cube and a full disk leave of a journal: nothing wrong is ever read, and what is lost is named.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import type { Result } from "../../src/core/failure.ts";
import { openJournal } from "../../src/store/journal.ts";
import { decodeFrames, encodeFrame } from "../../src/store/journal-frame.ts";
import type { Journal } from "../../src/worker/ports.ts";
import { journalRecord, journalRecords } from "../contract/journal.ts";
import { fullDiskSwitchedOff, makeSmallDisk } from "./small-disk.ts";

const NOBODY = 65_534;

function must(opened: Result<Journal>): Journal {
  if (!opened.ok) throw new Error(opened.failure.message);
  return opened.value;
}

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cube-journal-"));
  file = join(directory, "journal");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Meanwhile files can be made and renamed in the directory, but nobody can open the directory itself. */
async function inUnreadable<T>(path: string, step: () => Promise<T>): Promise<T> {
  const user = process.getuid?.() ?? 0;
  chownSync(path, user || NOBODY, user || NOBODY);
  chmodSync(path, 0o300);
  process.seteuid?.(user || NOBODY);
  try {
    return await step();
  } finally {
    process.seteuid?.(user);
    chmodSync(path, 0o700);
  }
}

function codeOf(promise: Promise<void>): Promise<string | undefined> {
  return promise.then(
    () => "",
    (error: NodeJS.ErrnoException) => error.code,
  );
}

/** A journal of frames with two records each, as bytes, and where each frame begins. */
function frames(count: number): { readonly bytes: Buffer; readonly starts: readonly number[] } {
  const parts = Array.from({ length: count }, (_, index) => encodeFrame(journalRecords(2 * index, 2 * index + 2)));
  const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part.length, 0));
  return { bytes: Buffer.concat(parts), starts };
}

describe("journal, torn:", () => {
  test("cut off at any byte of the last append, it loses that append as a whole and says nothing", async () => {
    const { bytes, starts } = frames(3);
    const last = starts[2] ?? 0;
    for (let length = last; length < bytes.length; length += 1) {
      writeFileSync(file, bytes.subarray(0, length));
      const journal = must(await openJournal(file));
      const loaded = await journal.load();
      await journal.append([journalRecord(9)]);
      const after = await journal.load();
      await journal.close();
      expect([loaded, after]).toEqual([
        { records: journalRecords(0, 4), problem: "" },
        { records: [...journalRecords(0, 4), journalRecord(9)], problem: "" },
      ]);
    }
  });

  test("with an end that was never written (zeros), it loses that append only and says nothing", async () => {
    const { bytes, starts } = frames(3);
    for (let from = starts[2] ?? 0; from < bytes.length; from += 1) {
      const torn = Buffer.from(bytes);
      torn.fill(0, from);
      const { records, damage } = decodeFrames(torn);
      expect([records, damage]).toEqual([journalRecords(0, 4), []]);
    }
    writeFileSync(file, Buffer.concat([bytes, Buffer.alloc(8192)]));
    const journal = must(await openJournal(file));
    expect(await journal.load()).toEqual({ records: journalRecords(0, 6), problem: "" });
    await journal.close();
  });
});

describe("journal, damaged:", () => {
  test("a flipped bit anywhere costs at most its own append, and is named", async () => {
    const { bytes, starts } = frames(3);
    for (let at = 0; at < bytes.length; at += 1) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      const hit = starts.findLastIndex((start) => start <= at);
      const expected = journalRecords(0, 6).filter((_, index) => Math.floor(index / 2) !== hit);
      const read = decodeFrames(damaged);
      expect([at, read.records, read.damage.map((part) => part.offset)]).toEqual([at, expected, [starts[hit]]]);
    }
  });

  test("garbage in the middle is named with its place; the rest is read; the file is kept at the next compaction", async () => {
    const { bytes, starts } = frames(5);
    const second = starts[1] ?? 0;
    bytes.fill("CJ garbage ", second + 3, second + 40);
    writeFileSync(file, bytes);
    const journal = must(await openJournal(file));
    const loaded = await journal.load();
    expect(loaded.records).toEqual([...journalRecords(0, 2), ...journalRecords(4, 10)]);
    expect(loaded.problem).toContain(`damaged at byte ${second}`);
    await journal.append([journalRecord(20)]);
    expect((await journal.load()).records.at(-1)).toEqual(journalRecord(20));
    await journal.compact(loaded.records);
    expect((await journal.load()).problem).toBe("");
    expect(readFileSync(`${file}.damaged`).subarray(0, bytes.length).equals(bytes)).toBe(true);
    await journal.close();
  });

  test("a frame whose checks fit but whose content is no list of records is named as damage", () => {
    for (const body of ["{", '{"kind":"forget"}', "17"]) {
      const frame = encodeFrame([]);
      const forged = Buffer.concat([frame.subarray(0, 14), Buffer.from(body)]);
      forged.writeUInt32LE(body.length, 4);
      forged.writeUInt32LE(crc32(body), 8);
      forged.writeUInt16LE(crc32(forged.subarray(0, 12)) & 0xffff, 12);
      const read = decodeFrames(Buffer.concat([forged, encodeFrame(journalRecords(0, 1))]));
      expect([read.records, read.damage]).toEqual([journalRecords(0, 1), [{ offset: 0, bytes: forged.length }]]);
    }
  });

  test("random bytes and random cuts of a journal never throw, and give only records that were written", () => {
    const { bytes } = frames(4);
    const written = new Set(journalRecords(0, 8).map((record) => JSON.stringify(record)));
    const cut = fc.tuple(fc.nat(bytes.length), fc.nat(bytes.length), fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(fc.array(cut, { maxLength: 5 }), (cuts) => {
        const file = Buffer.concat(cuts.flatMap(([from, to, noise]) => [bytes.subarray(from, to), noise]));
        const { records, keepBytes } = decodeFrames(file);
        expect(records.every((record) => written.has(JSON.stringify(record))) && keepBytes <= file.length).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("a file of nothing but garbage opens empty, and says so", async () => {
    writeFileSync(file, "this is not a journal at all, but something else");
    const journal = must(await openJournal(file));
    const loaded = await journal.load();
    expect([loaded.records, loaded.problem.includes("damaged at byte 0")]).toEqual([[], true]);
    await journal.close();
  });
});

describe("journal, refused:", () => {
  test("a newer version is refused with both versions, and the file stays as it is", async () => {
    const frame = encodeFrame(journalRecords(0, 2));
    frame.writeUInt16LE(7, 2);
    frame.writeUInt16LE(crc32(frame.subarray(0, 12)) & 0xffff, 12);
    const bytes = Buffer.concat([frames(1).bytes, frame, Buffer.from("CJ")]);
    writeFileSync(file, bytes);
    const opened = await openJournal(file);
    expect(opened).toMatchObject({ ok: false, failure: { kind: "invalid" } });
    expect(opened.ok ? "" : opened.failure.message).toMatch(/format 7.*up to format 1/);
    expect(readFileSync(file)).toEqual(bytes);
  });

  test("a directory in its place, or no directory around it, is a clear error", async () => {
    mkdirSync(file);
    const results = [await openJournal(file), await openJournal(join(directory, "none", "journal"))];
    expect(results).toMatchObject([
      { ok: false, failure: { kind: "invalid" } },
      { ok: false, failure: { kind: "invalid" } },
    ]);
  });
});

describe("journal, files:", () => {
  test("a compaction that a crash cut off leaves the journal as it was", async () => {
    const journal = must(await openJournal(file));
    await journal.append(journalRecords(0, 4));
    await journal.close();
    writeFileSync(`${file}.new`, frames(1).bytes.subarray(0, 20));
    const again = must(await openJournal(file));
    expect(await again.load()).toEqual({ records: journalRecords(0, 4), problem: "" });
    await again.compact(journalRecords(2, 4));
    expect(await again.load()).toEqual({ records: journalRecords(2, 4), problem: "" });
    expect(existsSync(`${file}.new`)).toBe(false);
    await again.close();
  });

  test("only its owner may read it, also after a compaction", async () => {
    const journal = must(await openJournal(file));
    const before = statSync(file).mode & 0o777;
    await journal.compact([]);
    expect([before, statSync(file).mode & 0o777]).toEqual([0o600, 0o600]);
    await journal.close();
  });

  test("after a compaction whose name could not be made durable nothing is acked before it is, and what is acked then is kept", async () => {
    const journal = must(await openJournal(file));
    await journal.append([journalRecord(1)]);
    const refused = await inUnreadable(directory, async () => [
      await codeOf(journal.compact([journalRecord(2)])),
      await codeOf(journal.append([journalRecord(3)])),
    ]);
    await journal.append([journalRecord(4)]);
    await journal.close();
    const again = must(await openJournal(file));
    const { records } = await again.load();
    await again.close();
    expect([refused, records]).toEqual([
      ["EACCES", "EACCES"],
      [journalRecord(2), journalRecord(4)],
    ]);
  });

  test("killed while it writes, it holds every record whose append had resolved", async () => {
    const child = Bun.spawn([process.execPath, fileURLToPath(import.meta.resolve("./journal-writer.ts")), file], {
      stdout: "pipe",
    });
    const reader = child.stdout.getReader();
    let acked = 0;
    while (acked < 200) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the writer ended by itself");
      acked = Number(new TextDecoder().decode(value).trim().split("\n").at(-1));
    }
    child.kill("SIGKILL");
    await child.exited;
    const journal = must(await openJournal(file));
    const { records, problem } = await journal.load();
    await journal.close();
    expect([problem, records.length >= acked]).toEqual(["", true]);
    expect(records).toEqual(journalRecords(0, records.length));
  });
});

describe.skipIf(fullDiskSwitchedOff())("journal, full disk:", () => {
  test("an append that does not fit rejects, nothing acked is lost, and appends work again once there is space", async () => {
    using disk = makeSmallDisk("1m");
    disk.fill(600_000);
    const onDisk = join(disk.directory, "journal");
    const journal = must(await openJournal(onDisk));
    const big = { kind: "task", taskId: "big", value: "x".repeat(50_000) } as const;
    let acked = 0;
    const error = await (async () => {
      for (; acked < 100; acked += 1) await journal.append([big]);
    })().catch((reason: unknown) => reason);
    expect([(error as NodeJS.ErrnoException).code, acked > 0]).toEqual(["ENOSPC", true]);
    const stillFull = await journal.append([big]).catch((reason: unknown) => reason);
    expect((stillFull as NodeJS.ErrnoException).code).toBe("ENOSPC");
    disk.free();
    await journal.append([journalRecord(1)]);
    await journal.close();
    const again = must(await openJournal(onDisk));
    const loaded = await again.load();
    await again.close();
    expect(loaded).toEqual({ records: [...Array(acked).fill(big), journalRecord(1)], problem: "" });
  });
});
