/** Which faults a seed has: of each kind how many at most, and in what range. Source of the ranges: the project's list of faults. */
import type { FailureKind } from "../core/failure.ts";
import { atHome } from "./draw-home.ts";
import { type Fault, type FaultKind, OPERATIONS, type Operation, ZONES } from "./faults.ts";
import type { Dice, Streams } from "./random.ts";
import { MANAGER } from "./simulation.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Where faults may strike. */
export interface Field {
  /** Nodes, without the manager's own. */
  readonly names: readonly string[];
  /** The manager's own node, where it has one. */
  readonly local?: string;
  readonly durationMs: number;
}

/** A kind of fault: how many of it a run has at most, and how to draw one. */
interface Kind {
  readonly most: number;
  /** Nodes without which it makes no sense; 1 when left out. */
  readonly leastNodes?: number;
  /** How likely a run has it, drawn by itself: kinds that came later leave the mix of the others as it was. Drawn with the mix when left out. */
  readonly share?: number;
  readonly draw: (dice: Dice, field: Field) => Omit<Fault, "atMs"> & { readonly kind: FaultKind };
  /** What came later of it, drawn from a stream of its own: the rest of the fault stays as it was. */
  readonly late?: (dice: Dice, field: Field) => Readonly<Record<string, unknown>>;
}

const anybody = (dice: Dice, { names }: Field): string => (dice.chance(0.4) ? MANAGER : dice.pick(names));
const machine = anybody;

