import { expect, test } from "bun:test";
import { absenceAdvice } from "../../src/client/absence.ts";
import { ALONE } from "../../src/core/caution.ts";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import { aJob, aNode, aTask } from "../cli/fake-client.ts";

function advice(caution: string, stopAfterMs: number | null = null): string[] {
  const task = { ...DEFAULT_TASK, disconnect: { ...DEFAULT_TASK.disconnect, stopAfterMs } };
  const job = aJob({ services: [{ name: "web", count: 1, task }] });
  const node = aNode({ id: "node-2", name: "n2", state: "disconnected", reason: "no heartbeat" });
  return absenceAdvice({ task: aTask({ nodeId: "node-2" }), node, job, caution });
}

test("client/absence: while the manager acts on no absence nobody is told that a task is replaced", () => {
  const out = "n2 is disconnected (no heartbeat).";
  expect(advice(ALONE)).toEqual([out, `It is not replaced now: ${ALONE}.`]);
  expect(advice(ALONE, 60_000)).toEqual([
    out,
    "It is ended there 60 s after n2 was left alone.",
    `It is not replaced now: ${ALONE}.`,
  ]);
});

test("client/absence: a caution about another node holds no replacement back", () => {
  expect(advice("node n3 refuses this manager")).toEqual([
    "n2 is disconnected (no heartbeat).",
    "It is replaced elsewhere 5 s after n2 went; back within 5 min, the original may be kept.",
    "Caution: node n3 refuses this manager.",
  ]);
});
