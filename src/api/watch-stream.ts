/** ClusterClient.watch over HTTP: the same items as server-sent events named by their kind. A reader that falls behind starts over with a snapshot: nothing is buffered for it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ClusterClient } from "../client/cluster-client.ts";
import type { WatchItem } from "../client/resources.ts";
import { SSE_BUFFER_BYTES, SseStream } from "./sse.ts";

/** Streams a watch until the reader goes. */
export function streamWatch(
  client: ClusterClient,
  http: { readonly request: IncomingMessage; readonly response: ServerResponse },
): void {
  let watch: Disposable | undefined;
  let missed = false;
  const stream = new SseStream(http.request, http.response, { onReady: catchUp, onClose: stop });
  start();

  function start(): void {
    missed = false;
    watch = client.watch(deliver);
  }

  function stop(): void {
    watch?.[Symbol.dispose]();
    watch = undefined;
  }

  function catchUp(): void {
    if (!missed) return;
    stop();
    start();
  }

  function deliver({ kind, ...data }: WatchItem): void {
    if (!stream.ready) {
      // The next sample replaces this one; anything else cannot be left out.
      missed ||= kind !== "metrics";
      return;
    }
    const bytes = stream.send({ name: kind, data });
    // A snapshot may be larger than the bound: the reader gets as much time for it as it needs.
    if (kind === "snapshot") stream.allow(bytes + SSE_BUFFER_BYTES);
  }
}
