/** Logs and commands of a task by reference: finds the task and its node, then hands over to the worker's streams. */
import {
  ClientError,
  type ExecOptions,
  type ExecStream,
  type LogLine,
  type LogOptions,
} from "../client/cluster-client.ts";
import type { Cluster } from "../core/cluster.ts";
import type { Failure, FailureKind } from "../core/failure.ts";
import { wordsOf } from "../core/failure.ts";
import { taskName } from "../core/job.ts";
import { isTerminal, type Task } from "../core/task.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import type { TaskStreams } from "./ports.ts";
import { findTask } from "./references.ts";

interface Streams {
  readonly access: ManagerAccess;
  readonly streams: TaskStreams;
}

/** States in which a task has not produced anything yet. */
const BEFORE_START = ["pending", "assigned", "accepted", "pulling", "ready", "starting"];

/** Output of a task. With `follow` it waits for a task that has not started; without, such a task is refused with its reason. */
export async function* readLogs(
  { access, streams }: Streams,
  ref: string,
  { options, signal }: { readonly options: LogOptions; readonly signal: AbortSignal },
): AsyncIterable<LogLine> {
  const cluster = await access.read();
  const found = findTask(cluster, ref);
  const task = options.follow ? await started(access, found, signal) : found;
  if (!task || signal.aborted) return;
  const nodeId = placed(task);
  try {
    yield* streams.logs(nodeId, task.id, options, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof ClientError) throw error;
    throw outOfReach(cluster, task, { what: "its output cannot be read", why: wordsOf(error), cause: error });
  }
}

/** A command inside a running task. Rejects with ClientError. */
export async function execIn({ access, streams }: Streams, ref: string, options: ExecOptions): Promise<ExecStream> {
  const cluster = await access.read();
  const task = findTask(cluster, ref);
  if (task.fact.state !== "running") {
    throw new ClientError("conflict", `"${ref}" is ${task.fact.state}, a command needs it running`, task.fact.message);
  }
  const command = options.command.length > 0 ? options.command : ["/bin/sh"];
  const result = await streams.exec(placed(task), task.id, { ...options, command });
  if (result.ok) return result.value;
  const { kind, message } = result.failure;
  if (kind === "unavailable") throw outOfReach(cluster, task, { what: "no command can be run", why: message });
  throw clientError(result.failure);
}

/** What a node cannot do now for one of its tasks, by their names. */
function outOfReach(
  cluster: Cluster,
  task: Task,
  { what, why, cause }: { readonly what: string; readonly why: string; readonly cause?: unknown },
): ClientError {
  const job = cluster.jobs.get(task.jobId);
  const name = job ? taskName(job, task.service, task.slot) : task.id;
  const node = cluster.nodes.get(task.nodeId ?? "")?.name ?? task.nodeId ?? "";
  const hint = `cube node inspect ${node} says more of the node`;
  return new ClientError("unavailable", `"${name}" on node ${node}: ${what}: ${why}`, hint, cause);
}

/** An operating failure of a worker as the client's error. */
export function clientError(failure: Failure): ClientError {
  return new ClientError(CODES[failure.kind], failure.message);
}

const CODES: Readonly<Record<FailureKind, string>> = {
  unavailable: "unavailable",
  image_not_found: "not_found",
  invalid: "invalid",
  denied: "forbidden",
  conflict: "conflict",
  port_taken: "conflict",
  not_found: "not_found",
  transient: "unavailable",
  aborted: "unavailable",
};

function placed(task: Task): string {
  if (task.nodeId !== null) return task.nodeId;
  throw new ClientError(
    "conflict",
    `the task is on no node yet: ${task.reason || task.fact.state}`,
    "cube why says more",
  );
}

/** Resolves with the task once it has started or is over; undefined when aborted or removed before. */
async function started(access: ManagerAccess, task: Task, signal: AbortSignal): Promise<Task | undefined> {
  if (hasStarted(task)) return task;
  const { promise, resolve } = Promise.withResolvers<Task | undefined>();
  const look = (cluster: Cluster): void => {
    const now = cluster.tasks.get(task.id);
    if (!now || hasStarted(now)) resolve(now);
  };
  using _subscription = access.subscribe((news) => {
    if (news.kind === "committed") look(news.cluster);
  });
  const stop = (): void => resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  // It may have started between the reading and the subscription.
  look(await access.read());
  const result = await promise;
  signal.removeEventListener("abort", stop);
  return result;
}

/** A restarted task has output of earlier incarnations, whatever its state. */
function hasStarted(task: Task): boolean {
  return task.fact.incarnation > 1 || isTerminal(task.fact.state) || !BEFORE_START.includes(task.fact.state);
}
