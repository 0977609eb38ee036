/**
 * A watch over the manager: a snapshot, then every durable change in order, metrics once a second and the manager's own state. In-process UI and HTTP streams
 * both stand on it. It keeps nothing of the cluster between turns.
 */
import type { MetricsResource, WatchItem } from "../client/resources.ts";
import type { LoggedChange } from "../core/change.ts";
import type { Cluster } from "../core/cluster.ts";
import { wordsOf } from "../core/failure.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import { linkOf, sightOf } from "./node-view.ts";
import type { ManagerInfo, NodeLinks } from "./ports.ts";
import {
  eventResources,
  jobResource,
  managerResource,
  metricsResource,
  nodeResource,
  taskResource,
} from "./resources.ts";

/** Newest events in a snapshot. */
const SNAPSHOT_EVENTS = 200;

/** Old attempts in a snapshot; the newest of every slot are all there. */
const SNAPSHOT_HISTORY = 1_000;

const METRICS_EVERY_MS = 1_000;
const SNAPSHOT_RETRY_MS = 250;

/** Everything at one revision. Rejects when the manager cannot be read. */
async function snapshot({ access, info, links }: WatchOptions): Promise<Extract<WatchItem, { kind: "snapshot" }>> {
  const newest = access.status().revision;
  const log = await recent(access, newest, SNAPSHOT_EVENTS);
  // The cluster is read after the log, in the turn in which it is used: it must not be kept across an await.
  const cluster = await access.read();
  const sight = sightOf(access, links);
  return {
    kind: "snapshot",
    manager: managerResource(info, access.status(), links?.dialled()),
    revision: access.status().revision,
    jobs: [...cluster.jobs.values()].map((job) => jobResource(cluster, job)),
    tasks: shownTasks(cluster),
    nodes: [...cluster.nodes.values()].map((node) => nodeResource(cluster, node, sight)),
    events: eventResources(cluster, log).map(withoutRecords),
  };
}

/** The newest logged changes up to `limit`, however few of them are still kept. */
export async function recent(access: ManagerAccess, revision: number, limit: number): Promise<readonly LoggedChange[]> {
  for (let count = limit; count >= 1; count = Math.floor(count / 2)) {
    const log = await access.log(Math.max(0, revision - count), count);
    if (log) return log;
  }
  return [];
}

/** Newest samples of all nodes. */
export function metricsNow(access: ManagerAccess, links: NodeLinks | undefined): MetricsResource[] {
  const offsetMs = Date.now() - performance.now();
  return [...access.observations()].flatMap(([nodeId, observation]) => {
    const link = linkOf(nodeId, links);
    const seenMs = Math.round(observation.seenMonoMs + offsetMs);
    return metricsResource(nodeId, observation, { seenMs, ...(link && { link }) }) ?? [];
  });
}

/** What a watch stands on. */
export interface WatchOptions {
  readonly access: ManagerAccess;
  readonly info: ManagerInfo;
  readonly links?: NodeLinks;
}

/** Delivers items until disposed. Nothing is delivered before the snapshot, nor in the turn of the call. */
export function watchManager(options: WatchOptions, onItem: (item: WatchItem) => void): Disposable {
  return new ManagerWatch(options, onItem);
}

class ManagerWatch implements Disposable {
  readonly #options: WatchOptions;
  readonly #access: ManagerAccess;
  readonly #onItem: (item: WatchItem) => void;
  readonly #subscription: Disposable;
  readonly #metrics: Timer;
  #retry: Timer | undefined;
  /** Revision delivered so far; null until there is a snapshot. */
  #revision: number | null = null;
  /** Rises with each start over, so that a snapshot overtaken by a reload is dropped. */
  #round = 0;
  #sampled = "";
  /** What of the manager changes without news: it is only seen by looking. */
  #aside = "";
  #disposed = false;

  constructor(options: WatchOptions, onItem: (item: WatchItem) => void) {
    const { access } = options;
    this.#options = options;
    this.#access = access;
    this.#onItem = onItem;
    this.#subscription = access.subscribe((news) => {
      if (news.kind === "committed") this.#committed(news.changes, news.cluster);
      else if (news.kind === "reloaded") void this.#startOver();
      else this.#manager();
    });
    this.#metrics = setInterval(() => this.#sample(), METRICS_EVERY_MS);
    this.#metrics.unref?.();
    void this.#startOver();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#subscription[Symbol.dispose]();
    clearInterval(this.#metrics);
    clearTimeout(this.#retry);
  }

  async #startOver(): Promise<void> {
    const round = ++this.#round;
    this.#revision = null;
    const item = await snapshot(this.#options).catch((error: unknown) => error);
    if (this.#disposed || round !== this.#round) return;
    if (!isSnapshot(item)) return this.#tryAgain(item);
    this.#revision = item.revision;
    this.#aside = this.#lookAside();
    this.#deliver(item);
    this.#sample();
  }

  /** The manager is being recovered: it says so, and the next try may find it back. */
  #tryAgain(error: unknown): void {
    this.#deliver({ kind: "down", reason: wordsOf(error) });
    this.#retry = setTimeout(() => void this.#startOver(), SNAPSHOT_RETRY_MS);
  }

  #committed(changes: readonly LoggedChange[], cluster: Cluster): void {
    const since = this.#revision;
    if (since === null) return;
    const fresh = changes.filter((change) => change.revision > since);
    this.#revision = fresh.at(-1)?.revision ?? since;
    const sight = sightOf(this.#access, this.#options.links);
    for (const event of eventResources(cluster, fresh, sight)) this.#deliver({ kind: "event", event });
  }

  #manager(): void {
    if (this.#revision === null) return;
    const { info, links } = this.#options;
    const manager = managerResource(info, this.#access.status(), links?.dialled());
    this.#aside = this.#lookAside();
    this.#deliver({ kind: "manager", manager });
  }

  /** Only what is new: an idle cluster of idle nodes sends nothing. */
  #sample(): void {
    if (this.#revision === null) return;
    if (this.#lookAside() !== this.#aside) this.#manager();
    const metrics = metricsNow(this.#access, this.#options.links);
    const digest = metrics
      .map((m) => `${m.nodeId} ${m.atMs} ${m.link?.linkedSinceMs} ${m.progress.map((p) => p.taskId + p.text).join()}`)
      .join("\n");
    if (digest === this.#sampled) return;
    this.#sampled = digest;
    this.#deliver({ kind: "metrics", metrics });
  }

  /** The worker in this process, and addresses that are dialled in vain. */
  #lookAside(): string {
    const { info, links } = this.#options;
    const vain = links?.dialled().filter(({ linked }) => !linked) ?? [];
    return JSON.stringify([info.workerProblem?.() ?? "", vain]);
  }

  #deliver(item: WatchItem): void {
    if (!this.#disposed) this.#onItem(item);
  }
}

function isSnapshot(item: unknown): item is Extract<WatchItem, { kind: "snapshot" }> {
  return typeof item === "object" && item !== null && "kind" in item && item.kind === "snapshot";
}

function shownTasks(cluster: Cluster) {
  const all = [...cluster.tasks.values()].map((task) => taskResource(cluster, task));
  const old = all.filter((task) => !task.current).sort((a, b) => b.createdMs - a.createdMs);
  return [...all.filter((task) => task.current), ...old.slice(0, SNAPSHOT_HISTORY)];
}

/** A snapshot's events are for reading; the records are in the snapshot itself, and newer than these. */
function withoutRecords({ job: _job, task: _task, node: _node, ...event }: ReturnType<typeof eventResources>[number]) {
  return event;
}
