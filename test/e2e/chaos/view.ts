// How things are, from both sides at one moment: each engine's own list, and the manager's story over its API.
import type { JobResource, ManagerResource, NodeResource, TaskResource } from "../../../src/client/resources.ts";
import type { ListedContainer } from "../engine.ts";
import type { ChaosCluster } from "./machines.ts";

/** Names of the labels that Cube writes (src/runtime/docker-instance.ts). Spelled out, so that a change there is noticed here. */
export const LABELS = {
  cluster: "io.cube.cluster",
  node: "io.cube.node",
  task: "io.cube.task",
  incarnation: "io.cube.incarnation",
  job: "io.cube.job",
  slot: "io.cube.slot",
} as const;

/** An engine's list; null when it did not answer. */
export interface EngineView {
  readonly node: string;
  readonly containers: readonly ListedContainer[] | null;
}

/** Both sides. */
export interface View {
  readonly engines: readonly EngineView[];
  readonly jobs: readonly JobResource[];
  /** History too. */
  readonly tasks: readonly TaskResource[];
  readonly nodes: readonly NodeResource[];
  readonly manager: ManagerResource;
}

/** Everything; fails while the manager does not answer. */
export async function look(cluster: ChaosCluster): Promise<View> {
  const [engines, jobs, tasks, nodes, manager] = await Promise.all([
    lookAtEngines(cluster),
    items<JobResource>(cluster, "/v1/jobs?limit=5000"),
    items<TaskResource>(cluster, "/v1/tasks?history=true&limit=5000"),
    items<NodeResource>(cluster, "/v1/nodes?limit=5000"),
    cluster.manager.manager(),
  ]);
  return { engines, jobs, tasks, nodes, manager };
}

/** The engines' side alone. */
export function lookAtEngines(cluster: ChaosCluster): Promise<EngineView[]> {
  return Promise.all(
    cluster.nodes.map(async ({ name, engine }) => {
      return { node: name, containers: await engine.list().catch(() => null) };
    }),
  );
}

/** The label of foreign containers that look like Cube's. */
export const FOREIGN = "chaos.foreign";

/** Which task, incarnation and job a container says that it is of; null for one of somebody else. */
export function claimOf({ labels }: ListedContainer): { task: string; incarnation: number; job: string } | null {
  const task = labels[LABELS.task];
  if (task === undefined || labels[FOREIGN] !== undefined) return null;
  return { task, incarnation: Number(labels[LABELS.incarnation]), job: labels[LABELS.job] ?? "" };
}

/** The name of the task that a container of Cube was made for, such as "s5" or "s5.s5.2": the same in every run, unlike the container's. */
export function taskNameOf({ name }: ListedContainer): string {
  return /^cube-(.+)-[0-9a-f]+-\d+$/.exec(name)?.[1] ?? name;
}

async function items<T>(cluster: ChaosCluster, path: string): Promise<T[]> {
  const answer = await cluster.manager.api(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { items: T[] }).items;
}
