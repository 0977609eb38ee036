import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Change } from "../../src/core/change.ts";
import { apply, type Cluster, emptyCluster, inverse } from "../../src/core/cluster.ts";
import { digest, jobId, taskId } from "../../src/core/ids.ts";
import { sampleAccess } from "../store/sample.ts";
import { aJob, aNode, aSlot, aTask } from "./records.ts";

/** Everything a cluster holds, as plain data in a fixed order. */
function contents(cluster: Cluster): unknown {
  const sets = (map: ReadonlyMap<string, ReadonlySet<string>>) => [...map].map(([k, v]) => [k, [...v].sort()]).sort();
  const rows = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    rows: [cluster.jobs, cluster.slots, cluster.tasks, cluster.nodes, cluster.tokens].map(rows),
    sets: [cluster.attempts, cluster.slotsOfJob, cluster.tasksOfNode, cluster.jobsByName].map(sets),
  };
}

const names = fc.constantFrom("a", "b");
const changes: fc.Arbitrary<Change> = fc.oneof(
  names.map((name): Change => ({ kind: "job.put", job: aJob(name) })),
  names.map((jobId): Change => ({ kind: "job.remove", jobId })),
  fc
    .record({ name: names, attempt: fc.integer({ min: 1, max: 2 }) })
    .map(({ name, attempt }): Change => ({ kind: "slot.put", slot: aSlot(name, { attempt }) })),
  names.map((name): Change => ({ kind: "slot.remove", key: `${name}/${name}/0` })),
  fc
    .record({
      name: names,
      attempt: fc.integer({ min: 1, max: 2 }),
      nodeId: fc.constantFrom(null, "n1", "n2"),
      state: fc.constantFrom("pending" as const, "running" as const),
    })
    .map(
      ({ name, attempt, nodeId, state }): Change => ({
        kind: "task.put",
        task: aTask(name, { attempt, nodeId }, { state }),
      }),
    ),
  fc
    .record({ name: names, attempt: fc.integer({ min: 1, max: 2 }) })
    .map(({ name, attempt }): Change => ({ kind: "task.remove", taskId: aTask(name, { attempt }).id })),
  names.map((name): Change => ({ kind: "node.put", node: aNode(name) })),
  names.map((nodeId): Change => ({ kind: "node.remove", nodeId })),
  names.map((name): Change => ({ kind: "access.put", access: sampleAccess(name) })),
  names.map((name): Change => ({ kind: "access.remove", name })),
);

describe("cluster", () => {
  test("the indices equal those of a cluster made from the surviving records alone", () => {
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 40 }), (history) => {
        const lived = emptyCluster();
        for (const change of history) apply(lived, change);
        const loaded = emptyCluster();
        for (const job of lived.jobs.values()) apply(loaded, { kind: "job.put", job });
        for (const slot of lived.slots.values()) apply(loaded, { kind: "slot.put", slot });
        for (const task of lived.tasks.values()) apply(loaded, { kind: "task.put", task });
        const nodes = (cluster: Cluster) => [...cluster.tasksOfNode].map(([k, v]) => [k, [...v].sort()]).sort();
        expect(nodes(lived)).toEqual(nodes(loaded));
        expect([...lived.attempts.keys()].sort()).toEqual([...loaded.attempts.keys()].sort());
        expect([...lived.jobsByName.keys()].sort()).toEqual([...loaded.jobsByName.keys()].sort());
        const states = (cluster: Cluster) => [...cluster.statesOfJob].map(([id, of]) => [id, [...of].sort()]).sort();
        expect(states(lived)).toEqual(states(loaded));
      }),
    );
  });

  test("a batch that did not become durable is undone to the last record", () => {
    const whole = fc.array(changes, { maxLength: 20 });
    fc.assert(
      fc.property(whole, whole, (before, batch) => {
        const cluster = emptyCluster();
        for (const change of before) apply(cluster, change);
        const rows = JSON.stringify((contents(cluster) as { rows: unknown }).rows);
        const undo: Change[] = [];
        for (const change of batch) {
          undo.unshift(inverse(cluster, change));
          apply(cluster, change);
        }
        for (const change of undo) apply(cluster, change);
        expect(JSON.stringify((contents(cluster) as { rows: unknown }).rows)).toBe(rows);
      }),
    );
  });
});

describe("ids", () => {
  test("parts are kept apart, and the same parts give the same id", () => {
    const of = { clusterId: "c", jobId: "j", service: "s", slot: 0, attempt: 1 };
    expect(digest("ab", "c")).not.toBe(digest("a", "bc"));
    expect(taskId(of)).toBe(taskId({ ...of }));
    expect(taskId(of)).toMatch(/^[0-9a-f]{20}$/);
    expect(taskId(of)).not.toBe(taskId({ ...of, attempt: 2 }));
  });

  test("a job's derived id has the form of a UUID", () => {
    expect(jobId({ clusterId: "c", name: "web", revision: 7, createdMs: 1 })).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  test("a store that counts the same revisions again gives other jobs other ids", () => {
    const of = { clusterId: "c", name: "web", revision: 7, createdMs: 1 };
    expect(jobId(of)).toBe(jobId({ ...of }));
    expect(jobId(of)).not.toBe(jobId({ ...of, createdMs: 2 }));
  });

  test("ten thousand attempts have ten thousand ids", () => {
    const ids = new Set<string>();
    for (let slot = 0; slot < 100; slot++) {
      for (let attempt = 0; attempt < 100; attempt++)
        ids.add(taskId({ clusterId: "c", jobId: "j", service: "s", slot, attempt }));
    }
    expect(ids.size).toBe(10_000);
  });
});
