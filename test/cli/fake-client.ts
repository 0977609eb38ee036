// A ClusterClient in memory for tests of commands: it gives what a test put in, and keeps what it was asked.
import {
  ClientError,
  type ClusterClient,
  type ExecOptions,
  type ExecStream,
  type ListQuery,
  type LogLine,
  type LogOptions,
  type Page,
  type Submitted,
} from "../../src/client/cluster-client.ts";
import type {
  CreatedToken,
  DecisionResource,
  DialledResource,
  EventResource,
  JobResource,
  JoinResource,
  ManagerResource,
  MetricsResource,
  NodeResource,
  TaskResource,
  TokenRequest,
  TokenResource,
  WatchItem,
} from "../../src/client/resources.ts";
import type { Availability } from "../../src/core/node.ts";
import { DEFAULT_TASK, type JobSpec } from "../../src/core/spec.ts";

/** The time that tests take for the present. */
export const NOW_MS = Date.UTC(2026, 10, 20, 8, 0, 0);

const NO_RESOURCES = { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 };

/** A running lone task with any fields changed. */
export function aTask(changes: Partial<TaskResource> = {}): TaskResource {
  return {
    id: "task-web-0000",
    jobId: "bb1d59ef-9fc1-4e4b-a44d-db571eeed203",
    name: "web",
    service: "web",
    slot: 0,
    attempt: 1,
    current: true,
    nodeId: "node-1",
    nodeName: "n1",
    runtime: "docker",
    image: "nginx:1",
    command: [],
    reserved: NO_RESOURCES,
    assumed: true,
    desired: "run",
    state: "running",
    health: "unknown",
    incarnation: 1,
    restarts: 0,
    containerId: "0123456789abcdef0123",
    containerName: "cube-web-task-web-000-1",
    ports: [],
    message: "",
    reason: "",
    restartInMs: null,
    exits: [],
    createdMs: NOW_MS - 120_000,
    updatedMs: NOW_MS,
    startedMs: NOW_MS - 60_000,
    finishedMs: 0,
    ...changes,
  };
}

/** A job of one task with any fields changed. */
export function aJob(changes: Partial<JobResource> = {}): JobResource {
  return {
    id: "bb1d59ef-9fc1-4e4b-a44d-db571eeed203",
    name: "web",
    kind: "service",
    version: 1,
    desired: "run",
    services: [{ name: "web", count: 1, task: { ...DEFAULT_TASK, image: "nginx:1" } }],
    labels: {},
    states: {},
    actor: "test",
    createdMs: NOW_MS,
    updatedMs: NOW_MS,
    ...changes,
  };
}

/** A ready node with any fields changed. */
export function aNode(changes: Partial<NodeResource> = {}): NodeResource {
  return {
    id: "node-1",
    name: "n1",
    address: "",
    local: true,
    os: "linux",
    arch: "x64",
    version: "0.1.0",
    labels: {},
    capacity: { cpuMillis: 2000, memoryBytes: 8 * 2 ** 30, diskBytes: 100 * 2 ** 30 },
    allocatable: NO_RESOURCES,
    allocated: NO_RESOURCES,
    tasks: 3,
    runtimes: [],
    state: "ready",
    availability: "eligible",
    reason: "",
    joinedMs: NOW_MS,
    stateSinceMs: NOW_MS,
    ...changes,
  };
}

/** An event with any fields changed. */
export function anEvent(revision: number, changes: Partial<EventResource> = {}): EventResource {
  const base = { actor: "test", kind: "task.put", jobId: "", taskId: "", nodeId: "" };
  return { revision, atMs: NOW_MS, text: `event ${revision}`, ...base, ...changes };
}

const MANAGER: ManagerResource = {
  clusterId: "c1",
  name: "laptop",
  version: "9.9.9",
  commit: "abc",
  pid: 42,
  scheduler: "epvm",
  revision: 0,
  startedMs: NOW_MS,
  dataDir: "/data",
  health: "ok",
  problem: "",
};

