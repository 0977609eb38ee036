/** A watch over HTTP that never gives up: when the stream ends it says `down`, tries again with growing pauses, and then begins anew with a snapshot. */
import type { Target } from "../core/target.ts";
import { ClientError } from "./cluster-client.ts";
import { eventsOf } from "./lines.ts";
import type { WatchItem } from "./resources.ts";
import { send, unreachable } from "./transport.ts";

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;
/** The server says something at least every 15 s; a stream silent for longer is dead. */
const SILENCE_MS = 40_000;

/** Delivers items until disposed. `random` (0 to 1) spreads the tries of many clients. */
export function watchOverHttp(
  target: Target,
  onItem: (item: WatchItem) => void,
  random: () => number = Math.random,
): Disposable {
  const stop = new AbortController();
  void follow(target, { onItem, random, signal: stop.signal });
  return { [Symbol.dispose]: () => stop.abort() };
}

interface Follower {
  readonly onItem: (item: WatchItem) => void;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

async function follow(target: Target, { onItem, random, signal }: Follower): Promise<void> {
  let failures = 0;
  let told = "";
  while (!signal.aborted) {
    const error = await readStream(target, signal, (item) => {
      failures = 0;
      told = "";
      onItem(item);
    });
    if (signal.aborted) return;
    const reason = error.hint ? `${error.message}: ${error.hint}` : error.message;
    if (reason !== told) onItem({ kind: "down", reason });
    told = reason;
    // Full jitter: after a manager's return its clients come back spread out.
    await pause(random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++), signal);
  }
}

/** Reads one stream to its end, and says why it ended. */
async function readStream(
  target: Target,
  signal: AbortSignal,
  onItem: (item: WatchItem) => void,
): Promise<ClientError> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  signal.addEventListener("abort", end, { once: true });
  let silence = setTimeout(end, SILENCE_MS);
  try {
    const { body } = await send(target, {
      path: "/v1/watch",
      headers: { accept: "text/event-stream" },
      signal: ended.signal,
    });
    if (!body) return unreachable(target);
    const heard = tap(body, () => {
      clearTimeout(silence);
      silence = setTimeout(end, SILENCE_MS);
    });
    for await (const { name, data } of eventsOf(heard)) {
      if (signal.aborted) break;
      onItem({ kind: name, ...JSON.parse(data) } as WatchItem);
    }
    return unreachable(target);
  } catch (error) {
    return error instanceof ClientError && error.code !== "aborted" ? error : unreachable(target, error);
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", end);
    ended.abort();
  }
}

async function* tap(body: AsyncIterable<Uint8Array>, onChunk: () => void): AsyncIterable<Uint8Array> {
  for await (const chunk of body) {
    onChunk();
    yield chunk;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = (): void => resolve();
  signal.addEventListener("abort", stop, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  });
}
