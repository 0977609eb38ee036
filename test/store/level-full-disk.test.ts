// The disk is full: commits end without a lie, reading goes on, and with space again a new load is all that is needed.
import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { LoggedChange } from "../../src/core/change.ts";
import type { CommitOutcome } from "../../src/manager/ports.ts";
import { openLevelStore } from "../../src/store/level.ts";
import { mustCommit, mustLoad } from "../contract/store.ts";
import { applied, logged, SAMPLE_MS, sampleJob, sorted } from "./sample.ts";
import { fullDiskSwitchedOff, makeSmallDisk, type SmallDisk } from "./small-disk.ts";

function bigPut(after: number): LoggedChange[] {
  const job = { ...sampleJob(`job-${after}`), actor: crypto.randomUUID().repeat(1_000) };
  return logged(after, [{ kind: "job.put", job }]);
}

function storeOn(disk: SmallDisk) {
  const directory = join(disk.directory, "data");
  mkdirSync(directory, { recursive: true });
  return openLevelStore({ directory, nowMs: () => SAMPLE_MS });
}

describe.skipIf(fullDiskSwitchedOff())("level store, full disk:", () => {
  test("a commit that does not fit is unknown, the next ones fail, and freed space and a load bring all acked commits back", async () => {
    using disk = makeSmallDisk("12m");
    disk.fill(6_000_000);
    const store = storeOn(disk);
    await mustLoad(store);
    const acked: LoggedChange[] = [];
    let outcome: CommitOutcome = { kind: "committed" };
    while (outcome.kind === "committed" && acked.length < 1_000) {
      const changes = bigPut(acked.length);
      outcome = await store.commit({ changes });
      if (outcome.kind === "committed") acked.push(...changes);
    }
    expect(outcome).toMatchObject({ kind: "unknown" });
    expect(outcome.kind === "unknown" ? outcome.reason : "").toContain("No space left on device");
    expect((await store.commit({ changes: bigPut(acked.length) })).kind).toBe("failed");
    disk.free();
    expect((await store.commit({ changes: bigPut(acked.length) })).kind).toBe("failed");
    const contents = await mustLoad(store);
    expect([contents.problem, contents.revision - acked.length <= 1]).toEqual(["", true]);
    expect(sorted(contents.records).length - acked.length).toBe(contents.revision - acked.length);
    const kept = contents.records.filter((put) => put.kind === "job.put" && put.job.id !== `job-${acked.length}`);
    expect(sorted(kept)).toEqual(applied(acked));
    await mustCommit(store, bigPut(contents.revision));
    await store.close();
  });

  test("a load on a full disk says so and works once there is space; nothing is lost", async () => {
    using disk = makeSmallDisk("12m");
    const first = storeOn(disk);
    await mustLoad(first);
    const changes = Array.from({ length: 20 }, (_, index) => bigPut(index)).flat();
    await mustCommit(first, changes);
    await first.close();
    disk.fillUp();
    const store = storeOn(disk);
    const full = await store.load();
    const said = full.ok ? full.value.problem : `${full.failure.kind}: ${full.failure.message}`;
    expect(said).toContain("No space left on device");
    expect((await store.commit({ changes: bigPut(20) })).kind).toBe("failed");
    disk.free();
    const contents = await mustLoad(store);
    expect(sorted(contents.records)).toEqual(applied(changes));
    expect(contents).toMatchObject({ problem: "", revision: 20 });
    await mustCommit(store, bigPut(20));
    await store.close();
  });
});
