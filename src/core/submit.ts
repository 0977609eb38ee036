/** What people ask for becomes changes, or a refusal in words. Commands are idempotent; only a restart does something each time. Pure. */
import { type Cluster, isCurrent } from "./cluster.ts";
import type { Draft } from "./draft.ts";
import { digest, jobId } from "./ids.ts";
import { type Job, taskName } from "./job.ts";
import type { Availability } from "./node.ts";
import type { JobSpec } from "./spec.ts";
import { isTerminal, type Task } from "./task.ts";

/** Who asks, when, and of which cluster. */
export interface CommandContext {
  readonly cluster: Cluster;
  readonly clusterId: string;
  readonly actor: string;
  /** Revision of the newest change; makes derived ids unique. */
  readonly revision: number;
  /** Wall clock, ms since 1970. */
  readonly nowMs: number;
}

/** Changes to make, or why not. `jobId` is the job concerned; `created` is false when nothing new came of it. */
export type Planned =
  | { readonly ok: true; readonly jobId: string; readonly created: boolean; readonly drafts: readonly Draft[] }
  | {
      readonly ok: false;
      readonly code: "not_found" | "conflict" | "invalid";
      readonly message: string;
      readonly hint: string;
    };

/** Why not, and the way out. */
export function refuse(code: Extract<Planned, { ok: false }>["code"], message: string, hint: string): Planned {
  return { ok: false, code, message, hint };
}

/** A new job. The same id or idempotency key again gives the first job back and changes nothing. */
export function planSubmit(
  context: CommandContext,
  request: { readonly id: string; readonly spec: JobSpec; readonly idempotencyKey: string },
): Planned {
  const known = context.cluster.jobs.get(request.id);
  // Its answer would be for a job that is about to go.
  if (known?.desired === "remove") return beingRemoved(known);
  if (known) return { ok: true, jobId: known.id, created: false, drafts: [] };
  const repeated = findRepeat(context, request);
  if (repeated) return repeated;
  const clash = request.id === "" ? nameClash(context.cluster, request.spec.name) : undefined;
  if (clash) return clash;
  const { clusterId, revision, nowMs } = context;
  const id = request.id || jobId({ clusterId, name: request.spec.name, revision, createdMs: nowMs });
  const job: Job = {
    id,
    version: 1,
    spec: request.spec,
    desired: "run",
    restartSerial: 0,
    startSerial: 1,
    actor: context.actor,
    createdMs: context.nowMs,
    updatedMs: context.nowMs,
  };
  const drafts: Draft[] = [
    { change: { kind: "job.put", job }, actor: context.actor, text: `${job.spec.name} is submitted` },
  ];
  if (request.idempotencyKey !== "") drafts.push(rememberRequest(context, request, id));
  return { ok: true, jobId: id, created: true, drafts };
}

/** Ends the job's tasks; records stay. */
export function planStop(context: CommandContext, id: string): Planned {
  return planJob(context, id, (job) => (job.desired === "run" ? { ...job, desired: "stop" } : job), "stop");
}

/** Ends the job's tasks and takes its records away. */
export function planRemove(context: CommandContext, id: string): Planned {
  const planned = planJob(context, id, (job) => ({ ...job, desired: "remove" }), "removal");
  const job = context.cluster.jobs.get(id);
  if (!planned.ok || !job || hasOrWantsSlots(context.cluster, job)) return planned;
  // No slot will ever be the last to go and take the job with it.
  const gone: Draft = {
    change: { kind: "job.remove", jobId: id },
    actor: context.actor,
    text: `${job.spec.name} is removed`,
  };
  return { ...planned, drafts: [...planned.drafts, gone] };
}

function hasOrWantsSlots(cluster: Cluster, job: Job): boolean {
  return (cluster.slotsOfJob.get(job.id)?.size ?? 0) > 0 || job.spec.services.some(({ count }) => count > 0);
}

/** A new attempt in each slot that has none alive; what runs is left as it is. The slots answer one by one, as reconciliation comes to them. */
export function planStart(context: CommandContext, id: string): Planned {
  return planBegin(context, id, "start");
}

/** A restart of every live task; slots whose task has ended get a new attempt. The slots answer one by one, as reconciliation comes to them. */
export function planRestart(context: CommandContext, id: string): Planned {
  return planBegin(context, id, "restart");
}

