/**
 * What the UI knows of the cluster: the records of the last snapshot with every later change folded in. Pure. It holds only text that was made safe before, and
 * every history in it has a bound.
 */

import type {
  EventResource,
  JobResource,
  ManagerResource,
  MetricsResource,
  NodeResource,
  TaskResource,
  WatchItem,
} from "../../client/resources.ts";
import type { Decision } from "../../core/decision.ts";

/** Events kept for the pane; the oldest go first. */
export const EVENTS_KEPT = 500;

/** CPU samples kept for each node: ten minutes at one a second would be too wide for any screen, two are not. */
export const SAMPLES_KEPT = 120;

/** Decisions kept; the oldest go first, and a task that is selected again asks for its own anew. */
export const DECISIONS_KEPT = 200;

/** Everything known of the cluster. */
export interface Cluster {
  /** undefined until the first snapshot. */
  readonly manager: ManagerResource | undefined;
  /** Of the newest change that is known; 0 before the first snapshot. */
  readonly revision: number;
  /** Why the manager is out of reach; "" while it is not. */
  readonly down: string;
  readonly jobs: ReadonlyMap<string, JobResource>;
  readonly tasks: ReadonlyMap<string, TaskResource>;
  readonly nodes: ReadonlyMap<string, NodeResource>;
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Newest last; those without words are left out. */
  readonly events: readonly EventResource[];
  readonly metrics: ReadonlyMap<string, MetricsResource>;
  /** Use of each task on its node. */
  readonly usage: ReadonlyMap<string, { readonly cpuMillis: number; readonly memoryBytes: number }>;
  /** What a task is doing that is not kept, such as a pull's progress. */
  readonly progress: ReadonlyMap<string, string>;
  /** CPU in percent of each node's cores, newest last. */
  readonly history: ReadonlyMap<string, readonly number[]>;
}

export const NO_CLUSTER: Cluster = {
  manager: undefined,
  revision: 0,
  down: "",
  jobs: new Map(),
  tasks: new Map(),
  nodes: new Map(),
  decisions: new Map(),
  events: [],
  metrics: new Map(),
  usage: new Map(),
  progress: new Map(),
  history: new Map(),
};

const byId = <T extends { readonly id: string }>(items: readonly T[]): Map<string, T> =>
  new Map(items.map((item) => [item.id, item]));

/** The cluster after these items, in order. */
export function fold(cluster: Cluster, items: readonly WatchItem[]): Cluster {
  let next = cluster;
  let changes: EventResource[] = [];
  const flush = (): void => {
    if (changes.length > 0) next = foldEvents(next, changes);
    changes = [];
  };
  for (const item of items) {
    if (item.kind === "event") {
      changes.push(item.event);
      continue;
    }
    flush();
    next = foldOther(next, item);
  }
  flush();
  return next;
}

function foldOther(cluster: Cluster, item: Exclude<WatchItem, { kind: "event" }>): Cluster {
  switch (item.kind) {
    case "snapshot":
      return {
        ...cluster,
        manager: item.manager,
        revision: item.revision,
        down: "",
        jobs: byId(item.jobs),
        tasks: byId(item.tasks),
        nodes: byId(item.nodes),
        events: item.events.filter((event) => event.text !== "").slice(-EVENTS_KEPT),
      };
    case "metrics":
      return foldMetrics(cluster, item.metrics);
    case "manager":
      return { ...cluster, manager: item.manager, down: "" };
    case "down":
      return { ...cluster, down: item.reason === "" ? "out of reach" : item.reason };
  }
}

/** One copy of each map for a whole batch: a copy for every event would make a burst quadratic. */
function foldEvents(cluster: Cluster, events: readonly EventResource[]): Cluster {
  const jobs = new Map(cluster.jobs);
  const tasks = new Map(cluster.tasks);
  const nodes = new Map(cluster.nodes);
  const decisions = new Map(cluster.decisions);
  for (const event of events) {
    if (event.job !== undefined) jobs.set(event.job.id, event.job);
    if (event.task !== undefined) putTask(tasks, event.task);
    if (event.node !== undefined) nodes.set(event.node.id, event.node);
    if (event.decision !== undefined) putDecision(decisions, event.decision);
    if (isRemoval(event)) forget(event, { jobs, tasks, nodes });
  }
  const told = events.filter((event) => event.text !== "");
  const revision = events.at(-1)?.revision ?? cluster.revision;
  return {
    ...cluster,
    revision,
    jobs,
    tasks,
    nodes,
    decisions,
    events: [...cluster.events, ...told].slice(-EVENTS_KEPT),
  };
}

