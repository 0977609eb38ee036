// Messages as text and back: every kind survives, everything else is a failure in words.
import { describe, expect, test } from "bun:test";
import type { Result } from "../../src/core/failure.ts";
import { readManagerFrame, readWorkerFrame, writeFrame } from "../../src/protocol/codec.ts";
import { BULK_DATA, readBulkAnswer, readBulkAsk, readBulkData, writeBulkData } from "../../src/protocol/codec-bulk.ts";
import { MAX_GREETING_BYTES, MAX_WHOLE_BYTES } from "../../src/protocol/messages.ts";
import { BULK_ANSWERS, BULK_ASKS, fuzz, MANAGER_FRAMES, WORKER_FRAMES } from "./mutate.ts";

const failureOf = (result: Result<unknown>): string => (result.ok ? "none" : result.failure.message);

describe("codec:", () => {
  test.each(WORKER_FRAMES.map((frame) => [frame.kind, frame] as const))(
    "a worker's %s comes back as it was",
    (_kind, frame) => {
      expect(readWorkerFrame(writeFrame(frame), "peer")).toEqual({ ok: true, value: frame });
    },
  );

  test.each(MANAGER_FRAMES.map((frame) => [frame.kind, frame] as const))(
    "a manager's %s comes back as it was",
    (_kind, frame) => {
      expect(readManagerFrame(writeFrame(frame), "peer")).toEqual({ ok: true, value: frame });
    },
  );

  test("bulk frames come back as they were", () => {
    const read = [
      BULK_ASKS.map((ask) => readBulkAsk(JSON.stringify(ask))),
      BULK_ANSWERS.map((a) => readBulkAnswer(JSON.stringify(a))),
    ];
    expect(read).toEqual([
      BULK_ASKS.map((value) => ({ ok: true, value })),
      BULK_ANSWERS.map((value) => ({ ok: true, value })),
    ] as never);
    const data = { type: BULK_DATA.log, id: 0xfffffffe, bytes: Uint8Array.from([0, 255, 7]) };
    expect(readBulkData(writeBulkData(data))).toEqual({ ok: true, value: data });
    expect([readBulkData(Uint8Array.from([1, 2])).ok, readBulkData(Uint8Array.from([9, 0, 0, 0, 0])).ok]).toEqual([
      false,
      false,
    ]);
  });

  test("neither side may say what is the other's to say", () => {
    const assignments = writeFrame(MANAGER_FRAMES.find((frame) => frame.kind === "assignments") ?? { kind: "tell" });
    expect(readWorkerFrame(assignments, "peer").ok).toBe(false);
    const report = writeFrame(WORKER_FRAMES.find((frame) => frame.kind === "report") ?? { kind: "tell" });
    expect(readManagerFrame(report, "peer").ok).toBe(false);
  });

  test("a later version's greeting is read without its new fields; no other message is", () => {
    const open = { ...WORKER_FRAMES[0], protocol: { min: 1, max: 2, next: 3 }, later: [1] };
    expect(readWorkerFrame(JSON.stringify(open), "stranger")).toEqual({
      ok: true,
      value: { ...WORKER_FRAMES[0], protocol: { min: 1, max: 2 } },
    } as never);
    expect(readManagerFrame('{"kind":"ack","number":1,"later":[1]}', "peer").ok).toBe(false);
  });

  test("a stranger may say less at a time than a peer, and nobody more than the bound", () => {
    const padded = (bytes: number) => JSON.stringify({ kind: "refused", reason: "" }).padEnd(bytes);
    expect(readWorkerFrame(padded(MAX_GREETING_BYTES), "stranger").ok).toBe(true);
    expect(failureOf(readWorkerFrame(padded(MAX_GREETING_BYTES + 1), "stranger"))).toContain("more than 262144 bytes");
    expect(readWorkerFrame(padded(MAX_GREETING_BYTES + 1), "peer").ok).toBe(true);
    expect(failureOf(readWorkerFrame(padded(MAX_WHOLE_BYTES + 1), "peer"))).toContain("more than");
  });

  test("a failure names the place, and never repeats what was said", () => {
    const secret = "canary-secret";
    const text = JSON.stringify({ kind: "report", number: secret, full: true, facts: [], removed: [] });
    expect(failureOf(readWorkerFrame(text, "peer"))).toContain("number: ");
    expect(failureOf(readWorkerFrame(text, "peer"))).not.toContain(secret);
  });

  test("a key that would reach into a prototype is refused, and harms nothing", () => {
    const text = '{"kind":"ack","number":1,"__proto__":{"polluted":true}}';
    expect(readManagerFrame(text, "peer").ok).toBe(false);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("what is nested too deep is refused before it is parsed; brackets in strings are not nesting", () => {
    const deep = "[".repeat(1_000_000);
    expect(failureOf(readWorkerFrame(deep, "peer"))).toBe("nested deeper than 64");
    expect(failureOf(readBulkAnswer(`{"kind":"inspected","id":1,"value":${"[".repeat(70)}${"]".repeat(70)}}`))).toBe(
      "nested deeper than 64",
    );
    const reason = `\\"${"[{".repeat(100)}`;
    expect(readWorkerFrame(JSON.stringify({ kind: "refused", reason }), "peer").ok).toBe(true);
  });

  test("spoilt messages give typed failures only", () => {
    const { good, bad } = fuzz(2_000, 42);
    expect(good).toBeGreaterThan(100);
    expect(bad).toBeGreaterThan(1_000);
  });
});
