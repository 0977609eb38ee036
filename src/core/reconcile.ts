/**
 * The reconcile stage of the tick: what jobs want against what there is. Works slot by slot, so its cost follows what changed and not the size of the cluster.
 * A slot has at most one live attempt; a terminal one is followed by another only as reschedule.ts says. Pure.
 */
import { type Cluster, currentTask, slotKeyOf } from "./cluster.ts";
import { type Draft, quiet } from "./draft.ts";
import { taskId } from "./ids.ts";
import { findService, type Job, type Slot, slotKey, taskName } from "./job.ts";
import { judgeEnd } from "./reschedule.ts";
import type { ServiceSpec, TaskSpec } from "./spec.ts";
import { DESIRED_STATES, type DesiredState, isTerminal, mayBeLeft, type Task, unseen } from "./task.ts";

/** What reconciliation needs to know beside the records. */
export interface ReconcileContext {
  readonly cluster: Cluster;
  readonly clusterId: string;
  /** Mark of the store's present opening, in which further attempts are made; left out where there is none. */
  readonly opening?: string | undefined;
  /** Wall clock, ms since 1970; for the records' dates. */
  readonly nowMs: number;
  /** True once a slot's wait is over. */
  readonly waited: (slotKey: string) => boolean;
  /** True when the task ran well for ten minutes. */
  readonly ranLong: (taskId: string) => boolean;
  /** True while nobody can know how a node's tasks are. */
  readonly away: (nodeId: string) => boolean;
}

const ACTOR = "manager";

/** Keys of all slots that a job has or should have, one at a time, so that a large job can be gone through in pieces while it changes. */
export function* slotKeysOf(cluster: Cluster, job: Job): Generator<string> {
  const had = cluster.slotsOfJob.get(job.id);
  if (had) yield* had;
  for (const service of job.spec.services) {
    for (let index = 0; index < service.count; index++) {
      const key = slotKey(job.id, service.name, index);
      if (!had?.has(key)) yield key;
    }
  }
}

/** Brings one slot a step nearer to what its job wants. Nothing to do gives no drafts. */
export function reconcileSlot(
  context: ReconcileContext,
  at: { readonly jobId: string; readonly service: string; readonly index: number },
): Draft[] {
  const job = context.cluster.jobs.get(at.jobId);
  if (!job) return [];
  const service = findService(job, at.service);
  const known = context.cluster.slots.get(slotKeyOf(at));
  const slot = withNewest(context.cluster, job, known ?? emptySlot(at));
  const kept = service !== undefined && at.index < service.count && job.desired !== "remove";
  if (!kept) return clear(context, job, slot);
  const found = slot.attempt > (known?.attempt ?? 0) ? [quiet({ kind: "slot.put", slot }, ACTOR)] : [];
  const drafts = [...found, ...clearLost(context, slot)];
  if (job.desired === "stop") return [...drafts, ...stopAll(context, slot)];
  const doubles = settleDoubles(context, service, slot);
  // What is decided between two attempts changes the slot: how to fill it is asked again after that.
  return [...drafts, ...(doubles.length > 0 ? doubles : fill(context, job, service, slot))];
}

function emptySlot(at: { readonly jobId: string; readonly service: string; readonly index: number }): Slot {
  const { jobId, service, index } = at;
  return { jobId, service, index, attempt: 0, taskId: "", startSerial: 0, failures: 0, waitMs: 0, avoid: [] };
}

/** A slot whose record a damaged store has lost, or an adoption has made without them, goes on with the newest attempt: another one would live beside that. */
function withNewest(cluster: Cluster, job: Job, slot: Slot): Slot {
  const newest = attemptsOf(cluster, slot).reduce<Task | null>(
    (best, task) => (best === null || task.attempt >= best.attempt ? task : best),
    null,
  );
  if (newest === null || newest.attempt <= slot.attempt) return slot;
  const startSerial = slot.attempt === 0 ? job.startSerial : slot.startSerial;
  return { ...slot, attempt: newest.attempt, taskId: newest.id, startSerial };
}

function fill(context: ReconcileContext, job: Job, service: ServiceSpec, slot: Slot): Draft[] {
  const task = currentTask(context.cluster, slot);
  if ((!task || isTerminal(task.fact.state)) && isBeingEmptied(context.cluster, slot)) return [];
  if (slot.attempt === 0 || slot.startSerial < job.startSerial) {
    if (task && !isTerminal(task.fact.state)) return answerStart(context, job, { slot, task });
    return newAttempt(context, job, { ...slot, startSerial: job.startSerial, failures: 0, waitMs: 0, avoid: [] });
  }
  if (task && !isTerminal(task.fact.state)) return [];
  if (slot.waitMs > 0) return context.waited(slotKeyOf(slot)) ? newAttempt(context, job, { ...slot, waitMs: 0 }) : [];
  // Left empty by an adoption: its task may run where nobody has answered.
  if (slot.taskId === "") return [];
  if (!task) return newAttempt(context, job, slot);
  return afterEnd(context, job, service, { slot, task });
}

