/** How a simulated container behaves, carried in its specification's environment, so that it goes wherever the specification goes. Pure. */
import type { TaskSpec } from "../core/spec.ts";
import type { Behaviour } from "./faults.ts";

const KEY = "SIM";
const DEFAULT: Behaviour = { lifeMs: 0, exitCode: 0, stopMs: 50, pullMs: 500, image: "there" };

/** The environment that says so. */
export function asEnvironment(behaviour: Behaviour): Readonly<Record<string, string>> {
  return { [KEY]: JSON.stringify(behaviour) };
}

const known = new WeakMap<TaskSpec, Behaviour>();

/** What a specification says of it; what says nothing runs on, and ends 50 ms after it is told to. */
export function behaviourOf(spec: TaskSpec): Behaviour {
  let behaviour = known.get(spec);
  if (behaviour === undefined) {
    const text = spec.env?.[KEY];
    behaviour = text === undefined ? DEFAULT : { ...DEFAULT, ...(JSON.parse(text) as Partial<Behaviour>) };
    known.set(spec, behaviour);
  }
  return behaviour;
}
