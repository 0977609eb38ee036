/** The manager's figures in Prometheus' text format (version 0.0.4). Names and units follow its conventions: base units, `_total` for counters. */
import type { Cluster } from "../core/cluster.ts";
import { isCurrent } from "../core/cluster.ts";
import { TASK_STATES } from "../core/task.ts";
import type { ManagerStatus, Observation } from "../manager/commands.ts";
import { label, Page, type Sample } from "./prometheus-page.ts";
import { addTasks } from "./prometheus-tasks.ts";
import { nodeResource } from "./resources.ts";

/** What is measured here and not in the cluster. */
export interface ProcessFigures {
  readonly eventLoopLagSeconds: number;
  readonly residentBytes: number;
  /** Commands answered, and the seconds from their arrival until they were durable. */
  readonly commands: number;
  readonly commandSeconds: number;
}

/** One scrape. */
export function prometheusText(
  cluster: Cluster,
  status: ManagerStatus,
  more: { readonly observations: ReadonlyMap<string, Observation>; readonly process: ProcessFigures },
): string {
  const page = new Page();
  page.gauge("cube_revision", "Revision of the newest durable change.", [["", status.revision]]);
  page.gauge("cube_manager_ok", "1 while the manager takes commands.", [["", status.health === "ok" ? 1 : 0]]);
  page.gauge("cube_jobs", "Jobs with records.", [["", cluster.jobs.size]]);
  page.gauge("cube_tasks", "Newest attempts by state.", taskStates(cluster));
  page.gauge("cube_decisions", "Placement decisions kept.", [["", cluster.decisions.size]]);
  nodes(page, cluster, more.observations);
  addTasks(page, cluster, more.observations);
  const { process } = more;
  page.gauge("cube_event_loop_lag_seconds", "Delay of the event loop at this scrape.", [
    ["", process.eventLoopLagSeconds],
  ]);
  page.gauge("cube_resident_memory_bytes", "Resident memory of the manager's process.", [["", process.residentBytes]]);
  page.summary(
    "cube_command_duration_seconds",
    "From a command's arrival until it is durable.",
    process.commandSeconds,
    process.commands,
  );
  return page.text;
}

function taskStates(cluster: Cluster): Sample[] {
  const counts = new Map<string, number>(TASK_STATES.map((state) => [state, 0]));
  for (const task of cluster.tasks.values()) {
    if (isCurrent(cluster, task)) counts.set(task.fact.state, (counts.get(task.fact.state) ?? 0) + 1);
  }
  return [...counts].map(([state, count]) => [label({ state }), count]);
}

function nodes(page: Page, cluster: Cluster, observations: ReadonlyMap<string, Observation>): void {
  const all = [...cluster.nodes.values()].map((node) => nodeResource(cluster, node));
  page.gauge(
    "cube_nodes",
    "Nodes by state and availability.",
    [...Map.groupBy(all, ({ state, availability }) => label({ state, availability }))].map(
      ([labels, group]) => [labels, group.length] as const,
    ),
  );
  const each = (value: (node: (typeof all)[number]) => number): Sample[] =>
    all.map((node) => [label({ node: node.name, id: node.id }), value(node)]);
  page.gauge(
    "cube_node_tasks",
    "Tasks that hold resources, by node.",
    each((node) => node.tasks),
  );
  page.gauge(
    "cube_node_cpu_allocated_cores",
    "CPU held by tasks.",
    each((node) => node.allocated.cpuMillis / 1_000),
  );
  page.gauge(
    "cube_node_cpu_allocatable_cores",
    "CPU that tasks may hold.",
    each((node) => node.allocatable.cpuMillis / 1_000),
  );
  page.gauge(
    "cube_node_memory_allocated_bytes",
    "Memory held by tasks.",
    each((node) => node.allocated.memoryBytes),
  );
  page.gauge(
    "cube_node_memory_allocatable_bytes",
    "Memory that tasks may hold.",
    each((node) => node.allocatable.memoryBytes),
  );
  const used = (value: (metrics: NonNullable<Observation["metrics"]>) => number): Sample[] =>
    all.flatMap((node) => {
      const metrics = observations.get(node.id)?.metrics;
      return metrics ? [[label({ node: node.name, id: node.id }), value(metrics)] as const] : [];
    });
  page.gauge(
    "cube_node_cpu_used_cores",
    "CPU in use, by anyone.",
    used((metrics) => metrics.cpuMillis / 1_000),
  );
  page.gauge(
    "cube_node_memory_used_bytes",
    "Memory in use, by anyone.",
    used((metrics) => metrics.memoryUsedBytes),
  );
  page.gauge(
    "cube_node_disk_used_bytes",
    "Disk in use, by anyone.",
    used((metrics) => metrics.diskUsedBytes),
  );
}
