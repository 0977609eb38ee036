import { describe, expect, test } from "bun:test";
import { isTerminal, rank, supersedes, TASK_STATES, TRANSITIONS } from "../../src/core/task.ts";

describe("task states", () => {
  test("every edge of the transition table rises", () => {
    const falling = TASK_STATES.flatMap((from) =>
      TRANSITIONS[from].to.filter((to) => rank(to) <= rank(from)).map((to) => `${from} -> ${to}`),
    );
    expect(falling).toEqual([]);
  });

  test("every source state has exactly one owner, and only pending is the manager's among the live ones", () => {
    const managers = TASK_STATES.filter((state) => !isTerminal(state) && TRANSITIONS[state].owner === "manager");
    expect(managers).toEqual(["pending"]);
  });

  test("no worker edge leads to lost, and none leaves a terminal state", () => {
    const edges = TASK_STATES.flatMap((from) => TRANSITIONS[from].to.map((to) => ({ from, to })));
    expect(edges.filter(({ from, to }) => to === "lost" || isTerminal(from))).toEqual([]);
  });

  test("facts only rise: by rank within an incarnation, by incarnation before that, never out of an end", () => {
    const at = (incarnation: number, state: (typeof TASK_STATES)[number]) => ({ incarnation, state });
    expect([
      supersedes(at(1, "running"), at(1, "starting")),
      supersedes(at(1, "starting"), at(1, "running")),
      supersedes(at(2, "accepted"), at(1, "running")),
      supersedes(at(1, "stopping"), at(2, "accepted")),
      supersedes(at(2, "running"), at(1, "failed")),
      supersedes(at(1, "running"), at(1, "running")),
    ]).toEqual([true, false, true, false, false, false]);
  });
});
