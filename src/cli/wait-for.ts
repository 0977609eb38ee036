/** Waits until a job runs (all tasks running, and healthy where they are checked) or has run, or until it is clear that it will not. */
import type { ClusterClient } from "../client/cluster-client.ts";
import type { JobResource, TaskResource, WatchItem } from "../client/resources.ts";

/** How the wait ended. */
export interface WaitOutcome {
  readonly ok: boolean;
  readonly message: string;
}

export interface WaitOptions {
  readonly signal: AbortSignal;
  /** Called with each new reason to wait on. */
  readonly onProgress: (text: string) => void;
}

/** Resolves with the outcome; rejects with the signal's reason when it is aborted. */
export async function waitForJob(client: ClusterClient, job: JobResource, options: WaitOptions): Promise<WaitOutcome> {
  const tasks = new Map<string, TaskResource>();
  let said = "";
  const { promise, resolve, reject } = Promise.withResolvers<WaitOutcome>();
  const look = (item: WatchItem): void => {
    const { gone } = apply(tasks, { item, job });
    const outcome = gone ? { ok: false, message: `${job.name} was removed` } : judge(job, tasks);
    if (outcome !== null) {
      resolve(outcome);
      return;
    }
    const progress = item.kind === "down" ? `the manager is out of reach: ${item.reason}` : progressOf(tasks);
    if (progress !== said && progress !== "") options.onProgress(progress);
    said = progress;
  };
  const onAbort = () => reject(options.signal.reason);
  if (options.signal.aborted) onAbort();
  options.signal.addEventListener("abort", onAbort, { once: true });
  using _watch = client.watch(look);
  return await promise;
}

/** Brings the tasks up to date, and says whether the job is gone. */
function apply(tasks: Map<string, TaskResource>, at: { item: WatchItem; job: JobResource }): { gone: boolean } {
  const { item, job } = at;
  if (item.kind === "snapshot") {
    tasks.clear();
    for (const task of item.tasks) if (task.jobId === job.id) tasks.set(task.id, task);
    return { gone: !item.jobs.some(({ id }) => id === job.id) };
  }
  if (item.kind !== "event" || item.event.jobId !== job.id) return { gone: false };
  if (item.event.task !== undefined) tasks.set(item.event.task.id, item.event.task);
  return { gone: item.event.taskId === "" && item.event.job === undefined && item.event.kind.startsWith("job.") };
}

/** The newest attempt of each slot: the others are history, whatever they once said of themselves. */
function newest(tasks: ReadonlyMap<string, TaskResource>): TaskResource[] {
  const slots = new Map<string, TaskResource>();
  for (const task of tasks.values()) {
    const key = `${task.service}/${task.slot}`;
    if ((slots.get(key)?.attempt ?? -1) < task.attempt) slots.set(key, task);
  }
  return [...slots.values()];
}

/** null while there is more to wait for. */
function judge(job: JobResource, tasks: ReadonlyMap<string, TaskResource>): WaitOutcome | null {
  const current = newest(tasks);
  const bad = current.find(({ state }) => ["failed", "rejected", "lost", "stopped"].includes(state));
  if (bad !== undefined) return { ok: false, message: `${bad.name} ${bad.state}${because(bad)}` };
  const wanted = job.services.reduce((sum, { count }) => sum + count, 0);
  if (current.length < wanted || !current.every((task) => isThere(job, task))) return null;
  return { ok: true, message: "" };
}

function isThere(job: JobResource, task: TaskResource): boolean {
  if (task.state === "complete") return true;
  if (task.state !== "running") return false;
  const checked = job.services.find(({ name }) => name === task.service)?.task.health !== null;
  return !checked || task.health === "healthy";
}

function because(task: TaskResource): string {
  const exit = task.exits.at(-1);
  const reason = task.message || exit?.reason || task.reason;
  const code = exit?.code === undefined || exit.code === null ? "" : ` (exit code ${exit.code})`;
  return `${code}${reason === "" ? "" : `: ${reason}`}`;
}

function progressOf(tasks: ReadonlyMap<string, TaskResource>): string {
  const waiting = newest(tasks).find(
    ({ state, health }) => state !== "complete" && (state !== "running" || health !== "healthy"),
  );
  if (waiting === undefined) return "";
  const why = waiting.message || (waiting.state === "pending" ? waiting.reason : "");
  return `${waiting.name} ${waiting.state}${why === "" ? "" : `: ${why}`}`;
}
