/** A scheduler's decision and everything it was made of, kept so that UI, API and CLI can answer "why here?" and "why not?". */

/** A node that could have run the task. Lowest score wins; the first wins a tie. */
export interface Candidate {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly score: number;
  /** Named summands of the score, in the scheduler's order. */
  readonly parts: readonly ScorePart[];
}

export interface ScorePart {
  readonly name: string;
  readonly value: number;
}

/** A node that could not, and the filter that said so. */
export interface Refusal {
  readonly nodeId: string;
  readonly nodeName: string;
  /** Name of the filter, such as `memory`. */
  readonly filter: string;
  /** In words, such as `lacks 512 MiB memory`. */
  readonly reason: string;
}

/** One placement, or one failure to place. */
export interface Decision {
  readonly taskId: string;
  readonly jobId: string;
  readonly scheduler: string;
  /** null when no node fits. */
  readonly nodeId: string | null;
  /** Best first. At most DECISION_DETAIL; `candidateCount` says how many there were. */
  readonly candidates: readonly Candidate[];
  readonly candidateCount: number;
  /** At most DECISION_DETAIL; `refusalCount` says how many there were. */
  readonly refusals: readonly Refusal[];
  readonly refusalCount: number;
  /** One line, such as `3 nodes: 2 lack 512 MiB memory, 1 is draining`. */
  readonly summary: string;
  /** Wall clock, ms since 1970. */
  readonly atMs: number;
}

/** Candidates and refusals kept in one decision: every one of them up to a cluster of this size. */
export const DECISION_DETAIL = 100;

/** Decisions kept; the oldest are pruned first. */
export const DECISIONS_KEPT = 2_000;