/** An attempt that is new to its slot, or has it back, takes the place of the one that held it, which becomes history. */
function putTask(tasks: Map<string, TaskResource>, task: TaskResource): void {
  if (task.current && tasks.get(task.id)?.current !== true) {
    for (const other of tasks.values()) {
      const sameSlot = other.jobId === task.jobId && other.service === task.service && other.slot === task.slot;
      if (sameSlot && other.current && other.id !== task.id) tasks.set(other.id, { ...other, current: false });
    }
  }
  tasks.set(task.id, task);
}

function putDecision(decisions: Map<string, Decision>, decision: Decision): void {
  decisions.delete(decision.taskId);
  decisions.set(decision.taskId, decision);
  if (decisions.size <= DECISIONS_KEPT) return;
  const oldest = decisions.keys().next().value;
  if (oldest !== undefined) decisions.delete(oldest);
}

const isRemoval = (event: EventResource): boolean =>
  event.job === undefined && event.task === undefined && event.node === undefined && event.decision === undefined;

function forget(
  event: EventResource,
  records: { jobs: Map<string, unknown>; tasks: Map<string, unknown>; nodes: Map<string, unknown> },
): void {
  const entity = event.kind.split(".")[0];
  if (entity === "task") records.tasks.delete(event.taskId);
  if (entity === "job") records.jobs.delete(event.jobId);
  if (entity === "node") records.nodes.delete(event.nodeId);
}

function foldMetrics(cluster: Cluster, samples: readonly MetricsResource[]): Cluster {
  const fresh = new Map(samples.map((sample) => [sample.nodeId, sample]));
  // A node that sent nothing this time keeps its last sample.
  const metrics = new Map([...cluster.metrics, ...fresh].filter(([nodeId]) => cluster.nodes.has(nodeId)));
  const all = [...metrics.values()];
  const usage = new Map(all.flatMap((sample) => sample.tasks.map((task) => [task.taskId, task] as const)));
  const progress = new Map(all.flatMap((sample) => sample.progress.map((each) => [each.taskId, each.text] as const)));
  const history = new Map<string, readonly number[]>();
  for (const node of cluster.nodes.values()) {
    const before = cluster.history.get(node.id) ?? [];
    const sample = fresh.get(node.id);
    history.set(node.id, sample === undefined ? before : [...before, cpuPercent(node, sample)].slice(-SAMPLES_KEPT));
  }
  return { ...cluster, nodes: withLinks(cluster.nodes, fresh), metrics, usage, progress, history };
}

/** The nodes with their links as the samples show them: a link comes and goes without an event. */
function withLinks(
  nodes: ReadonlyMap<string, NodeResource>,
  samples: ReadonlyMap<string, MetricsResource>,
): ReadonlyMap<string, NodeResource> {
  const next = new Map(nodes);
  for (const { nodeId, link } of samples.values()) {
    const node = nodes.get(nodeId);
    if (node === undefined || (node.local && node.awaited !== true)) continue;
    const { dialledBy: _by, roundTripMs: _trip, protocol: _protocol, linkedSinceMs: _since, ...rest } = node;
    // A sample is a sign of life.
    const { awaited: _awaited, ...record } = rest;
    next.set(nodeId, { ...record, ...link });
  }
  return next;
}

/** What the manager is cautious about; "" for nothing. That it settles matters only where nodes could come back from elsewhere. */
export function cautionOf({ manager, nodes }: Cluster): string {
  const caution = manager?.caution ?? "";
  const alone = [...nodes.values()].every((node) => node.local);
  return alone && caution.startsWith("settling") ? "" : caution;
}

/** Busy share of a node's cores, 0 to 100; 0 where its size is unknown. */
export function cpuPercent(node: NodeResource, sample: MetricsResource | undefined): number {
  if (sample === undefined || node.capacity.cpuMillis <= 0) return 0;
  return Math.min(100, Math.max(0, (100 * sample.cpuMillis) / node.capacity.cpuMillis));
}

/** Share of a node's memory in use, 0 to 100. */
export function memoryPercent(
  sample: Pick<MetricsResource, "memoryUsedBytes" | "memoryTotalBytes"> | undefined,
): number {
  if (sample === undefined || sample.memoryTotalBytes <= 0) return 0;
  return Math.min(100, (100 * sample.memoryUsedBytes) / sample.memoryTotalBytes);
}

/** Keeps decisions that were asked for, the newest last. */
export function withDecisions(cluster: Cluster, asked: readonly Decision[]): Cluster {
  const decisions = new Map(cluster.decisions);
  for (const decision of asked) {
    // What came with an event meanwhile is newer than the answer to a question.
    const known = decisions.get(decision.taskId);
    if (known === undefined || known.atMs <= decision.atMs) putDecision(decisions, decision);
  }
  return { ...cluster, decisions };
}
