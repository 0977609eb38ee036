/** What faults of the network do: directions are cut and healed, and links are slow, small or garbled. */

import type { Course } from "./course.ts";
import type { Fault } from "./faults.ts";
import { MANAGER, type Simulation } from "./simulation.ts";

/** Begins it, if it is one of the network; false when it is not. */
export function beginNetworkFault(fault: Fault, sim: Simulation, course: Course): boolean {
  const { ends, later } = course;
  switch (fault.kind) {
    case "cut": {
      const { from, to, both, forMs } = fault;
      const heal = both ? cutOff(sim, from, to) : cutOneWay(sim, from, to);
      ends(fault, forMs, heal);
      return true;
    }
    case "split": {
      const heals = fault.nodes.map((node) => cutOff(sim, node, MANAGER));
      ends(fault, fault.forMs, () => {
        for (const heal of heals) heal();
      });
      return true;
    }
    case "swizzle":
      for (const [at, node] of fault.cuts.entries()) {
        const afterMs = at * fault.stepMs;
        const healedMs = (fault.cuts.length + fault.heals.indexOf(node)) * fault.stepMs;
        later(afterMs, () => ends(null, healedMs - afterMs, cutOff(sim, node, MANAGER)));
      }
      return true;
    case "flap":
      for (let i = 0; i < fault.times; i++) {
        const afterMs = i * (fault.downMs + fault.upMs);
        later(afterMs, () => ends(null, fault.downMs, cutOff(sim, fault.node, MANAGER)));
      }
      return true;
    case "bad-network":
      spoil(fault, sim, course);
      return true;
    default:
      return false;
  }
}

function spoil(
  fault: Extract<Fault, { kind: "bad-network" }>,
  { network, plan }: Simulation,
  { ends, holds }: Course,
): void {
  const { meanDelayMs, capacity, garbagePerMille } = fault;
  const good = { ...network.traits, ...plan.network, capacity: 4_096, garbagePerMille: 0 };
  const isLast = holds("network");
  network.traits = { ...good, meanDelayMs, capacity, garbagePerMille };
  ends(fault, fault.forMs, () => {
    if (isLast()) network.traits = good;
  });
}

/** Gives how it is healed. */
function cutOneWay({ network }: Simulation, from: string, to: string): () => void {
  network.cut(from, to);
  return () => network.heal(from, to);
}

function cutOff(sim: Simulation, one: string, other: string): () => void {
  const [there, back] = [cutOneWay(sim, one, other), cutOneWay(sim, other, one)];
  return () => {
    there();
    back();
  };
}
