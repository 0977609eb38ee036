/**
 * What a healed cluster has to come to once nothing disturbs it: each job as it was asked for, on real engines. Compared with reality, not with what the
 * manager believes. Nodes that are gone for good take no part: what they had is replaced, given up, or waits for them, as its job says.
 */

import { staysWithNode } from "../core/absence.ts";
import { type Cluster, slotKeyOf, slotKeyOfTask } from "../core/cluster.ts";
import { type Job, type Slot, slotKey } from "../core/job.ts";
import { isBatch, type ServiceSpec, type TaskSpec } from "../core/spec.ts";
import { isTerminal, type Task } from "../core/task.ts";
import { behaviourOf } from "./behaviour.ts";
import { lastTries } from "./checks/tries.ts";
import { goneNodes } from "./faults.ts";
import { isPortForeign, nodesWithRoom } from "./room.ts";
import type { Simulation } from "./simulation.ts";
import type { Container } from "./trace.ts";

/**
 * Longest time between two tries of what ends by itself, or cannot begin, ms: the longest wait of its slot (10 min) and of its worker (75 s), a call that is never
 * answered (2 min), and the way of the order.
 */
const TRY_MS = 15 * 60_000;
/** Dead containers of a task that its worker keeps for their output (worker/next-step.ts). */
const KEPT_DEAD = 2;
/** What runs once for longer on average need not have come to its end. */
const SHORT_LIFE_MS = 60_000;

/** Why the cluster is not as it was asked for; "" when it is. Each line names a fact. */
export function unfinished(sim: Simulation): string {
  const { manager } = sim.manager;
  if (manager.machine === null || !manager.isOk) return "the manager does not work";
  // What is in memory only is not so yet.
  if (!manager.isIdle) return "the manager is at work";
  const goal = new Goal(sim, manager.machine.cluster);
  return goal.nodes() || manager.machine.caution || goal.jobs() || goal.strays();
}

/** Whether tasks of it end by themselves, or never begin, so that they are tried again and again and never come to rest. */
export function neverRests(sim: Simulation, spec: TaskSpec): boolean {
  const { lifeMs, image } = behaviourOf(spec);
  const cluster = sim.manager.manager.machine?.cluster;
  if (lifeMs !== 0 || image !== "there") return true;
  // Only its engine can say that a port is somebody else's, so where there is no other node each start is an attempt.
  if (cluster === undefined || !isPortForeign(sim, spec)) return false;
  return nodesWithRoom(sim, cluster, spec).length === 0;
}

/** A slot with its attempt, and what lives of it. */
interface Filled {
  readonly slot: Slot;
  readonly task: Task;
  readonly containers: readonly Container[];
}

class Goal {
  readonly #sim: Simulation;
  readonly #cluster: Cluster;
  readonly #gone: ReadonlySet<string>;
  /** Of nodes in the core, without what is not Cube's; what is rightly alive is taken out. */
  readonly #live: Map<string, Container[]>;

