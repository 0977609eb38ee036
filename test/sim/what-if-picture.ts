// Pictures of small clusters for tests of what-if: nodes of 4 cores and 8 GiB elsewhere, and jobs whose tasks run where a test says.
import type { Job, Slot } from "../../src/core/job.ts";
import type { Node, NodeMetrics } from "../../src/core/node.ts";
import type { TaskSpec } from "../../src/core/spec.ts";
import type { Task } from "../../src/core/task.ts";
import type { ClusterPicture, WhatIfAnswer, WhatIfQuestion } from "../../src/core/what-if.ts";
import { whatIf } from "../../src/sim/what-if.ts";
import { aJob, aJobSpec, aNode, aSlot, aSpec, aTask, NOW } from "../core/records.ts";

export const GIB = 2 ** 30;

/** An idle node's sample. */
const SAMPLE: NodeMetrics = {
  ...{ cpuMillis: 40, memoryUsedBytes: GIB, memoryTotalBytes: 8 * GIB, diskUsedBytes: GIB, diskTotalBytes: 100 * GIB },
  ...{ load: [0, 0, 0], tasks: [], atMs: NOW, book: null },
};

/** A job's records: one slot for each place, "" for a task that is pending. */
interface Placed {
  readonly job: Job;
  readonly slots: readonly Slot[];
  readonly tasks: readonly Task[];
}

/** A job whose tasks run on these nodes. */
export function running(name: string, places: readonly string[], spec: Partial<TaskSpec> = {}): Placed {
  const slots = places.map((_, index) => aSlot(name, { index }));
  const tasks = places.map((place, slot) =>
    place === ""
      ? aTask(name, { slot })
      : aTask(name, { slot, nodeId: place }, { state: "running", incarnation: 1, containerId: `${name}${slot}` }),
  );
  return { job: aJob(name, { spec: aJobSpec(name, aSpec(spec), places.length) }), slots, tasks };
}

/** A node elsewhere that is ready. */
export function elsewhere(name: string, changes: Partial<Node> = {}): Node {
  return aNode(name, { local: false, address: `${name}:5556`, ...changes });
}

/** A cluster of these nodes, each with a sample, and of these jobs. */
export function picture(nodes: readonly Node[], ...jobs: readonly Placed[]): ClusterPicture {
  return {
    clusterId: "c",
    scheduler: "epvm",
    nowMs: NOW,
    nodes,
    jobs: jobs.map(({ job }) => job),
    slots: jobs.flatMap(({ slots }) => slots),
    tasks: jobs.flatMap(({ tasks }) => tasks),
    metrics: new Map(nodes.map(({ id }) => [id, SAMPLE])),
  };
}

/** The answer to a question of which only these parts are asked. */
export function ask(of: ClusterPicture, question: Partial<Omit<WhatIfQuestion, "picture">>): WhatIfAnswer {
  return whatIf({ picture: of, join: [], without: [], add: [], howMany: null, ...question });
}

/** Outcomes in one line each: `web.web.0 moves n3 -> n1`. */
export function outcomes({ tasks }: WhatIfAnswer): string[] {
  return tasks.map(({ name, outcome, from, to, already }) => {
    return `${name} ${outcome} ${from || "-"} -> ${to || "-"}${already ? " already" : ""}`;
  });
}

/** Tasks by node, before and after. */
export function loads({ nodes }: WhatIfAnswer): string[] {
  return nodes.map(({ name, fate, before, after }) => `${name} ${fate} ${before.tasks} -> ${after.tasks}`);
}
