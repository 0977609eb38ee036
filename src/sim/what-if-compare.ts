/** Two moments of a cluster held against each other: what became of each slot and of each node. Pure. */
import { staysWithNode } from "../core/absence.ts";
import { type Cluster, currentTask, holdsResources, isCurrent, specOf } from "../core/cluster.ts";
import type { Refusal } from "../core/decision.ts";
import { slotKey, taskName } from "../core/job.ts";
import { allocatable, type Node } from "../core/node.ts";
import { type Resources, reservation, type TaskSpec } from "../core/spec.ts";
import { isTerminal, type Task } from "../core/task.ts";
import type { NodeLoadFigures, NodeOutlook, TaskOutlook, WhatIfAnswer, WhatIfQuestion } from "../core/what-if.ts";

/** A slot of a job that is to run. */
interface SlotMoment {
  readonly name: string;
  readonly jobId: string;
  readonly service: string;
  readonly slot: number;
  readonly spec: TaskSpec;
  /** The newest attempt; undefined when it has ended. */
  readonly task: Task | undefined;
  /** Why the newest attempt ended; "" otherwise. */
  readonly ending: string;
  readonly refusals: readonly Refusal[];
}

/** What is kept of a cluster at one moment: its records go on changing. */
export interface Moment {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly slots: ReadonlyMap<string, SlotMoment>;
  readonly loads: ReadonlyMap<string, NodeLoadFigures>;
}

const NOTHING: Resources = { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 };
const NO_LOAD: NodeLoadFigures = { tasks: 0, reserved: NOTHING };

/** The cluster as it is now. Of nodes that are gone only what has not been replaced counts. */
export function momentOf(cluster: Cluster, gone: readonly string[]): Moment {
  const slots = new Map<string, SlotMoment>();
  for (const slot of cluster.slots.values()) {
    const job = cluster.jobs.get(slot.jobId);
    const spec = job?.spec.services.find((service) => service.name === slot.service)?.task;
    const task = currentTask(cluster, slot);
    if (job?.desired !== "run" || !spec || !task) continue;
    const { jobId, service, index } = slot;
    const isOver = isTerminal(task.fact.state);
    slots.set(slotKey(jobId, service, index), {
      name: taskName(job, service, index),
      jobId,
      service,
      slot: index,
      spec,
      task: isOver ? undefined : task,
      ending: isOver ? task.fact.message || `it is ${task.fact.state}` : "",
      refusals: task.nodeId === null ? (cluster.decisions.get(task.id)?.refusals ?? []) : [],
    });
  }
  return { nodes: new Map(cluster.nodes), slots, loads: loadsOf(cluster, gone) };
}

function loadsOf(cluster: Cluster, gone: readonly string[]): Map<string, NodeLoadFigures> {
  const loads = new Map<string, NodeLoadFigures>();
  for (const task of cluster.tasks.values()) {
    const spec = specOf(cluster, task);
    if (task.nodeId === null || !spec || !holdsResources(task)) continue;
    if (gone.includes(task.nodeId) && !isCurrent(cluster, task)) continue;
    const { tasks, reserved } = loads.get(task.nodeId) ?? NO_LOAD;
    loads.set(task.nodeId, { tasks: tasks + 1, reserved: sum(reserved, reservation(spec)) });
  }
  return loads;
}

function sum(a: Resources, b: Resources): Resources {
  return {
    cpuMillis: a.cpuMillis + b.cpuMillis,
    memoryBytes: a.memoryBytes + b.memoryBytes,
    diskBytes: a.diskBytes + b.diskBytes,
  };
}

/** What is compared; `joined` are ids of nodes. */
export interface Comparison {
  readonly before: Moment;
  readonly after: Moment;
  readonly question: WhatIfQuestion;
  readonly joined: readonly string[];
}

/** Every node, and every task of which there is something to say, in the order of their names. */
export function compareMoments(comparison: Comparison): Pick<WhatIfAnswer, "nodes" | "tasks"> {
  const { before, after } = comparison;
  const tasks = [...after.slots].flatMap(([key, slot]) => outlookOf(comparison, before.slots.get(key), slot) ?? []);
  const nodes = [...after.nodes.values()].map((node) => nodeOutlook(comparison, node));
  return { nodes: nodes.sort(byName), tasks: tasks.sort(bySlot) };
}

function nodeOutlook({ before, after, question, joined }: Comparison, node: Node): NodeOutlook {
  const known = question.picture.nodes.find(({ id }) => id === node.id);
  const isOut = known !== undefined && known.state !== "ready";
  const fate = question.without.includes(node.id) ? "gone" : isOut ? "out" : "stays";
  return {
    id: node.id,
    name: node.name,
    fate: joined.includes(node.id) ? "new" : fate,
    allocatable: allocatable(node),
    before: before.loads.get(node.id) ?? NO_LOAD,
    after: after.loads.get(node.id) ?? NO_LOAD,
  };
}

function outlookOf(comparison: Comparison, before: SlotMoment | undefined, after: SlotMoment): TaskOutlook | null {
  const { name, jobId, service, slot, task } = after;
  const nameOf = (nodeId: string | null | undefined): string =>
    nodeId ? (comparison.after.nodes.get(nodeId)?.name ?? nodeId) : "";
  const base = { name, jobId, service, slot, from: nameOf(before?.task?.nodeId), to: "", already: false, refusals: [] };
  if (!task) return before?.task ? { ...base, outcome: "ends", reason: after.ending } : null;
  if (task.nodeId === null) {
    const already = before?.task !== undefined && before.task.nodeId === null;
    return { ...base, outcome: "waits", already, reason: task.reason, refusals: after.refusals };
  }
  const to = nameOf(task.nodeId);
  if (before?.task?.id === task.id && before.task.nodeId === task.nodeId) {
    const left = leftBehind(comparison, after, task.nodeId);
    return left && { ...base, ...left, to };
  }
  return { ...base, outcome: before?.task?.nodeId ? "moves" : "starts", to, reason: task.reason };
}

/** A task that is where it was: null, unless its node is not there. */
function leftBehind(
  { question }: Comparison,
  { spec }: SlotMoment,
  nodeId: string,
): Pick<TaskOutlook, "outcome" | "already" | "reason"> | null {
  const isGone = question.without.includes(nodeId);
  const isOut = question.picture.nodes.some(({ id, state }) => id === nodeId && state !== "ready");
  if (!isGone && !isOut) return null;
  const already = isOut;
  if (!staysWithNode(spec)) return { outcome: "undecided", already, reason: "the manager has not replaced it" };
  const volumes = spec.mounts.filter(({ kind, source }) => kind === "volume" && source !== "");
  const names = [...new Set(volumes.map(({ source }) => source))];
  const bound = `its data is there (volume ${names.join(", ")})`;
  return { outcome: "stays", already, reason: names.length > 0 ? bound : "its job says that it is not replaced" };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function bySlot(a: TaskOutlook, b: TaskOutlook): number {
  const [first, second] = [a, b].map(({ name, service }) => ({ name: name.split(".")[0] ?? "", service }));
  if (!first || !second || first.name !== second.name) return byName(a, b);
  return first.service === second.service ? a.slot - b.slot : byName(a, b);
}