export class FakeClient implements ClusterClient {
  /** Every change that was asked for, as `verb argument`. */
  readonly calls: string[] = [];
  readonly submitted: { spec: JobSpec; id: string | undefined }[] = [];
  readonly queries: ListQuery[] = [];
  readonly logQueries: LogOptions[] = [];
  readonly execs: { ref: string; options: ExecOptions }[] = [];
  jobList: JobResource[] = [];
  taskList: TaskResource[] = [];
  nodeList: NodeResource[] = [];
  sampleList: MetricsResource[] = [];
  tokenList: TokenResource[] = [];
  addressList: DialledResource[] = [];
  /** Where nodes elsewhere find the manager. */
  reachedAt: string[] = [];
  joinSecrets = 1;
  eventList: EventResource[] = [];
  logLines: LogLine[] = [];
  decisionOnAll: DecisionResource | null = null;
  execStream: ExecStream | null = null;
  /** Of the manager, where it is not as usual. */
  about: Partial<ManagerResource> = {};
  /** Set to make every request fail. */
  down: ClientError | null = null;
  closed = false;
  pageSize = 1_000;
  /** Events before this revision are no longer kept. */
  oldestKept = 1;
  readonly #watchers = new Set<(item: WatchItem) => void>();

  async manager(): Promise<ManagerResource> {
    this.#check();
    return { ...MANAGER, revision: this.#revision(), ...this.about };
  }

  async jobs(query: ListQuery = {}): Promise<Page<JobResource>> {
    return this.#page(this.jobList, query);
  }

  async job(ref: string): Promise<JobResource> {
    return this.#find(this.jobList, ref);
  }

  async tasks(query: ListQuery = {}): Promise<Page<TaskResource>> {
    return this.#page(this.taskList, query);
  }

  async task(ref: string): Promise<TaskResource> {
    return this.#find(this.taskList, ref);
  }

  async nodes(query: ListQuery = {}): Promise<Page<NodeResource>> {
    const { state } = query;
    return this.#page(
      state === undefined ? this.nodeList : this.nodeList.filter((node) => node.state === state),
      query,
    );
  }

  async node(ref: string): Promise<NodeResource> {
    return this.#find(this.nodeList, ref);
  }

  async metrics() {
    return this.sampleList;
  }

  async decision(ref: string): Promise<DecisionResource> {
    this.calls.push(`decision ${ref}`);
    if (this.decisionOnAll === null) throw new ClientError("not_found", `no decision is kept on "${ref}"`);
    return this.decisionOnAll;
  }

  async decisions(): Promise<Page<DecisionResource>> {
    return { items: [], cursor: "", revision: 0 };
  }

