/**
 * A ManagerAccess for tests of what stands in front of a manager. Commands and `apply` are the real ones of core; only the workers are missing: tests say themselves
 * what a task does. Every batch is durable at once, and listeners hear of it before the command's answer, as with the real host.
 */
import type { Change, LoggedChange } from "../../src/core/change.ts";
import { apply, type Cluster, currentTask, emptyCluster, slotKeyOf, slotsOf } from "../../src/core/cluster.ts";
import { taskId } from "../../src/core/ids.ts";
import type { Job, Slot } from "../../src/core/job.ts";
import type { Node } from "../../src/core/node.ts";
import { isTerminal, type Task, type TaskFact, unseen } from "../../src/core/task.ts";
import type {
  Command,
  CommandResult,
  ManagerAccess,
  ManagerNews,
  ManagerStatus,
  Observation,
} from "../../src/manager/commands.ts";
import { planCommand } from "../../src/manager/plan.ts";

const CLUSTER_ID = "c1";

/** Wall clock of the first change; each further one is a millisecond later. */
const FAKE_START_MS = Date.UTC(2026, 0, 1);

/** A node with 4 cores, 8 GiB of memory and 100 GiB of disk. */
export function fakeNode(name: string, more: Partial<Node> = {}): Node {
  return {
    id: `node-${name}-0123456789`,
    name,
    machineId: `machine-${name}`,
    address: "in-process",
    os: "linux",
    arch: "x64",
    version: "0.1.0",
    labels: {},
    capacity: { cpuMillis: 4_000, memoryBytes: 8 * 1024 ** 3, diskBytes: 100 * 1024 ** 3 },
    reserved: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
    runtimes: [{ kind: "docker", version: "27.0", problem: "" }],
    local: true,
    state: "ready",
    availability: "eligible",
    reason: "",
    joinedMs: FAKE_START_MS,
    stateSinceMs: FAKE_START_MS,
    ...more,
  };
}

