// The data directory: made private, refused where others could write to it, and every refusal says what to do.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DATA_MARKER, prepareDataDir } from "../../src/store/data-dir.ts";

let base: string;
let directory: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "cube-data-"));
  directory = join(base, "it's here", "data");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function refusal(): { readonly kind: string; readonly message: string } {
  const result = prepareDataDir(directory);
  return result.ok ? { kind: "none", message: "it was accepted" } : result.failure;
}

/** Another user, for whom permissions count even where the tests run as root. */
const NOBODY = 65_534;

function asNobody<T>(act: () => T): T {
  process.seteuid?.(NOBODY);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}

describe("data directory:", () => {
  test("a new one is made with all above it, for its owner only, and marked", () => {
    expect(prepareDataDir(directory)).toEqual({ ok: true, value: { directory, created: true } });
    expect([statSync(directory).mode & 0o777, statSync(join(directory, DATA_MARKER)).mode & 0o777]).toEqual([
      0o700, 0o600,
    ]);
    expect(prepareDataDir(directory)).toEqual({ ok: true, value: { directory, created: false } });
  });

  test("one that others may write to is refused with the command that helps, which then helps", () => {
    mkdirSync(directory, { recursive: true });
    for (const mode of [0o770, 0o702, 0o777]) {
      chmodSync(directory, mode);
      expect(refusal()).toMatchObject({ kind: "denied", message: expect.stringContaining(`mode ${mode.toString(8)}`) });
    }
    const command = /Run: (.*)$/.exec(refusal().message)?.[1] ?? "false";
    expect(Bun.spawnSync(["sh", "-c", command]).exitCode).toBe(0);
    expect(prepareDataDir(directory).ok).toBe(true);
  });

  test("one that was there before keeps its permissions", () => {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    chmodSync(directory, 0o755);
    expect([prepareDataDir(directory).ok, statSync(directory).mode & 0o777]).toEqual([true, 0o755]);
  });

  test("a file in its place, or on the way to it, is a clear error", () => {
    writeFileSync(join(base, "it's here"), "");
    const onTheWay = refusal();
    directory = join(base, "it's here");
    const inPlace = refusal();
    expect([onTheWay.kind, inPlace.kind]).toEqual(["invalid", "invalid"]);
    expect(inPlace.message).toContain("is no directory");
  });

  test("a newer format is refused with both versions, and a marker that says nothing is not", () => {
    prepareDataDir(directory);
    writeFileSync(join(directory, DATA_MARKER), '{"format": 12, "note": ""}\n');
    expect(refusal()).toMatchObject({ kind: "invalid", message: expect.stringMatching(/format 12.*up to format 1/) });
    expect(readFileSync(join(directory, DATA_MARKER), "utf8")).toContain("12");
    writeFileSync(join(directory, DATA_MARKER), "");
    expect(prepareDataDir(directory).ok).toBe(true);
  });
});

describe.skipIf(process.getuid?.() !== 0 && process.env.CI !== "true")("data directory, as another user:", () => {
  test("one of someone else is refused, also to root", () => {
    prepareDataDir(directory);
    chownSync(directory, NOBODY, NOBODY);
    expect(refusal()).toMatchObject({
      kind: "denied",
      message: expect.stringContaining("belongs to user 65534, not to 0"),
    });
  });

  test("one that may not be read, or not be made, is a clear error", () => {
    prepareDataDir(directory);
    chmodSync(base, 0o755);
    chownSync(directory, NOBODY, NOBODY);
    chmodSync(directory, 0o000);
    const unreadable = asNobody(refusal);
    rmSync(directory, { recursive: true });
    const unmakeable = asNobody(refusal);
    expect([unreadable.kind, unmakeable.kind]).toEqual(["denied", "denied"]);
    expect(unreadable.message).toContain(directory);
  });
});
