/**
 * ClusterClient in the manager's own process: what the UI beside the manager and the HTTP server both use, so that both mean the same by every request.
 * It decides nothing about the cluster: it finds what a reference means, hands commands to the manager and shows durable state.
 */

import type { ExecOptions, ExecStream, LogLine, LogOptions, Submitted } from "../client/cluster-client.ts";
import { ClientError, type ClusterClient, type ListQuery, type Page } from "../client/cluster-client.ts";
import { checkJobSpec } from "../client/job-limits.ts";
import type {
  CreatedToken,
  DecisionResource,
  DialledResource,
  JobResource,
  JoinResource,
  NodeResource,
  TaskResource,
  TokenRequest,
  TokenResource,
  WatchItem,
} from "../client/resources.ts";
import type { AccessToken } from "../core/access.ts";
import { type Cluster, isCurrent, tasksOf } from "../core/cluster.ts";
import type { Result } from "../core/failure.ts";
import type { Job } from "../core/job.ts";
import type { Availability, Node } from "../core/node.ts";
import type { JobSpec } from "../core/spec.ts";
import { TASK_STATES, type Task } from "../core/task.ts";
import type { Command, ManagerAccess } from "../manager/commands.ts";
import { execute } from "./execute.ts";
import { oneOf } from "./filters.ts";
import { byTime, byTimeDown, limitOf, mapPage, Pager, page } from "./listing.ts";
import { sightOf } from "./node-view.ts";
import { inPieces } from "./pieces.ts";
import type { ManagerInfo, NodeLinks, TaskStreams } from "./ports.ts";
import { findJob, findJobOrTask, findNode, findTask } from "./references.ts";
import { eventResources, jobResource, managerResource, nodeResource, taskResource } from "./resources.ts";
import { clientError, execIn, readLogs } from "./task-streams.ts";
import { newSecret } from "./token.ts";
import { digestOf } from "./token-list.ts";
import { metricsNow, recent, watchManager } from "./watch.ts";

/** What a local client stands on. */
export interface LocalClientOptions {
  readonly access: ManagerAccess;
  readonly streams: TaskStreams;
  readonly info: ManagerInfo;
  /** Left out by a manager that has no nodes but its own. */
  readonly links?: NodeLinks;
  /** Who asks, as every change will say: `unix:<user>`, `token:api`, `ui:<user>` … */
  readonly actor: string;
  /** Ends the process's manager; called once per request to shut down. */
  readonly onShutdown: () => void;
  /** When a token was last used, ms since 1970, as whoever checks tokens knows it; 0 for not yet. */
  readonly tokenUsedMs?: (name: string) => number;
}

/** A ClusterClient over the manager's access port. Closing it ends nothing but itself. */
export function createLocalClient(options: LocalClientOptions): ClusterClient {
  return new LocalClient(options);
}

class LocalClient implements ClusterClient {
  readonly #options: LocalClientOptions;
  readonly #access: ManagerAccess;

  constructor(options: LocalClientOptions) {
    this.#options = options;
    this.#access = options.access;
  }