  async events({ since = 0, limit = 100 }: { since?: number; limit?: number }) {
    this.#check();
    const after = this.eventList.filter(({ revision }) => revision > since && revision >= this.oldestKept);
    return { items: after.slice(0, limit), revision: this.#revision(), gap: since + 1 < this.oldestKept };
  }

  async submit(spec: JobSpec, options: { id?: string } = {}): Promise<Submitted> {
    this.#check();
    this.submitted.push({ spec, id: options.id });
    const known = this.jobList.find(({ id }) => id === options.id);
    return {
      job: known ?? aJob({ id: options.id ?? "job-1", name: spec.name, services: spec.services }),
      created: known === undefined,
    };
  }

  async stop(ref: string) {
    return this.#change("stop", ref);
  }

  async start(ref: string) {
    return this.#change("start", ref);
  }

  async restart(ref: string) {
    return this.#change("restart", ref);
  }

  async remove(ref: string) {
    this.#change("remove", ref);
  }

  async setAvailability(node: string, availability: Availability): Promise<NodeResource> {
    this.calls.push(`${availability} ${node}`);
    return { ...this.#find(this.nodeList, node), availability };
  }

  async removeNode(ref: string, { force }: { force: boolean }) {
    this.calls.push(`remove node ${this.#find(this.nodeList, ref).name}${force ? " by force" : ""}`);
  }

  async trustLoss() {
    this.#check();
    this.calls.push("trust loss");
  }

  async joinToken(): Promise<JoinResource> {
    this.#check();
    return { token: `cube1.cluster.secret${this.joinSecrets}`, addresses: this.reachedAt };
  }

  async renewJoinToken(): Promise<JoinResource> {
    this.joinSecrets++;
    return this.joinToken();
  }

  async dialled() {
    this.#check();
    return this.addressList;
  }

  async addNode(address: string): Promise<DialledResource> {
    this.calls.push(`dial ${address}`);
    return { address, nodeId: "", linked: false, problem: "", configured: false };
  }

  async forgetAddress(address: string): Promise<DialledResource> {
    const found = this.addressList.find((each) => each.address === address);
    if (!found) throw new ClientError("not_found", `${address} is not dialled`);
    this.calls.push(`forget ${address}`);
    return found;
  }

  async tokens() {
    this.#check();
    return this.tokenList;
  }

  async createToken({ name, role }: TokenRequest): Promise<CreatedToken> {
    this.#check();
    const token: TokenResource = { name, role, createdMs: NOW_MS, createdBy: "unix:me", lastUsedMs: 0 };
    this.tokenList.push(token);
    return { token, secret: "the-secret" };
  }

  async revokeToken(name: string) {
    if (!this.tokenList.some((token) => token.name === name)) throw new ClientError("not_found", `no token "${name}"`);
    this.calls.push(`revoke ${name}`);
  }

  async *logs(_ref: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine> {
    this.logQueries.push(options);
    yield* this.logLines;
    if (options.follow && !signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
  }

  async exec(ref: string, options: ExecOptions): Promise<ExecStream> {
    this.execs.push({ ref, options });
    if (this.execStream === null) throw new ClientError("not_found", `no task "${ref}"`);
    return this.execStream;
  }

  watch(onItem: (item: WatchItem) => void): Disposable {
    this.#watchers.add(onItem);
    onItem({
      kind: "snapshot",
      manager: { ...MANAGER, ...this.about },
      revision: this.#revision(),
      jobs: this.jobList,
      tasks: this.taskList,
      nodes: this.nodeList,
      events: this.eventList,
    });
    return { [Symbol.dispose]: () => this.#watchers.delete(onItem) };
  }

  /** Tells every watcher. */
  tell(item: WatchItem): void {
    if (item.kind === "event") this.eventList.push(item.event);
    for (const watcher of this.#watchers) watcher(item);
  }

  get watched(): boolean {
    return this.#watchers.size > 0;
  }

  async shutdown() {
    this.calls.push("shutdown");
    this.down = new ClientError("unavailable", "no manager answers");
  }

  async close() {
    this.closed = true;
  }

  #change(verb: string, ref: string): JobResource {
    this.#check();
    this.calls.push(`${verb} ${ref}`);
    return this.#find(this.jobList, ref);
  }

  #find<T extends { id: string; name: string }>(list: readonly T[], ref: string): T {
    const found = list.find(({ id, name }) => id === ref || name === ref);
    if (found === undefined)
      throw new ClientError("not_found", `nothing is called "${ref}"`, "cube status lists what there is");
    return found;
  }

  #page<T>(list: readonly T[], query: ListQuery): Page<T> {
    this.#check();
    this.queries.push(query);
    const from = Number(query.cursor ?? 0);
    const to = from + Math.min(query.limit ?? this.pageSize, this.pageSize);
    return { items: list.slice(from, to), cursor: to < list.length ? String(to) : "", revision: this.#revision() };
  }

  #revision(): number {
    return this.eventList.at(-1)?.revision ?? 0;
  }

  #check(): void {
    if (this.down !== null) throw this.down;
  }
}