/** Another attempt of the slot has been told to end, on a node that is there, and has not ended: the next one begins after it, not beside it. */
export function isBeingEmptied(cluster: Cluster, slot: Slot): boolean {
  return attemptsOf(cluster, slot).some(({ desired, fact, nodeId }) => {
    const isEnding = (desired === "stop" || desired === "remove") && !isTerminal(fact.state);
    return isEnding && cluster.nodes.get(nodeId ?? "")?.state === "ready";
  });
}

/**
 * What runs already answers a start: it must not be replaced when it ends later. To a restart every attempt that lives answers by starting anew, once it is
 * known to live: what has ended out of reach is followed by another.
 */
function answerStart(
  context: ReconcileContext,
  job: Job,
  running: { readonly slot: Slot; readonly task: Task },
): Draft[] {
  const { slot, task } = running;
  if (task.desired !== "run") return [];
  const answered = quiet({ kind: "slot.put", slot: { ...slot, startSerial: job.startSerial } }, ACTOR);
  if (slot.startSerial >= job.restartSerial) return [answered];
  if (task.nodeId !== null && context.away(task.nodeId)) return [];
  const live = attemptsOf(context.cluster, slot).filter((one) => one.desired === "run" && !isTerminal(one.fact.state));
  return [answered, ...live.map((one) => restart(context, one))];
}

function restart({ nowMs }: ReconcileContext, task: Task): Draft {
  return quiet({ kind: "task.put", task: { ...task, restartSerial: task.restartSerial + 1, updatedMs: nowMs } }, ACTOR);
}

function afterEnd(
  context: ReconcileContext,
  job: Job,
  service: ServiceSpec,
  ended: { readonly slot: Slot; readonly task: Task },
): Draft[] {
  const { slot, task } = ended;
  const avoided = new Set([...slot.avoid, task.nodeId]);
  const verdict = judgeEnd(slot, {
    task,
    spec: service.task,
    ranLong: context.ranLong(task.id),
    otherNodes: hasNodeBeside(context.cluster, avoided),
  });
  if (verdict.kind === "over") return [];
  if (verdict.slot.waitMs === 0) return newAttempt(context, job, verdict.slot);
  const text = `${taskName(job, slot.service, slot.index)} is tried again in ${Math.round(verdict.slot.waitMs / 1000)} s`;
  return [{ change: { kind: "slot.put", slot: verdict.slot }, actor: ACTOR, text }];
}

function hasNodeBeside(cluster: Cluster, avoided: ReadonlySet<string | null>): boolean {
  for (const node of cluster.nodes.values()) if (node.state === "ready" && !avoided.has(node.id)) return true;
  return false;
}

/** What a lost task left behind goes, once its node is back. */
function clearLost(context: ReconcileContext, slot: Slot): Draft[] {
  return attemptsOf(context.cluster, slot).flatMap((task) =>
    task.fact.state === "lost" ? want(context, task, "remove") : [],
  );
}

/** A node came back after its tasks had been replaced: one of the two is kept, the other stopped, and not before the one that stays is well. */
function settleDoubles(context: ReconcileContext, service: ServiceSpec, slot: Slot): Draft[] {
  const live = attemptsOf(context.cluster, slot).filter(
    (task) => !isTerminal(task.fact.state) && task.desired === "run",
  );
  const current = currentTask(context.cluster, slot);
  if (current && isTerminal(current.fact.state)) return settleSurvivors(context, service, { slot, current, live });
  const [original] = live;
  const replacement = live.at(-1);
  if (!original || !replacement || original === replacement) return [];
  if (original.nodeId !== null && context.away(original.nodeId)) return [];
  const winner = chooseDouble(service.task, original, replacement);
  if (!winner) return [];
  const losers = live.filter((task) => task !== winner);
  const drafts = losers.flatMap((task) => want(context, task, "stop"));
  if (slot.taskId === winner.id) return drafts;
  return [quiet({ kind: "slot.put", slot: { ...slot, taskId: winner.id, waitMs: 0 } }, ACTOR), ...drafts];
}

/** The slot's attempt has ended while others live, on nodes that are back: where the work is done they stop too, else the slot goes on with one of them. */
function settleSurvivors(
  context: ReconcileContext,
  service: ServiceSpec,
  { slot, current, live }: { readonly slot: Slot; readonly current: Task; readonly live: readonly Task[] },
): Draft[] {
  const here = live.filter((task) => task.nodeId !== null && !context.away(task.nodeId));
  if (current.fact.state === "complete") return here.flatMap((task) => want(context, task, "stop"));
  const well = here.find((task) => isWell(service.task, task));
  const survivor = well ?? here[0];
  if (!survivor) return [];
  const losers = well ? here.filter((task) => task !== well) : [];
  const taken = quiet({ kind: "slot.put", slot: { ...slot, taskId: survivor.id, waitMs: 0 } }, ACTOR);
  return [taken, ...losers.flatMap((task) => want(context, task, "stop"))];
}

