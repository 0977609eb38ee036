// What the fixture data directories hold: a small cluster as a real store and a real journal keep it, in the order in which it was written.
import type { Change, LoggedChange } from "../../src/core/change.ts";
import { TASK_STATES, type TaskState } from "../../src/core/task.ts";
import type { JournalRecord } from "../../src/worker/effects.ts";
import {
  logged,
  onePutOfEach,
  oneRemoveOfEach,
  sampleDecision,
  sampleJob,
  sampleNode,
  sampleRequest,
  sampleSlot,
  sampleTask,
} from "./sample.ts";

/** The journal's name in a data directory. */
export const FIXTURE_JOURNAL = "worker.journal";

function task(state: TaskState, index: number): Change[] {
  const id = `job-1-web-${index}-1`;
  return [
    { kind: "slot.put", slot: { ...sampleSlot("job-1", index), taskId: id } },
    { kind: "task.put", task: { ...sampleTask(id, state), slot: index } },
    { kind: "decision.put", decision: sampleDecision(id) },
  ];
}

/** Batches, as they were committed. The first half goes to one opening of the store, the second to another. */
export function fixtureBatches(): LoggedChange[][] {
  const batches: Change[][] = [
    [{ kind: "node.put", node: sampleNode("n1") }],
    [
      {
        kind: "node.put",
        node: { ...sampleNode("n2"), state: "lost", reason: "no heartbeat for 5 min", local: false },
      },
    ],
    [
      { kind: "job.put", job: sampleJob("job-1") },
      { kind: "request.put", request: sampleRequest("user:sample/key-1") },
    ],
    ...TASK_STATES.map(task),
    onePutOfEach("ü/👋"),
    onePutOfEach("gone"),
    oneRemoveOfEach("gone"),
    [{ kind: "job.put", job: { ...sampleJob("job-1", 2), desired: "stop", restartSerial: 3 } }],
    [{ kind: "node.put", node: { ...sampleNode("n1"), availability: "cordoned", reason: "by hand" } }],
  ];
  let revision = 0;
  return batches.map((changes) => {
    const batch = logged(revision, changes);
    revision += changes.length;
    return batch;
  });
}

/** Records of the journal, oldest first. */
export function fixtureJournal(): JournalRecord[] {
  const value = { incarnation: 2, specHash: "ab".repeat(32), fact: sampleTask("job-1-web-6-1").fact };
  return [
    { kind: "manager", value: { term: 1, instance: "i-1", lineage: "l-1", revision: 40 } },
    { kind: "task", taskId: "job-1-web-6-1", value },
    { kind: "task", taskId: "gone-0-1", value: { ...value, incarnation: 1 } },
    { kind: "forget", taskId: "gone-0-1" },
    { kind: "manager", value: { term: 2, instance: "i-2", lineage: "l-1", revision: 60 } },
  ];
}
