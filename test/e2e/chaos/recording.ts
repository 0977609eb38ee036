// Writes down what a run does while it does it, as the schedule that would do it again.
import type { TimedAsk } from "./ask.ts";
import type { Fault } from "./fault.ts";
import type { Schedule, Step } from "./schedule.ts";
import type { Part } from "./workload.ts";

/** A step while it goes on. */
interface OpenStep {
  readonly before: TimedAsk[];
  readonly faults: Fault[];
  readonly meanwhile: TimedAsk[];
}

/** What has been done so far. With a script, the parts that it gives out say what to ask. */
export class Recording {
  readonly #script: Schedule | undefined;
  readonly #opening: TimedAsk[] = [];
  readonly #steps: OpenStep[] = [];

  constructor(script?: Schedule) {
    this.#script = script;
  }

  /** Before the first step. */
  opening(): Part {
    return part(this.#opening, this.#script?.opening);
  }

  /** The next step begins, with these faults. */
  step(faults: readonly Fault[]): void {
    this.#steps.push({ before: [], faults: [...faults], meanwhile: [] });
  }

  /** Of the newest step. */
  part(which: "before" | "meanwhile"): Part {
    const script: Step | undefined = this.#script?.steps[this.#steps.length - 1];
    return part(this.#steps.at(-1)?.[which] ?? [], this.#script && (script?.[which] ?? []));
  }

  /** What a fault of the newest step has hit. */
  hit(fault: Fault, hit: readonly string[]): void {
    const faults = this.#steps.at(-1)?.faults ?? [];
    const at = faults.indexOf(fault);
    if (at >= 0) faults[at] = { ...fault, hit };
  }

  /** As a schedule. */
  get done(): Pick<Schedule, "opening" | "steps"> {
    return { opening: this.#opening, steps: this.#steps };
  }
}

function part(asked: TimedAsk[], script: readonly TimedAsk[] | undefined): Part {
  return { asked, ...(script !== undefined && { script }) };
}
