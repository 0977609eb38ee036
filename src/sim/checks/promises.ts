/** Invariants of what users were promised and of what readers see: S1, S2, S20, S21, S23. */
import type { Cluster } from "../../core/cluster.ts";
import { slotKeyOf } from "../../core/cluster.ts";
import type { Checker, Violate } from "../checker.ts";
import { followerOf } from "../follower.ts";
import { MANAGER, type Simulation } from "../simulation.ts";
import type { SimEvent } from "../trace.ts";
import { type Durable, type StoreMirror, storesOf } from "./stores.ts";

/** S1: an acknowledged job stays until its removal is asked for. What went with a replaced store comes back by adoption, or not at all. */
export const noJobIsLost: Checker = {
  id: "S1",
  rule: "an acknowledged job is in the store until somebody asks for its removal",
  begin: (sim, violate) => {
    const store = storesOf(sim).of(MANAGER);
    const acked = new Map<string, string>();
    const removable = new Set<string>();
    /** Jobs that were in a store that somebody replaced by one without them. */
    const gone = new Set<string>();
    storesOf(sim).onDurable((durable) => checkJob(durable, { removable, gone }, violate));
    const missing = (): void => {
      for (const [jobId, name] of acked) {
        if (store.cluster.jobs.has(jobId) || gone.has(jobId) || removable.has(jobId)) continue;
        violate(`${name} (${jobId}) was acknowledged`, `and is not in the store at revision ${store.revision}`);
      }
    };
    return {
      onEvent: (event) => {
        if (event.kind === "asked" && event.command.kind === "job.remove") removable.add(event.command.jobId);
        if (event.kind === "answered" && event.command.kind === "job.submit" && event.result.ok) {
          acked.set(event.result.jobId, event.command.spec.name);
          missing();
        }
        if (event.kind === "replaced" && event.manager === MANAGER)
          for (const jobId of acked.keys()) if (!store.cluster.jobs.has(jobId)) gone.add(jobId);
        if (event.kind === "took-over" && event.manager === MANAGER) missing();
      },
      recount: missing,
    };
  },
};

function checkJob(
  { store, change }: Durable,
  jobs: { readonly removable: ReadonlySet<string>; readonly gone: Set<string> },
  violate: Violate,
): void {
  if (store.manager !== MANAGER) return;
  if (change.kind === "job.remove" && !jobs.removable.has(change.jobId))
    violate(`job ${change.jobId} is removed`, "and nobody has asked for that");
  if (change.kind !== "job.put") return;
  const { job } = change;
  const before = store.cluster.jobs.get(job.id);
  if (before !== undefined && job.version < before.version)
    violate(`job ${job.id} is at version ${before.version}`, `and goes back to ${job.version}`);
  if (before === undefined && jobs.gone.has(job.id) && !store.isAdopting)
    violate(`job ${job.id} went with a store`, "and is back without an adoption");
  jobs.gone.delete(job.id);
}

/** S2: one key, one job, however often it is asked for. A store that has gone back has forgotten what came after. */
export const keysMakeOneJob: Checker = {
  id: "S2",
  rule: "an idempotency key makes one job",
  begin: (sim, violate) => {
    const stores = storesOf(sim);
    /** Jobs promised for each key, until the store is replaced. */
    const promised = new Map<string, string>();
    stores.onDurable((durable) => checkRequest(durable, violate));
    return {
      onEvent: (event) => {
        if (event.kind === "replaced" && event.manager === MANAGER) promised.clear();
        if (event.kind !== "answered" || event.command.kind !== "job.submit" || !event.result.ok) return;
        const { idempotencyKey } = event.command;
        if (idempotencyKey === "") return;
        const { jobId, created } = event.result;
        const before = promised.get(idempotencyKey);
        promised.set(idempotencyKey, jobId);
        if (before === undefined) return;
        if (before !== jobId) violate(`${idempotencyKey} was answered with ${before}`, `and again with ${jobId}`);
        if (created) violate(`${idempotencyKey} was answered with ${before}`, "and that is created once more");
      },
    };
  },
};

function checkRequest({ store, change, batch }: Durable, violate: Violate): void {
  if (change.kind === "request.put") {
    const { key, jobId } = change.request;
    const before = store.cluster.requests.get(key);
    if (before !== undefined && before.jobId !== jobId)
      violate(`${key} stands for ${before.jobId}`, `and for ${jobId}`);
  }
  if (change.kind !== "job.put" || store.isAdopting || store.cluster.jobs.has(change.job.id)) return;
  const { id } = change.job;
  const isRemembered = batch.some(({ change: other }) => other.kind === "request.put" && other.request.jobId === id);
  if (!isRemembered) violate(`job ${id} is new at revision ${batch[0]?.revision}`, "and its key is not kept with it");
}

