/** What a checker of an invariant is. Each one listens to what really happens, keeps its own books, and says so at once when they do not balance. */
import type { Simulation, Watcher } from "./simulation.ts";

/** An invariant that was violated, with the facts that contradict each other. */
export interface Violation {
  /** Such as `S3`. */
  readonly id: string;
  readonly atMs: number;
  readonly facts: readonly string[];
}

/** Says that an invariant does not hold. */
export type Violate = (...facts: readonly string[]) => void;

/** One invariant. */
export interface Checker {
  readonly id: string;
  /** What must hold, in one sentence. */
  readonly rule: string;
  /** Begins to listen to a run. */
  readonly begin: (sim: Simulation, violate: Violate) => { readonly onEvent: Watcher; readonly recount?: () => void };
}

/** Steps between full recounts. */
export const RECOUNT_STEPS = 1_000;
