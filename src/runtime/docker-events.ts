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

/** What to follow, and whom to tell. */
export interface EventWatch {
  readonly engine: () => Engine;
  readonly nodeId: string;
  readonly onEvent: (event: RuntimeEvent) => void;
  /** True for a container that this runtime removes itself: its end is no news. */
  readonly removing: (instanceId: string) => boolean;
}

/** Calls back until disposed. */
export function watchEvents(watch: EventWatch): Disposable {
  const abort = new AbortController();
  void follow(watch, abort.signal);
  return { [Symbol.dispose]: () => abort.abort() };
}

async function follow(watch: EventWatch, signal: AbortSignal): Promise<void> {
  let waitMs = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const stream = await openEvents(watch.engine(), watch.nodeId);
    if (stream && !signal.aborted) {
      waitMs = FIRST_WAIT_MS;
      watch.onEvent({ kind: "resync" });
      await readEvents(stream, watch, signal);
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

async function readEvents(stream: Readable, watch: EventWatch, signal: AbortSignal): Promise<void> {
  const stop = () => stream.destroy();
  signal.addEventListener("abort", stop, { once: true });
  let rest = "";
  try {
    for await (const chunk of stream) {
      const lines = (rest + String(chunk)).split("\n");
      rest = (lines.pop() ?? "").slice(0, EVENT_MAX);
      for (const line of lines) {
        const event = toEvent(line, watch);
        if (event && !signal.aborted) watch.onEvent(event);
      }
    }
  } catch {
    // The engine went away: the caller connects anew.
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

interface EngineEvent {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
}

function toEvent(line: string, { nodeId, removing }: EventWatch): RuntimeEvent | null {
  try {
    const { Action, Actor } = JSON.parse(line) as EngineEvent;
    const identity = labelled(Actor?.Attributes);
    if (identity?.nodeId !== nodeId || !Actor?.ID) return null;
    // podman calls it "remove".
    if (Action !== "die" && Action !== "died" && removing(Actor.ID)) return null;
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
