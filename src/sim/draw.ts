/**
 * Draws a plan from a seed. Each seed has its own mix (swarm testing: Groce and others, 2012): a cluster's size, a load, some kinds of faults and not
 * others, so that faults that hide each other are also met alone.
 */
import type { FailureKind } from "../core/failure.ts";
import type { Behaviour, Fault, FaultKind, NodePlan, Operation, Plan, Step } from "./faults.ts";
import { OPERATIONS } from "./faults.ts";
import { type Dice, Streams } from "./random.ts";
import { MANAGER } from "./simulation.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

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
  return {
    format: 1,
    seed,
    nodes,
    manager: { ...drawClock(dice), scheduler: dice.pick(["epvm", "epvm", "roundrobin", "pack"]) },
    network: { minDelayMs: dice.between(0, 10), meanDelayMs: dice.pick([1, 2, 5, 20, 60]) },
    durationMs,
    faults: drawFaults(streams, { names, durationMs, kinds: options.kinds ?? null }),
    steps: drawSteps(streams.of("steps"), { names, durationMs }),
  };
}

function drawNode(name: string, dice: Dice): NodePlan {
  return {
    name,
    cpuMillis: dice.pick([1_000, 2_000, 4_000]),
    ...drawClock(dice),
    dialledBy: dice.pick(["manager", "worker"]),
  };
}

function drawClock(dice: Dice): { readonly driftPpm: number; readonly skewMs: number } {
  return { driftPpm: dice.between(-500, 500), skewMs: dice.between(-HOUR, HOUR) };
}

interface Field {
  readonly names: readonly string[];
  readonly durationMs: number;
}

/** A kind of fault: how many of it a run has at most, and how to draw one. */
interface Kind {
  readonly most: number;
  /** Nodes without which it makes no sense; 1 when left out. */
  readonly leastNodes?: number;
  readonly draw: (dice: Dice, field: Field) => Omit<Fault, "atMs"> & { readonly kind: FaultKind };
}

const anybody = (dice: Dice, { names }: Field): string => (dice.chance(0.4) ? MANAGER : dice.pick(names));
const machine = anybody;

const KINDS: Readonly<Record<Exclude<FaultKind, "crash-at-effect">, Kind>> = {
  crash: {
    most: 12,
    // Ten times likelier while a write is pending.
    draw: (dice, field) => ({
      kind: "crash",
      who: anybody(dice, field),
      when: dice.chance(10 / 11) ? "writing" : "now",
      downMs: dice.pick([1, 100, 2_000, 10_000, 60_000, 400_000]),
    }),
  },
  pause: {
    most: 6,
    draw: (dice, field) => ({
      kind: "pause",
      who: anybody(dice, field),
      forMs: dice.pick([10, 500, 2_000, 7_000, 60_000, 10 * MINUTE]),
    }),
  },
  sleep: {
    most: 2,
    draw: (dice, field) => ({
      kind: "sleep",
      machine: dice.chance(0.7) ? MANAGER : machine(dice, field),
      forMs: dice.pick([MINUTE, 10 * MINUTE, 3 * HOUR, 60 * HOUR]),
    }),
  },
  power: {
    most: 3,
    draw: (dice, field) => ({
      kind: "power",
      machine: machine(dice, field),
      downMs: dice.pick([5_000, 30_000, 400_000]),
    }),
  },
  "wall-step": {
    most: 4,
    draw: (dice, field) => ({ kind: "wall-step", machine: machine(dice, field), byMs: dice.between(-HOUR, HOUR) }),
  },
  cut: {
    most: 10,
    draw: (dice, field) => {
      const node = dice.pick(field.names);
      const toManager = dice.chance(0.5);
      return {
        kind: "cut",
        from: toManager ? node : MANAGER,
        to: toManager ? MANAGER : node,
        both: dice.chance(0.6),
        forMs: dice.pick([200, 3_000, 8_000, 20_000, 90_000, 400_000]),
      };
    },
  },
  "bad-network": {
    most: 3,
    draw: (dice) => ({
      kind: "bad-network",
      meanDelayMs: dice.pick([20, 100, 200, 800]),
      capacity: dice.pick([4, 16, 64, 1_000]),
      garbagePerMille: dice.pick([0, 0, 5, 50]),
      forMs: dice.pick([5_000, 60_000, 5 * MINUTE]),
    }),
  },
  disk: {
    most: 4,
    draw: (dice, field) => ({
      kind: "disk",
      who: anybody(dice, field),
      trouble: dice.pick(["full", "unknown", "slow"]),
      forMs: dice.pick([500, 5_000, 60_000]),
    }),
  },
  "journal-wipe": { most: 2, draw: (dice, { names }) => ({ kind: "journal-wipe", node: dice.pick(names) }) },
  "store-rollback": {
    most: 1,
    draw: (dice, { durationMs }) => ({
      kind: "store-rollback",
      toMs: dice.between(0, Math.floor(durationMs / 2)),
      downMs: dice.between(100, 20_000),
      adopt: true,
    }),
  },
  "store-wipe": {
    most: 1,
    draw: (dice) => ({ kind: "store-wipe", downMs: dice.between(100, 20_000), adopt: true }),
  },
  "second-manager": {
    most: 1,
    draw: (dice) => ({ kind: "second-manager", forMs: dice.pick([5_000, 60_000, 5 * MINUTE]) }),
  },
  "engine-error": {
    most: 15,
    draw: (dice, { names }) => {
      const operation: Operation = dice.pick(OPERATIONS);
      const failure: FailureKind =
        operation === "start"
          ? dice.pick(["transient", "port_taken", "unavailable"])
          : dice.pick(["transient", "unavailable"]);
      // What has taken effect after all is told as unknown, never as a definite refusal.
      return {
        kind: "engine-error",
        node: dice.pick(names),
        operation,
        failure,
        done: failure !== "port_taken" && dice.chance(0.4),
      };
    },
  },
  "engine-hang": {
    most: 2,
    draw: (dice, { names }) => ({
      kind: "engine-hang",
      node: dice.pick(names),
      forMs: dice.pick([5_000, 45_000, 200_000]),
    }),
  },
  "engine-restart": {
    most: 3,
    draw: (dice, { names }) => ({
      kind: "engine-restart",
      node: dice.pick(names),
      live: dice.chance(0.5),
      forMs: dice.pick([1_000, 10_000, 60_000]),
    }),
  },
  zombies: {
    most: 2,
    draw: (dice, { names }) => ({ kind: "zombies", node: dice.pick(names), forMs: dice.pick([5_000, 90_000]) }),
  },
  "bad-events": {
    most: 3,
    draw: (dice, { names }) => ({ kind: "bad-events", node: dice.pick(names), forMs: dice.pick([30_000, 180_000]) }),
  },
  unwell: {
    most: 3,
    draw: (dice, { names }) => ({ kind: "unwell", node: dice.pick(names), forMs: dice.pick([15_000, 120_000]) }),
  },
  hand: {
    most: 10,
    draw: (dice, { names }) => ({
      kind: "hand",
      node: dice.pick(names),
      nth: dice.between(0, 20),
      what: dice.pick(["kill", "oom", "remove"]),
      silent: false,
    }),
  },
  gone: {
    most: 2,
    leastNodes: 2,
    // The first node stays: a manager alone can do nothing.
    draw: (dice, { names }) => ({
      kind: "gone",
      node: dice.pick(names.slice(1)),
      how: dice.pick(["cut", "dead", "power"]),
    }),
  },
  foreign: {
    most: 2,
    draw: (dice, { names }) => ({ kind: "foreign", node: dice.pick(names), hostPort: dice.pick([0, 8_080]) }),
  },
};