/** People start a manager plainly on an older store before they read what it says, and some read it long after. */
function drawStart(dice: Dice): { readonly adopt: boolean; readonly adoptAfterMs?: number } {
  if (dice.chance(0.5)) return { adopt: true };
  return dice.chance(0.5) ? { adopt: false } : { adopt: false, adoptAfterMs: dice.pick([10_000, 60_000, 4 * MINUTE]) };
}

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
  "crash-twice": {
    most: 4,
    draw: (dice, field) => ({
      kind: "crash-twice",
      who: anybody(dice, field),
      downMs: dice.pick([1, 100, 5_000]),
      thenMs: dice.pick([1, 20, 200, 1_500, 6_000]),
    }),
  },
  upgrade: {
    most: 3,
    share: 0.1,
    draw: (dice, { names }) => ({
      kind: "upgrade",
      node: dice.pick(names),
      downMs: dice.pick([50, 1_000, 20_000]),
    }),
  },
  stalls: {
    most: 4,
    draw: (dice, field) => ({
      kind: "stalls",
      who: anybody(dice, field),
      pauseMs: dice.between(10, 2_000),
      everyMs: dice.between(50, 5_000),
      forMs: dice.pick([2_000, 20_000, 60_000]),
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
    late: (dice) => (dice.chance(0.3) ? { wrongByMs: dice.between(-HOUR, HOUR) } : {}),
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
  swizzle: {
    most: 2,
    draw: (dice, { names }) => ({
      kind: "swizzle",
      cuts: shuffled(dice, names),
      heals: shuffled(dice, names),
      stepMs: dice.pick([50, 1_000, 4_000, 15_000]),
    }),
  },
  flap: {
    most: 3,
    draw: (dice, { names }) => ({
      kind: "flap",
      node: dice.pick(names),
      times: dice.between(2, 12),
      downMs: dice.pick([100, 3_000, 9_000]),
      upMs: dice.pick([100, 2_000, 12_000]),
    }),
  },
  split: {
    most: 3,
    leastNodes: 2,
    draw: (dice, { names }) => ({
      kind: "split",
      nodes: shuffled(dice, names).slice(0, dice.between(1, names.length)),
      forMs: dice.pick([3_000, 20_000, 90_000, 400_000]),
    }),
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
  "journal-rollback": {
    most: 2,
    share: 0.1,
    draw: (dice, { names }) => ({
      kind: "journal-rollback",
      node: dice.pick(names),
      agoMs: dice.pick([1_000, 20_000, 5 * MINUTE]),
      downMs: dice.pick([100, 5_000, 60_000]),
    }),
    late: (dice) => (dice.chance(0.3) ? { flipped: dice.between(0, 30) } : {}),
  },
  "store-rollback": {
    most: 1,
    draw: (dice, { durationMs }) => ({
      kind: "store-rollback",
      toMs: dice.between(0, Math.floor(durationMs / 2)),
      downMs: dice.between(100, 20_000),
      adopt: true,
    }),
    late: drawStart,
  },
  "store-wipe": {
    most: 1,
    draw: (dice) => ({ kind: "store-wipe", downMs: dice.between(100, 20_000), adopt: true }),
    late: drawStart,
  },
  "store-gap": {
    most: 1,
    share: 0.1,
    draw: (dice) => ({
      kind: "store-gap",
      nth: dice.between(0, 1_000),
      records: dice.pick([1, 1, 3, 20]),
      how: dice.pick(["lost", "unreadable", "altered"]),
      downMs: dice.pick([100, 5_000, 20_000]),
      forMs: dice.pick([5_000, 60_000, 5 * MINUTE]),
      repair: dice.pick(["backup", "accept-loss"]),
    }),
  },
  clone: {
    most: 2,
    draw: (dice, { names }) => ({
      kind: "clone",
      node: dice.pick(names),
      forMs: dice.pick([20_000, 60_000, 5 * MINUTE]),
    }),
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
  "engine-stuck": {
    most: 2,
    share: 0.15,
    draw: (dice, { names }) => ({
      kind: "engine-stuck",
      node: dice.pick(names),
      operation: dice.pick(OPERATIONS.filter((operation) => operation !== "pull")),
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
  registry: {
    most: 3,
    draw: (dice, { names }) => ({
      kind: "registry",
      node: dice.pick(names),
      trouble: dice.pick(["hangs", "limited", "slow"]),
      forMs: dice.pick([5_000, 60_000, 5 * MINUTE]),
    }),
  },
  "engine-full": {
    most: 2,
    draw: (dice, { names }) => ({ kind: "engine-full", node: dice.pick(names), forMs: dice.pick([5_000, 60_000]) }),
  },
  "stale-sight": {
    most: 3,
    draw: (dice, { names }) => ({
      kind: "stale-sight",
      node: dice.pick(names),
      lagMs: dice.pick([20, 200, 2_000]),
      forMs: dice.pick([10_000, 60_000]),
    }),
  },
  resize: {
    most: 2,
    draw: (dice, { names }) => ({ kind: "resize", node: dice.pick(names), cpuMillis: dice.pick([500, 1_000, 4_000]) }),
  },
  relabel: {
    most: 3,
    draw: (dice, { names }) => ({ kind: "relabel", node: dice.pick(names), zone: dice.pick(ZONES) }),
  },
  unwell: {
    most: 3,
    draw: (dice, { names }) => ({ kind: "unwell", node: dice.pick(names), forMs: dice.pick([15_000, 120_000]) }),
    late: (dice) => (dice.chance(0.5) ? { how: dice.pick(["flaps", "slow"]) } : {}),
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
    late: (dice) => ({ silent: dice.chance(0.3) }),
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
    late: (dice) => (dice.chance(0.5) ? { how: dice.pick(["mute", "deaf", "frozen"]) } : {}),
  },
  foreign: {
    most: 2,
    draw: (dice, { names }) => ({ kind: "foreign", node: dice.pick(names), hostPort: dice.pick([0, 8_080]) }),
  },
  "clone-disk": {
    most: 2,
    draw: (dice, { names }) => ({
      kind: "clone-disk",
      node: dice.pick(names),
      forMs: dice.pick([20_000, 60_000, 5 * MINUTE]),
    }),
  },
};

/** Kinds that seeds draw. Crashes at a given effect are for sweeps. */
export const FAULT_KINDS = Object.keys(KINDS) as readonly (keyof typeof KINDS)[];

/** How shortly before the end of the faults the last hand comes, at most, in ms. */
const LAST_MS = 5_000;
const LEAST_KINDS = 3;
const MIX_SHARE = 0.35;

/** Faults of some kinds, in the order in which they begin. */
export function drawFaults(
  streams: Streams,
  options: Field & { readonly kinds: readonly FaultKind[] | null },
): Fault[] {
  const fitting = FAULT_KINDS.filter((kind) => options.names.length >= (KINDS[kind].leastNodes ?? 1));
  const allowed = options.kinds === null ? fitting : fitting.filter((kind) => options.kinds?.includes(kind));
  const mixed = allowed.filter((kind) => KINDS[kind].share === undefined);
  const dice = streams.of("mix");
  const chosen = mixed.filter(() => dice.chance(MIX_SHARE));
  const least = Math.min(LEAST_KINDS, mixed.length);
  for (let tries = 0; chosen.length < least && tries < 1_000; tries++) {
    const kind = dice.pick(mixed);
    if (!chosen.includes(kind)) chosen.push(kind);
  }
  const isDrawn = (kind: keyof typeof KINDS): boolean => streams.of(`mix/${kind}`).chance(KINDS[kind].share ?? 0);
  // Whoever asks for nothing else means it.
  chosen.push(...allowed.filter((kind) => !mixed.includes(kind) && (mixed.length === 0 || isDrawn(kind))));
  const faults = chosen.flatMap((kind) => {
    const [own, late] = [streams.of(`fault/${kind}`), streams.of(`late/${kind}`)];
    const many = own.between(1, KINDS[kind].most);
    return Array.from({ length: many }, () => {
      const atMs = own.between(1_000, options.durationMs);
      const fault = { atMs, ...KINDS[kind].draw(own, options), ...KINDS[kind].late?.(late, options) } as Fault;
      return atHome(fault, streams.of(`local/${kind}`), options.local);
    });
  });
  if (chosen.includes("hand")) faults.push(lastHand(streams.of("last-hand"), options));
  return faults.toSorted((one, other) => one.atMs - other.atMs);
}

/** Nothing that ends or is healed after it makes its worker look: only the worker's own sweep finds what it did. */
function lastHand(dice: Dice, { names, durationMs }: Field): Fault {
  const atMs = dice.between(Math.max(0, durationMs - LAST_MS), durationMs);
  const what = dice.pick(["kill", "oom", "remove"] as const);
  return { atMs, kind: "hand", node: dice.pick(names), nth: dice.between(0, 20), what, silent: true };
}

function shuffled<T>(dice: Dice, items: readonly T[]): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(dice.between(0, left.length - 1), 1));
}
