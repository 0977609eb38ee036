/** What faults of container engines do, and of those who meddle with what runs there. */

import type { Course } from "./course.ts";
import type { SimEngine } from "./engine.ts";
import type { EngineTrouble } from "./engine-trouble.ts";
import type { Fault } from "./faults.ts";
import type { Simulation } from "./simulation.ts";

type Lasting = Fault & { readonly forMs: number };
type Flag = "down" | "hung" | "zombies" | "badEvents" | "unwell" | "full";

/** Begins it, if it is one of an engine. */
export function beginEngineFault(fault: Fault, sim: Simulation, { ends, holds }: Course): void {
  const engine = "node" in fault ? sim.nodes.get(fault.node)?.engine : undefined;
  if (engine === undefined) return;
  const { trouble }: { readonly trouble: EngineTrouble } = engine;
  const lasts = (of: Lasting & { readonly node: string }, what: string, after: () => void): void => {
    const isLast = holds(`${what}/${of.node}`);
    ends(of, of.forMs, () => {
      if (isLast()) after();
    });
  };
  const flag = (of: Lasting & { readonly node: string }, what: Flag, after: () => void = () => {}): void => {
    trouble[what] = true;
    lasts(of, what, () => {
      trouble[what] = false;
      after();
    });
  };
  switch (fault.kind) {
    case "engine-error":
      engine.failNext(fault.operation, fault.failure, fault.done);
      return;
    case "engine-hang":
      flag(fault, "hung", () => {
        engine.late.carryOut();
        engine.back();
      });
      return;
    case "engine-stuck":
      trouble.stuck = fault.operation;
      lasts(fault, "stuck", () => {
        trouble.stuck = null;
        engine.late.carryOut();
      });
      return;
    case "engine-restart":
      engine.late.forget();
      if (!fault.live) engine.endAll();
      flag(fault, "down", () => engine.back());
      return;
    case "engine-full":
      flag(fault, "full");
      return;
    case "zombies":
      flag(fault, "zombies");
      return;
    case "bad-events":
      // Docker's stream of events breaks when it loses any: the worker is told to look for itself.
      flag(fault, "badEvents", () => engine.back());
      return;
    case "unwell":
      trouble.unwellHow = fault.how ?? "fails";
      flag(fault, "unwell");
      return;
    case "registry":
      trouble.registry = fault.trouble;
      lasts(fault, "registry", () => engine.registryIsBack());
      return;
    case "stale-sight":
      trouble.lagMs = fault.lagMs;
      lasts(fault, "lag", () => {
        trouble.lagMs = 0;
      });
      return;
    case "hand":
      lendAHand(fault, engine);
      return;
    case "foreign":
      engine.addForeign(fault.hostPort);
      return;
    default:
  }
}

function lendAHand(fault: Extract<Fault, { kind: "hand" }>, engine: SimEngine): void {
  const own = engine.live().filter((one) => !one.isForeign);
  const one = own[fault.nth % Math.max(1, own.length)];
  if (one === undefined) return;
  const { silent } = fault;
  if (fault.what === "remove") engine.removeByHand(one, silent);
  else if (fault.what === "oom") engine.die(one, { cause: "exit", exitCode: 137, silent, oom: true });
  else engine.die(one, { cause: "hand", exitCode: 137, silent });
}
