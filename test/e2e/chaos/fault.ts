// What is done to a cluster, and the plan of a run: which faults come together in which step. A plan follows from its seed alone, never from how the
// cluster happens to be, so that the same seed does the same again.
import { Dice } from "./dice.ts";

/** One thing that is done. */
export interface Fault {
  readonly kind: FaultKind;
  /** Index of the node that it concerns; means nothing to a fault of the manager. */
  readonly node: number;
  /** How long after the step's beginning it comes, and how long it lasts until it is undone, ms. */
  readonly afterMs: number;
  readonly holdMs: number;
  /** From 0 to below 1: how hard it is, within what the kind allows. */
  readonly force: number;
  /** The tasks whose containers are to be hit, by name; what `force` finds when left out, or where the node does not have those. */
  readonly hit?: readonly string[];
}

/** What a kind of fault touches: two faults of one step never share a seat. */
type Seat = "manager" | "worker" | "engine" | "network" | "alone";

/** How a kind is drawn, and as what it is counted. */
interface Kind {
  readonly seat: Seat;
  readonly counts: "kill" | "partition" | "store" | "other";
  /** How often it comes, beside the others. */
  readonly weight: number;
  /** The range of `holdMs`, short ones more often than long ones. */
  readonly holdMs: readonly [number, number];
  /** The share of them that lasts as long as it gets; chance alone hardly ever makes it so. */
  readonly wholeShare?: number;
  /** Nodes that it can concern; all when left out. */
  readonly nodes?: readonly number[];
}

/** The node that the manager reaches through the relay, the one whose data lies on a small disk, and the one whose wall clock can be moved. */
export const RELAYED_NODE = 1;
export const SMALL_DISK_NODE = 1;
export const CLOCKED_NODE = 2;

const PROCESS_GONE = [0, 3_000] as const;
const KILLS = { counts: "kill", holdMs: PROCESS_GONE } as const;
/** From a blink to long enough for tasks to be replaced (11 s) and their originals to come back. */
const CUT = { seat: "network", counts: "partition", holdMs: [1_000, 30_000] } as const;
const STORE = { seat: "alone", counts: "store", holdMs: [0, 0] } as const;

/** Up to a minute, which is longer than anybody waits for the frozen one. */
const FREEZE = { counts: "other", weight: 2, holdMs: [2_000, 60_000], wholeShare: 0.25 } as const;

/** Every kind of fault. */
export const KINDS = {
  "kill-manager": { ...KILLS, seat: "manager", weight: 12 },
  "kill-worker": { ...KILLS, seat: "worker", weight: 12 },
  "kill-container": { ...KILLS, seat: "engine", weight: 8, holdMs: [0, 0] },
  "kill-shim": { ...KILLS, seat: "engine", weight: 6, holdMs: [0, 0] },
  "kill-engine": { ...KILLS, seat: "engine", weight: 5 },
  "kill-containerd": { ...KILLS, seat: "engine", weight: 3 },
  "restart-engine": { ...KILLS, seat: "engine", counts: "other", weight: 1 },
  "remove-container": { ...KILLS, seat: "engine", counts: "other", weight: 3, holdMs: [0, 0] },
  "freeze-manager": { ...FREEZE, seat: "manager" },
  "freeze-worker": { ...FREEZE, seat: "worker" },
  "freeze-engine": { ...FREEZE, seat: "engine", weight: 1 },
  "cut-node": { ...CUT, weight: 7 },
  "cut-node-deaf": { ...CUT, weight: 6 },
  "cut-node-mute": { ...CUT, weight: 6 },
  "cut-manager": { ...CUT, seat: "manager", weight: 2 },
  "cut-manager-deaf": { ...CUT, seat: "manager", weight: 2 },
  "cut-manager-mute": { ...CUT, seat: "manager", weight: 2 },
  loss: { seat: "network", counts: "other", weight: 2, holdMs: [3_000, 12_000] },
  rate: { seat: "network", counts: "other", weight: 2, holdMs: [3_000, 12_000] },
  delay: { seat: "network", counts: "other", weight: 2, holdMs: [3_000, 12_000], nodes: [RELAYED_NODE] },
  stall: { seat: "network", counts: "other", weight: 2, holdMs: [2_000, 20_000], nodes: [RELAYED_NODE] },
  "full-disk-manager": { seat: "manager", counts: "other", weight: 2, holdMs: [2_000, 6_000] },
  "full-disk-worker": { seat: "worker", counts: "other", weight: 2, holdMs: [2_000, 6_000], nodes: [SMALL_DISK_NODE] },
  "clock-manager": { seat: "manager", counts: "other", weight: 1, holdMs: [1_000, 5_000] },
  "clock-worker": { seat: "worker", counts: "other", weight: 1, holdMs: [1_000, 5_000], nodes: [CLOCKED_NODE] },
  "store-corrupted": { ...STORE, weight: 1 },
  "store-truncated": { ...STORE, weight: 1 },
  "store-rolled-back": { ...STORE, weight: 1 },
  "store-deleted": { ...STORE, weight: 1 },
} as const satisfies Record<string, Kind>;

