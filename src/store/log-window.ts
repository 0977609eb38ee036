/**
 * Which part of the change log is kept, and what may go: entries older than an hour, and all beyond a million. Age is noted for every
 * thousandth entry only, so up to a thousand more are kept; a small cluster thus always has some history.
 */

/** Entries kept at most (plus what one commit may not yet delete). */
export const LOG_ENTRIES = 1_000_000;

/** Age beyond which entries go. */
export const LOG_AGE_MS = 3_600_000;

/** Entries between two notes of the age. */
export const LOG_STRIDE = 1_000;

/** Log rows that one commit deletes at least, and at most per change in it: a backlog shrinks, yet no commit grows long. */
const PRUNE_LEAST = 64;
const PRUNE_PER_CHANGE = 2;

/** The kept revisions, from `oldest` to the store's newest, and when every thousandth was made. */
export class LogWindow {
  oldest: number;
  readonly #marks: { readonly revision: number; readonly atMs: number }[] = [];

  constructor(oldest: number) {
    this.oldest = oldest;
  }

  /** Notes the age of an entry; called with rising revisions. */
  note(revision: number, atMs: number): void {
    if (revision % LOG_STRIDE === 0) this.#marks.push({ revision, atMs });
  }

  /** The first revision to keep after a commit of `changes` changes up to `newest`. Bounded: it may not reach all that is too old. */
  keepFrom(now: { readonly newest: number; readonly changes: number; readonly nowMs: number }): number {
    const bound = Math.max(PRUNE_LEAST, now.changes * PRUNE_PER_CHANGE);
    let wanted = Math.max(this.oldest, now.newest - LOG_ENTRIES + 1);
    for (const mark of this.#marks) {
      if (mark.atMs >= now.nowMs - LOG_AGE_MS) break;
      wanted = Math.max(wanted, mark.revision + 1);
    }
    return Math.min(wanted, this.oldest + bound, now.newest + 1);
  }

  /** All below `revision` has been deleted. */
  pruned(revision: number): void {
    this.oldest = revision;
    while ((this.#marks[0]?.revision ?? revision) < revision) this.#marks.shift();
  }
}
