// The manager's stages in any order and with any delays between them, over random lives of a small cluster: the rules hold after every step, and once
// everybody has done their part every job is as it was asked for. The model knows only what was asked.
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { JobDesired } from "../../src/core/job.ts";
import type { JobSpec } from "../../src/core/spec.ts";
import {
  planAvailability,
  planRemove,
  planRestart,
  planStart,
  planStop,
  planSubmit,
  planTaskRestart,
} from "../../src/core/submit.ts";
import { index, jobSpec, pick } from "./arbitraries.ts";
import { Desk } from "./desk.ts";
import { checkDesk, checkRest } from "./desk-checks.ts";

/** What was asked of each job, newest word. */
interface Asked {
  readonly jobs: Map<string, JobDesired>;
}

/** A step; it is skipped while `ready` says that there is nothing for it to do. */
class Step implements fc.Command<Asked, Desk> {
  readonly #name: string;
  readonly #act: (asked: Asked, desk: Desk) => void;
  readonly #ready: (asked: Asked) => boolean;

  constructor(name: string, act: (asked: Asked, desk: Desk) => void, ready: (asked: Asked) => boolean = () => true) {
    this.#name = name;
    this.#act = act;
    this.#ready = ready;
  }

  check(asked: Readonly<Asked>): boolean {
    return this.#ready(asked);
  }

  run(asked: Asked, desk: Desk): void {
    this.#act(asked, desk);
    checkDesk(desk);
    for (const [id, desired] of asked.jobs) {
      const job = desk.cluster.jobs.get(id);
      if (job || desired !== "remove") expect([id, job?.desired]).toEqual([id, desired]);
    }
  }

  toString(): string {
    return this.#name;
  }
}

const JOBS = ["j1", "j2", "j3", "j4"];
const NODES = ["n1", "n2", "n3"];
const job = fc.constantFrom(...JOBS);
const node = fc.constantFrom(...NODES);

/** An id that was removed is not used again here: its attempts would have the same ids as before, and what is still said of those would be taken for theirs. */
function submit(id: string, spec: JobSpec): Step {
  const shown = spec.services.map(({ count, task }) => [count, task.restart.condition, task.resources, task.ports]);
  const act = (asked: Asked, desk: Desk) => {
    const isNew = !desk.cluster.jobs.has(id);
    const planned = planSubmit(desk.context, { id, spec: { ...spec, name: id }, idempotencyKey: "" });
    expect([desk.command(planned), planned.ok && planned.created]).toEqual([true, isNew]);
    if (isNew) asked.jobs.set(id, "run");
  };
  return new Step(`submit ${id} ${JSON.stringify(shown)}`, act, (asked) => asked.jobs.get(id) !== "remove");
}

const knows = (id: string) => (asked: Asked) => asked.jobs.has(id);

function stop(id: string): Step {
  const act = (asked: Asked, desk: Desk) => {
    if (desk.command(planStop(desk.context, id)) && asked.jobs.get(id) === "run") asked.jobs.set(id, "stop");
  };
  return new Step(`stop ${id}`, act, knows(id));
}

function start(id: string, again: boolean): Step {
  const act = (asked: Asked, desk: Desk) => {
    const started = desk.command((again ? planRestart : planStart)(desk.context, id));
    expect(started).toBe(asked.jobs.get(id) !== "remove");
    if (started) asked.jobs.set(id, "run");
  };
  return new Step(`${again ? "restart" : "start"} ${id}`, act, knows(id));
}

function remove(id: string): Step {
  const act = (asked: Asked, desk: Desk) => {
    if (desk.command(planRemove(desk.context, id))) asked.jobs.set(id, "remove");
  };
  return new Step(`remove ${id}`, act, knows(id));
}

function restartTask(at: number): Step {
  return new Step(`restart task ${at}`, (_, desk) => {
    const task = pick([...desk.cluster.tasks.keys()], at);
    if (task !== undefined) desk.command(planTaskRestart(desk.context, task));
  });
}

function work(nodeId: string, at: number, choice: number): Step {
  return new Step(`work ${nodeId} ${at} ${choice}`, (_, desk) => {
    const hand = desk.hands.get(nodeId);
    const held = hand && pick([...hand.held.values()], at);
    if (!held) return;
    hand.work(held, choice);
    hand.report(false, [held]);
  });
}

/** A report comes, out of turn, and perhaps once more later. */
function hear(nodeId: string, at: number, keep: boolean): Step {
  return new Step(`hear ${nodeId} ${at}${keep ? " and keep" : ""}`, (_, desk) => {
    const hand = desk.hands.get(nodeId);
    const report = hand && pick(hand.outbox, at);
    if (!report) return;
    desk.hear(report);
    if (!keep) hand.outbox.splice(hand.outbox.indexOf(report), 1);
  });
}

function tick(desk: Desk): void {
  desk.reconcile(1_000);
  desk.schedule();
  desk.assign();
}

