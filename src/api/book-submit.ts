/** What a posted TaskEvent does, by the manager's and by the worker's route alike. */

import { type BookEvent, type BookTask, DecodeError } from "../client/book-decode.ts";
import { BOOK_STATE, bookJob, bookJobId } from "../client/book-job.ts";
import { jobProblems } from "../client/job-limits.ts";
import { currentTask, slotsOf } from "../core/cluster.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import { bookRuns } from "./book.ts";
import { badBody, badTask } from "./book-http.ts";
import { execute } from "./execute.ts";

/**
 * Starts the task, or stops it when it is known, runs, and the event's state is Completed; a known task is otherwise left alone. The state of an event never decides
 * a start. Gives the task back as posted, with its id. Throws BookRefusal or ClientError.
 */
export async function submitEvent(
  access: ManagerAccess,
  event: BookEvent,
  by: { readonly actor: string; readonly onNode?: string },
): Promise<BookTask> {
  const cluster = await access.read();
  const id = bookJobId(event.Task);
  const known = cluster.jobs.get(id);
  if (known) {
    const [slot] = slotsOf(cluster, id);
    const task = slot && currentTask(cluster, slot);
    if (event.State === BOOK_STATE.Completed && bookRuns(known, task)) {
      await execute(access, { kind: "job.stop", jobId: id }, by.actor);
    }
    return event.Task;
  }
  const spec = specOf(event.Task, by.onNode ?? "");
  const { jobId } = await execute(access, { kind: "job.submit", id, spec, idempotencyKey: "" }, by.actor);
  return { ...event.Task, ID: jobId };
}

/** The job that a posted task asks for. Throws BookRefusal of 400 for what no job can be. */
export function specOf(task: BookTask, onNode: string): ReturnType<typeof bookJob> {
  let spec: ReturnType<typeof bookJob>;
  try {
    spec = bookJob(task, onNode);
  } catch (error) {
    if (error instanceof DecodeError) throw badBody(error);
    throw error;
  }
  const problems = jobProblems(spec);
  if (problems.length > 0) throw badTask(problems);
  return spec;
}
