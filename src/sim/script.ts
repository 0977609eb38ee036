/** A short script with a path-like name: a handful of machines, what people do, what goes wrong, and when. Made for a sweep, which crashes it everywhere. */
import type { Fault, NodePlan, Plan, Step } from "./faults.ts";
import { hashText } from "./random.ts";

/** A scripted run. */
export interface Scenario {
  /** Such as `stop/while-pulling`. */
  readonly name: string;
  readonly plan: Plan;
}

type Submit = Extract<Step, { kind: "submit" }>;
type At<T> = T extends { readonly atMs: number } ? Omit<T, "atMs"> : never;

/** What a job is unless something else is said: one task that runs on, stops soon, and has its image there quickly. */
const PLAIN: Omit<Submit, "atMs" | "name"> = {
  kind: "submit",
  count: 1,
  batch: false,
  cpuMillis: 100,
  hostPort: 0,
  replace: true,
  health: false,
  volume: false,
  times: 1,
  behaviour: { lifeMs: 0, exitCode: 0, stopMs: 50, pullMs: 200, image: "there" },
};
/** Time for everything to come to pass after the last thing in the script, in ms. */
const AFTER_MS = 30_000;

/** Writes a script. Times are seconds of the run, in any order. */
export class Script {
  readonly #name: string;
  #nodes: NodePlan[] = [];
  readonly #steps: Step[] = [];
  readonly #faults: Fault[] = [];
  #endMs = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** So many machines of four cores each, n1 and on; the first joins by itself, the next is dialled, and so on. */
  nodes(many: number, traits: Partial<NodePlan> = {}): this {
    this.#nodes = Array.from({ length: many }, (_, i) => ({
      name: `n${i + 1}`,
      cpuMillis: 4_000,
      driftPpm: 0,
      skewMs: 0,
      dialledBy: i % 2 === 0 ? ("worker" as const) : ("manager" as const),
      ...traits,
    }));
    return this;
  }

  /** The manager's own worker beside them. */
  withLocal(): this {
    const traits = { cpuMillis: 4_000, driftPpm: 0, skewMs: 0, dialledBy: "worker", local: true } as const;
    this.#nodes.unshift({ name: "local", ...traits });
    return this;
  }

  submits(
    atS: number,
    name: string,
    spec: Partial<Omit<Submit, "behaviour">> & Partial<Submit["behaviour"]> = {},
  ): this {
    const { lifeMs, exitCode, stopMs, pullMs, image, ...rest } = { ...PLAIN.behaviour, ...spec };
    this.#steps.push({
      ...PLAIN,
      ...rest,
      name,
      atMs: atS * 1000,
      behaviour: { lifeMs, exitCode, stopMs, pullMs, image },
    });
    return this.#until(atS);
  }

  /** Somebody does something. */
  does(atS: number, step: At<Exclude<Step, Submit>>): this {
    this.#steps.push({ ...step, atMs: atS * 1000 } as Step);
    return this.#until(atS);
  }

  /** Something goes wrong. */
  suffers(atS: number, fault: At<Fault>): this {
    this.#faults.push({ ...fault, atMs: atS * 1000 } as Fault);
    return this.#until(atS + ("forMs" in fault ? fault.forMs : "downMs" in fault ? fault.downMs : 0) / 1000);
  }

  end(): Scenario {
    const byTime = (one: { readonly atMs: number }, other: { readonly atMs: number }) => one.atMs - other.atMs;
    return {
      name: this.#name,
      plan: {
        format: 1,
        seed: hashText(this.#name),
        nodes: this.#nodes,
        manager: { driftPpm: 0, skewMs: 0, scheduler: "epvm" },
        network: { minDelayMs: 1, meanDelayMs: 2 },
        durationMs: this.#endMs + AFTER_MS,
        faults: this.#faults.toSorted(byTime),
        steps: this.#steps.toSorted(byTime),
      },
    };
  }

  #until(atS: number): this {
    this.#endMs = Math.max(this.#endMs, atS * 1000);
    return this;
  }
}
