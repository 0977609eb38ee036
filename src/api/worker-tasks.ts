/**
 * A node's tasks as the book's worker API sees and changes them where no manager is in the process: what is posted becomes the node's own, in its worker's local set;
 * a manager's tasks are shown and left to it.
 */
import type { BookEvent, BookTask } from "../client/book-decode.ts";
import { BOOK_STATE, bookJobId } from "../client/book-job.ts";
import { ClientError } from "../client/cluster-client.ts";
import type { Assignment } from "../core/assignment.ts";
import type { Result } from "../core/failure.ts";
import { isLocalTask, localTaskId } from "../core/local-task.ts";
import type { NodeMetrics } from "../core/node.ts";
import { isTerminal, type TaskFact } from "../core/task.ts";
import { type BookNodeStats, bookStats, heldTask } from "./book.ts";
import { BookRefusal } from "./book-http.ts";
import { specOf } from "./book-submit.ts";
import { inspectObject, type LocalTasks, managersTask } from "./local-tasks.ts";
import { clientError } from "./task-streams.ts";

/** The worker, as far as this is about it. */
export interface OwnWorker {
  readonly nodeId: string;
  holdings(): readonly Holding[];
  /** Takes a task of the local set in. True once it is on disk. */
  local(assignment: Assignment): Promise<boolean>;
  inspectRaw(taskId: string): Promise<Result<unknown>>;
  stats(): NodeMetrics | null;
}

interface Holding {
  readonly assignment: Assignment;
  readonly fact: TaskFact;
}

/** Tasks of the local set that may live at a time; more are refused. */
const MAX_ALIVE = 1_000;

/** The tasks of a worker that is asked for anew at each request: it may come later than its port. `bookApi`: whoever asks may change them, and see environments. */
export function workerTasksOf(worker: () => OwnWorker | null, bookApi: boolean): LocalTasks {
  const ready = (): OwnWorker => {
    const own = worker();
    if (own === null) throw new ClientError("unavailable", "the worker is starting");
    return own;
  };
  return {
    list: async () => ready().holdings().map(inBook),
    inspect: async (id) => {
      const result = await ready().inspectRaw(find(ready(), id).assignment.taskId);
      if (!result.ok) throw clientError(result.failure);
      return inspectObject(result.value, bookApi);
    },
    stats: async () => statsOf(ready()),
    start: (event) => start(ready(), event),
    stop: (id) => stop(ready(), id),
  };
}

function inBook({ assignment, fact }: Holding): BookTask {
  return heldTask(assignment, fact);
}

function statsOf(worker: OwnWorker): BookNodeStats {
  const metrics = worker.stats();
  return bookStats(metrics, worker.holdings().length);
}

/** As the manager's route does it: a known task is left alone, unless it runs and the event's state is Completed. */
async function start(worker: OwnWorker, event: BookEvent): Promise<BookTask> {
  const id = bookJobId(event.Task) || crypto.randomUUID();
  const task = { ...event.Task, ID: id };
  const known = worker.holdings().find((each) => inBook(each).ID === id);
  if (known) {
    if (event.State === BOOK_STATE.Completed && !isTerminal(known.fact.state)) await stop(worker, id);
    return event.Task;
  }
  const spec = specOf(task, "");
  const [service] = spec.services;
  if (service === undefined) throw new ClientError("internal", "a task without a service");
  const alive = worker.holdings().filter((each) => isLocalTask(each.assignment.taskId) && !isTerminal(each.fact.state));
  if (alive.length >= MAX_ALIVE)
    throw new BookRefusal(409, `this worker has ${MAX_ALIVE} tasks of its own: stop some of them first\n`);
  await keep(worker, {
    taskId: localTaskId(worker.nodeId, id),
    jobId: id,
    name: spec.name,
    service: service.name,
    slot: 0,
    attempt: 1,
    spec: { ...service.task, labels: { ...service.task.labels, ...spec.labels } },
    desired: "run",
    restartSerial: 0,
  });
  return task;
}

async function stop(worker: OwnWorker, id: string): Promise<void> {
  const { assignment } = find(worker, id);
  if (!isLocalTask(assignment.taskId)) throw managersTask(id, assignment.name);
  await keep(worker, { ...assignment, desired: "stop" });
}

async function keep(worker: OwnWorker, assignment: Assignment): Promise<void> {
  if (await worker.local(assignment)) return;
  throw new ClientError("unavailable", "the worker's journal cannot be written now", "see its log");
}

function find(worker: OwnWorker, id: string): Holding {
  const found = worker.holdings().find((each) => inBook(each).ID === id);
  if (!found) throw new ClientError("not_found", `no task ${id} on this node`);
  return found;
}