  constructor(sim: Simulation, cluster: Cluster) {
    this.#sim = sim;
    this.#cluster = cluster;
    this.#gone = goneNodes(sim.plan);
    const core = [...sim.nodes].filter(([name]) => !this.#gone.has(name));
    const own = core.flatMap(([, { engine }]) => engine.live().filter((one) => !one.isForeign));
    this.#live = Map.groupBy(own, (one) => one.taskId);
  }

  nodes(): string {
    for (const [name, { worker }] of this.#sim.nodes) {
      const state = this.#cluster.nodes.get(name)?.state ?? "not known";
      if (this.#gone.has(name)) {
        if (state === "ready") return `node ${name} is gone and ready`;
        continue;
      }
      if (state !== "ready") return `node ${name} is ${state}`;
      const refusal = worker.machine?.refused() ?? "its worker does not run";
      if (refusal !== "") return `node ${name} does not follow: ${refusal}`;
      // The record is of the last link.
      if (!worker.isLinked) return `node ${name} has no link`;
      // What was ordered may be under way for as long as a call may take.
      if (worker.isWaiting) return `node ${name} waits for its engine`;
    }
    return "";
  }

  jobs(): string {
    for (const job of this.#cluster.jobs.values()) {
      const problem = this.#job(job);
      if (problem !== "") return `${job.spec.name}${problem}`;
    }
    const lost = [...this.#cluster.tasks.values()].find((task) => this.#isToBeGivenUp(task));
    return lost === undefined ? "" : `${lost.id.slice(0, 8)} is ${lost.fact.state} on ${lost.nodeId}, which is gone`;
  }

  strays(): string {
    const [stray] = [...this.#live.values()].flat();
    if (stray !== undefined)
      return `${stray.node} runs ${stray.taskId.slice(0, 8)}.${stray.incarnation}, which nobody wants`;
    for (const [name, { engine }] of this.#sim.nodes) {
      const left = [...engine.containers.values()].filter((one) => !one.isForeign && one.status !== "running");
      for (const [taskId, ofTask] of Map.groupBy(left, (one) => one.taskId)) {
        const problem = this.#gone.has(name) ? "" : this.#leftOver(name, taskId, ofTask);
        if (problem !== "") return `${name} keeps ${taskId.slice(0, 8)}, ${problem}`;
      }
    }
    return "";
  }

  /** What does not run any more is kept for its output, as long as its task is on record; what never ran holds nothing but a name. */
  #leftOver(node: string, taskId: string, left: readonly Container[]): string {
    const task = this.#cluster.tasks.get(taskId);
    if (task === undefined) return "of which there is no record";
    if (task.nodeId !== node) return `which is on record on ${task.nodeId}`;
    const dead = left.filter(({ status }) => status === "exited").length;
    const [isOver, made] = [isTerminal(task.fact.state), left.length - dead];
    // Between an end and the next start the last one is there beside those that are kept.
    if (dead > KEPT_DEAD + (isOver ? 0 : 1)) return `which is ${task.fact.state}, ${dead} times dead`;
    return made > (isOver ? 0 : 1) ? `which is ${task.fact.state}, ${made} times and never started` : "";
  }

  #job(job: Job): string {
    // What is left on nodes that are gone can only be cleared when they are back.
    if (job.desired === "remove") return this.#isOnGoneNodes(job) ? "" : ": is to be removed";
    for (const service of job.spec.services) {
      for (let index = 0; index < service.count; index++) {
        const slot = this.#cluster.slots.get(slotKey(job.id, service.name, index));
        // What a damaged store has lost of a job that is stopped comes back when it is started.
        const missing = job.desired === "run" ? "has no record" : "";
        const problem = slot === undefined ? missing : this.#slot(job, service, slot);
        if (problem !== "") return `[${index}]: ${problem}`;
      }
    }
    return "";
  }

  #isOnGoneNodes(job: Job): boolean {
    const left = [...this.#cluster.tasks.values()].filter((task) => task.jobId === job.id);
    return left.some((task) => this.#isOnGone(task)) && !left.some((task) => this.#live.has(task.id));
  }

  #slot(job: Job, service: ServiceSpec, slot: Slot): string {
    const task = this.#cluster.tasks.get(slot.taskId);
    const containers = this.#live.get(slot.taskId) ?? [];
    this.#live.delete(slot.taskId);
    if (job.desired === "stop") return this.#stopped(task, containers);
    if (task === undefined) return "has no attempt";
    if (this.#isOnGone(task) && !isTerminal(task.fact.state)) {
      if (!staysWithNode(service.task)) return `is on ${task.nodeId}, which is gone`;
      this.#pardonDoubles(task);
      return "";
    }
    if (containers.length > 1) return `runs ${containers.length} times`;
    const problem = isBatch(service.task)
      ? this.#ranOnce(service.task, { slot, task, containers })
      : this.#runs(service.task, { slot, task, containers });
    return problem || this.#others(task);
  }

  /** Others that an adoption has found in the slot go on until the node is back: only then it can be decided between them. */
  #pardonDoubles(task: Task): void {
    for (const id of this.#cluster.attempts.get(slotKeyOfTask(task)) ?? [])
      if (this.#cluster.tasks.get(id)?.desired === "run") this.#live.delete(id);
  }

  #stopped(task: Task | undefined, containers: readonly Container[]): string {
    if (containers.length > 0) return `is to stop and runs on ${containers[0]?.node}`;
    if (task === undefined || isTerminal(task.fact.state) || this.#isOnGone(task)) return "";
    return `is to stop and is ${task.fact.state}`;
  }

  /** What runs once comes to its end, well or not; one that does not end soon runs. */
  #ranOnce(spec: TaskSpec, { slot, task, containers }: Filled): string {
    const { state, message } = task.fact;
    if (isTerminal(state)) {
      if (containers.length > 0) return "has ended and runs";
      return slot.waitMs > 0 ? `is ${state} and waits to be tried again` : "";
    }
    if (state === "pending") return this.#unplaced(spec, task);
    const { lifeMs, image } = behaviourOf(spec);
    const isLong = (lifeMs === 0 || lifeMs > SHORT_LIFE_MS) && image === "there";
    if (isLong && state === "running" && containers.length === 1) return "";
    return `has not ended: it is ${state} (${message}) with ${containers.length} containers`;
  }

  #runs(spec: TaskSpec, { slot, task, containers }: Filled): string {
    const { state, message, health } = task.fact;
    const isWell = message === "" && (spec.health === null || health === "healthy");
    if (containers.length === 1 && state === "running" && isWell) return "";
    // Its policy asks for another one only where it has failed.
    if (state === "complete" && containers.length === 0) return "";
    const unplaced = state === "pending" ? this.#unplaced(spec, task) : null;
    if (unplaced === "") return "";
    if (neverRests(this.#sim, spec)) return this.#overdue(slot, state);
    return unplaced ?? `is ${state}, ${health} (${message}) with ${containers.length} containers`;
  }

  #unplaced(spec: TaskSpec, task: Task): string {
    const [free] = nodesWithRoom(this.#sim, this.#cluster, spec);
    return free === undefined ? "" : `is pending although ${free} has room: ${task.reason}`;
  }

  /** What ends by itself all the time is never at rest; that it is tried again in time is all that can be asked. */
  #overdue(slot: Slot, state: string): string {
    const lastMs = lastTries(this.#sim)(slotKeyOf(slot));
    if (lastMs >= this.#sim.nowMs - TRY_MS) return "";
    return lastMs < 0 ? `is ${state} and was never tried` : `is ${state} and was last tried at ${lastMs}`;
  }

  /** Other attempts of the slot, on nodes that are not gone, have ended. */
  #others(task: Task): string {
    for (const id of this.#cluster.attempts.get(slotKeyOfTask(task)) ?? []) {
      const other = this.#cluster.tasks.get(id);
      if (other === undefined || other.id === task.id || isTerminal(other.fact.state) || this.#isOnGone(other))
        continue;
      return `attempt ${other.attempt} is ${other.fact.state} beside attempt ${task.attempt}`;
    }
    return "";
  }

  #isOnGone(task: Task): boolean {
    return task.nodeId !== null && this.#gone.has(task.nodeId);
  }

  /** On a node that is gone, and not bound to it: lost after a while. */
  #isToBeGivenUp(task: Task): boolean {
    if (!this.#isOnGone(task) || isTerminal(task.fact.state)) return false;
    const spec = this.#cluster.jobs.get(task.jobId)?.spec.services.find((one) => one.name === task.service)?.task;
    return spec !== undefined && !staysWithNode(spec);
  }
}
