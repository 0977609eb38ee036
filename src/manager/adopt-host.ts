/**
 * The asynchronous half of an adoption: opens the store, listens to the workers for as long as it takes, and makes what they hold durable. Afterwards the
 * manager is opened as usual, with `takeOver`. If anything fails on the way, it is simply asked for again: nothing is lost by half of it.
 */
import { apply, type Cluster, emptyCluster } from "../core/cluster.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import { type Adopted, Adoption, type AdoptionOptions } from "./adoption.ts";
import { ADOPTION_WAIT_MS } from "./host-limits.ts";
import type { Clock, Store, WorkerLinks } from "./ports.ts";

export interface AdoptOptions extends AdoptionOptions {
  readonly store: Store;
  readonly links: WorkerLinks;
  readonly clock: Clock;
  /** Called once the store is open, with what it holds, and the links can be used: workers are to be let in, and one in this process is to begin. */
  readonly begin: (stored: Cluster) => Promise<void>;
  /** How long workers are waited for; `ADOPTION_WAIT_MS` when left out. */
  readonly waitMs?: number;
}

/** Changes in one commit. */
const CHUNK = 1_000;

/** Fails as the store does, when nobody answered, or when what was found cannot be written; the store is then closed. */
export async function adopt(options: AdoptOptions): Promise<Result<Adopted>> {
  let stays = false;
  try {
    const adopted = await collectAndCommit(options);
    stays = adopted.ok;
    return adopted;
  } finally {
    if (!stays) await options.store.close();
  }
}

async function collectAndCommit(options: AdoptOptions): Promise<Result<Adopted>> {
  const { store, clock } = options;
  const loaded = await store.load();
  if (!loaded.ok) return loaded;
  const { records, problem, revision } = loaded.value;
  if (problem !== "") return fail("invalid", `${problem}. It cannot adopt anything before that`);
  const cluster = emptyCluster();
  for (const change of records) apply(cluster, change);
  const adoption = new Adoption(cluster, options);
  await listen(adoption, options, cluster);
  const nowMs = clock.now().wallMs;
  const adopted = adoption.finish(nowMs);
  if (adopted.nodes.length === 0) {
    return fail("unavailable", "no worker has answered, so there is nothing to adopt and nothing was changed");
  }
  const changes = adopted.drafts.map((draft, i) => ({ revision: revision + 1 + i, atMs: nowMs, ...draft }));
  for (let at = 0; at < changes.length; at += CHUNK) {
    const outcome = await store.commit({ changes: changes.slice(at, at + CHUNK) });
    if (outcome.kind !== "committed") return fail("transient", `what was found cannot be stored: ${outcome.reason}`);
  }
  return ok(adopted);
}

/** Until everybody has answered or the time is up. */
async function listen(adoption: Adoption, options: AdoptOptions, stored: Cluster): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { links, begin, waitMs = ADOPTION_WAIT_MS } = options;
  using _opened = links.open({
    onMessage: (linkId, message) => {
      for (const effect of adoption.receive(linkId, message)) {
        if (effect.kind === "send") links.send(effect.linkId, effect.message);
      }
      if (adoption.isComplete) resolve();
    },
    onClosed: () => {},
  });
  const timer = setTimeout(resolve, waitMs);
  try {
    await begin(stored);
    await promise;
  } finally {
    clearTimeout(timer);
  }
}
