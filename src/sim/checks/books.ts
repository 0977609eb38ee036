/** Invariants of what a manager derives from its records: S8, S25. Counted anew from the records, now and then. */
import { apply, type Cluster, emptyCluster, holdsResources, slotKeyOfTask, specOf } from "../../core/cluster.ts";
import { allocatable } from "../../core/node.ts";
import { isBeingEmptied } from "../../core/reconcile.ts";
import { Placement, readNeed, SCHEDULERS, viewNode } from "../../core/schedule.ts";
import type { SchedulerName } from "../../core/scheduler.ts";
import { isTerminal } from "../../core/task.ts";
import { Derived } from "../../manager/derived.ts";
import type { ManagerMachine } from "../../manager/machine.ts";
import { Presence } from "../../manager/presence.ts";
import type { Checker, Violate } from "../checker.ts";
import type { Simulation } from "../simulation.ts";
import { differenceOf } from "./promises.ts";
import { storesOf } from "./stores.ts";

/** S8: what is counted along with each change equals what is counted anew; and what a manager has in mind is what its store holds. */
export const booksBalance: Checker = {
  id: "S8",
  rule: "what is counted along the way equals a recount from the records",
  begin: (sim, violate) => {
    const stores = storesOf(sim);
    return {
      onEvent: () => {},
      recount: () => {
        for (const [name, { manager, store }] of sim.managers) {
          const { machine } = manager;
          if (machine === null || !manager.isOk) continue;
          const problem = unbalanced(machine.cluster) || miscounted(machine);
          if (problem !== "") violate(`${name} at revision ${machine.revision}`, problem);
          // Between a turn and its commit the machine is ahead.
          if (store.isWriting || machine.revision !== stores.of(name).revision) continue;
          const difference = differenceOf(machine.cluster, stores.of(name).cluster);
          if (difference !== "") violate(`${name} at revision ${machine.revision} is not as its store`, difference);
        }
      },
    };
  },
};

/** The first index that is not what the records say; "" for none. */
export function unbalanced(cluster: Cluster): string {
  const anew = emptyCluster();
  for (const job of cluster.jobs.values()) apply(anew, { kind: "job.put", job });
  for (const slot of cluster.slots.values()) apply(anew, { kind: "slot.put", slot });
  for (const task of cluster.tasks.values()) apply(anew, { kind: "task.put", task });
  for (const index of ["attempts", "tasksOfNode", "jobsByName"] as const) {
    if (textOf(cluster[index]) !== textOf(anew[index])) return `${index} does not balance`;
  }
  for (const [jobId, states] of anew.statesOfJob) {
    const kept = cluster.statesOfJob.get(jobId) ?? new Map();
    const counts = (of: ReadonlyMap<string, number>): string => [...of].map(String).sort().join(" ");
    if (counts(states) !== counts(kept)) return `states of ${jobId}: ${counts(kept)}, counted ${counts(states)}`;
  }
  return cluster.statesOfJob.size === anew.statesOfJob.size ? "" : "states of jobs that are not there are counted";
}

/** The first of a manager's own books that is not what one has that is made from the same records now; "" for none. */
function miscounted({ cluster, books }: Pick<ManagerMachine, "cluster" | "books">): string {
  // Which scheduler and what time it is matter to none of them.
  const anew = new Derived(cluster, SCHEDULERS.pack, { presence: new Presence(0), monoMs: 0 }).books;
  for (const nodeId of cluster.nodes.keys()) {
    const [kept, counted] = [books, anew].map((of) => JSON.stringify(of.allocated(nodeId)));
    if (kept !== counted) return `on ${nodeId} ${kept} is reserved, counted ${counted}`;
  }
  const lists = [
    ["tasks to place", placeable(cluster, books.pending), placeable(cluster, anew.pending)],
    ["slots that wait", books.waits, anew.waits],
    ["tasks that run", books.running, anew.running],
  ] as const;
  for (const [what, kept, counted] of lists) {
    const [has, is] = [kept, counted].map((of) => [...of].map(String).sort().join("; "));
    if (has !== is) return `${what}: ${has || "none"}, counted ${is || "none"}`;
  }
  return "";
}

/** Without those that the scheduler has laid aside until another attempt of their slot has ended. */
function placeable(cluster: Cluster, pending: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const isFree = (taskId: string): boolean => {
    const task = cluster.tasks.get(taskId);
    const slot = task && cluster.slots.get(slotKeyOfTask(task));
    return slot === undefined || !isBeingEmptied(cluster, slot);
  };
  return new Map([...pending].filter(([taskId]) => isFree(taskId)));
}

function textOf(index: ReadonlyMap<string, ReadonlySet<string>>): string {
  const lines = [...index].map(([key, of]) => `${key}: ${[...of].sort().join(" ")}`);
  return lines.sort().join("\n");
}

/** S25: where a task goes follows from the records alone, in whatever order they came; and asking changes no answer. */
export const placementIsAFunction: Checker = {
  id: "S25",
  rule: "the same nodes and reservations give the same placement",
  begin: (sim, violate) => ({
    onEvent: () => {},
    recount: () => {
      const { machine } = sim.manager.manager;
      if (machine !== null) checkPlacement(sim, machine.cluster, violate);
    },
  }),
};

function checkPlacement(sim: Simulation, cluster: Cluster, violate: Violate): void {
  const name = sim.plan.manager.scheduler as SchedulerName;
  const one = placementOf(cluster, name, (items) => items);
  // Round robin goes on behind the node that was last used, so the order is a part of its state.
  const other = placementOf(cluster, name, (items) => (name === "roundrobin" ? items : items.toReversed()));
  for (const job of cluster.jobs.values()) {
    for (const service of job.spec.services) {
      const need = readNeed(service.task);
      const answers = [one.place(need, []), other.place(need, []), one.place(need, [])];
      if (new Set(answers).size > 1)
        violate(`${job.spec.name} goes to ${answers.join(", then ")}`, "with the same records");
      const [nodeId] = answers;
      const node = nodeId == null ? undefined : cluster.nodes.get(nodeId);
      if (node !== undefined && !hasRoom(allocatable(node), one.allocated(node.id), need.resources))
        violate(`${job.spec.name} would go to ${node.id}`, "where it does not fit");
    }
  }
}

type Room = ReturnType<typeof allocatable>;

function hasRoom(room: Room, used: Room, wanted: Room): boolean {
  const figures = ["cpuMillis", "memoryBytes", "diskBytes"] as const;
  return figures.every((figure) => used[figure] + wanted[figure] <= room[figure]);
}

function placementOf(
  cluster: Cluster,
  name: SchedulerName,
  order: <T>(items: readonly T[]) => readonly T[],
): Placement {
  const placement = new Placement(SCHEDULERS[name]);
  for (const node of order([...cluster.nodes.values()])) placement.putNode(viewNode(node, null));
  for (const task of order([...cluster.tasks.values()])) {
    const spec = specOf(cluster, task);
    if (!holdsResources(task) || isTerminal(task.fact.state) || task.nodeId === null || spec === undefined) continue;
    placement.reserve(task.id, task.nodeId, readNeed(spec));
  }
  return placement;
}