/** What has no node yet gives way to what is back. Otherwise undefined while neither is well: then both go on. */
function chooseDouble(spec: TaskSpec, original: Task, replacement: Task): Task | undefined {
  const sameVersion = original.jobVersion === replacement.jobVersion;
  if (sameVersion && original.nodeId !== null && replacement.nodeId === null) return original;
  const keepOriginal = spec.disconnect.reconcile === "keep_original" && sameVersion;
  const order = keepOriginal ? [original, replacement] : [replacement, original];
  return order.find((task) => isWell(spec, task));
}

function isWell(spec: TaskSpec, task: Task): boolean {
  return task.fact.state === "running" && (spec.health === null || task.fact.health === "healthy");
}

/** A further attempt in the slot, to be placed. */
export function newAttempt(
  context: Pick<ReconcileContext, "clusterId" | "opening" | "nowMs">,
  job: Job,
  slot: Slot,
): Draft[] {
  const attempt = slot.attempt + 1;
  const { clusterId, opening } = context;
  const of = { clusterId, jobId: job.id, service: slot.service, slot: slot.index, attempt, opening };
  const id = taskId({ ...of, jobCreatedMs: job.createdMs });
  const task: Task = {
    id,
    jobId: job.id,
    jobVersion: job.version,
    service: slot.service,
    slot: slot.index,
    attempt,
    ...(opening === undefined ? {} : { opening }),
    nodeId: null,
    desired: "run",
    restartSerial: 0,
    fact: unseen(id),
    reason: "",
    createdMs: context.nowMs,
    updatedMs: context.nowMs,
  };
  return [
    quiet({ kind: "slot.put", slot: { ...slot, attempt, taskId: id } }, ACTOR),
    quiet({ kind: "task.put", task }, ACTOR),
  ];
}

/** The job is stopped: live attempts are to end, records stay. */
function stopAll(context: ReconcileContext, slot: Slot): Draft[] {
  return attemptsOf(context.cluster, slot).flatMap((task) =>
    isTerminal(task.fact.state) ? [] : want(context, task, "stop"),
  );
}

/** The slot is to go: every attempt with what it left on its node, then the slot, then the job when that was its last. */
function clear(context: ReconcileContext, job: Job, slot: Slot): Draft[] {
  const attempts = attemptsOf(context.cluster, slot);
  const drafts = attempts.flatMap((task) => clearTask(context, task));
  const left = attempts.length - drafts.filter((draft) => draft.change.kind === "task.remove").length;
  if (left > 0) return drafts;
  drafts.push(quiet({ kind: "slot.remove", key: slotKeyOf(slot) }, ACTOR));
  if (job.desired === "remove" && !hasOtherSlot(context.cluster, slot)) {
    drafts.push({ change: { kind: "job.remove", jobId: job.id }, actor: ACTOR, text: `${job.spec.name} is removed` });
  }
  return drafts;
}

/** Also one of which only attempts are left, since a damaged store has lost its record. */
function hasOtherSlot(cluster: Cluster, slot: Slot): boolean {
  const own = slotKeyOf(slot);
  for (const key of cluster.slotsOfJob.get(slot.jobId) ?? [])
    if (key !== own && (cluster.slots.has(key) || (cluster.attempts.get(key)?.size ?? 0) > 0)) return true;
  return false;
}

function clearTask(context: ReconcileContext, task: Task): Draft[] {
  const unplaced = task.nodeId === null;
  const nodeIsGone = task.nodeId !== null && !context.cluster.nodes.has(task.nodeId);
  if (unplaced || nodeIsGone || isGone(task)) {
    const drafts = [quiet({ kind: "task.remove", taskId: task.id }, ACTOR)];
    if (context.cluster.decisions.has(task.id)) drafts.push(quiet({ kind: "decision.remove", taskId: task.id }, ACTOR));
    return drafts;
  }
  return want(context, task, "remove");
}

/** True when nothing of a task is left on its node: only its record remains. */
export function isGone(task: Task): boolean {
  return task.desired === "remove" && isTerminal(task.fact.state) && !mayBeLeft(task);
}

/** Raises the desired state; a task that no worker has seen ends at once. */
function want(context: ReconcileContext, task: Task, desired: DesiredState): Draft[] {
  if (task.nodeId === null && !isTerminal(task.fact.state)) {
    const fact = { ...task.fact, state: "stopped" as const, message: "stopped before it was placed" };
    return [quiet({ kind: "task.put", task: { ...task, desired, fact, updatedMs: context.nowMs } }, ACTOR)];
  }
  if (DESIRED_STATES.indexOf(desired) <= DESIRED_STATES.indexOf(task.desired)) return [];
  return [quiet({ kind: "task.put", task: { ...task, desired, updatedMs: context.nowMs } }, ACTOR)];
}

function attemptsOf(cluster: Cluster, slot: Slot): Task[] {
  const tasks: Task[] = [];
  for (const id of cluster.attempts.get(slotKeyOf(slot)) ?? []) {
    const task = cluster.tasks.get(id);
    if (task) tasks.push(task);
  }
  return tasks;
}
