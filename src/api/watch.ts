/**
 * A watch over the manager: a snapshot, then every durable change in order, metrics once a second and the manager's own state. In-process UI and HTTP streams
 * both stand on it. It keeps nothing of the cluster between turns.
 */
import type { JobResource, MetricsResource, NodeResource, TaskResource, WatchItem } from "../client/resources.ts";
import type { LoggedChange } from "../core/change.ts";
import { type Cluster, isCurrent } from "../core/cluster.ts";
import { wordsOf } from "../core/failure.ts";
import type { Task } from "../core/task.ts";
import type { ManagerAccess } from "../manager/commands.ts";
import { linkOf, sightOf } from "./node-view.ts";
import { inPieces, nextTurn } from "./pieces.ts";
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

/** Changes read from the log at a time, by a watch that has to catch up. */
const PAGE = 500;

type Snapshot = Extract<WatchItem, { kind: "snapshot" }>;

/** Everything at one revision, or newer: what changes while it is gathered follows as events. Rejects when the manager cannot be read. */
async function snapshot({ access, info, links }: WatchOptions): Promise<Snapshot> {
  const log = await recent(access, access.status().revision, SNAPSHOT_EVENTS);
  const events = eventResources(await access.read(), log).map(withoutRecords);
  // Nothing was changed since the cluster was read: this is the turn of the read.
  const { revision } = access.status();
  const jobs: JobResource[] = [];
  const nodes: NodeResource[] = [];
  await inPieces(
    access,
    (cluster) => cluster.jobs.values(),
    (cluster, job) => jobs.push(jobResource(cluster, job)),
  );
  const sight = sightOf(access, links);
  await inPieces(
    access,
    (cluster) => cluster.nodes.values(),
    (cluster, node) => nodes.push(nodeResource(cluster, node, sight)),
  );
  const tasks = await shownTasks(access);
  const manager = managerResource(info, access.status(), links?.dialled());
  return { kind: "snapshot", manager, revision, jobs, tasks, nodes, events };
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
export function metricsNow(
  access: ManagerAccess,
  links: NodeLinks | undefined,
  wallMs = Date.now(),
): MetricsResource[] {
  const offsetMs = wallMs - performance.now();
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
  /** True while what was missed is read from the log: what comes meanwhile is in it too. */
  #behind = false;
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
    this.#behind = false;
    const item = await snapshot(this.#options).catch((error: unknown) => error);
    if (this.#disposed || round !== this.#round) return;
    if (!isSnapshot(item)) return this.#tryAgain(item);
    this.#revision = item.revision;
    this.#behind = true;
    this.#aside = this.#lookAside();
    this.#deliver(item);
    this.#sample();
    await this.#catchUp(round).catch((error: unknown) => {
      if (!this.#disposed && round === this.#round) this.#tryAgain(error);
    });
  }

  /** Delivers what has changed since the snapshot was begun, page by page, until nothing is missing. */
  async #catchUp(round: number): Promise<void> {
    for (;;) {
      const since = this.#revision;
      if (since === null || this.#disposed || round !== this.#round) return;
      const log = await this.#access.log(since, PAGE);
      const cluster = await this.#access.read();
      if (this.#disposed || round !== this.#round) return;
      // Too old to be in the log any more, or of a store that has gone back.
      if (log === null) return void this.#startOver();
      this.#events(log, cluster);
      if (this.#revision === this.#access.status().revision) break;
      // A log that lags behind must not be asked again in a busy loop.
      if (log.length === 0) await new Promise((resolve) => setTimeout(resolve, SNAPSHOT_RETRY_MS));
      else await nextTurn();
    }
    this.#behind = false;
  }

  /** The manager is being recovered: it says so, and the next try may find it back. */
  #tryAgain(error: unknown): void {
    this.#deliver({ kind: "down", reason: wordsOf(error) });
    this.#retry = setTimeout(() => void this.#startOver(), SNAPSHOT_RETRY_MS);
  }

  #committed(changes: readonly LoggedChange[], cluster: Cluster): void {
    if (!this.#behind) this.#events(changes, cluster);
  }

  #events(changes: readonly LoggedChange[], cluster: Cluster): void {
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
    const { info, links } = this.#options;
    const metrics = metricsNow(this.#access, links, info.wallMs?.());
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

async function shownTasks(access: ManagerAccess): Promise<TaskResource[]> {
  const current: TaskResource[] = [];
  const old: Task[] = [];
  const look = (cluster: Cluster, task: Task): void => {
    if (isCurrent(cluster, task)) current.push(taskResource(cluster, task));
    else old.push(task);
  };
  await inPieces(access, (cluster) => cluster.tasks.values(), look);
  const newest = old.sort((a, b) => b.createdMs - a.createdMs).slice(0, SNAPSHOT_HISTORY);
  const cluster = await access.read();
  return [...current, ...newest.flatMap(({ id }) => shownTask(cluster, id))];
}

/** As it is by now, if it is still there. */
function shownTask(cluster: Cluster, taskId: string): TaskResource[] {
  const task = cluster.tasks.get(taskId);
  return task ? [taskResource(cluster, task)] : [];
}

/** A snapshot's events are for reading; the records are in the snapshot itself, and newer than these. */
function withoutRecords({ job: _job, task: _task, node: _node, ...event }: ReturnType<typeof eventResources>[number]) {
  return event;
}