export type FaultKind = keyof typeof KINDS;

/** All kinds, in the order of the table. */
export const FAULT_KINDS = Object.keys(KINDS) as FaultKind[];

/** How many faults a step has, when they find different seats; they come within a moment of each other. */
const BURST = [2, 5] as const;
const MOMENT_MS = 1_500;
const NODES = 3;

/** A kind by its name; nothing for a name that is none. */
export function kindOf(name: string): Kind | undefined {
  return (KINDS as Readonly<Record<string, Kind>>)[name];
}

/** The faults of a step: of these kinds, not two on one seat. */
export function faultsOf(seed: number, step: number, kinds: readonly FaultKind[]): Fault[] {
  const dice = new Dice(seed, `step ${step}`);
  const faults: Fault[] = [];
  const taken = new Set<string>();
  for (let left = dice.between(...BURST); left > 0; left--) {
    const fault = draw(dice, kinds);
    const seat = seatOf(fault);
    if (seat === "alone") return faults.length === 0 ? [{ ...fault, afterMs: 0 }] : faults;
    if (!taken.has(seat)) faults.push(fault);
    taken.add(seat);
  }
  return faults;
}

/** False for what befalls the manager or its store. */
export function isOfNode(kind: FaultKind): boolean {
  return !kind.includes("manager") && KINDS[kind].counts !== "store";
}

/** A step in words. */
export function inWords(faults: readonly Fault[]): string {
  return faults
    .map(({ kind, node, afterMs, holdMs }) => {
      const where = isOfNode(kind) ? ` n${node + 1}` : "";
      return `${kind}${where} (after ${afterMs} ms, for ${holdMs} ms)`;
    })
    .join(", ");
}

function draw(dice: Dice, kinds: readonly FaultKind[]): Fault {
  const kind = weighted(dice, kinds);
  const { holdMs, wholeShare = 0, nodes = [...Array(NODES).keys()] } = KINDS[kind] as Kind;
  const [least, most] = holdMs;
  // To the third power: most are short, so that many fit into an hour.
  const share = dice.chance(wholeShare) ? 1 : dice.next() ** 3;
  const hold = Math.round(least + (most - least) * share);
  // A few digits, so that a schedule that is written down is the same.
  const force = dice.below(1000) / 1000;
  return { kind, node: dice.pick(nodes), afterMs: dice.below(MOMENT_MS), holdMs: hold, force };
}

function weighted(dice: Dice, kinds: readonly FaultKind[]): FaultKind {
  let at = dice.next() * kinds.reduce((sum, kind) => sum + KINDS[kind].weight, 0);
  for (const kind of kinds) {
    at -= KINDS[kind].weight;
    if (at < 0) return kind;
  }
  return kinds.at(-1) as FaultKind;
}

function seatOf({ kind, node }: Fault): string {
  const { seat } = KINDS[kind];
  return seat === "manager" || seat === "alone" ? seat : `${seat} ${node}`;
}
