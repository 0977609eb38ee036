/**
 * Follows an engine's events for deaths of this node's instances. Reconnects by itself with a growing wait, and says `resync` after every connection,
 * the first one too, because nobody knows what happened before it. The event `oom` is not listened to: it may be a child's; an inspection after the death tells.
 */
import type { Readable } from "node:stream";
import type { RuntimeEvent } from "../worker/ports.ts";
import type { Engine } from "./docker-engine.ts";
import { LABEL, labelled } from "./docker-instance.ts";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
/** An event longer than this is thrown away. */
const EVENT_MAX = 1 << 20;

/** Calls back until disposed. */
export function watchEvents(engine: () => Engine, nodeId: string, onEvent: (event: RuntimeEvent) => void): Disposable {
  const abort = new AbortController();
  void follow(engine, nodeId, onEvent, abort.signal);
  return { [Symbol.dispose]: () => abort.abort() };
}

async function follow(
  engine: () => Engine,
  nodeId: string,
  onEvent: (event: RuntimeEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  let waitMs = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const stream = await openEvents(engine(), nodeId);
    if (stream && !signal.aborted) {
      waitMs = FIRST_WAIT_MS;
      onEvent({ kind: "resync" });
      await readEvents(stream, nodeId, onEvent, signal);
    }
    stream?.destroy();
    if (signal.aborted) return;
    await pause(waitMs, signal);
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
  }
}

async function openEvents(engine: Engine, nodeId: string): Promise<Readable | null> {
  const filters = JSON.stringify({
    type: ["container"],
    event: ["die", "destroy"],
    label: [`${LABEL.node}=${nodeId}`],
  });
  try {
    const stream: NodeJS.ReadableStream = await engine.docker.getEvents({ filters });
    return stream as Readable;
  } catch {
    return null;
  }
}

async function readEvents(
  stream: Readable,
  nodeId: string,
  onEvent: (event: RuntimeEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const stop = () => stream.destroy();
  signal.addEventListener("abort", stop, { once: true });
  let rest = "";
  try {
    for await (const chunk of stream) {
      const lines = (rest + String(chunk)).split("\n");
      rest = (lines.pop() ?? "").slice(0, EVENT_MAX);
      for (const line of lines) {
        const event = toEvent(line, nodeId);
        if (event && !signal.aborted) onEvent(event);
      }
    }
  } catch {
    // The engine went away: the caller connects anew.
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function toEvent(line: string, nodeId: string): RuntimeEvent | null {
  try {
    const { Actor } = JSON.parse(line) as { Actor?: { ID?: string; Attributes?: Record<string, string> } };
    const identity = labelled(Actor?.Attributes);
    if (identity?.nodeId !== nodeId || !Actor?.ID) return null;
    const { taskId, incarnation } = identity;
    return { kind: "died", of: { taskId, incarnation }, instanceId: Actor.ID };
  } catch {
    return null;
  }
}

/** Resolves early when the signal says so. */
function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, waitMs);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
