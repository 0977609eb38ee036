// Adoption over any claims of any workers: the same from any order, nothing from a repetition, and nothing that the store has is ever lowered.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { planAdoption } from "../../src/core/adopt.ts";
import type { HeldTask } from "../../src/core/adopt-task.ts";
import { apply, type Cluster, emptyCluster } from "../../src/core/cluster.ts";
import { taskId } from "../../src/core/ids.ts";
import { DESIRED_STATES, isTerminal, rank, type Task } from "../../src/core/task.ts";
import { desiredState, factOf } from "./arbitraries.ts";
import { aNode, aSpec, NOW } from "./records.ts";

const NODES = ["n1", "n2", "n3"];

const claim: fc.Arbitrary<HeldTask> = fc
  .record({
    nodeId: fc.constantFrom(...NODES),
    jobId: fc.constantFrom("j", "k"),
    slot: fc.integer({ min: 0, max: 2 }),
    attempt: fc.integer({ min: 1, max: 3 }),
    desired: desiredState,
    restartSerial: fc.nat({ max: 2 }),
    fact: factOf(""),
  })
  .map(({ nodeId, jobId, slot, attempt, desired, restartSerial, fact }) => {
    const service = "web";
    const id = taskId({ clusterId: "c", jobId, service, slot, attempt });
    const name = `${jobId}-job.web.${slot}`;
    const of = { taskId: id, jobId, name, service, slot, attempt, spec: aSpec(), desired, restartSerial };
    return { nodeId, assignment: of, fact: { ...fact, taskId: id } };
  });
const claims = fc.array(claim, { maxLength: 8 });
/** Each task held by one node, as it is but for copied disks and restored stores. */
const apart = fc.uniqueArray(claim, { maxLength: 8, selector: ({ assignment }) => assignment.taskId });

function freshCluster(): Cluster {
  const cluster = emptyCluster();
  for (const node of NODES) apply(cluster, { kind: "node.put", node: aNode(node) });
  return cluster;
}

function adopt(cluster: Cluster, held: readonly HeldTask[]) {
  const plan = planAdoption({ cluster, clusterId: "c", actor: "op", nowMs: NOW }, held);
  for (const { change } of plan.drafts) apply(cluster, change);
  return plan;
}

/** All records in one order. */
function records({ jobs, slots, tasks }: Cluster): unknown {
  const rows = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return [rows(jobs), rows(slots), rows(tasks)];
}

function isLowered(before: Task, after: Task | undefined): boolean {
  if (!after) return true;
  const [was, is] = [before.fact, after.fact];
  return (
    DESIRED_STATES.indexOf(after.desired) < DESIRED_STATES.indexOf(before.desired) ||
    after.restartSerial < before.restartSerial ||
    is.incarnation < was.incarnation ||
    (is.incarnation === was.incarnation && rank(is.state) < rank(was.state))
  );
}

describe("adoption:", () => {
  test("the same claims once more change nothing, whatever the store held before", () => {
    fc.assert(
      fc.property(claims, claims, (earlier, held) => {
        const cluster = freshCluster();
        adopt(cluster, earlier);
        adopt(cluster, held);
        expect(adopt(cluster, held).drafts).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("the order in which workers answer does not matter", () => {
    const mixed = apart.chain((held) =>
      fc.tuple(fc.constant(held), fc.shuffledSubarray(held, { minLength: held.length })),
    );
    fc.assert(
      fc.property(mixed, ([held, shuffled]) => {
        const [one, other] = [freshCluster(), freshCluster()];
        adopt(one, held);
        adopt(other, shuffled);
        expect(records(other)).toEqual(records(one));
      }),
      { numRuns: 300 },
    );
  });

  test("no record of the store is lowered or dropped, and none moves away from where it lives", () => {
    fc.assert(
      fc.property(claims, claims, (earlier, held) => {
        const cluster = freshCluster();
        adopt(cluster, earlier);
        const before = [...cluster.tasks.values()];
        const lives = before.filter(({ fact }) => !isTerminal(fact.state) && rank(fact.state) > rank("assigned"));
        const attempts = [...cluster.slots].map(([key, { attempt }]) => ({ key, attempt }));
        adopt(cluster, held);
        // An end that was told by another node gives way to the node where the task lives.
        const stayed = before.filter(({ id, nodeId }) => cluster.tasks.get(id)?.nodeId === nodeId);
        expect(stayed.filter((task) => isLowered(task, cluster.tasks.get(task.id)))).toEqual([]);
        expect(before.filter(({ id }) => !cluster.tasks.has(id))).toEqual([]);
        // It lives there no more when its own node says that it has ended.
        const over = held.filter(({ fact }) => isTerminal(fact.state));
        const endedAtHome = ({ id, nodeId }: Task): boolean =>
          over.some((claim) => claim.nodeId === nodeId && claim.assignment.taskId === id);
        expect(lives.filter((task) => !stayed.includes(task) && !endedAtHome(task))).toEqual([]);
        expect(attempts.filter(({ key, attempt }) => (cluster.slots.get(key)?.attempt ?? 0) < attempt)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("every claim that is granted is known afterwards as its worker holds it, or further on; of a job with nothing but ended tasks that are to go, nothing is", () => {
    fc.assert(
      fc.property(apart, (held) => {
        const cluster = freshCluster();
        const { conflicts, newTasks } = adopt(cluster, held);
        const stays = held.filter(({ assignment, fact }) => assignment.desired !== "remove" || !isTerminal(fact.state));
        const jobs = new Set(stays.map(({ assignment }) => assignment.jobId));
        const known = held.filter(({ assignment }) => jobs.has(assignment.jobId));
        expect([conflicts, newTasks, cluster.jobs.size]).toEqual([[], known.length, jobs.size]);
        for (const { nodeId, assignment, fact } of known) {
          expect(cluster.tasks.get(assignment.taskId)).toMatchObject({ nodeId, fact, desired: assignment.desired });
        }
      }),
    );
  });
});
