// What must hold on the desk at any time, and what must have come about once everybody has done their part. Counted anew from the records each time.
import { expect } from "bun:test";
import { assignmentsOf } from "../../src/core/assign.ts";
import type { Assignment } from "../../src/core/assignment.ts";
import {
  apply,
  type Cluster,
  currentTask,
  emptyCluster,
  holdsResources,
  slotKeyOf,
  slotsOf,
  specOf,
  tasksOf,
} from "../../src/core/cluster.ts";
import { AVOIDED_NODES, findService, type Job, type Slot } from "../../src/core/job.ts";
import { allocatable, type Node } from "../../src/core/node.ts";
import { type HostPort, readNeed } from "../../src/core/schedule-input.ts";
import { isBatch, reservation } from "../../src/core/spec.ts";
import { isTerminal, type Task } from "../../src/core/task.ts";
import type { Desk } from "./desk.ts";

/** The rules that hold after every step. */
export function checkDesk(desk: Desk): void {
  checkIndices(desk.cluster);
  for (const node of desk.cluster.nodes.values()) checkNode(desk, node);
  const unplaced = [...desk.cluster.tasks.values()].filter((task) => task.nodeId === null && isLive(task));
  expect(desk.derived.pending.size).toBe(unplaced.length);
  for (const slot of desk.cluster.slots.values()) checkSlot(desk, slot);
}

/** The indices of a cluster that was made from the surviving records alone. */
function checkIndices(lived: Cluster): void {
  const loaded = emptyCluster();
  for (const job of lived.jobs.values()) apply(loaded, { kind: "job.put", job });
  for (const slot of lived.slots.values()) apply(loaded, { kind: "slot.put", slot });
  for (const task of lived.tasks.values()) apply(loaded, { kind: "task.put", task });
  const sets = (map: ReadonlyMap<string, ReadonlySet<string>>) =>
    [...map].map(([key, of]) => [key, [...of].sort()]).sort();
  const counts = [...lived.statesOfJob].map(([key, of]) => [key, [...of].sort()]).sort();
  expect(counts).toEqual([...loaded.statesOfJob].map(([key, of]) => [key, [...of].sort()]).sort());
  for (const index of ["attempts", "tasksOfNode", "jobsByName"] as const) {
    expect(sets(lived[index])).toEqual(sets(loaded[index]));
  }
}

function checkNode(desk: Desk, node: Node): void {
  const bound = [...(desk.cluster.tasksOfNode.get(node.id) ?? [])].flatMap((id) => desk.cluster.tasks.get(id) ?? []);
  const needs = bound.filter(holdsResources).flatMap((task) => {
    const spec = specOf(desk.cluster, task);
    return spec ? [{ sum: reservation(spec), ports: readNeed(spec).hostPorts }] : [];
  });
  const room = allocatable(node);
  const allocated = desk.derived.placement.allocated(node.id);
  for (const figure of ["cpuMillis", "memoryBytes", "diskBytes"] as const) {
    const total = needs.reduce((sum, need) => sum + need.sum[figure], 0);
    expect(allocated[figure]).toBe(total);
    if (!desk.shrunk.has(node.id)) expect(total).toBeLessThanOrEqual(room[figure]);
  }
  needs.forEach((one, i) => {
    const clashes = needs
      .slice(i + 1)
      .flatMap((other) => one.ports.filter((port) => other.ports.some(clashesWith(port))));
    expect(clashes).toEqual([]);
  });
}

function clashesWith(a: HostPort): (b: HostPort) => boolean {
  const isAll = (ip: string) => ip === "" || ip === "0.0.0.0";
  return (b) =>
    a.port === b.port && a.protocol === b.protocol && (a.hostIp === b.hostIp || isAll(a.hostIp) || isAll(b.hostIp));
}

