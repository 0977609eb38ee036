/** What people should know of a manager beside what they asked for. Pure. */
import type { ManagerResource } from "./resources.ts";

/** Each in words that name the way out: what is wrong with the manager, what was done to its store, what its worker cannot do. Empty when all is well. */
export function remarks(manager: Pick<ManagerResource, "problem" | "notice" | "workerProblem">): string[] {
  const { problem, notice = "", workerProblem = "" } = manager;
  return [problem, notice, workerProblem].filter((text) => text !== "");
}
