/**
 * A node's tasks as the book's worker API sees and changes them, and how they are reached through the manager beside an in-process worker: a task posted to the
 * worker is a job that is bound to its node, so that it is counted, kept and shown like any other.
 */

import type { BookEvent, BookTask } from "../client/book-decode.ts";
import { BOOK_WORKER_LABEL } from "../client/book-job.ts";
import { ClientError } from "../client/cluster-client.ts";
import { type Cluster, currentTask, slotsOf } from "../core/cluster.ts";
import type { Job } from "../core/job.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import { type BookNodeStats, bookStats, bookTasks } from "./book.ts";
import { BookRefusal } from "./book-http.ts";
import { submitEvent } from "./book-submit.ts";
import { execute } from "./execute.ts";
import type { TaskStreams } from "./ports.ts";
import { clientError } from "./task-streams.ts";

/** What the book's worker API asks of a worker. Ids are those of tasks as the book knows them. */
export interface LocalTasks {
  /** The tasks that are on this node. */
  list(): Promise<readonly BookTask[]>;
  /** The engine's inspect object. Rejects with ClientError: `not_found` for an unknown task or one without a container. */
  inspect(id: string): Promise<unknown>;
  stats(): Promise<BookNodeStats>;
  /** Starts what is posted and gives it back with its id. Rejects with BookRefusal or ClientError. */
  start(event: BookEvent): Promise<BookTask>;
  /** Stops a task that was posted here. Rejects with ClientError `not_found`, or BookRefusal of 409 for a task of the manager. */
  stop(id: string): Promise<void>;
}

/** The refusal to stop a task that was not posted here. */
export function managersTask(id: string, name: string): BookRefusal {
  const way = `stop it there: cube stop ${name}, or DELETE /tasks/${id} on the manager`;
  return new BookRefusal(409, `task ${id} is the manager's, which would start it again: ${way}\n`);
}

/** What may be shown of the engine's inspect object to whoever is on this machine: without the book's API, the values of variables are not. Pure. */
export function inspectObject(value: unknown, bookApi: boolean): unknown {
  return bookApi ? value : withoutEnvironment(value);
}

/** A node's tasks by way of the manager in the same process. */
export function localTasksOf(options: {
  readonly access: ManagerAccess;
  readonly streams: TaskStreams;
  readonly nodeId: string;
  readonly actor: string;
  /** Whoever asks may change tasks, and see environments. */
  readonly bookApi: boolean;
}): LocalTasks {
  return new ManagedLocalTasks(options);
}

class ManagedLocalTasks implements LocalTasks {
  readonly #access: ManagerAccess;
  readonly #streams: TaskStreams;
  readonly #nodeId: string;
  readonly #actor: string;
  readonly #bookApi: boolean;

  constructor(options: Parameters<typeof localTasksOf>[0]) {
    this.#access = options.access;
    this.#streams = options.streams;
    this.#nodeId = options.nodeId;
    this.#actor = options.actor;
    this.#bookApi = options.bookApi;
  }

  async list(): Promise<readonly BookTask[]> {
    return bookTasks(await this.#access.read(), this.#nodeId);
  }

  async inspect(id: string): Promise<unknown> {
    const cluster = await this.#access.read();
    const { taskId } = this.#find(cluster, id);
    const result = await this.#streams.inspectRaw(this.#nodeId, taskId);
    if (result.ok) return inspectObject(result.value, this.#bookApi);
    throw clientError(result.failure);
  }

  async stats(): Promise<BookNodeStats> {
    const cluster = await this.#access.read();
    const tasks = bookTasks(cluster, this.#nodeId).length;
    return bookStats(this.#access.observations().get(this.#nodeId)?.metrics ?? null, tasks);
  }

  start(event: BookEvent): Promise<BookTask> {
    return submitEvent(this.#access, event, { actor: this.#actor, onNode: this.#nodeId });
  }

  async stop(id: string): Promise<void> {
    const { job } = this.#find(await this.#access.read(), id);
    if (job.spec.labels[BOOK_WORKER_LABEL] !== this.#nodeId) throw managersTask(id, job.spec.name);
    await execute(this.#access, { kind: "job.stop", jobId: job.id }, this.#actor);
  }

  /** By the job's id for a lone task, by the task's own for others; only what is on this node, or bound to it and not placed yet. */
  #find(cluster: Cluster, id: string): { readonly job: Job; readonly taskId: string } {
    const job = cluster.jobs.get(id) ?? cluster.jobs.get(cluster.tasks.get(id)?.jobId ?? "");
    for (const slot of job ? slotsOf(cluster, job.id) : []) {
      const task = currentTask(cluster, slot);
      const meant = job?.id === id || task?.id === id;
      const here = task?.nodeId === this.#nodeId || job?.spec.labels[BOOK_WORKER_LABEL] === this.#nodeId;
      if (job && task && meant && here) return { job, taskId: task.id };
    }
    throw new ClientError("not_found", `no task ${id} on this node`);
  }
}

/** The engine's inspect object with the names of variables alone: their values are often secrets. */
function withoutEnvironment(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEnvironment);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const isEnvironment = key.toLowerCase() === "env";
      if (!isEnvironment) return [key, withoutEnvironment(inner)];
      if (Array.isArray(inner)) return [key, inner.map((pair) => String(pair).split("=")[0])];
      return [key, typeof inner === "object" && inner !== null ? Object.keys(inner) : null];
    }),
  );
}
