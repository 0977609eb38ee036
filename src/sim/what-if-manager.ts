/**
 * The real manager on a picture of a cluster and a virtual clock: nodes that are there say hello and beat, nodes that go away fall silent. Nothing is decided here and nothing
 * leaves it; what the manager would have sent or stored is dropped. Pure.
 */
import { assert } from "../core/assert.ts";
import { apply, type Cluster, emptyCluster } from "../core/cluster.ts";
import type { Node, NodeFacts, NodeMetrics } from "../core/node.ts";
import { SCHEDULERS } from "../core/schedule.ts";
import type { JobSpec } from "../core/spec.ts";
import { isTerminal, type Task, type TaskFact } from "../core/task.ts";
import type { Time } from "../core/time.ts";
import type { ClusterPicture } from "../core/what-if.ts";
import type { Command } from "../manager/commands.ts";
import { ManagerMachine } from "../manager/machine.ts";
import { PROTOCOL, type WorkerMessage } from "../protocol/messages.ts";

const HEARTBEAT_MS = 1_000;
/** A manager with work finds an end in far fewer turns; one that does not is broken. */
const TURNS = 100_000;
/** Past this a manager that was just started judges its nodes; see manager/presence.ts. */
const SETTLED_MS = 16_000;
/** A measured load of nothing, for a node that nobody has seen yet. */
const IDLE: NodeMetrics = {
  cpuMillis: 0,
  memoryUsedBytes: 0,
  memoryTotalBytes: 0,
  diskUsedBytes: 0,
  diskTotalBytes: 0,
  load: [0, 0, 0],
  tasks: [],
  atMs: 0,
  book: null,
};
/** How the record of a node begins that does not follow its manager; see core/refusal.ts. */
const REFUSES = "refuses this manager: ";

/** A manager that knows the picture and nothing else. */
export class WhatIfManager {
  readonly machine: ManagerMachine;
  readonly #picture: ClusterPicture;
  readonly #linked = new Map<string, NodeMetrics | null>();
  #monoMs = 0;

  /** The nodes that are ready in the picture have said hello, and the manager judges. */
  constructor(picture: ClusterPicture) {
    this.#picture = picture;
    this.machine = new ManagerMachine(clusterOf(picture), {
      identity: { clusterId: picture.clusterId, instanceId: "what-if", term: 1, lineage: "what-if" },
      scheduler: SCHEDULERS[picture.scheduler],
      heartbeatMs: HEARTBEAT_MS,
      keepLocalWorker: keepsLocalWorker(picture.nodes),
      revision: 0,
      time: this.#time,
    });
    for (const node of picture.nodes) if (node.state === "ready") this.#greet(node);
    this.#work();
    this.#beat();
    for (const { id } of picture.nodes.filter(isEligible)) {
      this.#command({ kind: "node.availability", nodeId: id, availability: "eligible" });
    }
    this.#work();
    while (this.#monoMs < SETTLED_MS) this.pass(HEARTBEAT_MS);
  }

  get cluster(): Cluster {
    return this.machine.cluster;
  }

  /** Virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#monoMs;
  }

  isLinked(nodeId: string): boolean {
    return this.#linked.has(nodeId);
  }

  /** Time passes; everybody who is there beats at its end. */
  pass(ms: number): void {
    this.#monoMs += ms;
    this.#beat();
    this.#work();
  }

  /** A further node joins, with nothing on it. */
  join(node: Node): void {
    this.#linked.set(node.id, IDLE);
    this.#hello(node);
    this.#work();
    this.#beat();
    this.#work();
  }

  /** A node falls silent for good. */
  drop(nodeId: string): void {
    this.#linked.delete(nodeId);
    this.machine.receive({ kind: "closed", linkId: nodeId }, this.#time);
    this.#work();
  }

  /** An operator vouches that what is out is gone. */
  trustLoss(): void {
    this.#command({ kind: "nodes.trust-loss" });
    this.#work();
  }

  /** Submits jobs in this order; their ids are theirs alone, so no name is taken. */
  submit(jobs: readonly { readonly id: string; readonly spec: JobSpec }[]): void {
    for (const { id, spec } of jobs) this.#command({ kind: "job.submit", id, spec, idempotencyKey: "" });
    this.#work();
  }

  get #time(): Time {
    return { monoMs: this.#monoMs, wallMs: this.#picture.nowMs + this.#monoMs, bootId: "what-if" };
  }

  #command(command: Command): void {
    this.machine.receive({ kind: "command", ticket: 0, command, actor: "what-if" }, this.#time);
  }

  #greet(node: Node): void {
    this.#linked.set(node.id, this.#picture.metrics.get(node.id) ?? null);
    this.#hello(node);
    const refusal = node.reason.startsWith(REFUSES) ? node.reason.slice(REFUSES.length) : "";
    if (refusal !== "") this.#say(node.id, { kind: "refused", reason: refusal });
  }

  /** Its hello and its whole report: all as the picture has it, but that what is being ended has ended. */
  #hello(node: Node): void {
    const seen = null;
    this.#say(node.id, { kind: "hello", protocol: PROTOCOL, facts: factsOf(node), bootId: "", setNumber: 0, seen });
    const tasks = this.#picture.tasks.filter((task) => task.nodeId === node.id);
    const removed = tasks.filter((task) => task.desired === "remove").map((task) => task.id);
    this.#say(node.id, { kind: "report", number: 1, full: true, facts: tasks.map(reported), removed });
  }

  #say(nodeId: string, message: WorkerMessage): void {
    this.machine.receive({ kind: "message", linkId: nodeId, message }, this.#time);
  }

  #beat(): void {
    for (const [nodeId, metrics] of this.#linked) this.#say(nodeId, { kind: "heartbeat", metrics, progress: [] });
  }

  #work(): void {
    let turns = 0;
    do {
      this.machine.tick(this.#time);
      assert(++turns < TURNS, "a manager on a picture comes to rest");
    } while (this.machine.hasWork);
  }
}

/** Its records. Nobody is eligible yet: what waits must not be placed before all samples are there. */
function clusterOf(picture: ClusterPicture): Cluster {
  const cluster = emptyCluster();
  for (const node of picture.nodes) {
    const held = isEligible(node) ? { ...node, availability: "cordoned" as const } : node;
    apply(cluster, { kind: "node.put", node: held });
  }
  for (const job of picture.jobs) apply(cluster, { kind: "job.put", job });
  for (const slot of picture.slots) apply(cluster, { kind: "slot.put", slot });
  for (const task of picture.tasks) apply(cluster, { kind: "task.put", task });
  return cluster;
}

function isEligible(node: Node): boolean {
  return node.availability === "eligible";
}

/** The manager's own node takes tasks beside others only where somebody wants it to. */
function keepsLocalWorker(nodes: readonly Node[]): boolean {
  return nodes.some((node) => node.local && isEligible(node)) && nodes.some((node) => !node.local);
}

function factsOf(node: Node): NodeFacts {
  const { state: _state, availability: _availability, reason: _reason, ...rest } = node;
  const { joinedMs: _joinedMs, stateSinceMs: _sinceMs, ...facts } = rest;
  return facts;
}

function reported({ desired, fact }: Task): TaskFact {
  const isBeingEnded = desired === "stop" || desired === "remove";
  return isBeingEnded && !isTerminal(fact.state) ? { ...fact, state: "stopped", restartInMs: null } : fact;
}
