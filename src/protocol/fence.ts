/**
 * Whom a worker obeys. It remembers the highest manager that it has obeyed and refuses a lower term, another cluster, a store that has gone back, and an order
 * that would end what runs here because a manager has lost its memory. A manager judges itself by the same rules when it hears whom a worker has obeyed before.
 */
import type { ManagerIdentity, Opening } from "./messages.ts";

/** The highest manager that was obeyed, as a worker keeps it. */
export type Remembered = ManagerIdentity & {
  /** A copy of its store has been seen since. Terms and revisions of a copy rise by themselves, so they prove nothing any more: only a set that leaves nothing out does. */
  readonly doubted?: boolean;
  /** Machine on which it was obeyed; left out by workers that did not keep it. */
  readonly machineId?: string;
};

const WAY_OUT = "put the newer data directory back, or start the manager once with --adopt";

/** null: obey. Otherwise why not, in words that name the way out. `past`: the openings of the manager's store, as far as it tells. Pure. */
export function refusal(
  remembered: ManagerIdentity | null,
  manager: ManagerIdentity,
  past: readonly Opening[] = [],
): string | null {
  if (remembered === null) return null;
  if (manager.clusterId !== remembered.clusterId) {
    return `manager of another cluster (${manager.clusterId}, this node belongs to ${remembered.clusterId})`;
  }
  const isNotAbove = manager.term <= remembered.term && manager.instanceId !== remembered.instanceId;
  if (isNotAbove && manager.lineage !== remembered.lineage) {
    return `manager with another store, of term ${manager.term} (seen ${remembered.term}): its data was emptied or replaced; ${WAY_OUT}`;
  }
  if (manager.term < remembered.term) {
    return `manager of an older term (${manager.term}, seen ${remembered.term}): a newer one has taken over, or its data was restored; end one of the two, or ${WAY_OUT}`;
  }
  if (isNotAbove) {
    return `a second manager of term ${manager.term}: two managers run on copies of the same data; end one of them, or ${WAY_OUT}`;
  }
  if (manager.lineage === remembered.lineage && manager.revision < remembered.revision) {
    return `the manager's store has gone back from revision ${remembered.revision} to ${manager.revision}: it was restored from a copy; ${WAY_OUT}`;
  }
  return manager.lineage === remembered.lineage && manager.term > remembered.term ? strayed(remembered, past) : null;
}

/**
 * A store that was restored from a copy may have had more openings and more revisions since than it had when it was left. What was obeyed is in its past only if the
 * same opening is, and went on at least to the revision that was seen.
 */
function strayed({ term, revision, mark }: ManagerIdentity, past: readonly Opening[]): string | null {
  const [oldest] = past;
  if (mark === undefined || oldest === undefined || oldest.term > term) return null;
  const opening = past.find((each) => each.term === term);
  const next = past.find((each) => each.term > term);
  const isPast = opening?.mark === mark && (next === undefined || next.revision >= revision);
  if (isPast) return null;
  return `the manager's store does not go back to what this node has seen of it (term ${term}, revision ${revision}): it was restored from a copy, and has changed since; ${WAY_OUT}`;
}

/** True when obeying needs a record on disk first: another term, instance or store than the remembered. */
export function isNewManager(remembered: ManagerIdentity | null, manager: ManagerIdentity): boolean {
  return (
    remembered === null ||
    remembered.term !== manager.term ||
    remembered.instanceId !== manager.instanceId ||
    remembered.lineage !== manager.lineage
  );
}

/**
 * Why a whole set is refused for what it leaves out; null when it is not. A store that is not the known one may not end anything
 * that runs here, and one that has forgotten most of it least of all (invariant S13).
 */
export function amnesia(
  remembered: Remembered | null,
  manager: ManagerIdentity,
  running: { readonly total: number; readonly missing: number },
): string | null {
  if (remembered === null || running.missing === 0) return null;
  const isOther = manager.lineage !== remembered.lineage;
  if (!isOther && remembered.doubted !== true) return null;
  const store = isOther
    ? `another store (${manager.lineage}, known ${remembered.lineage})`
    : "a copy of the known store";
  return (
    `the manager has ${store} that does not know ${running.missing} of ${running.total} ` +
    `tasks running here, which are left alone; ${WAY_OUT}`
  );
}
