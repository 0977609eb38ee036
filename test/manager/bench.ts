/** A manager on a virtual clock, with as many nodes as a test says hello for. */
import type { Change } from "../../src/core/change.ts";
import { apply, emptyCluster } from "../../src/core/cluster.ts";
import type { Node } from "../../src/core/node.ts";
import { SCHEDULERS } from "../../src/core/schedule.ts";
import type { JobSpec } from "../../src/core/spec.ts";
import { type TaskFact, unseen } from "../../src/core/task.ts";
import type { Command, CommandResult } from "../../src/manager/commands.ts";
import { ManagerMachine, type Tick } from "../../src/manager/machine.ts";
import type { ManagerMessage, WorkerMessage } from "../../src/protocol/messages.ts";
import { aNode } from "../core/records.ts";

/** A manager on a virtual clock; its ticks are durable at once. */
export class Bench {
  monoMs = 0;
  sleptMs = 0;
  machine = this.#make();
  sent: ManagerMessage[] = [];
  replies: CommandResult[] = [];
  texts: string[] = [];
  readonly links = new Set<string>();
  #records = emptyCluster();

  #make(): ManagerMachine {
    return new ManagerMachine(emptyCluster(), { ...OPTIONS, revision: 0, time: this.#time() });
  }

  #time() {
    return { monoMs: this.monoMs, wallMs: 1_700_000_000_000 + this.monoMs + this.sleptMs, bootId: "boot" };
  }

  tick(): Tick {
    const tick = this.machine.tick(this.#time());
    for (const logged of tick.changes) {
      apply(this.#records, logged.change);
      if (logged.text !== "") this.texts.push(logged.text);
    }
    for (const effect of tick.effects) {
      if (effect.kind === "send") this.sent.push(effect.message);
      else if (effect.kind === "reply") this.replies.push(effect.result);
      else this.links.delete(effect.linkId);
    }
    return tick;
  }

  settle(): void {
    do this.tick();
    while (this.machine.hasWork);
  }

  /** A crash: a new machine from what was durable, and from what an adoption has made of it. */
  restart(adopted: readonly Change[] = []): void {
    for (const change of adopted) apply(this.#records, change);
    this.machine = new ManagerMachine(this.#records, {
      ...OPTIONS,
      revision: this.machine.revision,
      time: this.#time(),
    });
  }

  say(message: WorkerMessage, linkId = "l1"): void {
    this.machine.receive({ kind: "message", linkId, message }, this.#time());
    this.settle();
  }

  hello(name = "n1", linkId = "l1", overrides: Partial<Node> = {}): void {
    const facts = aNode(name, overrides);
    this.links.add(linkId);
    this.say({ kind: "hello", protocol: { min: 1, max: 1 }, facts, bootId: "b", setNumber: 0, seen: null }, linkId);
    this.beat(linkId);
  }

  beat(linkId = "l1"): void {
    const metrics = { ...IDLE, atMs: this.#time().wallMs };
    this.machine.receive(
      { kind: "message", linkId, message: { kind: "heartbeat", metrics, progress: [] } },
      this.#time(),
    );
    this.settle();
  }

  report(facts: readonly TaskFact[], removed: readonly string[] = [], linkId = "l1"): void {
    this.say({ kind: "report", number: 1, full: false, facts, removed }, linkId);
  }

  command(command: Command): CommandResult | undefined {
    this.machine.receive({ kind: "command", ticket: 1, command, actor: "test" }, this.#time());
    this.settle();
    return this.replies.at(-1);
  }

  submit(spec: JobSpec, options: { id?: string; idempotencyKey?: string } = {}): CommandResult | undefined {
    return this.command({ kind: "job.submit", id: "", idempotencyKey: "", spec, ...options });
  }

  /** Time passes; every link that is open has its heartbeats. */
  passes(ms: number): void {
    const end = this.monoMs + ms;
    while (this.monoMs < end) {
      this.monoMs = Math.min(end, this.monoMs + OPTIONS.heartbeatMs);
      for (const linkId of this.links) this.beat(linkId);
      this.settle();
    }
  }

  /** The machine sleeps: the monotonic clock stands still, the wall clock does not. */
  sleeps(ms: number): void {
    this.sleptMs += ms;
    this.settle();
  }

  /** A link is cut. */
  cut(linkId: string): void {
    this.links.delete(linkId);
    this.machine.receive({ kind: "closed", linkId }, this.#time());
    this.settle();
  }

  get tasks() {
    return [...this.machine.cluster.tasks.values()];
  }

  get newest() {
    const task = this.tasks.at(-1);
    if (!task) throw new Error("no task");
    return task;
  }
}

const OPTIONS = {
  identity: { clusterId: "c", instanceId: "i", term: 1, lineage: "l" },
  scheduler: SCHEDULERS.epvm,
  heartbeatMs: 2_000,
  keepLocalWorker: false,
};
const IDLE = {
  cpuMillis: 100,
  memoryUsedBytes: 2 ** 30,
  memoryTotalBytes: 8 * 2 ** 30,
  diskUsedBytes: 0,
  diskTotalBytes: 100 * 2 ** 30,
  load: [0, 0, 0] as const,
  tasks: [],
  book: null,
};

/** What a node says of a task that has a container. */
export function fact(taskId: string, change: Partial<TaskFact>): TaskFact {
  return { ...unseen(taskId, "assigned"), incarnation: 1, containerId: "box", ...change };
}
