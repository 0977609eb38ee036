/**
 * Adoption: what workers run becomes records again, for a manager whose store was emptied or has gone back. Only an operator asks for it (`--adopt`).
 * What the store still knows is merged: the higher attempt and the higher fact win, nothing is lowered, and nothing is wanted that did not run. Pure.
 */
import { staysWithNode } from "./absence.ts";
import { type AdoptionContext, type Double, type HeldTask, mergeTask, settleClaims } from "./adopt-task.ts";
import type { Assignment } from "./assignment.ts";
import { type Cluster, specOf } from "./cluster.ts";
import { type Draft, quiet } from "./draft.ts";
import { findService, type Job, type JobDesired, type Slot, slotKey, taskName } from "./job.ts";
import { isBatch, type JobSpec, type ServiceSpec } from "./spec.ts";
import { isTerminal, type Task } from "./task.ts";

/** What to write, and what came of it. */
export interface AdoptionPlan {
  readonly drafts: readonly Draft[];
  /** Jobs and tasks that the store did not know. */
  readonly newJobs: number;
  readonly newTasks: number;
  /** Claims that could not be granted, each as a sentence for people. */
  readonly conflicts: readonly string[];
  /** Copies of tasks that run on another node, where they stay. */
  readonly doubles: readonly Double[];
}

/** The records that make everything in `held` known. Adopting the same once more changes nothing. */
export function planAdoption(context: AdoptionContext, held: readonly HeldTask[]): AdoptionPlan {
  const conflicts: string[] = [];
  const doubles: Double[] = [];
  const claims = settleClaims(context, held, { conflicts, doubles });
  const drafts: Draft[] = [];
  for (const [jobId, claimed] of Map.groupBy(claims, ({ assignment }) => assignment.jobId)) {
    drafts.push(...adoptJob(context, jobId, claimed));
  }
  const { jobs, tasks } = context.cluster;
  return {
    drafts,
    newJobs: drafts.filter(({ change }) => change.kind === "job.put" && !jobs.has(change.job.id)).length,
    newTasks: drafts.filter(({ change }) => change.kind === "task.put" && !tasks.has(change.task.id)).length,
    conflicts,
    doubles,
  };
}

/** One slot with its attempts as they are from now on. */
interface MergedSlot {
  readonly slot: Slot;
  readonly tasks: readonly Task[];
  readonly current: Task;
  /** Of the attempt that the slot goes on with. */
  readonly assignment: Assignment;
  /** A worker holds a later attempt than the store knows: what it was told is newer than the store. */
  readonly isNewer: boolean;
}

function adoptJob(context: AdoptionContext, jobId: string, claimed: readonly HeldTask[]): Draft[] {
  const before = context.cluster.jobs.get(jobId);
  // Of a job that the store does not know, what has ended and is on its way out needs no record to go.
  if (!before && claimed.every(isAsGoodAsGone)) return [];
  const bySlot = Map.groupBy(claimed, ({ assignment }) => slotKey(jobId, assignment.service, assignment.slot));
  const merged = [...bySlot].map(([key, claims]) => mergeSlot(context, before, { key, claims }));
  const job = mergeJob(context, before, { jobId, merged });
  const drafts: Draft[] = [];
  if (!before || !same(before, job)) {
    const text = before
      ? `${job.spec.name} is brought in line with what runs`
      : `${job.spec.name} is adopted as its workers hold it`;
    const put = before ? { ...job, updatedMs: context.nowMs } : job;
    drafts.push({ change: { kind: "job.put", job: put }, actor: context.actor, text });
  }
  for (const slot of merged) drafts.push(...slotDrafts(context, job, leftEmpty(context, job, slot)));
  drafts.push(...vacantSlots(context, job, merged));
  return drafts;
}

function isAsGoodAsGone({ assignment, fact }: HeldTask): boolean {
  return assignment.desired === "remove" && isTerminal(fact.state);
}

