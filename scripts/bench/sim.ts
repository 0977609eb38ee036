// How fast the simulator is, in times real time on one core: a cluster of five at rest (goal 10,000), and with 50 tasks, default faults and all checkers
// (goal 1,000). `bun scripts/bench/sim.ts [--check]`. The floor of the same run is an empty queue of as many steps.
import { parseArgs } from "node:util";
import { drawPlan } from "../../src/sim/draw.ts";
import type { Behaviour, Plan, Step } from "../../src/sim/faults.ts";
import { EventQueue } from "../../src/sim/queue.ts";
import { run } from "../../src/sim/run.ts";
import { median, printTable } from "./table.ts";

const TRIALS = 5;
const HOUR = 3_600_000;
const GOALS = { rest: 10_000, faults: 1_000 } as const;
const STEADY: Behaviour = { lifeMs: 0, exitCode: 0, stopMs: 50, pullMs: 100, image: "there" };

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const rest = measure((trial) => ({ ...calm(trial), durationMs: 4 * HOUR }));
const faults = measure((trial) => loaded(trial));
printTable(
  ["cluster of 5, one core", "times real time", "steps", "µs a step", "floor", "ratio"],
  [row("at rest", rest), row("50 tasks, default faults, all checkers", faults)],
);
if (values.check && (rest.speed < GOALS.rest || faults.speed < GOALS.faults)) {
  console.error(`goals: ${GOALS.rest} at rest, ${GOALS.faults} with faults`);
  process.exitCode = 1;
}

interface Measured {
  readonly speed: number;
  readonly steps: number;
  readonly stepUs: number;
  readonly floorUs: number;
}

function measure(planOf: (trial: number) => Plan): Measured {
  const trials = Array.from({ length: TRIALS }, (_, trial) => once(planOf(trial + 1)));
  const middle = (of: (one: Measured) => number): number => median(trials.map(of));
  return {
    speed: middle((one) => one.speed),
    steps: middle((one) => one.steps),
    stepUs: middle((one) => one.stepUs),
    floorUs: middle((one) => one.floorUs),
  };
}

function once(plan: Plan): Measured {
  const beganMs = performance.now();
  const outcome = run(plan);
  const tookMs = performance.now() - beganMs;
  if (outcome.verdict !== "passed") throw new Error(`seed ${plan.seed}: ${outcome.violation?.facts.join("; ")}`);
  const { steps, virtualMs } = outcome;
  return { speed: virtualMs / tookMs, steps, stepUs: (tookMs * 1000) / steps, floorUs: floorUs(steps) };
}

/** What the queue alone takes for a step. */
function floorUs(steps: number): number {
  const queue = new EventQueue();
  let left = steps;
  const again = (): void => {
    if (left-- > 0) queue.after(1 + (left % 7), again);
  };
  for (let i = 0; i < 20; i++) queue.after(i, again);
  const beganMs = performance.now();
  while (queue.step(Number.MAX_SAFE_INTEGER)) {
    // Each step plans the next one.
  }
  return ((performance.now() - beganMs) * 1000) / steps;
}

/** Five nodes with fifty tasks that nothing disturbs. */
function calm(seed: number): Plan {
  const plan = drawPlan(seed, { nodes: 5, kinds: [] });
  return { ...plan, nodes: plan.nodes.map((node) => ({ ...node, cpuMillis: 4_000 })), faults: [], steps: fifty() };
}

function loaded(seed: number): Plan {
  const plan = drawPlan(seed, { nodes: 5 });
  const nodes = plan.nodes.map((node) => ({ ...node, cpuMillis: 4_000 }));
  return { ...plan, nodes, steps: [...fifty(), ...plan.steps.filter((step) => step.kind !== "cordon")] };
}

function fifty(): Step[] {
  return Array.from({ length: 10 }, (_, i) => ({
    atMs: 1_000,
    kind: "submit" as const,
    name: `steady${i}`,
    count: 5,
    batch: false,
    cpuMillis: 100,
    hostPort: 0,
    replace: true,
    health: i % 2 === 0,
    volume: false,
    times: 1,
    behaviour: STEADY,
  }));
}

function row(name: string, { speed, steps, stepUs, floorUs: floor }: Measured): string[] {
  const ratio = (stepUs / floor).toFixed(1);
  return [name, speed.toFixed(0), String(steps), stepUs.toFixed(2), floor.toFixed(2), ratio];
}