const LEAST_KINDS = 3;

function drawFaults(streams: Streams, options: Field & { readonly kinds: readonly FaultKind[] | null }): Fault[] {
  const all = Object.keys(KINDS) as (keyof typeof KINDS)[];
  const fitting = all.filter((kind) => options.names.length >= (KINDS[kind].leastNodes ?? 1));
  const allowed = options.kinds === null ? fitting : fitting.filter((kind) => options.kinds?.includes(kind));
  const dice = streams.of("mix");
  const chosen = allowed.filter(() => dice.chance(0.35));
  const least = Math.min(LEAST_KINDS, allowed.length);
  for (let tries = 0; chosen.length < least && tries < 1_000; tries++) {
    const kind = dice.pick(allowed);
    if (!chosen.includes(kind)) chosen.push(kind);
  }
  const faults = chosen.flatMap((kind) => {
    const own = streams.of(`fault/${kind}`);
    const many = own.between(1, KINDS[kind].most);
    return Array.from({ length: many }, () => {
      const atMs = own.between(1_000, options.durationMs);
      return { atMs, ...KINDS[kind].draw(own, options) } as Fault;
    });
  });
  return faults.toSorted((one, other) => one.atMs - other.atMs);
}

function drawSteps(dice: Dice, { names, durationMs }: Field): Step[] {
  const jobs = Array.from({ length: dice.between(3, 12) }, (_, i) => `job${i + 1}`);
  const steps = Array.from({ length: dice.between(110, 160) }, (): Step => {
    const atMs = dice.between(0, durationMs);
    const name = dice.pick(jobs);
    const choice = dice.draw();
    if (choice < 0.45) return drawSubmit(dice, { atMs, name });
    if (choice < 0.6) return { atMs, kind: "stop", name };
    if (choice < 0.72) return { atMs, kind: "start", name };
    if (choice < 0.82) return { atMs, kind: "restart", name };
    if (choice < 0.92) return { atMs, kind: "remove", name };
    if (choice < 0.95) return { atMs, kind: "cordon", node: dice.pick(names) };
    return { atMs, kind: "uncordon", node: dice.pick(names) };
  });
  return steps.toSorted((one, other) => one.atMs - other.atMs);
}

function drawSubmit(dice: Dice, at: { readonly atMs: number; readonly name: string }): Step {
  const batch = dice.chance(0.25);
  return {
    ...at,
    kind: "submit",
    count: dice.pick([1, 1, 2, 3, 6]),
    batch,
    cpuMillis: dice.pick([0, 0, 100, 300, 5_000]),
    hostPort: dice.chance(0.1) ? 8_080 : 0,
    replace: dice.chance(0.8),
    health: dice.chance(0.3),
    volume: dice.chance(0.1),
    times: dice.pick([1, 1, 1, 2, 3]),
    behaviour: drawBehaviour(dice, batch),
  };
}

function drawBehaviour(dice: Dice, batch: boolean): Behaviour {
  return {
    lifeMs: batch ? dice.pick([500, 5_000, 60_000]) : dice.pick([0, 0, 0, 0, 2_000, 60_000]),
    exitCode: dice.pick([0, 0, 1, 137]),
    stopMs: dice.pick([10, 500, 9_000, 30_000]),
    pullMs: dice.pick([10, 1_000, 20_000]),
    image: dice.chance(0.05) ? "missing" : "there",
  };
}
