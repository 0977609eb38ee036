/**
 * Makes a failing plan small, the largest parts first: whole kinds of faults, time, nodes and jobs, then single faults and single steps of users (ddmin: Zeller
 * and Hildebrandt, 2002), and at last numbers. What remains fails in the same way.
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
    this.#cutEnd();
    this.#dropKinds();
    this.#shorten();
    this.#dropNodes();
    this.#dropParts(jobsOf, withJobs);
    this.#dropParts(
      (plan) => plan.faults,
      (plan, faults) => ({ ...plan, faults }),
    );
    this.#dropParts(
      (plan) => plan.steps,
      (plan, steps) => ({ ...plan, steps }),
    );
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

  /** Nothing that comes after the violation has a part in it: no search is needed for that, and all that is tried later takes less time. */
  #cutEnd(): void {
    const { plan, violation, verdict } = this.#best;
    const endsMs = verdict === "liveness" ? lastMs(plan) : (violation?.atMs ?? plan.durationMs);
    if (endsMs < plan.durationMs) this.#try(cutAt(plan, endsMs + 1));
  }

  #shorten(): void {
    this.#cutEnd();
    while (this.#try(cutAt(this.#best.plan, Math.ceil(this.#best.plan.durationMs / 2))));
  }

  #dropKinds(): void {
    this.#try({ ...this.#best.plan, faults: [] });
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
    this.#shorten();
    const { plan } = this.#best;
    this.#try({ ...plan, nodes: plan.nodes.map((node) => ({ ...node, driftPpm: 0, skewMs: 0 })) });
    this.#try({ ...this.#best.plan, manager: { ...this.#best.plan.manager, driftPpm: 0, skewMs: 0 } });
    this.#try({ ...this.#best.plan, network: { minDelayMs: 0, meanDelayMs: 1 } });
    for (let at = 0; at < this.#best.plan.steps.length; at++) {
      for (const plain of plainer(this.#best.plan.steps[at])) {
        const { plan: best } = this.#best;
        if (this.#try({ ...best, steps: best.steps.with(at, plain) })) break;
      }
    }
    for (let at = 0; at < this.#best.plan.faults.length; at++) this.#roundFault(at);
  }

  /** Each moment and each length of time of a fault, one after the other: rounder ones are tried until one will do. */
  #roundFault(at: number): void {
    for (const field of Object.keys(this.#best.plan.faults[at] ?? {}).filter((name) => name.endsWith("Ms"))) {
      const { plan } = this.#best;
      const fault = plan.faults[at];
      const value = (fault as unknown as Readonly<Record<string, unknown>> | undefined)?.[field];
      if (fault === undefined || typeof value !== "number") continue;
      const isSmaller = (ms: number): boolean =>
        this.#try({ ...plan, faults: plan.faults.with(at, { ...fault, [field]: ms }) });
      rounder(value).some(isSmaller);
    }
  }
}

/** One digit and zeros, or whole seconds. */
function rounder(ms: number): readonly number[] {
  const digit = 10 ** (String(Math.trunc(ms)).length - 1);
  const candidates = [Math.round(ms / digit) * digit, Math.round(ms / 1000) * 1000];
  return [...new Set(candidates)].filter((candidate) => candidate !== ms);
}

/** Submissions of the plainest job, and of the same job with the same behaviour. */
function plainer(step: Step | undefined): readonly Step[] {
  if (step?.kind !== "submit") return [];
  const plain: Step = { ...step, count: 1, times: 1, cpuMillis: 0, hostPort: 0, health: false, volume: false };
  return [{ ...plain, behaviour: { lifeMs: 0, exitCode: 0, stopMs: 10, pullMs: 10, image: "there" } }, plain];
}

function jobsOf({ steps }: Plan): readonly string[] {
  return [...new Set(steps.flatMap((step) => ("name" in step ? [step.name] : [])))];
}

function withJobs(plan: Plan, jobs: readonly string[]): Plan {
  return { ...plan, steps: plan.steps.filter((step) => !("name" in step) || jobs.includes(step.name)) };
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
    faults: plan.faults.flatMap((fault) => faultWithoutNode(fault, name)),
    steps: plan.steps.filter((step) => !("node" in step) || step.node !== name),
  };
}

/** What is about several nodes goes on without that one; what is about it alone is gone with it. */
function faultWithoutNode(fault: Fault, name: string): readonly Fault[] {
  const fields = Object.entries(fault) as readonly (readonly [string, unknown])[];
  if (fields.some(([, value]) => value === name)) return [];
  const rest = fields.map(([field, value]) => [field, Array.isArray(value) ? without(value, name) : value] as const);
  if (rest.some(([, value]) => Array.isArray(value) && value.length === 0)) return [];
  return [Object.fromEntries(rest) as unknown as Fault];
}

function without(list: readonly unknown[], name: string): readonly unknown[] {
  return list.filter((one) => one !== name);
}
