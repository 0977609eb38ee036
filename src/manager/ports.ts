/** What the manager's host needs from the outside. */
import type { Change, LoggedChange } from "../core/change.ts";
import type { Result } from "../core/failure.ts";
import type { Time } from "../core/time.ts";
import type { ManagerMessage, Opening, WorkerMessage } from "../protocol/messages.ts";

/** Everything that a store holds, as read at opening. */
export interface StoreContents {
  /** The store's own id, made when it was created; a restored or emptied store has another. */
  readonly lineage: string;
  /** Raised and made durable at every opening. */
  readonly term: number;
  /** Revision of the newest change; 0 for an empty store. */
  readonly revision: number;
  /** The newest openings of the store in rising order, this one last; left out by a store that keeps none. */
  readonly past?: readonly Opening[];
  /** One put for every live record, in no promised order. */
  readonly records: readonly Change[];
  /** "" for a sound store; otherwise what is wrong in words that name the way out. Such a store takes no commits. */
  readonly problem: string;
  /** True when the problem may go away by itself, as a full disk does: worth another load. */
  readonly retry: boolean;
  /** What was done to open it that people should know (a complete repair, an accepted loss); "" or absent for nothing. */
  readonly notice?: string;
}

/** Rows to make durable together. */
export interface Batch {
  /** In order of revision, without gaps after the last commit's. They go to the rows and to the change log. */
  readonly changes: readonly LoggedChange[];
}

/** `committed`: durable. `fenced`: another manager owns the store. `failed`: nothing was written. `unknown`: it may or may not be there; load anew. */
export type CommitOutcome =
  | { readonly kind: "committed" }
  | { readonly kind: "fenced"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "unknown"; readonly reason: string };

/** How a store is loaded by a manager that has adopted what workers run: it begins a history of its own. */
export interface TakeOver {
  /** The term is above this one too. */
  readonly aboveTerm: number;
}

/** Durable state. One owner at a time. Rules at its bounds: the log keeps an hour or a million entries, whichever is less. */
export interface Store {
  /**
   * Loads everything; also called again after a failed or unknown commit, and then closes and opens anew. With `takeOver` the store gets a new lineage and a
   * higher term. Either way lineage and term are durable before it resolves.
   */
  load(takeOver?: TakeOver): Promise<Result<StoreContents>>;
  /** All or nothing. Never rejects. */
  commit(batch: Batch): Promise<CommitOutcome>;
  /** Logged changes with a revision above `after`, oldest first, at most `limit`; null when some of them are no longer kept. */
  log(after: number, limit: number): Promise<readonly LoggedChange[] | null>;
  close(): Promise<void>;
}

/** The manager's side of its links. */
export interface WorkerLinks {
  send(linkId: string, message: ManagerMessage): void;
  /** Ends a link; the worker comes back with a new hello. */
  close(linkId: string): void;
  open(handlers: {
    readonly onMessage: (linkId: string, message: WorkerMessage) => void;
    readonly onClosed: (linkId: string) => void;
  }): Disposable;
}

/** Where the host writes what no user asked for. Never the screen. */
export interface Log {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** The host's clocks. */
export interface Clock {
  now(): Time;
}
