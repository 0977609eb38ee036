/**
 * Round robin, as in "Build an Orchestrator in Go": the node after the last one used scores 0.1, all others 1.0.
 * Every node costs the same here; it is the picking, which begins after the last node used, that makes the round.
 */
import { NATURE_FILTERS } from "../filters.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Scoring } from "../scores.ts";

/** The score of the node whose turn it is, as the book has it. */
export const TURN_SCORE = 0.1;

/** The same cost for every node. */
const equalCost: Scoring = {
  width: 0,
  describeNode() {},
  describeDemand() {},
  cost: () => 1,
  parts: () => [{ name: "turn", value: 1 }],
};

/** One node after the other, over those that can. */
export const ROUND_ROBIN: Scheduler = {
  name: "roundrobin",
  feasibility: NATURE_FILTERS,
  scoring: equalCost,
  picking: "turn",
};