export class FakeManager implements ManagerAccess {
  readonly cluster: Cluster = emptyCluster();
  readonly commands: { readonly command: Command; readonly actor: string }[] = [];
  readonly observed = new Map<string, Observation>();
  /** Times that the log was asked for. */
  logReads = 0;
  #status: ManagerStatus = {
    clusterId: CLUSTER_ID,
    scheduler: "epvm",
    revision: 0,
    health: "ok",
    problem: "",
    caution: "",
    notice: "",
  };
  #log: LoggedChange[] = [];
  #listeners = new Set<(news: ManagerNews) => void>();
  #revision = 0;

  async read(): Promise<Cluster> {
    return this.cluster;
  }

  status(): ManagerStatus {
    return { ...this.#status, revision: this.#revision };
  }

  observations(): ReadonlyMap<string, Observation> {
    return this.observed;
  }

  async execute(command: Command, actor: string): Promise<CommandResult> {
    this.commands.push({ command, actor });
    if (this.#status.health === "read-only")
      return { ok: false, code: "read_only", message: "the store takes no commits", hint: this.#status.problem };
    const nowMs = FAKE_START_MS + this.#revision;
    if (command.kind === "nodes.trust-loss") return { ok: true, jobId: "", created: false, revision: this.#revision };
    const planned = planCommand(command, {
      cluster: this.cluster,
      clusterId: CLUSTER_ID,
      actor,
      revision: this.#revision,
      nowMs,
    });
    if (!planned.ok) return planned;
    for (const draft of planned.drafts) this.commit([draft.change], draft);
    const job = this.cluster.jobs.get(planned.jobId);
    if (job) this.#reconcile(job);
    return { ok: true, jobId: planned.jobId, created: planned.created, revision: this.#revision };
  }

  async log(after: number, limit: number): Promise<readonly LoggedChange[] | null> {
    this.logReads++;
    const oldest = this.#log[0]?.revision ?? this.#revision + 1;
    if (after + 1 < oldest && after < this.#revision) return null;
    return this.#log.filter((change) => change.revision > after).slice(0, limit);
  }

  subscribe(listener: (news: ManagerNews) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Listeners at present: a stream that was left must not stay here. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Makes changes durable as one batch, and tells. */
  commit(changes: readonly Change[], by: { readonly actor?: string; readonly text?: string } = {}): void {
    const logged = changes.map((change, index) => ({
      revision: this.#revision + index + 1,
      atMs: FAKE_START_MS + this.#revision + index + 1,
      actor: by.actor ?? "test",
      text: by.text ?? "",
      change,
    }));
    for (const { change } of logged) apply(this.cluster, change);
    this.#revision += logged.length;
    this.#log.push(...logged);
    this.#tell({ kind: "committed", changes: logged, cluster: this.cluster });
  }

  /** Forgets the log up to now, as an hour would. */
  forgetLog(): void {
    this.#log = [];
  }

  setHealth(health: ManagerStatus["health"], problem = ""): void {
    this.#status = { ...this.#status, health, problem };
    this.#tell({ kind: "status" });
  }

  reload(): void {
    this.#tell({ kind: "reloaded" });
  }

  addNode(name: string, more: Partial<Node> = {}): Node {
    const node = fakeNode(name, more);
    this.commit([{ kind: "node.put", node }], { text: `node ${name} joined` });
    return node;
  }

  /** Says what a worker would say of the job's newest attempt in a slot. */
  report(
    jobId: string,
    fact: Partial<TaskFact>,
    place: { readonly nodeId?: string; readonly slot?: number } = {},
  ): Task {
    const slot = slotsOf(this.cluster, jobId).find((each) => each.index === (place.slot ?? 0));
    const task = slot && currentTask(this.cluster, slot);
    if (!task) throw new Error(`job ${jobId} has no task there`);
    const changed: Task = { ...task, nodeId: place.nodeId ?? task.nodeId, fact: { ...task.fact, ...fact } };
    this.commit([{ kind: "task.put", task: changed }], {
      actor: "worker:fake",
      text: `${jobId} is ${changed.fact.state}`,
    });
    return changed;
  }

  #reconcile(job: Job): void {
    if (job.desired === "remove") {
      this.#removeAll(job);
      return;
    }
    for (const service of job.spec.services) {
      for (let index = 0; index < service.count; index++) this.#fill(job, service.name, index);
    }
  }

  #fill(job: Job, service: string, index: number): void {
    const slot = this.cluster.slots.get(slotKeyOf({ jobId: job.id, service, index }));
    const task = slot && currentTask(this.cluster, slot);
    if (job.desired === "stop") {
      const stopped: Task | undefined = task && { ...task, desired: "stop", fact: { ...task.fact, state: "stopped" } };
      if (task && stopped && !isTerminal(task.fact.state))
        this.commit([{ kind: "task.put", task: stopped }], { text: `${job.spec.name} is stopped` });
      return;
    }
    if (slot && task && (!isTerminal(task.fact.state) || slot.startSerial === job.startSerial)) return;
    this.#attempt(job, { service, index, attempt: (slot?.attempt ?? 0) + 1 });
  }

  #attempt(job: Job, at: { readonly service: string; readonly index: number; readonly attempt: number }): void {
    const id = taskId({
      clusterId: CLUSTER_ID,
      jobId: job.id,
      service: at.service,
      slot: at.index,
      attempt: at.attempt,
    });
    const slot: Slot = {
      jobId: job.id,
      service: at.service,
      index: at.index,
      attempt: at.attempt,
      taskId: id,
      startSerial: job.startSerial,
      failures: 0,
      waitMs: 0,
      avoid: [],
    };
    const atMs = FAKE_START_MS + this.#revision;
    const task: Task = {
      id,
      jobId: job.id,
      jobVersion: job.version,
      service: at.service,
      slot: at.index,
      attempt: at.attempt,
      nodeId: null,
      desired: "run",
      restartSerial: 0,
      fact: unseen(id),
      reason: "",
      createdMs: atMs,
      updatedMs: atMs,
    };
    this.commit(
      [
        { kind: "slot.put", slot },
        { kind: "task.put", task },
      ],
      { text: "" },
    );
  }

  #removeAll(job: Job): void {
    const changes: Change[] = [];
    for (const slot of slotsOf(this.cluster, job.id)) {
      for (const id of this.cluster.attempts.get(slotKeyOf(slot)) ?? [])
        changes.push({ kind: "task.remove", taskId: id });
      changes.push({ kind: "slot.remove", key: slotKeyOf(slot) });
    }
    this.commit([...changes, { kind: "job.remove", jobId: job.id }], { text: `${job.spec.name} is removed` });
  }

  #tell(news: ManagerNews): void {
    for (const listener of [...this.#listeners]) listener(news);
  }
}