function checkSlot(desk: Desk, slot: Slot): void {
  const { cluster, doubled, replaced } = desk;
  const key = slotKeyOf(slot);
  const attempts = [...(cluster.attempts.get(key) ?? [])].flatMap((id) => cluster.tasks.get(id) ?? []);
  const live = attempts.filter(isLive);
  if (!doubled.has(key)) expect(live.length).toBeLessThanOrEqual(1);
  expect(live.filter((task) => task.desired === "run" && !replaced.has(task.id)).length).toBeLessThanOrEqual(1);
  const numbers = attempts.map(({ attempt }) => attempt);
  expect([new Set(numbers).size, Math.max(slot.attempt, ...numbers)]).toEqual([numbers.length, slot.attempt]);
  expect([slot.avoid.length <= AVOIDED_NODES, new Set(slot.avoid).size]).toEqual([true, slot.avoid.length]);
  expect([slot.waitMs >= 0, slot.waitMs <= 600_000]).toEqual([true, true]);
  const service = cluster.jobs.get(slot.jobId)?.spec.services.find(({ name }) => name === slot.service);
  expect(slot.index).toBeLessThan(service?.count ?? 0);
}

function isLive(task: Task): boolean {
  return !isTerminal(task.fact.state);
}

/** Ended attempts of a slot that may stay on record: five, and what is its newest. */
const HISTORY = 6;

/** What has come about at rest: each job is as it is wanted, and no worker holds anything that lives by no record. */
export function checkRest(desk: Desk): void {
  const { cluster } = desk;
  for (const job of cluster.jobs.values()) {
    expect(job.desired).not.toBe("remove");
    if (job.desired === "stop") expect(tasksOf(cluster, job.id).filter(isLive)).toEqual([]);
    else checkFilled(desk, job);
  }
  const known = new Set(cluster.jobs.keys());
  const stray = [...cluster.tasks.values(), ...cluster.slots.values()].filter(({ jobId }) => !known.has(jobId));
  expect(stray).toEqual([]);
  for (const task of cluster.tasks.values()) {
    if (task.nodeId !== null && isLive(task)) expect(desk.hands.get(task.nodeId)?.held.has(task.id)).toBe(true);
  }
  for (const { nodeId, held } of desk.hands.values()) {
    if (!desk.isLinked(nodeId)) continue;
    for (const { fact } of held.values()) {
      const task = cluster.tasks.get(fact.taskId);
      if (isTerminal(fact.state)) expect(task?.fact.state).toBe(fact.state);
      else expect([task?.nodeId, task?.desired, task?.fact.state]).toEqual([nodeId, "run", fact.state]);
    }
    checkTold(desk, nodeId);
  }
}

/** One change after another has told the worker just what a whole set would. */
function checkTold(desk: Desk, nodeId: string): void {
  const told = (assignment: Assignment) => [assignment.taskId, assignment.desired, assignment.restartSerial].join(" ");
  const held = [...(desk.hands.get(nodeId)?.held.values() ?? [])].map(({ assignment }) => told(assignment));
  expect(held.sort()).toEqual(assignmentsOf(desk.cluster, nodeId).map(told).sort());
}

function checkFilled(desk: Desk, job: Job): void {
  const { cluster } = desk;
  const wanted = job.spec.services.reduce((sum, { count }) => sum + count, 0);
  const slots = slotsOf(cluster, job.id);
  expect(slots.length).toBe(wanted);
  for (const slot of slots) {
    const service = findService(job, slot.service);
    const task = currentTask(cluster, slot);
    if (!service || !task) throw new Error(`no task in ${slotKeyOf(slot)}`);
    const attempts = [...(cluster.attempts.get(slotKeyOf(slot)) ?? [])].flatMap((id) => cluster.tasks.get(id) ?? []);
    expect(attempts.filter((other) => other !== task && isLive(other))).toEqual([]);
    expect(attempts.length).toBeLessThanOrEqual(HISTORY);
    const { state } = task.fact;
    if (isTerminal(state)) expect(state === "complete" || isBatch(service.task)).toBe(true);
    else if (task.nodeId === null) expect(desk.derived.placement.place(readNeed(service.task), slot.avoid)).toBe(null);
    else expect(state).toBe("running");
  }
}
