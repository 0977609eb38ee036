/**
 * What a healthy cluster has to come to once nothing disturbs it: each job as it was asked for, on real engines. Compared with reality, not with what the
 * manager believes.
 */

import type { Job, Slot } from "../core/job.ts";
import { allocatable } from "../core/node.ts";
import { isBatch, reservation, type ServiceSpec, type TaskSpec } from "../core/spec.ts";
import { isTerminal } from "../core/task.ts";
import { behaviourOf } from "./behaviour.ts";
import type { Simulation } from "./simulation.ts";
import type { Container } from "./trace.ts";

/** Why the cluster is not as it was asked for; "" when it is. Each line names a fact. */
export function unfinished(sim: Simulation): string {
  const { machine } = sim.manager.manager;
  if (machine === null || !sim.manager.manager.isOk) return "the manager does not work";
  const live = liveByTask(sim);
  const unlinked = [...sim.nodes.keys()].find((name) => machine.cluster.nodes.get(name)?.state === "disconnected");
  if (unlinked !== undefined) return `node ${unlinked} is disconnected`;
  for (const slot of machine.cluster.slots.values()) {
    const job = machine.cluster.jobs.get(slot.jobId);
    const service = job?.spec.services.find((one) => one.name === slot.service);
    if (job === undefined || service === undefined) return `slot ${slot.jobId}/${slot.index} has no job`;
    const problem = slotProblem(sim, { job, service, slot, live });
    if (problem !== "") return `${job.spec.name}[${slot.index}]: ${problem}`;
  }
  const [stray] = [...live.values()].flat();
  return stray === undefined
    ? ""
    : `${stray.node} runs ${stray.taskId.slice(0, 8)}.${stray.incarnation}, which nobody wants`;
}

interface At {
  readonly job: Job;
  readonly service: ServiceSpec;
  readonly slot: Slot;
  readonly live: Map<string, Container[]>;
}

/** Takes what is rightly alive out of `live`. */
function slotProblem(sim: Simulation, { job, service, slot, live }: At): string {
  const task = sim.manager.manager.machine?.cluster.tasks.get(slot.taskId);
  const containers = live.get(slot.taskId) ?? [];
  live.delete(slot.taskId);
  if (job.desired !== "run") {
    if (containers.length > 0) return `is to ${job.desired} and runs on ${containers[0]?.node}`;
    return task === undefined || isTerminal(task.fact.state) ? "" : `is to ${job.desired} and is ${task.fact.state}`;
  }
  if (task === undefined) return "has no attempt";
  if (isBatch(service.task) && isTerminal(task.fact.state)) return containers.length === 0 ? "" : "has ended and runs";
  if (containers.length > 1) return `runs ${containers.length} times`;
  if (task.fact.state === "pending") return isFeasible(sim, service) ? `is pending: ${task.reason}` : "";
  if (containers.length === 1 && task.fact.state === "running") return "";
  // What ends by itself all the time is never at rest; that it is tried again is all that can be asked.
  if (neverStays(service.task)) return "";
  if (task.fact.message.includes("port is already allocated")) return "";
  return `is ${task.fact.state} (${task.fact.message}) with ${containers.length} containers`;
}

/** Whether tasks of it end by themselves, or never begin, so that they are tried again and again. */
export function neverStays(spec: TaskSpec): boolean {
  const { lifeMs, image } = behaviourOf(spec);
  return lifeMs !== 0 || image === "missing";
}

/** Whether there is room for one more of it on any node, as the nodes really are. */
function isFeasible(sim: Simulation, service: ServiceSpec): boolean {
  const { cluster } = sim.manager.manager.machine ?? {};
  if (cluster === undefined) return false;
  const wanted = reservation(service.task);
  const ports = service.task.ports.map((port) => port.hostPort).filter((port) => port > 0);
  return [...cluster.nodes.values()].some((node) => {
    if (node.availability !== "eligible" || node.state !== "ready") return false;
    const there = [...cluster.tasks.values()].filter((task) => task.nodeId === node.id && !isTerminal(task.fact.state));
    const free = { ...allocatable(node) };
    for (const task of there) {
      const spec = cluster.jobs.get(task.jobId)?.spec.services.find((one) => one.name === task.service)?.task;
      if (spec === undefined) continue;
      const used = reservation(spec);
      free.cpuMillis -= used.cpuMillis;
      free.memoryBytes -= used.memoryBytes;
      if (spec.ports.some((port) => ports.includes(port.hostPort))) return false;
    }
    return free.cpuMillis >= wanted.cpuMillis && free.memoryBytes >= wanted.memoryBytes;
  });
}

function liveByTask(sim: Simulation): Map<string, Container[]> {
  const byTask = new Map<string, Container[]>();
  for (const { engine } of sim.nodes.values()) {
    for (const one of engine.live()) {
      if (one.isForeign) continue;
      const known = byTask.get(one.taskId);
      if (known === undefined) byTask.set(one.taskId, [one]);
      else known.push(one);
    }
  }
  return byTask;
}
