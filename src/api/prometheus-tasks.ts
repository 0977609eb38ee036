/** What each task uses and how often it was restarted, as samples of a scrape. Bounded: a page of a large cluster stays one that can be scraped. */
import { type Cluster, currentTask } from "../core/cluster.ts";
import { taskName } from "../core/job.ts";
import type { TaskUsage } from "../core/node.ts";
import { isTerminal, type Task } from "../core/task.ts";
import type { Observation } from "../manager/commands.ts";
import { label, type Page, type Sample } from "./prometheus-page.ts";

/** Tasks with series of their own; the oldest come first, and how many were left out is a figure too. */
const TASK_SERIES = 5_000;

/** Adds the series of the newest attempts that have not ended. */
export function addTasks(page: Page, cluster: Cluster, observations: ReadonlyMap<string, Observation>): void {
  const alive = [...cluster.slots.values()].flatMap((slot) => {
    const task = currentTask(cluster, slot);
    return task === undefined || task.nodeId === null || isTerminal(task.fact.state) ? [] : [task];
  });
  const shown = alive.slice(0, TASK_SERIES).map((task) => ({ task, labels: labelsOf(cluster, task) }));
  const usage = new Map<string, TaskUsage>();
  for (const { metrics } of observations.values()) for (const use of metrics?.tasks ?? []) usage.set(use.taskId, use);
  const used = (value: (use: TaskUsage) => number): Sample[] =>
    shown.flatMap(({ task, labels }) => {
      const use = usage.get(task.id);
      return use === undefined ? [] : [[labels, value(use)] as const];
    });
  page.gauge(
    "cube_task_cpu_used_cores",
    "CPU that a task uses.",
    used(({ cpuMillis }) => cpuMillis / 1_000),
  );
  page.gauge(
    "cube_task_memory_used_bytes",
    "Memory that a task uses.",
    used(({ memoryBytes }) => memoryBytes),
  );
  page.counter(
    "cube_task_restarts_total",
    "Restarts of a task by its worker.",
    shown.map(({ task, labels }) => [labels, task.fact.restarts] as const),
  );
  page.gauge("cube_task_series_left_out", `Tasks beyond the ${TASK_SERIES} that have series of their own.`, [
    ["", alive.length - shown.length],
  ]);
}

function labelsOf(cluster: Cluster, task: Task): string {
  const job = cluster.jobs.get(task.jobId);
  return label({
    task: job === undefined ? task.id : taskName(job, task.service, task.slot),
    id: task.id,
    job: job?.spec.name ?? task.jobId,
    service: task.service,
    slot: String(task.slot),
    node: cluster.nodes.get(task.nodeId ?? "")?.name ?? "",
  });
}
