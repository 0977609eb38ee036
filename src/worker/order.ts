/**
 * The one order in which things leave a worker: what is said of tasks rests on what is on disk, so it never goes before it. The machine brings the effects of a turn into
 * this order and its host keeps it; both ask here. Pure.
 */
import type { WorkerMessage } from "../protocol/messages.ts";
import type { JournalRecord, WorkerEffect } from "./effects.ts";
import type { Append } from "./journal-keeper.ts";

/** What one turn has brought about. */
export interface TurnEffects {
  /** Asked of the runtimes, or logged. */
  readonly asked: readonly WorkerEffect[];
  readonly append: Append | null;
  readonly sends: readonly WorkerEffect[];
  readonly snapshot: readonly JournalRecord[] | null;
}

/**
 * What is asked of runtimes rests on what earlier turns wrote, and goes first, unless a new manager is to be remembered, which is obeyed only then. What is said
 * follows the append. A snapshot holds up nobody and comes last.
 */
export function inOrder({ asked, append, sends, snapshot }: TurnEffects): WorkerEffect[] {
  const writes: WorkerEffect[] =
    append === null ? [] : [{ kind: "journal", number: append.number, records: append.records }];
  const compact: WorkerEffect[] = snapshot === null ? [] : [{ kind: "compact", records: snapshot }];
  const acts = append?.first === true ? [...writes, ...asked] : [...asked, ...writes];
  return [...acts, ...sends, ...compact];
}

/** What of a turn goes at once, and what stands behind writes: those of the same turn, or earlier ones that are still under way (`isWriting`). Each part keeps its order. */
export function shareOut(
  effects: readonly WorkerEffect[],
  isWriting: boolean,
): { readonly now: readonly WorkerEffect[]; readonly later: readonly WorkerEffect[] } {
  const now: WorkerEffect[] = [];
  const later: WorkerEffect[] = [];
  let isBehind = false;
  for (const effect of effects) {
    isBehind ||= effect.kind === "journal" || effect.kind === "compact";
    const waits = effect.kind === "send" ? (isBehind || isWriting) && restsOnDisk(effect.message) : isBehind;
    (waits ? later : now).push(effect);
  }
  return { now, later };
}

/** Who a worker is it can say before anything is written: were its hello to wait for a disk that is full, its manager would take it for gone, and start elsewhere what runs here. */
function restsOnDisk({ kind }: WorkerMessage): boolean {
  return kind === "report" || kind === "held";
}
