/** The manager's part of S12: what is tried again waits for as long as its failures ask for, and is not tried before. */
import { slotKeyOf } from "../../core/cluster.ts";
import type { Slot } from "../../core/job.ts";
import { isTerminal } from "../../core/task.ts";
import type { Violate } from "../checker.ts";
import type { Durable } from "./stores.ts";

/** Five seconds, doubling to ten minutes (semantics.md, Reschedule), ms. */
const FIRST_MS = 5_000;
const MAX_MS = 600_000;
/** How far the durable moments of two decisions may lie nearer to each other than the decisions, in ms: a slow disk. */
const DISK_MS = 3_000;
/** Bounded error of a clock's rate. */
const RATE = 0.99;

/** Judges each durable change of a slot. A manager that begins anew counts a wait from there, which only makes it longer. */
export function judgeReschedules(violate: Violate): (durable: Durable) => void {
  /** When the slot's wait became durable, by manager. */
  const sinceMs = new Map<string, number>();
  return (durable) => {
    const { store, change, atMs } = durable;
    if (change.kind !== "slot.put" || store.isAdopting) return;
    const { slot } = change;
    const before = store.cluster.slots.get(slotKeyOf(slot));
    const key = `${store.manager}/${slotKeyOf(slot)}`;
    if (slot.waitMs > 0 && slot.waitMs !== before?.waitMs) {
      sinceMs.set(key, atMs);
      const leastMs = leastWaitMs(slot, before);
      if (slot.waitMs < leastMs)
        violate(`${key} has failed ${slot.failures} times`, `it waits ${slot.waitMs} ms, not ${leastMs}`);
    }
    if (before === undefined || !isTriedAgain(durable, before, slot)) return;
    if (before.waitMs === 0) checkUnwaited(durable, before, violate);
    else if (atMs - (sinceMs.get(key) ?? 0) < before.waitMs * RATE - DISK_MS)
      violate(`${key} is tried again after ${atMs - (sinceMs.get(key) ?? 0)} ms`, `it was to wait ${before.waitMs}`);
  };
}

/** Each failure counts, but for those before a long life. */
function leastWaitMs({ failures }: Slot, before: Slot | undefined): number {
  const counted = failures === 1 ? 1 : Math.max(failures, (before?.failures ?? 0) + 1);
  return Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(counted - 1, 10));
}

/** Another attempt that nobody asked for; one that is on record already is found and not made. */
function isTriedAgain({ store }: Durable, before: Slot, slot: Slot): boolean {
  const isNext = slot.attempt === before.attempt + 1 && slot.startSerial === before.startSerial;
  return isNext && !store.cluster.tasks.has(slot.taskId);
}

/** What was stopped, or is out of reach, is followed at once; what has failed by itself is not. */
function checkUnwaited({ store, logged }: Durable, before: Slot, violate: Violate): void {
  const task = store.cluster.tasks.get(before.taskId);
  if (task === undefined || !isTerminal(task.fact.state) || task.fact.state === "stopped") return;
  violate(`${task.id} is ${task.fact.state} and followed at revision ${logged.revision}`, "without a wait");
}