function planBegin(context: CommandContext, id: string, what: "start" | "restart"): Planned {
  const job = context.cluster.jobs.get(id);
  if (!job) return unknownJob(id);
  if (job.desired === "remove") return beingRemoved(job);
  const startSerial = job.startSerial + 1;
  const restartSerial = what === "restart" ? startSerial : job.restartSerial;
  const begun: Job = { ...job, desired: "run", startSerial, restartSerial, updatedMs: context.nowMs };
  const text = `${what} of ${job.spec.name} asked for`;
  const put: Draft = { change: { kind: "job.put", job: begun }, actor: context.actor, text };
  return { ok: true, jobId: id, created: false, drafts: [put] };
}

/** A restart of one task. One that has ended cannot be restarted by itself; its job can. */
export function planTaskRestart(context: CommandContext, id: string): Planned {
  const task = context.cluster.tasks.get(id);
  const job = task && context.cluster.jobs.get(task.jobId);
  if (!task || !job) return refuse("not_found", `no task ${id}`, "cube status lists the tasks");
  if (!isCurrent(context.cluster, task) || isTerminal(task.fact.state) || task.desired !== "run") {
    return refuse(
      "conflict",
      `task ${id} has ended or is being stopped`,
      `start its job again: cube start ${job.spec.name}`,
    );
  }
  const text = `restart of ${taskName(job, task.service, task.slot)} asked for`;
  return { ok: true, jobId: job.id, created: false, drafts: [raiseRestart(context, task, text)] };
}

/** Makes a node eligible, cordoned or draining. */
export function planAvailability(context: CommandContext, nodeId: string, availability: Availability): Planned {
  const node = context.cluster.nodes.get(nodeId);
  if (!node) return refuse("not_found", `no node ${nodeId}`, "cube node lists the nodes");
  if (node.availability === availability) return { ok: true, jobId: "", created: false, drafts: [] };
  const reason = availability === "eligible" ? "" : `${availability} by ${context.actor}`;
  const text =
    availability === "eligible" ? `node ${node.name} takes tasks again` : `node ${node.name} is ${availability}`;
  return {
    ok: true,
    jobId: "",
    created: false,
    drafts: [{ change: { kind: "node.put", node: { ...node, availability, reason } }, actor: context.actor, text }],
  };
}

function planJob(context: CommandContext, id: string, change: (job: Job) => Job, what: string): Planned {
  const job = context.cluster.jobs.get(id);
  if (!job) return unknownJob(id);
  const changed = change(job);
  if (changed.desired === job.desired) return { ok: true, jobId: id, created: false, drafts: [] };
  const put: Draft = {
    change: { kind: "job.put", job: { ...changed, updatedMs: context.nowMs } },
    actor: context.actor,
    text: `${what} of ${job.spec.name} asked for`,
  };
  return { ok: true, jobId: id, created: false, drafts: [put] };
}

function raiseRestart(context: CommandContext, task: Task, text: string): Draft {
  const restarted = { ...task, restartSerial: task.restartSerial + 1, updatedMs: context.nowMs };
  return { change: { kind: "task.put", task: restarted }, actor: context.actor, text };
}

function findRepeat(
  context: CommandContext,
  request: { readonly spec: JobSpec; readonly idempotencyKey: string },
): Planned | undefined {
  if (request.idempotencyKey === "") return undefined;
  const handled = context.cluster.requests.get(requestKey(context, request.idempotencyKey));
  if (!handled) return undefined;
  if (handled.digest === specDigest(request.spec))
    return { ok: true, jobId: handled.jobId, created: false, drafts: [] };
  return refuse("conflict", "this Idempotency-Key was used for another request", "use a new key for a new request");
}

function rememberRequest(
  context: CommandContext,
  request: { readonly spec: JobSpec; readonly idempotencyKey: string },
  id: string,
): Draft {
  const handled = {
    key: requestKey(context, request.idempotencyKey),
    digest: specDigest(request.spec),
    jobId: id,
    atMs: context.nowMs,
  };
  return { change: { kind: "request.put", request: handled }, actor: context.actor, text: "" };
}

function requestKey(context: CommandContext, key: string): string {
  return `${context.actor}/${key}`;
}

function specDigest(spec: JobSpec): string {
  return digest(JSON.stringify(spec));
}

function nameClash(cluster: Cluster, name: string): Planned | undefined {
  const [holder] = cluster.jobsByName.get(name) ?? [];
  if (holder === undefined) return undefined;
  return refuse(
    "conflict",
    `the name ${name} is taken by job ${holder}`,
    `choose another name, or remove that one: cube rm ${name}`,
  );
}

function unknownJob(id: string): Planned {
  return refuse("not_found", `no job ${id}`, "cube status lists the tasks and their jobs");
}

function beingRemoved(job: Job): Planned {
  return refuse("conflict", `${job.spec.name} is being removed`, "submit it again once it is gone");
}
