/**
 * The operator of a run: does, once all is healed, what the program tells people to do where it must not help itself. A worker that refuses the manager is
 * answered by --adopt; what runs without anybody knowing what for is ended by hand.
 */
import { emptyCluster } from "../core/cluster.ts";
import { MANAGER, type Simulation } from "./simulation.ts";

/** Milliseconds after an adoption in which everybody has been heard. */
const START_AFTER_MS = 30_000;

/** True when anything had to be done. */
export function helpAsTold(sim: Simulation): boolean {
  const refusing = [...sim.nodes.values()].filter(({ worker }) => (worker.machine?.refused() ?? "") !== "");
  if (refusing.length === 0) return false;
  const { cluster } = sim.manager.manager.machine ?? {};
  for (const { engine, worker } of refusing) {
    // Its journal was lost, and no manager knows it: only a person can say what it is.
    const strays = engine.live().filter((one) => !one.isForeign && cluster?.tasks.has(one.taskId) !== true);
    const known = new Set(
      worker.machine
        ?.tasks()
        .filter((fact) => fact.message !== "")
        .map((fact) => fact.taskId),
    );
    for (const one of strays)
      if (!known.has(one.taskId) && wasForgotten(sim, one.node)) engine.removeByHand(one, false);
  }
  const one = sim.process(MANAGER);
  if (one.process.alive) one.die();
  sim.manager.manager.start(true);
  // A slot that nobody who answered holds stays empty until a person says otherwise.
  sim.queue.after(START_AFTER_MS, () => startEmptySlots(sim));
  return true;
}

function startEmptySlots(sim: Simulation): void {
  const { manager } = sim.manager;
  const { slots, jobs } = manager.machine?.cluster ?? emptyCluster();
  const empty = [...slots.values()].filter((slot) => slot.taskId === "" && jobs.get(slot.jobId)?.desired === "run");
  for (const jobId of new Set(empty.map((slot) => slot.jobId))) manager.execute({ kind: "job.start", jobId }, () => {});
}

function wasForgotten(sim: Simulation, node: string): boolean {
  return sim.plan.faults.some((fault) => fault.kind === "journal-wipe" && fault.node === node);
}
