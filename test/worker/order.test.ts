/** The order in which things leave a worker. */
import { expect, test } from "bun:test";
import type { WorkerMessage } from "../../src/protocol/messages.ts";
import type { WorkerEffect } from "../../src/worker/effects.ts";
import { inOrder, shareOut } from "../../src/worker/order.ts";
import { FACTS } from "./driver.ts";

const LIST: WorkerEffect = { kind: "list" };
const FACTS_TOLD = send({ kind: "facts", facts: FACTS });
const REPORT = send({ kind: "report", number: 1, full: true, facts: [], removed: [] });
const JOURNAL: WorkerEffect = { kind: "journal", number: 1, records: [] };
const SNAPSHOT: WorkerEffect = { kind: "compact", records: [] };

function send(message: WorkerMessage): WorkerEffect {
  return { kind: "send", message };
}

test("order: what is asked of runtimes goes before the append, what is said after it, and a snapshot last", () => {
  const turn = { asked: [LIST], sends: [REPORT], snapshot: [] };
  const append = { number: 1, records: [], first: false };
  expect(inOrder({ ...turn, append })).toEqual([LIST, JOURNAL, REPORT, SNAPSHOT]);
});

test("order: a new manager is remembered before anything is done for it", () => {
  const append = { number: 1, records: [], first: true };
  expect(inOrder({ asked: [LIST], append, sends: [REPORT], snapshot: null })).toEqual([JOURNAL, LIST, REPORT]);
});

test("order: what follows a write waits for it, but for what a worker says of itself", () => {
  const effects = [LIST, JOURNAL, LIST, FACTS_TOLD, REPORT];
  expect(shareOut(effects, false)).toEqual({ now: [LIST, FACTS_TOLD], later: [JOURNAL, LIST, REPORT] });
});

test("order: while earlier writes are under way a report waits for them, and nothing else does", () => {
  expect(shareOut([LIST, FACTS_TOLD, REPORT], true)).toEqual({ now: [LIST, FACTS_TOLD], later: [REPORT] });
  expect(shareOut([LIST, FACTS_TOLD, REPORT], false)).toEqual({ now: [LIST, FACTS_TOLD, REPORT], later: [] });
});
