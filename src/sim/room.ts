/** Whether there is a place for a task, as the nodes really are: the simulator's own reckoning, so that the scheduler's is held against something. */
import type { Cluster } from "../core/cluster.ts";
import { allocatable, type Node } from "../core/node.ts";
import { reservation, type TaskSpec } from "../core/spec.ts";
import { isTerminal } from "../core/task.ts";
import type { Simulation } from "./simulation.ts";

/** Nodes that could take one more such task now: in the core, willing, of the right kind, with room. */
export function nodesWithRoom(sim: Simulation, cluster: Cluster, spec: TaskSpec): string[] {
  return nodesOfKind(sim, cluster, spec).filter((name) => {
    const node = cluster.nodes.get(name);
    return node !== undefined && fits(cluster, node, spec);
  });
}

/** Nodes that could take such a task if they were empty, but for what is not Cube's. */
function nodesOfKind(sim: Simulation, cluster: Cluster, spec: TaskSpec): string[] {
  const willing = [...cluster.nodes.values()].filter(
    (node) => node.availability === "eligible" && node.state === "ready",
  );
  return willing
    .filter((node) => meets(node, spec))
    .map((node) => node.id)
    .filter((name) => !isForeignOn(sim, name, spec));
}

/** Whether somebody else's container has a port that the task wants, on any node: no manager can know. */
export function isPortForeign(sim: Simulation, spec: TaskSpec): boolean {
  return spec.ports.length > 0 && [...sim.nodes.keys()].some((name) => isForeignOn(sim, name, spec));
}

function isForeignOn(sim: Simulation, name: string, spec: TaskSpec): boolean {
  const wanted = hostPorts(spec);
  const live = sim.nodes.get(name)?.engine.live() ?? [];
  return live.some((one) => one.isForeign && hostPorts(one.spec).some((port) => wanted.includes(port)));
}

function meets(node: Node, spec: TaskSpec): boolean {
  return spec.constraints.every(({ key, operator, value }) => (node.labels[key] === value) === (operator === "=="));
}

function fits(cluster: Cluster, node: Node, spec: TaskSpec): boolean {
  const wanted = reservation(spec);
  const ports = hostPorts(spec);
  const free = { ...allocatable(node) };
  for (const id of cluster.tasksOfNode.get(node.id) ?? []) {
    const task = cluster.tasks.get(id);
    if (task === undefined || isTerminal(task.fact.state)) continue;
    const other = cluster.jobs.get(task.jobId)?.spec.services.find((one) => one.name === task.service)?.task;
    if (other === undefined) continue;
    const used = reservation(other);
    free.cpuMillis -= used.cpuMillis;
    free.memoryBytes -= used.memoryBytes;
    if (hostPorts(other).some((port) => ports.includes(port))) return false;
  }
  return free.cpuMillis >= wanted.cpuMillis && free.memoryBytes >= wanted.memoryBytes;
}

function hostPorts(spec: TaskSpec): number[] {
  return spec.ports.map((port) => port.hostPort).filter((port) => port > 0);
}
