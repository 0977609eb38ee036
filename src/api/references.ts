/**
 * What a user's reference means: a full id, a unique prefix of an id, or a name. Pure. A reference that means several things is refused with the
 * candidates, never guessed at: the wrong job might be stopped.
 */

import { ClientError } from "../client/cluster-client.ts";
import { didYouMean } from "../core/closest.ts";
import { type Cluster, currentTask, slotsOf, tasksOf } from "../core/cluster.ts";
import { type Job, taskName } from "../core/job.ts";
import type { Node } from "../core/node.ts";
import type { Task } from "../core/task.ts";

/** Characters of an id that are enough when they are unique. */
const MIN_PREFIX = 4;

const SHOWN_CANDIDATES = 8;

/** The job by id, name, unique prefix, or the id of its only slot's task. Throws ClientError `not_found` or `conflict`. */
export function findJob(cluster: Cluster, ref: string): Job {
  const job = cluster.jobs.get(ref) ?? jobByName(cluster, ref) ?? jobByPrefix(cluster, ref) ?? jobOfTask(cluster, ref);
  if (job) return job;
  throw new ClientError(
    "not_found",
    `no job "${ref}"`,
    suggestion(ref, cluster.jobsByName.keys(), "cube status lists them"),
  );
}

/** The task by id, unique prefix, its name, or the job whose only slot it fills (its newest attempt then). Throws ClientError `not_found` or `conflict`. */
export function findTask(cluster: Cluster, ref: string): Task {
  const exact = cluster.tasks.get(ref);
  if (exact) return exact;
  const job = cluster.jobs.get(ref) ?? jobByName(cluster, ref);
  if (job) return onlyTask(cluster, job);
  const found = taskByName(cluster, ref) ?? taskByPrefix(cluster, ref);
  if (found) return found;
  const byPrefix = jobByPrefix(cluster, ref);
  if (byPrefix) return onlyTask(cluster, byPrefix);
  throw new ClientError("not_found", `no task "${ref}"`, suggestion(ref, taskNames(cluster), "cube status lists them"));
}

/** What a restart means: a whole job by its id or name, or one task by its own; a prefix must fit only one of all of them. Throws as the others do. */
export function findJobOrTask(cluster: Cluster, ref: string): { readonly job: Job } | { readonly task: Task } {
  const job = cluster.jobs.get(ref) ?? jobByName(cluster, ref);
  if (job) return { job };
  const task = cluster.tasks.get(ref) ?? taskByName(cluster, ref);
  if (task) return { task };
  const fitting = [...byPrefix(cluster.jobs, ref), ...byPrefix(cluster.tasks, ref)];
  const found = one(ref, fitting, (each) => ("spec" in each ? jobLabel(each) : taskLabel(each)));
  if (!found) return { job: findJob(cluster, ref) };
  return "spec" in found ? { job: found } : { task: found };
}

/** The node by id, name or unique prefix of its id. Throws ClientError `not_found` or `conflict`. */
export function findNode(cluster: Cluster, ref: string): Node {
  const exact = cluster.nodes.get(ref);
  if (exact) return exact;
  const named = [...cluster.nodes.values()].filter((node) => node.name === ref);
  const found = one(ref, named, nodeLabel) ?? one(ref, byPrefix(cluster.nodes, ref), nodeLabel);
  if (found) return found;
  const names = [...cluster.nodes.values()].map((node) => node.name);
  throw new ClientError("not_found", `no node "${ref}"`, suggestion(ref, names, "cube node lists them"));
}

/** Of jobs that share a name the one that is wanted to run; stopped ones of that name are reached by id. */
function jobByName(cluster: Cluster, name: string): Job | undefined {
  const jobs = [...(cluster.jobsByName.get(name) ?? [])].flatMap((id) => cluster.jobs.get(id) ?? []);
  const running = jobs.filter((job) => job.desired === "run");
  return one(name, running.length > 0 ? running : jobs, jobLabel);
}

function jobByPrefix(cluster: Cluster, ref: string): Job | undefined {
  return one(ref, byPrefix(cluster.jobs, ref), jobLabel);
}

/** A task's id stands for its job only where that is the same thing. */
function jobOfTask(cluster: Cluster, ref: string): Job | undefined {
  const task = cluster.tasks.get(ref) ?? taskByName(cluster, ref) ?? taskByPrefix(cluster, ref);
  const job = task && cluster.jobs.get(task.jobId);
  if (!job) return undefined;
  const slots = slotsOf(cluster, job.id).length;
  if (slots <= 1) return job;
  const message = `"${ref}" is one of the ${slots} tasks of job "${job.spec.name}"`;
  throw new ClientError("conflict", message, `name the job to mean all of them: ${job.spec.name}`);
}

function onlyTask(cluster: Cluster, job: Job): Task {
  const tasks = slotsOf(cluster, job.id).flatMap((slot) => currentTask(cluster, slot) ?? []);
  const task = one(job.spec.name, tasks, (each) => taskName(job, each.service, each.slot));
  if (task) return task;
  throw new ClientError(
    "not_found",
    `job "${job.spec.name}" has no task yet`,
    "it gets one as soon as the manager has handled it",
  );
}

/** job.service.slot, for the newest attempt. */
function taskByName(cluster: Cluster, ref: string): Task | undefined {
  const [name, service, index, ...rest] = ref.split(".");
  if (!name || !service || !index || rest.length > 0) return undefined;
  const job = jobByName(cluster, name);
  const slot = job && slotsOf(cluster, job.id).find((each) => each.service === service && String(each.index) === index);
  return slot && currentTask(cluster, slot);
}

/** A prefix of one attempt's id. */
function taskByPrefix(cluster: Cluster, ref: string): Task | undefined {
  const tasks = byPrefix(cluster.tasks, ref);
  return one(ref, tasks, taskLabel);
}

function byPrefix<T>(records: ReadonlyMap<string, T>, ref: string): T[] {
  if (ref.length < MIN_PREFIX) return [];
  const found: T[] = [];
  for (const [id, record] of records) if (id.startsWith(ref)) found.push(record);
  return found;
}

function one<T>(ref: string, found: readonly T[], label: (item: T) => string): T | undefined {
  if (found.length <= 1) return found[0];
  const shown = found.slice(0, SHOWN_CANDIDATES).map(label).join(", ");
  const more = found.length > SHOWN_CANDIDATES ? ` and ${found.length - SHOWN_CANDIDATES} more` : "";
  throw new ClientError("conflict", `"${ref}" may mean any of ${found.length}: ${shown}${more}`, "give more of the id");
}

function jobLabel(job: Job): string {
  return `${job.id} (${job.spec.name}, ${job.desired})`;
}

function taskLabel(task: Task): string {
  return `${task.id} (attempt ${task.attempt})`;
}

function nodeLabel(node: Node): string {
  return `${node.id} (${node.name})`;
}

function* taskNames(cluster: Cluster): Iterable<string> {
  for (const job of cluster.jobs.values()) {
    for (const task of tasksOf(cluster, job.id)) yield taskName(job, task.service, task.slot);
  }
}

function suggestion(ref: string, names: Iterable<string>, fallback: string): string {
  if (ref.length < MIN_PREFIX)
    return didYouMean(ref, names) || `a prefix of an id has at least ${MIN_PREFIX} characters; ${fallback}`;
  return didYouMean(ref, names) || fallback;
}
