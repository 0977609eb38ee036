/** Invariants of what fits on a node, by the manager's records and in reality: S7. */
import { type Cluster, holdsResources, specOf } from "../../core/cluster.ts";
import { allocatable } from "../../core/node.ts";
import { type HostPort, readNeed } from "../../core/schedule-input.ts";
import { reservation, type TaskSpec } from "../../core/spec.ts";
import type { Task } from "../../core/task.ts";
import type { Checker, Violate } from "../checker.ts";
import type { Simulation } from "../simulation.ts";
import type { Container } from "../trace.ts";
import { StartedFromBackup } from "./journals.ts";
import { type Durable, storesOf } from "./stores.ts";

/**
 * S7: nothing is placed where it does not fit, no two that are placed on a node want one of its ports, and what a node really runs fits it. Counted anew from the
 * records each time. A store that was replaced, or copied, knows not all that runs: what really runs is not judged where a task lives that a manager's store has not on
 * record there, or had not yet when it placed others.
 */
export const nodesAreNotOverfilled: Checker = {
  id: "S7",
  rule: "what is placed on a node, and what really runs there, fits it",
  begin: (sim, violate) => {
    const stores = storesOf(sim);
    /** Nodes that have had another size: what was there before stays, and is started again there. */
    const resized = new Set<string>();
    const fromBackup = new StartedFromBackup();
    stores.onDurable((durable) => checkPlacement(durable, violate));
    return {
      onEvent: (event, atMs) => {
        fromBackup.hear(event, atMs);
        if (event.kind === "fault" && event.fault.kind === "resize") resized.add(event.fault.node);
        if (event.kind !== "started" || event.container.isForeign || resized.has(event.container.node)) return;
        const live = liveOn(sim, event.container.node);
        if (live.some((one) => fromBackup.has(one))) return;
        const taskIds = live.map(({ taskId }) => taskId);
        if (stores.isWhole || stores.areKnownTogether(event.container.node, taskIds))
          checkNode(sim, { started: event.container, live }, violate);
      },
    };
  },
};

/** A task gets its node: with it, everything there has to fit. */
function checkPlacement({ store, change, batch, logged }: Durable, violate: Violate): void {
  if (change.kind !== "task.put" || store.isAdopting) return;
  const { task } = change;
  const before = store.cluster.tasks.get(task.id);
  if (task.nodeId === null || before?.nodeId === task.nodeId) return;
  const spec = specOf(store.cluster, task);
  const node = store.cluster.nodes.get(task.nodeId);
  if (spec === undefined || node === undefined) {
    violate(`${task.id} is placed on ${task.nodeId} at revision ${logged.revision}`, "where there is nothing of it");
    return;
  }
  const freed = new Set(batch.flatMap(({ change: other }) => endedBy(other)));
  const there = heldOn(store.cluster, node.id).filter(({ id }) => id !== task.id && !freed.has(id));
  const specs = [spec, ...there.flatMap((other) => specOf(store.cluster, other) ?? [])];
  const problem = overfullBy(specs, allocatable(node)) || portOf(spec, specs.slice(1));
  if (problem !== "") violate(`${task.id} is placed on ${node.id} at revision ${logged.revision}`, problem);
}

/** Records of one batch come in any order: what ends in it makes room in it. */
function endedBy(change: Durable["change"]): string[] {
  if (change.kind === "task.remove") return [change.taskId];
  return change.kind === "task.put" && !holdsResources(change.task) ? [change.task.id] : [];
}

function heldOn(cluster: Cluster, nodeId: string): Task[] {
  const ids = cluster.tasksOfNode.get(nodeId) ?? new Set<string>();
  return [...ids].flatMap((id) => cluster.tasks.get(id) ?? []).filter(holdsResources);
}

/** What really runs. */
function liveOn(sim: Simulation, nodeId: string): Container[] {
  const live = sim.nodes.get(nodeId)?.engine.live() ?? [];
  return live.filter((one) => !one.isForeign);
}

function checkNode(
  sim: Simulation,
  { started, live }: { readonly started: Container; readonly live: readonly Container[] },
  violate: Violate,
): void {
  const node = sim.nodes.get(started.node);
  if (node === undefined) return;
  const problem = overfullBy(
    live.map((one) => one.spec),
    allocatable(node.worker.parts.facts),
  );
  if (problem !== "") violate(`${started.node} starts ${started.taskId}.${started.incarnation}`, problem);
}

function overfullBy(specs: readonly TaskSpec[], room: ReturnType<typeof allocatable>): string {
  const uses = specs.map(reservation);
  for (const what of ["cpuMillis", "memoryBytes", "diskBytes"] as const) {
    const used = uses.reduce((sum, use) => sum + use[what], 0);
    if (used > room[what]) return `${what}: ${used} of ${room[what]} are taken by ${specs.length}`;
  }
  return "";
}

/** The first of its host ports that another one has; those may clash among themselves where an adoption has brought them together. */
function portOf(spec: TaskSpec, others: readonly TaskSpec[]): string {
  const taken = others.flatMap((other) => readNeed(other).hostPorts);
  const twice = readNeed(spec).hostPorts.find((port) => taken.some((other) => clash(other, port)));
  return twice === undefined ? "" : `port ${twice.port}/${twice.protocol} is wanted twice`;
}

function clash(a: HostPort, b: HostPort): boolean {
  const isAll = (ip: string): boolean => ip === "" || ip === "0.0.0.0";
  const meets = a.hostIp === b.hostIp || isAll(a.hostIp) || isAll(b.hostIp);
  return a.port === b.port && a.protocol === b.protocol && meets;
}
