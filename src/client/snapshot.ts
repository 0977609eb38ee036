/**
 * A cluster at one moment as the API shows it: read in one piece from a manager, to be looked at then, later or elsewhere. Its file is what a watch's
 * snapshot is, with the newest samples beside it. Reading changes nothing; the values of environment variables are not kept.
 */
import { ClientError, type ClusterClient } from "./cluster-client.ts";
import type { JobResource, MetricsResource, WatchItem } from "./resources.ts";

/** The format that this program writes; a newer one is refused. */
export const SNAPSHOT_FORMAT = 1;

/** Jobs, tasks with old attempts, and nodes at one revision. */
export interface ClusterSnapshot extends Omit<Extract<WatchItem, { kind: "snapshot" }>, "events"> {
  readonly format: typeof SNAPSHOT_FORMAT;
  /** Wall clock of whoever read it, ms since 1970. */
  readonly savedMs: number;
  readonly metrics: readonly MetricsResource[];
}

/** The cluster as it is now. Rejects with ClientError, also once the signal is aborted. */
export async function readSnapshot(
  client: ClusterClient,
  at: { readonly nowMs: number; readonly signal: AbortSignal },
): Promise<ClusterSnapshot> {
  // A watch would try for ever to reach a manager that is not there: this says at once that it is not, and why.
  await client.manager();
  const { events: _events, ...snapshot } = await firstSnapshot(client, at.signal);
  const jobs = snapshot.jobs.map(withoutValues);
  return { ...snapshot, format: SNAPSHOT_FORMAT, savedMs: at.nowMs, jobs, metrics: await client.metrics() };
}

async function firstSnapshot(client: ClusterClient, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<WatchItem, { kind: "snapshot" }>>();
  const give = (): void => reject(new ClientError("aborted", "interrupted"));
  signal.addEventListener("abort", give, { once: true });
  using _watch = client.watch((item) => {
    if (item.kind === "snapshot") resolve(item);
    else if (item.kind === "down") reject(new ClientError("unavailable", item.reason));
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", give);
  }
}

/** Passwords live in environment variables, and nothing that is worked out of a snapshot needs them. */
function withoutValues(job: JobResource): JobResource {
  const services = job.services.map((service) => ({ ...service, task: { ...service.task, env: {} } }));
  return { ...job, services };
}