function mergeSlot(
  context: AdoptionContext,
  job: Job | undefined,
  at: { readonly key: string; readonly claims: readonly HeldTask[] },
): MergedSlot {
  const before = context.cluster.slots.get(at.key);
  const merged = at.claims
    .map((claim) => ({ assignment: claim.assignment, task: mergeTask(context, job, claim) }))
    .sort((a, b) => a.task.attempt - b.task.attempt);
  const newest = merged.at(-1) as (typeof merged)[number];
  const isNewer = !before || newest.task.attempt > before.attempt;
  const goesOn = merged.findLast(({ task }) => !isTerminal(task.fact.state) && wantsRun(task)) ?? newest;
  const { assignment } = goesOn;
  const { service, slot: index } = assignment;
  const empty = { jobId: assignment.jobId, service, index, startSerial: 0, failures: 0, waitMs: 0, avoid: [] };
  const startSerial = job?.startSerial ?? 1;
  const tasks = merged.map(({ task }) => task);
  const find = (id: string): Task | undefined => tasks.find((task) => task.id === id) ?? context.cluster.tasks.get(id);
  const taken = { taskId: goesOn.task.id, failures: 0, waitMs: 0 };
  const newer = { ...empty, ...before, startSerial, ...taken, attempt: newest.task.attempt };
  // The store's choice among the attempts may have been overtaken: an earlier one lives, and the later one was told to end.
  const kept = before && isOver(find(before.taskId)) && !isOver(goesOn.task) ? { ...before, ...taken } : before;
  const slot = isNewer || !kept ? newer : kept;
  return { slot, tasks, current: find(slot.taskId) ?? goesOn.task, assignment, isNewer };
}

function isOver(task: Task | undefined): boolean {
  return task === undefined || isTerminal(task.fact.state) || !wantsRun(task);
}

function wantsRun(task: Task): boolean {
  return task.desired === "ready" || task.desired === "run";
}

function mergeJob(
  context: AdoptionContext,
  before: Job | undefined,
  of: { readonly jobId: string; readonly merged: readonly MergedSlot[] },
): Job {
  const desired = desiredOf(context.cluster, before, of.merged);
  if (before) {
    // A restart that this store has seen asked for may long have been answered: what runs is left as it is.
    const spec = { ...before.spec, services: mergeServices(before.spec, of.merged) };
    return { ...before, desired, spec, restartSerial: 0 };
  }
  const createdMs = Math.min(
    ...of.merged.map(({ current, assignment }) => assignment.jobCreatedMs ?? current.createdMs),
  );
  return {
    id: of.jobId,
    version: 1,
    spec: { name: jobName(of.merged), services: mergeServices({ services: [] }, of.merged), labels: {} },
    desired,
    restartSerial: 0,
    startSerial: 1,
    actor: context.actor,
    createdMs,
    updatedMs: context.nowMs,
  };
}

function emptiness(job: Job, { slot, current }: MergedSlot): string {
  if (slot.taskId !== "") return "";
  const name = taskName(job, current.service, current.slot);
  return `${name} has ended where a node has answered: it stays empty until \`cube start ${job.spec.name}\``;
}

/** The stored services with room for every slot that is held; bodies are the stored ones, unless a later attempt was given another. */
function mergeServices(stored: Pick<JobSpec, "services">, merged: readonly MergedSlot[]): readonly ServiceSpec[] {
  const services = new Map(stored.services.map((service) => [service.name, service]));
  for (const { slot, assignment, isNewer } of merged) {
    const before = services.get(slot.service);
    const count = Math.max(before?.count ?? 0, slot.index + 1);
    const task = before && (!isNewer || same(before.task, assignment.spec)) ? before.task : assignment.spec;
    services.set(slot.service, { name: slot.service, count, task });
  }
  return [...services.values()];
}

/** A lone task has its job's name; any other one carries service and slot behind it. */
function jobName(merged: readonly MergedSlot[]): string {
  const names = merged.map(({ assignment: { name, service, slot } }) => {
    const suffix = `.${service}.${slot}`;
    return name.endsWith(suffix) && name !== suffix ? name.slice(0, -suffix.length) : name;
  });
  return names[0] ?? "";
}

/**
 * A start after a stop gives later attempts, so only they speak against a stored stop; a stop counts once every slot was told so. Attempts that were told to go are no
 * more than that: they go also as history that was pruned, or by a manager that did not know them, and a job that is stopped is easily removed.
 */
function desiredOf(cluster: Cluster, before: Job | undefined, merged: readonly MergedSlot[]): JobDesired {
  const wanted: JobDesired = merged.some(({ current }) => wantsRun(current)) ? "run" : "stop";
  if (!before) return wanted;
  if (merged.some(({ current, isNewer }) => isNewer && wantsRun(current))) return "run";
  const whole = (cluster.slotsOfJob.get(before.id)?.size ?? 0) <= merged.length;
  return before.desired === "run" && whole ? wanted : before.desired;
}

/**
 * A slot that the store did not know, of which only attempts are held that are over, goes on without a task: the one that lives may be on a node that has not
 * answered, and another beside it is not wanted before somebody starts the job. What has ended well, or once and for all, keeps its slot.
 */
