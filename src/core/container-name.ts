/** The name of a task's container, said once for the runtime that gives it and for everybody who shows it. Pure. */

const READABLE_LENGTH = 40;
const TASK_LENGTH = 12;

/**
 * `cube-<readable>-<task first 12>-<incarnation>`; `name` is the task's for people. The engine's unique names make a second start of an incarnation impossible,
 * so the name of one incarnation must never change.
 */
export function containerName(of: {
  readonly name: string;
  readonly taskId: string;
  readonly incarnation: number;
}): string {
  const readable = of.name.replace(/[^A-Za-z0-9_.-]+/g, "-").slice(0, READABLE_LENGTH);
  return `cube-${readable || "task"}-${of.taskId.slice(0, TASK_LENGTH)}-${of.incarnation}`;
}
