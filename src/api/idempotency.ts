/**
 * Repeats of a request with the same Idempotency-Key get the first one's answer. For commands whose own meaning does not make them idempotent (a restart); a
 * submission's key is durable and is the manager's. In memory only: a restarted manager does not know the keys of before.
 */
import { ClientError } from "../client/cluster-client.ts";

const KEYS_KEPT = 1_000;
const KEPT_MS = 10 * 60_000;
const MAX_KEY_LENGTH = 255;

/** Answers by key; the oldest go first. */
export class IdempotentAnswers {
  readonly #answers = new Map<
    string,
    { readonly request: string; readonly atMs: number; readonly answer: Promise<unknown> }
  >();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Runs the request, or gives the answer that its key got before. A failed one may be tried again. Throws ClientError `conflict` for a key used for another request. */
  once<T>(key: string, request: string, run: () => Promise<T>): Promise<T> {
    if (key === "") return run();
    this.#forgetOld();
    const known = this.#answers.get(key);
    if (known && known.request !== request) throw reused();
    if (known) return known.answer as Promise<T>;
    const answer = run();
    this.#answers.set(key, { request, atMs: this.#nowMs(), answer });
    answer.catch(() => this.#answers.delete(key));
    return answer;
  }

  #forgetOld(): void {
    for (const [key, { atMs }] of this.#answers) {
      if (this.#answers.size < KEYS_KEPT && this.#nowMs() - atMs < KEPT_MS) return;
      this.#answers.delete(key);
    }
  }
}

/** The key of a request; "" for none. Throws ClientError `invalid` for one that is too long. */
export function idempotencyKey(header: string | undefined): string {
  const key = header ?? "";
  if (key.length > MAX_KEY_LENGTH)
    throw new ClientError("invalid", `Idempotency-Key: longer than ${MAX_KEY_LENGTH} characters`);
  return key;
}

function reused(): ClientError {
  return new ClientError(
    "conflict",
    "this Idempotency-Key was used for another request",
    "use a new key for a new request",
  );
}
