// Facts only rise: whatever workers say, in whatever order and however often, and whoever merges it.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { apply } from "../../src/core/cluster.ts";
import { ingestRemoved, ingestTaskFacts } from "../../src/core/ingest.ts";
import {
  type DESIRED_STATES,
  type FactPosition,
  isTerminal,
  rank,
  supersedes,
  type TaskFact,
  type TaskState,
  TRANSITIONS,
  unseen,
} from "../../src/core/task.ts";
import { desiredState, factOf, factPosition } from "./arbitraries.ts";
import { aCluster, aJob, aNode, aSlot, aTask, idOf, NOW } from "./records.ts";

const ID = idOf("web");

function clusterAt(fact: Partial<TaskFact> = {}, desired: (typeof DESIRED_STATES)[number] = "run") {
  return aCluster(aNode("n1"), aJob("web"), aSlot("web"), aTask("web", { nodeId: "n1", desired }, fact));
}

/** What the record says after these reports, one by one. */
function told(cluster: ReturnType<typeof clusterAt>, facts: readonly TaskFact[], nodeId = "n1"): TaskFact {
  for (const fact of facts) {
    for (const { change } of ingestTaskFacts(cluster, { nodeId, facts: [fact], nowMs: NOW })) apply(cluster, change);
  }
  return factIn(cluster);
}

function factIn(cluster: ReturnType<typeof clusterAt>): TaskFact {
  return cluster.tasks.get(ID)?.fact ?? unseen(ID);
}

function isBelow(a: FactPosition, b: FactPosition): boolean {
  return a.incarnation !== b.incarnation ? a.incarnation < b.incarnation : rank(a.state) < rank(b.state);
}

/** Everything that one honest worker says of a task, oldest first: along the transition table, with restarts, ended at most once. */
const honestHistory: fc.Arbitrary<readonly TaskFact[]> = fc
  .array(fc.record({ edge: fc.nat({ max: 20 }), restart: fc.integer({ min: 0, max: 3 }) }), { maxLength: 12 })
  .map((steps) => {
    const history: TaskFact[] = [];
    let at: FactPosition = { incarnation: 0, state: "assigned" };
    for (const { edge, restart } of steps) {
      if (isTerminal(at.state)) break;
      const { to } = TRANSITIONS[at.state];
      const state: TaskState = to[edge % to.length] ?? at.state;
      at = restart === 0 ? { incarnation: at.incarnation + 1, state: "starting" } : { ...at, state };
      history.push({ ...unseen(ID), ...at });
    }
    return history;
  });

describe("facts", () => {
  test("a record never falls and never leaves an end, whatever is said of it", () => {
    fc.assert(
      fc.property(factOf(ID), fc.array(factOf(ID), { maxLength: 12 }), (first, later) => {
        const cluster = clusterAt(first);
        let before = factIn(cluster);
        for (const fact of later) {
          const after = told(cluster, [fact]);
          expect(isBelow(after, before)).toBe(false);
          if (isTerminal(before.state))
            expect([after.incarnation, after.state]).toEqual([before.incarnation, before.state]);
          before = after;
        }
      }),
    );
  });

  test("an honest worker's reports give the same end in any order, any number of times each", () => {
    const shuffled = honestHistory.chain((history) =>
      fc.record({
        history: fc.constant(history),
        heard: fc.shuffledSubarray([...history, ...history, ...history], { minLength: 0 }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ history, heard }) => {
        const inOrder = told(clusterAt(unseen(ID, "assigned")), history);
        const mixed = told(clusterAt(unseen(ID, "assigned")), [...heard, ...history]);
        expect([mixed.incarnation, mixed.state]).toEqual([inOrder.incarnation, inOrder.state]);
        const last = history.at(-1);
        if (last) expect([mixed.incarnation, mixed.state]).toEqual([last.incarnation, last.state]);
      }),
    );
  });

  test("merging two views is commutative, associative and idempotent for all that one worker can have said", () => {
    const higher = (a: TaskFact, b: TaskFact) => (supersedes(b, a) ? b : a);
    const three = honestHistory
      .filter((history) => history.length > 0)
      .chain((history) => fc.tuple(...[0, 1, 2].map(() => fc.constantFrom(...history))));
    fc.assert(
      fc.property(three, ([a, b, c]) => {
        if (!a || !b || !c) return;
        expect(higher(a, a)).toBe(a);
        expect(higher(a, b)).toEqual(higher(b, a));
        expect(higher(higher(a, b), c)).toEqual(higher(a, higher(b, c)));
      }),
    );
  });

  test("the order of facts is strict: nothing follows itself, and never two follow each other", () => {
    fc.assert(
      fc.property(factPosition, factPosition, (a, b) => {
        expect(supersedes(a, a)).toBe(false);
        expect(supersedes(a, b) && supersedes(b, a)).toBe(false);
      }),
    );
  });

  test("a whole report, applied twice, is applied once", () => {
    const removed = fc.subarray([ID, "another"]);
    const report = fc.record({ facts: fc.array(factOf(ID), { maxLength: 1 }), removed });
    fc.assert(
      fc.property(factOf(ID), desiredState, report, (first, desired, { facts, removed }) => {
        const cluster = clusterAt(first, desired);
        const hear = () => {
          const drafts = ingestTaskFacts(cluster, { nodeId: "n1", facts, nowMs: NOW });
          for (const { change } of drafts) apply(cluster, change);
          const gone = ingestRemoved(cluster, { nodeId: "n1", removed, nowMs: NOW });
          for (const { change } of gone) apply(cluster, change);
          return drafts.length + gone.length;
        };
        hear();
        expect(hear()).toBe(0);
      }),
    );
  });

  test("another node's word, or one on an unknown task, changes nothing", () => {
    fc.assert(
      fc.property(factOf(ID), factOf(ID), (first, fact) => {
        const cluster = clusterAt(first);
        const stranger = ingestTaskFacts(cluster, { nodeId: "n2", facts: [fact], nowMs: NOW });
        const unknown = ingestTaskFacts(cluster, { nodeId: "n1", facts: [{ ...fact, taskId: "who" }], nowMs: NOW });
        const removed = ingestRemoved(cluster, { nodeId: "n2", removed: [ID], nowMs: NOW });
        expect([...stranger, ...unknown, ...removed]).toEqual([]);
      }),
    );
  });

  test("a removal ends nothing that the manager did not want removed, and leaves no container behind", () => {
    fc.assert(
      fc.property(factOf(ID), desiredState, (first, desired) => {
        const cluster = clusterAt(first, desired);
        for (const { change } of ingestRemoved(cluster, { nodeId: "n1", removed: [ID], nowMs: NOW }))
          apply(cluster, change);
        const { state, containerId } = factIn(cluster);
        if (!isTerminal(first.state) && desired !== "remove") expect(factIn(cluster)).toEqual(first);
        else expect([isTerminal(state), containerId]).toEqual([true, ""]);
        if (isTerminal(first.state)) expect(state).toBe(first.state);
      }),
    );
  });
});
