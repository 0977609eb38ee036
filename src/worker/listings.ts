/** When the runtimes are asked what they have, and which of them have answered. One question at a time; a failed one is asked again, later each time. */
import type { RuntimeKind } from "../core/spec.ts";

const SWEEP_MS = 60_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

export class Listings {
  readonly #kinds: readonly RuntimeKind[];
  /** Runtimes that have answered at least once. */
  readonly #listed = new Set<RuntimeKind>();
  /** Those that do not answer, and why. */
  readonly #failing = new Map<RuntimeKind, string>();
  readonly #awaited = new Set<RuntimeKind>();
  #answered = false;
  #wanted = true;
  #askedAt = 0;
  #nextMs: number | null = null;
  #retryMs = FIRST_RETRY_MS;

  constructor(kinds: readonly RuntimeKind[]) {
    this.#kinds = kinds;
    this.#answered = kinds.length === 0;
  }

  /** Asks as soon as the present question is answered. */
  want(): void {
    this.#wanted = true;
  }

  /** Asks, unless a question that is newer than `since` is under way or a retry is planned. */
  wantNewerThan(since: number): void {
    if (this.#awaited.size > 0 && this.#askedAt > since) return;
    if (this.#failing.size === 0) this.#wanted = true;
  }

  /** True when the question is to be sent now; `sequence` is its place in the machine's own order. */
  ask(nowMs: number, sequence: number): boolean {
    if (this.#nextMs !== null && this.#nextMs <= nowMs) this.#wanted = true;
    if (!this.#wanted || this.#awaited.size > 0 || this.#kinds.length === 0) return false;
    this.#wanted = false;
    this.#nextMs = null;
    this.#askedAt = sequence;
    for (const kind of this.#kinds) this.#awaited.add(kind);
    return true;
  }

  /** Notes an answer; `problem` null is a good one. True for the runtime's first good one: a later one may be older than what was done while it was made. */
  answered(kind: RuntimeKind, problem: string | null, nowMs: number): boolean {
    const isFirst = problem === null && !this.#listed.has(kind);
    this.#awaited.delete(kind);
    if (problem === null) {
      this.#listed.add(kind);
      this.#failing.delete(kind);
    } else {
      this.#failing.set(kind, problem);
    }
    if (this.#awaited.size > 0) return isFirst;
    this.#answered = true;
    this.#plan(nowMs);
    return isFirst;
  }

  /** When the question under way was asked, in the machine's own order. */
  get askedAt(): number {
    return this.#askedAt;
  }

  /** Whether the node has such a runtime at all. */
  has(kind: RuntimeKind): boolean {
    return this.#kinds.includes(kind);
  }

  isListed(kind: RuntimeKind): boolean {
    return this.#listed.has(kind);
  }

  problemOf(kind: RuntimeKind): string {
    return this.#failing.get(kind) ?? "";
  }

  /** True once every runtime has answered, well or badly. */
  get complete(): boolean {
    return this.#answered;
  }

  wakeMs(): number | null {
    return this.#nextMs;
  }

  #plan(nowMs: number): void {
    if (this.#failing.size === 0) {
      this.#retryMs = FIRST_RETRY_MS;
      this.#nextMs = nowMs + SWEEP_MS;
      return;
    }
    this.#nextMs = nowMs + this.#retryMs;
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }
}
