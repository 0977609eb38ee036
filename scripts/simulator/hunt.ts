// Runs seeds from 1 on until one of the wanted invariants is violated; the last line it prints is what it found, as JSON. Run from a copy of the sources in
// which one condition was altered (mutants.ts), so that it is the altered machines that run.
import { drawPlan } from "../../src/sim/draw.ts";
import type { FaultKind } from "../../src/sim/faults.ts";
import { run } from "../../src/sim/run.ts";
import { withoutAmbient } from "./ambient.ts";

/** What to look for. */
export interface Wanted {
  /** Ids of invariants, any of which will do. */
  readonly by: readonly string[];
  /** Kinds of faults that are drawn; all of them when left out. */
  readonly kinds?: readonly FaultKind[];
  /** Seeds that are tried at most. */
  readonly most: number;
}

/** What was found. */
export interface Found {
  /** The seed that had it, which is also how many were tried; null when none had it. */
  readonly seed: number | null;
  /** The violated invariant, or "". */
  readonly id: string;
  readonly facts: readonly string[];
  /** How often other invariants were violated on the way. */
  readonly others: Readonly<Record<string, number>>;
}

if (import.meta.main) console.log(JSON.stringify(hunt(JSON.parse(process.argv[2] ?? "") as Wanted)));

function hunt({ by, kinds, most }: Wanted): Found {
  const others: Record<string, number> = {};
  for (let seed = 1; seed <= most; seed++) {
    const plan = drawPlan(seed, kinds === undefined ? {} : { kinds });
    const { violation } = withoutAmbient(() => run(plan));
    if (violation === null) continue;
    if (by.includes(violation.id)) return { seed, id: violation.id, facts: violation.facts, others };
    others[violation.id] = (others[violation.id] ?? 0) + 1;
  }
  return { seed: null, id: "", facts: [], others };
}
