// A cluster behind the ClusterClient port for the UI's tests: fixed records, and every change answered as a manager would,
// with an event that carries the new record. A fake of a port, never of our own functions.
import {
  ClientError,
  type ClusterClient,
  type ExecOptions,
  type ExecStream,
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
import type { JobSpec } from "../../src/core/spec.ts";
import { job, manager, START_MS, task } from "./records.ts";

/** What the fake cluster holds at first. */
export interface Seed {
  readonly manager?: ManagerResource;
  readonly jobs: readonly JobResource[];
  readonly tasks: readonly TaskResource[];
  readonly nodes: readonly NodeResource[];
  readonly events: readonly EventResource[];
  readonly decisions: readonly DecisionResource[];
  readonly metrics: readonly MetricsResource[];
  readonly logs?: readonly LogLine[];
}

type Calls = [verb: string, ...args: unknown[]][];

const page = <T>(items: readonly T[]): Page<T> => ({ items, cursor: "", revision: 1 });

/** The fake. `calls` holds every change that was asked for; `refuse` makes the next ones fail. */
export class FakeClient implements ClusterClient {
  readonly calls: Calls = [];
  refuse: ClientError | undefined;
  private readonly jobsById: Map<string, JobResource>;
  private readonly tasksById: Map<string, TaskResource>;
  private readonly nodesById: Map<string, NodeResource>;
  private readonly seed: Seed;
  private readonly watchers = new Set<(item: WatchItem) => void>();
  private readonly tokensMade: TokenResource[] = [];
  private revision = 100;

  constructor(seed: Seed) {
    this.seed = seed;
    this.jobsById = new Map(seed.jobs.map((each) => [each.id, each]));
    this.tasksById = new Map(seed.tasks.map((each) => [each.id, each]));
    this.nodesById = new Map(seed.nodes.map((each) => [each.id, each]));
  }

  /** Tells every watcher. */
  emit(item: WatchItem): void {
    for (const watcher of this.watchers) watcher(item);
  }

  async manager(): Promise<ManagerResource> {
    return this.seed.manager ?? manager();
  }
  async jobs(): Promise<Page<JobResource>> {
    return page([...this.jobsById.values()]);
  }
  async job(ref: string): Promise<JobResource> {
    return this.findJob(ref);
  }
  async tasks(): Promise<Page<TaskResource>> {
    return page([...this.tasksById.values()]);
  }
  async task(ref: string): Promise<TaskResource> {
    return found(this.tasksById.get(ref), ref);
  }
  async nodes(): Promise<Page<NodeResource>> {
    return page([...this.nodesById.values()]);
  }
  async node(ref: string): Promise<NodeResource> {
    return found(this.nodesById.get(ref), ref);
  }
  async metrics(): Promise<readonly MetricsResource[]> {
    return this.seed.metrics;
  }
  async decision(ref: string): Promise<DecisionResource> {
    return found(
      this.seed.decisions.find((each) => each.taskId === ref),
      ref,
    );
  }
  async decisions(): Promise<Page<DecisionResource>> {
    return page(this.seed.decisions.slice(0, 2));
  }
  async events(): Promise<{ items: readonly EventResource[]; revision: number; gap: boolean }> {
    return { items: this.seed.events, revision: this.revision, gap: false };
  }

  async submit(spec: JobSpec): Promise<Submitted> {
    this.called("submit", spec);
    const id = `job-${spec.name}`;
    const made = job({ id, name: spec.name, services: spec.services });
    this.jobsById.set(id, made);
    const first = spec.services[0];
    const started = task({
      id: `task-${spec.name}`,
      jobId: id,
      name: spec.name,
      service: first?.name ?? spec.name,
      image: first?.task.image ?? "",
      command: first?.task.command ?? [],
      runtime: first?.task.runtime ?? "docker",
    });
    this.put({ task: started, text: `${spec.name} placed on node-a` });
    return { job: made, created: true };
  }
  async stop(ref: string): Promise<JobResource> {
    this.called("stop", ref);
    return this.each(ref, (each) => ({ ...each, desired: "stop", state: "stopped" }), "stopped");
  }
  async start(ref: string): Promise<JobResource> {
    this.called("start", ref);
    return this.each(ref, (each) => ({ ...each, desired: "run", state: "running" }), "started");
  }
  async restart(ref: string): Promise<JobResource> {
    this.called("restart", ref);
    return this.each(ref, (each) => ({ ...each, restarts: each.restarts + 1 }), "restarted");
  }
  async remove(ref: string): Promise<void> {
    this.called("remove", ref);
    for (const each of this.ofJob(ref)) {
      this.tasksById.delete(each.id);
      this.emit({
        kind: "event",
        event: this.event({ kind: "task.remove", taskId: each.id, text: `${each.name} deleted` }),
      });
    }
  }
  async setAvailability(ref: string, availability: Availability): Promise<NodeResource> {
    this.called("availability", ref, availability);
    const changed = { ...found(this.nodesById.get(ref), ref), availability };
    this.nodesById.set(ref, changed);
    this.emit({
      kind: "event",
      event: this.event({ kind: "node.put", nodeId: ref, node: changed, text: `${changed.name} is ${availability}` }),
    });
    return changed;
  }

  async removeNode(ref: string, options: { readonly force: boolean }): Promise<void> {
    this.called("remove node", ref, options.force);
    this.nodesById.delete(ref);
    this.emit({ kind: "event", event: this.event({ kind: "node.remove", nodeId: ref, text: `${ref} is removed` }) });
  }
  async trustLoss(): Promise<void> {
    this.called("trust loss");
  }
  async joinToken(): Promise<JoinResource> {
    return { token: "cube1.c1.secret", addresses: [] };
  }
  async renewJoinToken(): Promise<JoinResource> {
    this.called("renew join token");
    return this.joinToken();
  }
  async dialled(): Promise<readonly DialledResource[]> {
    return this.seed.manager?.unlinked ?? [];
  }
  async addNode(address: string): Promise<DialledResource> {
    this.called("add node", address);
    return { address, nodeId: "", linked: false, problem: "", configured: false };
  }
  async forgetAddress(address: string): Promise<DialledResource> {
    this.called("forget address", address);
    return { address, nodeId: "", linked: false, problem: "", configured: false };
  }

  async tokens(): Promise<readonly TokenResource[]> {
    return this.tokensMade;
  }
  async createToken({ name, role }: TokenRequest): Promise<CreatedToken> {
    this.called("create token", name, role);
    const token: TokenResource = { name, role, createdMs: START_MS, createdBy: "ui", lastUsedMs: 0 };
    this.tokensMade.push(token);
    return { token, secret: "the-secret" };
  }
  async revokeToken(name: string): Promise<void> {
    this.called("revoke token", name);
  }

  async *logs(ref: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine> {
    this.called("logs", ref, options);
    yield* this.seed.logs ?? [];
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  }

  async exec(ref: string, options: ExecOptions): Promise<ExecStream> {
    this.called("exec", ref, options.columns, options.rows);
    return echoShell();
  }

  watch(onItem: (item: WatchItem) => void): Disposable {
    this.watchers.add(onItem);
    const { events, metrics } = this.seed;
    queueMicrotask(() => {
      onItem({
        kind: "snapshot",
        manager: this.seed.manager ?? manager(),
        revision: this.revision,
        jobs: [...this.jobsById.values()],
        tasks: [...this.tasksById.values()],
        nodes: [...this.nodesById.values()],
        events,
      });
      onItem({ kind: "metrics", metrics });
    });
    return { [Symbol.dispose]: () => void this.watchers.delete(onItem) };
  }
  async shutdown(): Promise<void> {
    this.called("shutdown");
  }
  async close(): Promise<void> {
    this.called("close");
  }

  private called(verb: string, ...args: unknown[]): void {
    this.calls.push([verb, ...args]);
    if (this.refuse !== undefined) throw this.refuse;
  }
  private findJob(ref: string): JobResource {
    return found(this.jobsById.get(ref) ?? [...this.jobsById.values()].find((each) => each.name === ref), ref);
  }
  private ofJob(ref: string): TaskResource[] {
    return [...this.tasksById.values()].filter((each) => each.jobId === ref || each.id === ref);
  }
  private each(ref: string, change: (task: TaskResource) => TaskResource, what: string): JobResource {
    for (const one of this.ofJob(ref)) this.put({ task: change(one), text: `${one.name} ${what}` });
    return this.findJob(this.ofJob(ref)[0]?.jobId ?? ref);
  }
  private put(at: { readonly task: TaskResource; readonly text: string }): void {
    this.tasksById.set(at.task.id, at.task);
    this.emit({
      kind: "event",
      event: this.event({ kind: "task.put", taskId: at.task.id, task: at.task, text: at.text }),
    });
  }
  private event(of: Partial<EventResource>): EventResource {
    this.revision++;
    return {
      revision: this.revision,
      atMs: START_MS,
      actor: "ui",
      text: "",
      kind: "",
      jobId: "",
      taskId: "",
      nodeId: "",
      ...of,
    };
  }
}

function found<T>(record: T | undefined, ref: string): T {
  if (record === undefined) throw new ClientError("not_found", `there is no ${ref}`, "cube status lists what there is");
  return record;
}

/** A shell that says what it was sent, and ends at `exit`. */
function echoShell(): ExecStream {
  const waiting: Uint8Array[] = [new TextEncoder().encode("$ ")];
  let wake: () => void = () => undefined;
  let open = true;
  let line = "";
  const say = (text: string): void => {
    waiting.push(new TextEncoder().encode(text));
    wake();
  };
  const close = (): void => {
    open = false;
    wake();
  };
  async function* output() {
    for (;;) {
      const data = waiting.shift();
      if (data !== undefined) yield { stream: "stdout" as const, data };
      else if (!open) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return {
    output: output(),
    write: async (data) => {
      for (const sign of new TextDecoder().decode(data)) {
        if (sign !== "\r") line += sign;
        else if (line === "exit") close();
        else {
          say(`\r\nyou typed <${line}>\r\n$ `);
          line = "";
        }
      }
    },
    closeInput: close,
    resize: (columns, rows) => say(`\r\nsize ${columns}x${rows}\r\n$ `),
    exitCode: Promise.resolve(0),
    close,
  };
}