function leftEmpty({ cluster }: AdoptionContext, job: Job, merged: MergedSlot): MergedSlot {
  const { slot, current, assignment } = merged;
  const { state } = current.fact;
  const isFinal = state === "complete" || (state === "failed" && isBatch(assignment.spec));
  const isKnown = cluster.slots.has(slotKey(job.id, slot.service, slot.index));
  if (isKnown || isFinal || job.desired !== "run" || !isOver(current)) return merged;
  return { ...merged, slot: { ...slot, taskId: "" } };
}

function slotDrafts(context: AdoptionContext, job: Job, merged: MergedSlot): Draft[] {
  const { cluster, actor, nowMs } = context;
  const key = slotKey(job.id, merged.slot.service, merged.slot.index);
  const before = cluster.slots.get(key);
  const drafts: Draft[] =
    before && same(before, merged.slot)
      ? []
      : [{ change: { kind: "slot.put", slot: merged.slot }, actor, text: emptiness(job, merged) }];
  for (const task of merged.tasks) {
    const known = cluster.tasks.get(task.id);
    if (known && same(known, task)) continue;
    const node = cluster.nodes.get(task.nodeId ?? "")?.name ?? task.nodeId;
    const isNews = !known && cluster.jobs.has(job.id);
    const text = isNews ? `${taskName(job, task.service, task.slot)} is adopted from node ${node}` : "";
    drafts.push({ change: { kind: "task.put", task: { ...task, updatedMs: nowMs } }, actor, text });
  }
  return [...drafts, ...overtaken(context, key, merged)];
}

/** Earlier attempts that none holds: later ones took their place, and they are not to begin, or to go on, now. */
function overtaken(context: AdoptionContext, key: string, merged: MergedSlot): Draft[] {
  const { cluster, actor, nowMs } = context;
  const heldIds = new Set([merged.slot.taskId, ...merged.tasks.map((task) => task.id)]);
  return [...(cluster.attempts.get(key) ?? [])].flatMap((id) => {
    const task = cluster.tasks.get(id);
    // Also one that was told to end: as long as it counts as alive nothing else may fill a slot that lives once.
    if (!task || heldIds.has(id) || task.attempt >= merged.slot.attempt || isTerminal(task.fact.state)) return [];
    const left = leftBehind(context, task);
    return left === task ? [] : [quiet({ kind: "task.put", task: { ...left, updatedMs: nowMs } }, actor)];
  });
}

/**
 * A worker that has answered would have told of it; one that has not may still have it, and is to end it. What stays with its node has had no later attempt
 * before it was over.
 */
function leftBehind({ answered, cluster }: AdoptionContext, task: Task): Task {
  const { nodeId, fact } = task;
  const spec = specOf(cluster, task);
  const desired = wantsRun(task) ? "stop" : task.desired;
  if (nodeId === null) return { ...task, desired, fact: { ...fact, state: "stopped", message: NEVER_PLACED } };
  if (answered?.has(nodeId)) return { ...task, fact: { ...fact, state: "lost", message: "its node does not hold it" } };
  if (spec && staysWithNode(spec))
    return { ...task, fact: { ...fact, state: "lost", message: "a later one followed" } };
  return fact.state === "assigned" && wantsRun(task) ? { ...task, desired } : task;
}

const NEVER_PLACED = "stopped before it was placed";

/**
 * Slots below the highest one that is held, of which nobody has said anything: their tasks may run on nodes that are away, or have done their work.
 * They stay without a task until the job is started again; see reconcile.ts.
 */
function vacantSlots(context: AdoptionContext, job: Job, merged: readonly MergedSlot[]): Draft[] {
  const stored = context.cluster.jobs.get(job.id);
  const attempt = Math.max(...merged.map(({ slot }) => slot.attempt));
  const taken = new Set(merged.map(({ slot }) => slotKey(job.id, slot.service, slot.index)));
  const drafts: Draft[] = [];
  for (const { name: service, count } of job.spec.services) {
    const known = stored ? (findService(stored, service)?.count ?? 0) : 0;
    for (let index = known; index < count; index++) {
      const key = slotKey(job.id, service, index);
      if (taken.has(key) || context.cluster.slots.has(key)) continue;
      const { startSerial } = job;
      const slot: Slot = {
        jobId: job.id,
        service,
        index,
        attempt,
        taskId: "",
        startSerial,
        failures: 0,
        waitMs: 0,
        avoid: [],
      };
      const name = taskName(job, service, index);
      const text = `${name} is held by no node that answered: it stays empty until \`cube start ${job.spec.name}\``;
      drafts.push({ change: { kind: "slot.put", slot }, actor: context.actor, text });
    }
  }
  return drafts;
}

/** Records are plain data, made with their fields in one order. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