/** Everybody does their part for once, and all goes well. */
function flow(desk: Desk): void {
  tick(desk);
  for (const hand of desk.hands.values()) {
    while (hand.inbox.length > 0) hand.obey();
    hand.finish();
    hand.report(true);
    for (const report of hand.outbox.splice(0)) desk.hear(report);
  }
}

/** A node is away for long enough to be missed. */
function outage(desk: Desk, nodeId: string): void {
  desk.part(nodeId);
  for (const ms of [20_000, 20_000]) desk.advance(ms);
  tick(desk);
}

const act = (name: string, does: (desk: Desk) => void) => new Step(name, (_, desk) => does(desk));
const AVAILABILITIES = ["eligible", "cordoned"] as const;
const join = fc
  .record({ nodeId: node, cpu: fc.constantFrom(4_000, 4_000, 1_000) })
  .map(({ nodeId, cpu }) => act(`join ${nodeId} ${cpu}`, (desk) => desk.join(nodeId, cpu)));
const one = (step: fc.Arbitrary<Step>, weight: number) => Array.from({ length: weight }, () => step);

const steps: fc.Arbitrary<Step>[] = [
  ...one(
    fc.record({ id: job, spec: jobSpec }).map(({ id, spec }) => submit(id, spec)),
    3,
  ),
  job.map(stop),
  ...one(
    fc.record({ id: job, again: fc.boolean() }).map(({ id, again }) => start(id, again)),
    2,
  ),
  job.map(remove),
  index.map(restartTask),
  ...one(join, 3),
  ...one(fc.constant(act("flow", flow)), 3),
  ...one(
    node.map((nodeId) => act(`outage of ${nodeId}`, (desk) => outage(desk, nodeId))),
    2,
  ),
  node.map((nodeId) => act(`part ${nodeId}`, (desk) => desk.part(nodeId))),
  node.map((nodeId) => act(`remove ${nodeId}`, (desk) => desk.removeNode(nodeId))),
  node.map((nodeId) => act(`wipe ${nodeId}`, (desk) => desk.wipe(nodeId))),
  fc
    .record({ nodeId: node, availability: fc.constantFrom(...AVAILABILITIES) })
    .map(({ nodeId, availability }) =>
      act(`${availability} ${nodeId}`, (desk) => desk.command(planAvailability(desk.context, nodeId, availability))),
    ),
  ...one(
    fc.constantFrom(1_000, 20_000, 20_000, 400_000).map((ms) => act(`advance ${ms}`, (desk) => desk.advance(ms))),
    2,
  ),
  ...one(
    fc.integer({ min: 1, max: 3 }).map((slots) => act(`reconcile ${slots}`, (desk) => desk.reconcile(slots))),
    2,
  ),
  fc.constant(act("schedule", (desk) => desk.schedule())),
  fc.constant(act("assign", (desk) => desk.assign())),
  ...one(fc.constant(act("tick", tick)), 4),
  ...one(
    node.map((nodeId) => act(`obey ${nodeId}`, (desk) => desk.hands.get(nodeId)?.obey())),
    3,
  ),
  ...one(
    fc.record({ nodeId: node, at: index, choice: index }).map(({ nodeId, at, choice }) => work(nodeId, at, choice)),
    4,
  ),
  ...one(
    fc.record({ nodeId: node, at: index, keep: fc.boolean() }).map(({ nodeId, at, keep }) => hear(nodeId, at, keep)),
    4,
  ),
];

/** The same lives every time, so that a red test is a change's own; PROPERTY_RUNS and PROPERTY_SEED go further. */
const { PROPERTY_RUNS = "300", PROPERTY_SEED = "20261120" } = process.env;
const RUNS = { numRuns: Number(PROPERTY_RUNS), seed: Number(PROPERTY_SEED), includeErrorInReport: true };

/** Rounds in which everybody does their part until nothing changes any more; longer waits than any back-off pass in between. */
const ROUNDS = 60;

function rest(desk: Desk): void {
  for (const nodeId of desk.cluster.nodes.keys()) if (!desk.isLinked(nodeId)) desk.join(nodeId, 4_000);
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = desk.revision;
    desk.advance(700_000);
    flow(desk);
    checkDesk(desk);
    if (round > 3 && desk.revision === before && !desk.derived.hasWork) return;
  }
  throw new Error(`no rest after ${ROUNDS} rounds`);
}

test("manager: whatever is asked, said, delayed or repeated, every rule holds at every step and every job ends as it was asked for", () => {
  let placed = 0;
  fc.assert(
    fc.property(fc.commands(steps, { maxCommands: 80, size: "max" }), (commands) => {
      const desk = new Desk();
      fc.modelRun(() => ({ model: { jobs: new Map() }, real: desk }), commands);
      rest(desk);
      checkRest(desk);
      placed += [...desk.cluster.tasks.values()].filter(({ nodeId }) => nodeId !== null).length;
    }),
    RUNS,
  );
  expect(placed).toBeGreaterThan(100);
}, 120_000);
