/** How many more copies of a job fit: the real manager is given one after the other until one of them has to wait. Pure. */
import { assert } from "../core/assert.ts";
import { type Cluster, currentTask, slotsOf } from "../core/cluster.ts";
import type { JobSpec } from "../core/spec.ts";
import type { Task } from "../core/task.ts";
import type { Headroom } from "../core/what-if.ts";
import type { WhatIfManager } from "./what-if-manager.ts";

/** Tasks that are counted at most. */
const MOST = 10_000;
const FIRST_BATCH = 20;
const LARGEST_BATCH = 500;

/** Fills the manager's cluster up: nothing can be asked of it afterwards. */
export function countHeadroom(manager: WhatIfManager, spec: JobSpec): Headroom {
  const tasks: Task[] = [];
  const perCopy = spec.services.reduce((sum, { count }) => sum + count, 0);
  let copies = 0;
  for (let batch = FIRST_BATCH; tasks.length < MOST; batch = Math.min(LARGEST_BATCH, batch * 2)) {
    // Which of several copies a manager serves first is its own affair: only copies of one task may come together, as they are all alike.
    const ids = Array.from({ length: perCopy === 1 ? batch : 1 }, (_, index) => `what-if-more-${copies + index + 1}`);
    manager.submit(ids.map((id) => ({ id, spec })));
    const submitted = ids.map((id) => tasksOf(manager.cluster, id));
    assert(perCopy > 0 && submitted.every((copy) => copy.length === perCopy), "every copy has its tasks");
    const whole = submitted.filter((copy) => copy.every(({ nodeId }) => nodeId !== null));
    tasks.push(...whole.flat());
    copies += whole.length;
    const waiting = submitted.flat().find(({ nodeId }) => nodeId === null);
    if (waiting) return headroom(manager.cluster, { spec, copies, tasks, waiting });
  }
  return headroom(manager.cluster, { spec, copies, tasks, waiting: null });
}

function tasksOf(cluster: Cluster, jobId: string): Task[] {
  return slotsOf(cluster, jobId).flatMap((slot) => currentTask(cluster, slot) ?? []);
}

interface Count {
  readonly spec: JobSpec;
  readonly copies: number;
  readonly tasks: readonly Task[];
  readonly waiting: Task | null;
}

function headroom(cluster: Cluster, { spec, copies, tasks, waiting }: Count): Headroom {
  const counts = new Map<string, number>();
  for (const { nodeId } of tasks) {
    const name = cluster.nodes.get(nodeId ?? "")?.name ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const names = [...counts.keys()].sort((a, b) => (a < b ? -1 : 1));
  return {
    name: spec.name,
    copies,
    atLeast: waiting === null,
    nodes: names.map((name) => ({ name, tasks: counts.get(name) ?? 0 })),
    reason: waiting?.reason ?? "",
    refusals: (waiting && cluster.decisions.get(waiting.id)?.refusals) ?? [],
  };
}
