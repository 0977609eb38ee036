/** What a snapshot has to look like that comes from a file. Apart from snapshot.ts, so that a command which reads none does not load the schema library. */
import { z } from "zod";
import { ClientError } from "./cluster-client.ts";
import { jobSchema, managerSchema, metricsSchema, nodeSchema, taskSchema } from "./resource-schemas.ts";
import { parse } from "./schemas.ts";
import { type ClusterSnapshot, SNAPSHOT_FORMAT } from "./snapshot.ts";

const snapshotSchema = z.object({
  manager: managerSchema,
  revision: z.int(),
  jobs: z.array(jobSchema),
  tasks: z.array(taskSchema),
  nodes: z.array(nodeSchema),
  metrics: z.array(metricsSchema).default([]),
  savedMs: z.int().nullable().default(null),
});

/** As many as a job may have when it is submitted; see job-limits.ts. */
const MOST_TASKS = 10_000;

/** The snapshot in a file's JSON: of `cube sim --save`, or the data of a `snapshot` event of GET /v1/watch. Throws ClientError `invalid` that names every problem by its path. */
export function parseSnapshot(value: object, nowMs: number): ClusterSnapshot {
  const format = "format" in value ? value.format : SNAPSHOT_FORMAT;
  if (format !== SNAPSHOT_FORMAT) {
    const hint = "use the cube that saved it, or save another one by this one";
    throw new ClientError("invalid", `format ${JSON.stringify(format)} is not known here (${SNAPSHOT_FORMAT})`, hint);
  }
  const { savedMs, ...snapshot } = parse(snapshotSchema, value);
  for (const { name, services } of snapshot.jobs) {
    const tasks = services.reduce((sum, { count }) => sum + count, 0);
    if (tasks > MOST_TASKS) throw new ClientError("invalid", `job ${name} has ${tasks} tasks, at most ${MOST_TASKS}`);
  }
  return { ...snapshot, kind: "snapshot", format: SNAPSHOT_FORMAT, savedMs: savedMs ?? nowMs };
}