  async manager() {
    const { info, links } = this.#options;
    return managerResource(info, this.#access.status(), links?.dialled());
  }

  async jobs(query: ListQuery = {}): Promise<Page<JobResource>> {
    const cluster = await this.#read();
    const state = oneOf("state", query.state, [...TASK_STATES, "run", "stop", "remove"]);
    const wanted = query.job === undefined ? undefined : findJob(cluster, query.job).id;
    const found: JobResource[] = [];
    for (const job of cluster.jobs.values()) {
      if (wanted !== undefined && job.id !== wanted) continue;
      const resource = jobResource(cluster, job);
      if (state === undefined || job.desired === state || Object.hasOwn(resource.states, state)) found.push(resource);
    }
    return page(found, query, { keyOf: (job) => byTime(job.createdMs, job.id), revision: this.#revision() });
  }

  async job(ref: string): Promise<JobResource> {
    const cluster = await this.#read();
    return jobResource(cluster, findJob(cluster, ref));
  }

  async tasks(query: ListQuery = {}): Promise<Page<TaskResource>> {
    const asked = await this.#read();
    const state = oneOf("state", query.state, TASK_STATES);
    const job = query.job === undefined ? undefined : findJob(asked, query.job).id;
    const node = query.node === undefined ? undefined : findNode(asked, query.node).id;
    const shown = (cluster: Cluster, task: Task): boolean =>
      (job === undefined || task.jobId === job) &&
      (node === undefined || task.nodeId === node) &&
      (state === undefined || task.fact.state === state) &&
      (query.history === true || isCurrent(cluster, task));
    const pager = new Pager<Task>(query, (task) => byTime(task.createdMs, task.id));
    await this.#inPieces(
      (cluster) => candidates(cluster, { job, node }),
      (cluster, task) => {
        if (shown(cluster, task)) pager.add(task);
      },
    );
    const cluster = await this.#read();
    return mapPage(pager.page(this.#revision()), (task) => taskResource(cluster, cluster.tasks.get(task.id) ?? task));
  }

  async task(ref: string): Promise<TaskResource> {
    const cluster = await this.#read();
    return taskResource(cluster, findTask(cluster, ref));
  }

  async nodes(query: ListQuery = {}): Promise<Page<NodeResource>> {
    const cluster = await this.#read();
    const state = oneOf("state", query.state, ["ready", "disconnected", "lost", "eligible", "cordoned", "draining"]);
    const wanted = query.node === undefined ? undefined : findNode(cluster, query.node).id;
    const shown = (node: Node): boolean =>
      (wanted === undefined || node.id === wanted) &&
      (state === undefined || node.state === state || node.availability === state);
    const found = page([...cluster.nodes.values()].filter(shown), query, {
      keyOf: (node) => `${node.name}/${node.id}`,
      revision: this.#revision(),
    });
    const sight = this.#sight();
    return mapPage(found, (node) => nodeResource(cluster, node, sight));
  }

  async node(ref: string): Promise<NodeResource> {
    const cluster = await this.#read();
    return nodeResource(cluster, findNode(cluster, ref), this.#sight());
  }

  async metrics() {
    return metricsNow(this.#access, this.#options.links);
  }

  async decision(ref: string): Promise<DecisionResource> {
    const cluster = await this.#read();
    const decision = cluster.decisions.get(ref) ?? cluster.decisions.get(findTask(cluster, ref).id);
    if (decision) return decision;
    const hint = "decisions are kept for a while only; a task that waits for its turn has none yet";
    throw new ClientError("not_found", `no decision is kept on "${ref}"`, hint);
  }

  async decisions(query: ListQuery = {}): Promise<Page<DecisionResource>> {
    const cluster = await this.#read();
    const job = query.job === undefined ? undefined : findJob(cluster, query.job).id;
    const node = query.node === undefined ? undefined : findNode(cluster, query.node).id;
    const found = [...cluster.decisions.values()].filter(
      (each) => (job === undefined || each.jobId === job) && (node === undefined || each.nodeId === node),
    );
    const keyOf = (each: DecisionResource): string => byTimeDown(each.atMs, each.taskId);
    return page(found, query, { keyOf, revision: this.#revision() });
  }

  async events(query: { readonly since?: number; readonly limit?: number }) {
    const limit = limitOf(query.limit);
    const newest = this.#access.status().revision;
    // A revision that is not reached yet is of another history: what came after it there is not here.
    const known = query.since !== undefined && query.since <= newest;
    const kept = known ? await this.#access.log(query.since, limit) : null;
    const log = kept ?? (await recent(this.#access, newest, limit));
    const cluster = await this.#read();
    return {
      items: eventResources(cluster, log, this.#sight()),
      revision: this.#revision(),
      gap: query.since !== undefined && kept === null,
    };
  }

  async submit(
    spec: JobSpec,
    options: { readonly id?: string; readonly idempotencyKey?: string } = {},
  ): Promise<Submitted> {
    checkJobSpec(spec);
    const { id = "", idempotencyKey = "" } = options;
    const result = await this.#execute({ kind: "job.submit", id, spec, idempotencyKey });
    return { job: await this.job(result.jobId), created: result.created };
  }

  async stop(ref: string): Promise<JobResource> {
    return this.#command(findJob(await this.#read(), ref), (jobId) => ({ kind: "job.stop", jobId }));
  }

  async start(ref: string): Promise<JobResource> {
    return this.#command(findJob(await this.#read(), ref), (jobId) => ({ kind: "job.start", jobId }));
  }

  async restart(ref: string): Promise<JobResource> {
    const cluster = await this.#read();
    const found = findJobOrTask(cluster, ref);
    if ("job" in found) return this.#command(found.job, (jobId) => ({ kind: "job.restart", jobId }));
    const { jobId } = await this.#execute({ kind: "task.restart", taskId: found.task.id });
    return this.job(jobId);
  }

  async remove(ref: string): Promise<void> {
    const job = findJob(await this.#read(), ref);
    await this.#execute({ kind: "job.remove", jobId: job.id });
  }

  async setAvailability(ref: string, availability: Availability): Promise<NodeResource> {
    const node = findNode(await this.#read(), ref);
    await this.#execute({ kind: "node.availability", nodeId: node.id, availability });
    return this.node(node.id);
  }

  async removeNode(ref: string, { force }: { readonly force: boolean }): Promise<void> {
    const node = findNode(await this.#read(), ref);
    await this.#execute({ kind: "node.remove", nodeId: node.id, force });
    this.#options.links?.removed(node.id);
  }

  async trustLoss(): Promise<void> {
    await this.#execute({ kind: "nodes.trust-loss" });
  }

  async joinToken(): Promise<JoinResource> {
    const links = this.#links();
    return { token: links.joinToken(), addresses: links.addresses() };
  }

  async renewJoinToken(): Promise<JoinResource> {
    const links = this.#links();
    return { token: given(links.renewJoinToken()), addresses: links.addresses() };
  }

  async dialled(): Promise<readonly DialledResource[]> {
    return this.#options.links?.dialled() ?? [];
  }

  async addNode(address: string): Promise<DialledResource> {
    const links = this.#links();
    const before = links.dialled();
    const added = given(links.dial(address));
    if (!before.some((each) => each.address === added.address))
      await this.#note(`${added.address} is dialled from now on`);
    return added;
  }

  async forgetAddress(address: string): Promise<DialledResource> {
    const forgotten = given(this.#links().undial(address));
    await this.#note(`${forgotten.address} is dialled no more`);
    return forgotten;
  }

  /** It is done: a store that takes no line at present is no reason to say otherwise. */
  async #note(text: string): Promise<void> {
    await this.#access.execute({ kind: "note", text }, this.#options.actor);
  }

  async tokens(): Promise<readonly TokenResource[]> {
    const { tokens } = await this.#read();
    return [...tokens.values()].map((token) => this.#token(token)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async createToken({ name, role }: TokenRequest): Promise<CreatedToken> {
    const secret = newSecret();
    await this.#execute({ kind: "access.create", name, role, hash: digestOf(secret) });
    const token = (await this.#read()).tokens.get(name);
    // Somebody else may have revoked it by now; its secret is of no use then.
    if (!token) throw new ClientError("not_found", `token ${name} was revoked at once`);
    return { token: this.#token(token), secret };
  }

  async revokeToken(name: string): Promise<void> {
    await this.#execute({ kind: "access.revoke", name });
  }

  logs(ref: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine> {
    return readLogs(this.#options, ref, { options, signal });
  }

  exec(ref: string, options: ExecOptions): Promise<ExecStream> {
    return execIn(this.#options, ref, options);
  }

  watch(onItem: (item: WatchItem) => void): Disposable {
    return watchManager(this.#options, onItem);
  }

  async shutdown(): Promise<void> {
    this.#options.onShutdown();
  }

  async close(): Promise<void> {}

  #token({ hash: _hash, ...token }: AccessToken): TokenResource {
    return { ...token, lastUsedMs: this.#options.tokenUsedMs?.(token.name) ?? 0 };
  }

  #links(): NodeLinks {
    const { links } = this.#options;
    if (links) return links;
    throw new ClientError("unavailable", "this manager has no links to other nodes");
  }

  #sight(): ReturnType<typeof sightOf> {
    return sightOf(this.#access, this.#options.links);
  }

  #revision(): number {
    return this.#access.status().revision;
  }

  async #read(): Promise<Cluster> {
    try {
      return await this.#access.read();
    } catch (error) {
      const { problem } = this.#access.status();
      throw new ClientError("unavailable", "the manager cannot be read just now", problem || "try again", error);
    }
  }

  async #inPieces<T>(
    items: (cluster: Cluster) => Iterable<T>,
    act: (cluster: Cluster, item: T) => void,
  ): Promise<void> {
    try {
      await inPieces(this.#access, items, act);
    } catch (error) {
      if (error instanceof ClientError) throw error;
      const { problem } = this.#access.status();
      throw new ClientError("unavailable", "the manager cannot be read just now", problem || "try again", error);
    }
  }

  async #command(job: Job, commandOf: (jobId: string) => Command): Promise<JobResource> {
    await this.#execute(commandOf(job.id));
    return this.job(job.id);
  }

  #execute(command: Command): ReturnType<typeof execute> {
    return execute(this.#access, command, this.#options.actor);
  }
}

/** The tasks among which those of a job or a node are. */
function candidates(
  cluster: Cluster,
  of: { readonly job: string | undefined; readonly node: string | undefined },
): Iterable<Task> {
  if (of.job !== undefined) return tasksOf(cluster, of.job);
  if (of.node === undefined) return cluster.tasks.values();
  return [...(cluster.tasksOfNode.get(of.node) ?? [])].flatMap((id) => cluster.tasks.get(id) ?? []);
}

function given<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw clientError(result.failure);
}
