/** Operating errors as values: each kind says whether to retry and who acts. */

export type FailureKind =
  /** The engine is not there or does not answer. Retried by the worker until it is. */
  | "unavailable"
  /** The image does not exist, or may not be read. Retried three times, then the task is rejected. */
  | "image_not_found"
  /** The specification cannot work here, whatever is tried. The task is rejected; the user acts. */
  | "invalid"
  /** The node's policy forbids it. The task is rejected; the node's owner acts. */
  | "denied"
  /** A name or a container is there already: adopt it if it is ours. */
  | "conflict"
  /** A host port is taken. Counts as a failed start; the restart policy decides. */
  | "port_taken"
  /** Not there (any more). */
  | "not_found"
  /** Anything else that may go away. Counts as a failed start; the restart policy decides. */
  | "transient"
  /** Stopped on request. */
  | "aborted";

/** What went wrong, in words that name the thing and the way out. */
export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
}

/** An outcome: a value, or a failure. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** A successful outcome. */
export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** What was thrown, in its own words: anything may be. */
export function wordsOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** A failed outcome. */
export function fail(kind: FailureKind, message: string): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: { kind, message } };
}