/** S20: whoever follows the durable changes sees each revision once, or is told to begin anew; what it has begun with and what followed are the state. */
export const watchersSeeAll: Checker = {
  id: "S20",
  rule: "a watcher sees revisions rise without a gap, or is told to start over, and has the state in the end",
  begin: (sim, violate) => {
    const stores = storesOf(sim);
    const follower = followerOf(sim);
    const next = new Map<string, number>();
    stores.onDurable(({ store, logged }) => {
      const due = next.get(store.manager);
      if (due !== undefined && logged.revision !== due)
        violate(`${store.manager} kept revision ${due - 1}`, `and then ${logged.revision}`);
      next.set(store.manager, logged.revision + 1);
    });
    return {
      // A manager that takes over says so to all watchers: they load what there is, and go on behind it.
      onEvent: (event) => {
        if (event.kind === "replaced") next.delete(event.manager);
        if (event.kind === "took-over") next.set(event.manager, event.identity.revision + 1);
      },
      recount: () => {
        const { copy } = follower;
        const difference = copy === null ? "" : differenceOf(copy, stores.of(MANAGER).cluster);
        if (difference !== "") violate("whoever follows the changes has another state than is durable", difference);
      },
    };
  },
};

/** S21: what is decided about a slot follows from the newest record of it. */
export const decisionsReadOwnWrites: Checker = {
  id: "S21",
  rule: "a slot's next attempt follows the newest one on record",
  begin: (sim, violate) => {
    storesOf(sim).onDurable(({ store, change, logged }) => {
      if (change.kind !== "slot.put" || store.isAdopting) return;
      const { slot } = change;
      const newest = newestAttempt(store.cluster, slotKeyOf(slot));
      const before = store.cluster.slots.get(slotKeyOf(slot))?.attempt ?? newest;
      // What is on record beside the slot is found, not made.
      if (slot.attempt === before || slot.attempt === before + 1 || slot.attempt === newest) return;
      violate(
        `slot ${slotKeyOf(slot)} is at attempt ${before}`,
        `and goes to ${slot.attempt} at revision ${logged.revision}`,
      );
    });
    return { onEvent: () => {} };
  },
};

/** The newest attempt of a slot that has a record of its own; 0 for none. */
function newestAttempt({ attempts, tasks }: Cluster, key: string): number {
  return Math.max(0, ...[...(attempts.get(key) ?? [])].map((id) => tasks.get(id)?.attempt ?? 0));
}

/** S23: what a manager begins with is what became durable; nothing is promised before it is, and nothing by one that knows that its store is damaged. */
export const recoveryFindsAll: Checker = {
  id: "S23",
  rule: "a manager begins with all that became durable, or only reads, and promises nothing that did not",
  begin: (sim, violate) => {
    const stores = storesOf(sim);
    const readers = new Set<string>();
    return {
      onEvent: (event) => {
        if (event.kind === "read-only") readers.add(event.manager);
        if (event.kind === "replaced" || event.kind === "took-over") readers.delete(event.manager);
        if (event.kind === "durable" && readers.has(event.manager))
          violate(`${event.manager} only reads`, `and keeps revision ${event.changes[0]?.revision}`);
        if (event.kind === "took-over") checkTakeOver(sim, stores.of(event.manager), event, violate);
        if (event.kind !== "answered" || !event.result.ok) return;
        if (readers.has(MANAGER)) violate(`${MANAGER} only reads`, `and says yes to #${event.ticket}`);
        // Answers do not say who gave them: users talk to the first manager only.
        const { revision } = stores.of(MANAGER);
        if (event.result.revision > revision)
          violate(`#${event.ticket} is answered at revision ${event.result.revision}`, `durable is ${revision}`);
      },
    };
  },
};

function checkTakeOver(
  sim: Simulation,
  store: StoreMirror,
  event: Extract<SimEvent, { kind: "took-over" }>,
  violate: Violate,
): void {
  const { identity } = event;
  if (identity.revision !== store.revision)
    violate(`${store.manager} begins at revision ${identity.revision}`, `durable is ${store.revision}`);
  const machine = sim.managers.get(store.manager)?.manager.machine;
  if (machine === null || machine === undefined) return;
  const difference = differenceOf(machine.cluster, store.cluster);
  if (difference !== "") violate(`${store.manager} begins with another state than is durable`, difference);
}

const RECORDS = ["jobs", "slots", "tasks", "nodes", "decisions", "requests"] as const;

/** The first record in which two states differ; "" for none. Records are the same values, or equal ones. */
export function differenceOf(one: Cluster, other: Cluster): string {
  for (const kind of RECORDS) {
    const [ours, theirs]: [ReadonlyMap<string, unknown>, ReadonlyMap<string, unknown>] = [one[kind], other[kind]];
    for (const [key, record] of ours) {
      const twin = theirs.get(key);
      if (record !== twin && JSON.stringify(record) !== JSON.stringify(twin)) return `${kind} ${key} differs`;
    }
    for (const key of theirs.keys()) if (!ours.has(key)) return `${kind} ${key} is missing`;
  }
  return "";
}
