/**
 * ClusterClient.watch over HTTP: the same items as server-sent events named by their kind. A reader that falls behind starts over with a snapshot: but for what comes
 * while a snapshot is on its way, nothing is buffered for it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ClusterClient } from "../client/cluster-client.ts";
import type { WatchItem } from "../client/resources.ts";
import { SseStream } from "./sse.ts";

/** Items that may wait behind a snapshot; past it the reader starts over. */
const MOST_WAITING = 10_000;
/** Records of a snapshot that are written in one turn. */
const PIECE = 500;

/** Streams a watch until the reader goes. */
export function streamWatch(
  client: ClusterClient,
  http: { readonly request: IncomingMessage; readonly response: ServerResponse },
): void {
  new WatchStream(client, http).start();
}

class WatchStream {
  readonly #client: ClusterClient;
  readonly #stream: SseStream;
  #watch: Disposable | undefined;
  #missed = false;
  /** What has come since the snapshot that is being sent; null while none is. */
  #waiting: WatchItem[] | null = null;

  constructor(client: ClusterClient, http: { readonly request: IncomingMessage; readonly response: ServerResponse }) {
    this.#client = client;
    const handlers = { onReady: () => this.#catchUp(), onClose: () => this.#stop() };
    this.#stream = new SseStream(http.request, http.response, handlers);
  }

  start(): void {
    this.#missed = false;
    this.#watch = this.#client.watch((item) => this.#deliver(item));
  }

  #stop(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  #catchUp(): void {
    if (!this.#missed || this.#waiting !== null) return;
    this.#stop();
    this.start();
  }

  #deliver(item: WatchItem): void {
    if (this.#waiting !== null) this.#wait(this.#waiting, item);
    // The next sample replaces this one; anything else cannot be left out.
    else if (!this.#stream.ready) this.#missed ||= item.kind !== "metrics";
    else if (item.kind === "snapshot") void this.#sendSnapshot(item);
    else {
      const { kind, ...data } = item;
      this.#stream.send({ name: kind, data });
    }
  }

  #wait(waiting: WatchItem[], item: WatchItem): void {
    // A later snapshot makes all that waits old.
    if (item.kind === "snapshot") waiting.length = 0;
    if (waiting.length < MOST_WAITING) waiting.push(item);
    else this.#missed = true;
  }

  async #sendSnapshot({ kind, ...data }: Extract<WatchItem, { kind: "snapshot" }>): Promise<void> {
    const waiting: WatchItem[] = [];
    this.#waiting = waiting;
    await this.#stream.sendPieces(kind, jsonPieces(data));
    this.#waiting = null;
    if (this.#watch === undefined) return;
    if (!this.#missed) for (const item of waiting) this.#deliver(item);
    if (this.#stream.ready) this.#catchUp();
  }
}

/** The JSON of an object, its long lists a piece at a time. */
function* jsonPieces(data: object): Generator<string> {
  let lead = "{";
  for (const [key, value] of Object.entries(data)) {
    const name = `${lead}${JSON.stringify(key)}:`;
    if (Array.isArray(value)) yield* listPieces(name, value);
    else yield name + JSON.stringify(value);
    lead = ",";
  }
  yield "}";
}

function* listPieces(name: string, list: readonly unknown[]): Generator<string> {
  let lead = `${name}[`;
  for (let at = 0; at < list.length; at += PIECE) {
    yield lead + JSON.stringify(list.slice(at, at + PIECE)).slice(1, -1);
    lead = ",";
  }
  yield list.length === 0 ? `${lead}]` : "]";
}
