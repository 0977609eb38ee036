/**
 * Makes a failing plan small: whole kinds of faults away, a shorter run, fewer nodes, then single faults and steps (ddmin: Zeller and Hildebrandt, 2002), then
 * rounder numbers. What remains fails in the same way.
 */
import type { Fault, Plan, Step } from "./faults.ts";
import type { Outcome } from "./run.ts";

/** Runs that a shrinking may take when nothing is said. */
const RUNS = 400;

/** How to try a plan, and when to stop. */
export interface ShrinkOptions {
  readonly run: (plan: Plan) => Outcome;
  readonly runs?: number;
  /** Called whenever it has become smaller. */
  readonly onSmaller?: (plan: Plan) => void;
}

/** The smallest plan found that fails as `outcome` did, with its outcome. Deterministic. */
export function shrink(outcome: Outcome, options: ShrinkOptions): Outcome {
  return new Shrinking(outcome, options).toEnd();
}

class Shrinking {
  #best: Outcome;
  #left: number;
  readonly #options: ShrinkOptions;
  readonly #id: string;

  constructor(outcome: Outcome, options: ShrinkOptions) {
    this.#best = outcome;
    this.#options = options;
    this.#left = options.runs ?? RUNS;
    this.#id = outcome.violation?.id ?? "";
  }

  toEnd(): Outcome {
    this.#shorten();
    this.#dropKinds();
    this.#dropNodes();
    this.#dropParts(
      (plan) => plan.faults,
      (plan, faults) => ({ ...plan, faults }),
    );
    this.#dropJobs();
    this.#dropParts(
      (plan) => plan.steps,
      (plan, steps) => ({ ...plan, steps }),
    );
    this.#shorten();
    this.#simplify();
    return this.#best;
  }

  /** True when that plan fails in the same way, and is the best from now on. */
  #try(plan: Plan): boolean {
    if (this.#left <= 0) return false;
    this.#left--;
    const outcome = this.#options.run(plan);
    if (outcome.verdict !== this.#best.verdict || outcome.violation?.id !== this.#id) return false;
    this.#best = outcome;
    this.#options.onSmaller?.(plan);
    return true;
  }

  /** Nothing that comes after the violation has a part in it; liveness may depend on less. */
  #shorten(): void {
    const { plan, violation, verdict } = this.#best;
    const endsMs = verdict === "liveness" ? lastMs(plan) : (violation?.atMs ?? plan.durationMs);
    if (endsMs < plan.durationMs) this.#try(cutAt(plan, endsMs + 1));
    for (const share of [2, 4, 8]) this.#try(cutAt(this.#best.plan, Math.ceil(this.#best.plan.durationMs / share)));
  }

  #dropKinds(): void {
    for (const kind of new Set(this.#best.plan.faults.map((fault) => fault.kind))) {
      const { plan } = this.#best;
      this.#try({ ...plan, faults: plan.faults.filter((fault) => fault.kind !== kind) });
    }
  }

  #dropNodes(): void {
    for (const { name } of this.#best.plan.nodes.toReversed()) {
      if (this.#best.plan.nodes.length > 1) this.#try(withoutNode(this.#best.plan, name));
    }
  }

  #dropJobs(): void {
    const names = new Set(this.#best.plan.steps.map((step) => ("name" in step ? step.name : "")));
    for (const name of names) {
      const { plan } = this.#best;
      this.#try({ ...plan, steps: plan.steps.filter((step) => !("name" in step) || step.name !== name) });
    }
  }

  /** ddmin over a list: halves, quarters and so on are left out as long as it still fails. */
  #dropParts<T>(read: (plan: Plan) => readonly T[], write: (plan: Plan, parts: readonly T[]) => Plan): void {
    let size = Math.ceil(read(this.#best.plan).length / 2);
    while (size >= 1) {
      let dropped = false;
      for (let at = 0; at < read(this.#best.plan).length; ) {
        const parts = read(this.#best.plan);
        const rest = [...parts.slice(0, at), ...parts.slice(at + size)];
        if (this.#try(write(this.#best.plan, rest))) dropped = true;
        else at += size;
      }
      if (this.#left <= 0 || (size === 1 && !dropped)) return;
      if (!dropped || size > 1) size = Math.max(1, Math.floor(size / 2));
    }
  }

  #simplify(): void {
    const { plan } = this.#best;
    this.#try({ ...plan, nodes: plan.nodes.map((node) => ({ ...node, driftPpm: 0, skewMs: 0 })) });
    this.#try({ ...this.#best.plan, manager: { ...this.#best.plan.manager, driftPpm: 0, skewMs: 0 } });
    this.#try({ ...this.#best.plan, network: { minDelayMs: 0, meanDelayMs: 1 } });
    for (let at = 0; at < this.#best.plan.steps.length; at++) {
      const step = this.#best.plan.steps[at];
      if (step?.kind !== "submit") continue;
      const plain: Step = { ...step, count: 1, times: 1, cpuMillis: 0, hostPort: 0, health: false, volume: false };
      const { plan: best } = this.#best;
      this.#try({ ...best, steps: best.steps.with(at, plain) });
    }
  }
}

function lastMs({ faults, steps }: Plan): number {
  const ends = faults.map((fault) => fault.atMs + ("forMs" in fault ? fault.forMs : 0));
  return Math.max(1, ...ends, ...steps.map((step) => step.atMs));
}

function cutAt(plan: Plan, durationMs: number): Plan {
  return {
    ...plan,
    durationMs,
    faults: plan.faults.filter((fault) => fault.atMs < durationMs),
    steps: plan.steps.filter((step) => step.atMs < durationMs),
  };
}

function withoutNode(plan: Plan, name: string): Plan {
  return {
    ...plan,
    nodes: plan.nodes.filter((node) => node.name !== name),
    faults: plan.faults.filter((fault) => !names(fault).includes(name)),
    steps: plan.steps.filter((step) => !("node" in step) || step.node !== name),
  };
}

/** Machines and processes that a fault is about. */
function names(fault: Fault): readonly unknown[] {
  return Object.values(fault).flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]));
}
