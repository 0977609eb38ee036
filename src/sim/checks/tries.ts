/**
 * When each slot was last tried: somebody began to make a container for it, or one of it ran or ended. What ends by itself, or never begins, can be asked no more
 * than that it is tried again in time. Shared by all who ask in a run.
 */
import { slotKey } from "../../core/job.ts";
import type { Simulation } from "../simulation.ts";
import type { SimEvent } from "../trace.ts";

/** By slot, ms since the beginning of the run; -1 for never. The first who asks must do so before the run begins. */
export function lastTries(sim: Simulation): (key: string) => number {
  const known = OF_RUNS.get(sim);
  if (known !== undefined) return known;
  const lastMs = new Map<string, number>();
  sim.watch((event, atMs) => {
    const key = triedSlot(event);
    if (key !== null) lastMs.set(key, atMs);
  });
  const ask = (key: string): number => lastMs.get(key) ?? -1;
  OF_RUNS.set(sim, ask);
  return ask;
}

const OF_RUNS = new WeakMap<Simulation, (key: string) => number>();

function triedSlot(event: SimEvent): string | null {
  if (event.kind === "started" || event.kind === "died") {
    const { isForeign, jobId, service, slot } = event.container;
    return isForeign ? null : slotKey(jobId, service, slot);
  }
  if (event.kind !== "effect" || !("request" in event.effect)) return null;
  const { jobId, service, slot } = event.effect.request;
  return slotKey(jobId, service, slot);
}
