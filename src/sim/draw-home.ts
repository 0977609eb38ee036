/** Which faults befall the manager's own node: it shares the manager's machine and process, so only some of those that befall others. */
import type { Fault, FaultKind } from "./faults.ts";
import type { Dice } from "./random.ts";
import { MANAGER } from "./simulation.ts";

const LOCAL_SHARE = 0.15;
/** What befalls a node as a machine with an engine and a disk; the manager's own has no link of its own, no copy, and is never gone alone. */
const OF_MACHINES: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...(["upgrade", "journal-wipe", "journal-rollback", "engine-error", "engine-hang", "engine-stuck"] as const),
  ...(["engine-restart", "zombies", "bad-events", "registry", "engine-full", "stale-sight"] as const),
  ...(["resize", "relabel", "unwell", "hand", "foreign"] as const),
]);

/** Now and then what would strike a node's engine or disk strikes those of the manager's own node instead. */
export function atHome(fault: Fault, dice: Dice, local: string | undefined): Fault {
  if (local === undefined || !dice.chance(LOCAL_SHARE)) return fault;
  if (fault.kind === "disk") return fault.who === MANAGER ? fault : { ...fault, who: local };
  return OF_MACHINES.has(fault.kind) && "node" in fault ? { ...fault, node: local } : fault;
}
