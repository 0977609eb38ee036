/**
 * Draws a plan from a seed. Each seed has its own mix (swarm testing: Groce and others, 2012): a cluster's size, a load, some kinds of faults and not
 * others, so that faults that hide each other are also met alone.
 */
import { drawFaults } from "./draw-faults.ts";
import { drawSteps } from "./draw-steps.ts";
import { type FaultKind, type NodePlan, type Plan, ZONES } from "./faults.ts";
import { type Dice, Streams } from "./random.ts";
import { MANAGER } from "./simulation.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Of the seeds in which a machine sleeps. */
const LONG_SLEEP_SHARE = 0.05;
const FEW_NODES = 4;
/** What comes so soon after a machine has fallen asleep comes while it sleeps, and the rest once it is awake, in ms. */
const FELL_ASLEEP_MS = 60_000;

/** What a run may be narrowed to. */
export interface DrawOptions {
  /** Only these kinds of faults; all when left out. */
  readonly kinds?: readonly FaultKind[];
  readonly nodes?: number;
  readonly durationMs?: number;
}

/** The plan of a seed. Pure: the same seed gives the same plan. */
export function drawPlan(seed: number, options: DrawOptions = {}): Plan {
  const streams = new Streams(seed);
  const dice = streams.of("plan");
  const names = Array.from({ length: options.nodes ?? dice.pick([1, 2, 3, 3, 4, 5, 5, 7]) }, (_, i) => `n${i + 1}`);
  const durationMs = options.durationMs ?? dice.between(10, 20) * MINUTE;
  const nodes = names.map((name) => drawNode(name, streams.of(`plan/${name}`)));
  const local = streams.of("local").chance(0.25) ? [drawLocal(streams.of("plan/local"))] : [];
  const plan: Plan = {
    format: 1,
    seed,
    nodes: [...local, ...nodes],
    manager: { ...drawClock(dice), scheduler: dice.pick(["epvm", "epvm", "roundrobin", "pack"]) },
    network: drawNetwork(dice, streams.of("late/network")),
    durationMs,
    faults: drawFaults(streams, {
      names,
      durationMs,
      kinds: options.kinds ?? null,
      ...(local[0] === undefined ? {} : { local: local[0].name }),
    }),
    steps: drawSteps(streams, { names: [...local.map((node) => node.name), ...names], durationMs }),
  };
  return options.durationMs === undefined ? sleptThrough(plan, streams.of("long-sleep")) : plan;
}

/** Now and then a sleep lasts for an hour, a night or a weekend to its end, and the run goes on behind it: otherwise all sleeps end with the faults. */
function sleptThrough(plan: Plan, dice: Dice): Plan {
  const sleep = plan.faults.find((fault) => fault.kind === "sleep");
  if (sleep === undefined || !dice.chance(LONG_SLEEP_SHARE)) return plan;
  // Without its manager a small cluster is quiet enough to run through three days in seconds.
  const isLonely = sleep.machine === MANAGER && plan.nodes.length <= FEW_NODES;
  const forMs = dice.pick([HOUR, HOUR, 10 * HOUR, isLonely ? 60 * HOUR : 3 * HOUR]);
  const later = <T extends { readonly atMs: number }>(one: T): T =>
    one.atMs > sleep.atMs + FELL_ASLEEP_MS ? { ...one, atMs: one.atMs + forMs } : one;
  return {
    ...plan,
    durationMs: plan.durationMs + forMs,
    faults: plan.faults.map((fault) => (fault === sleep ? { ...sleep, forMs } : later(fault))),
    steps: plan.steps.map(later),
  };
}

function drawNode(name: string, dice: Dice): NodePlan {
  return {
    name,
    cpuMillis: dice.pick([1_000, 2_000, 4_000]),
    ...drawClock(dice),
    dialledBy: dice.pick(["manager", "worker"]),
    zone: dice.pick(ZONES),
  };
}

/** One in five is as slow as between continents. */
function drawNetwork(dice: Dice, late: Dice): Plan["network"] {
  const near = { minDelayMs: dice.between(0, 10), meanDelayMs: dice.pick([1, 2, 5, 20, 60]) };
  return late.chance(0.2) ? { minDelayMs: late.between(0, 30), meanDelayMs: late.between(1, 200) } : near;
}

/** The manager's own worker, on the manager's machine. */
function drawLocal(dice: Dice): NodePlan {
  return {
    name: "local",
    cpuMillis: dice.pick([1_000, 2_000]),
    driftPpm: 0,
    skewMs: 0,
    dialledBy: "worker",
    local: true,
  };
}

function drawClock(dice: Dice): { readonly driftPpm: number; readonly skewMs: number } {
  return { driftPpm: dice.between(-500, 500), skewMs: dice.between(-HOUR, HOUR) };
}
