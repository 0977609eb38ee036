/**
 * The faults of a run and what its users do, as explicit data: a schedule can be printed, shortened and replayed. What each of them does is in `inject.ts`.
 * Source of kinds and ranges: the project's list of faults and invariants; what is not there yet is named in not-yet.ts.
 */
import type { FailureKind } from "../core/failure.ts";
import type { Harm } from "./disk.ts";

/** A manager by its name, or a node's worker. */
export type ProcessName = string;

/** Operations of an engine that can be made to fail. */
export const OPERATIONS = ["list", "pull", "create", "start", "stop", "remove", "inspect"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Each begins at `atMs` of the run; those with `forMs` end by themselves. */
export type Fault = { readonly atMs: number } & (
  | {
      /** Dies and is started again after `downMs`. `writing`: not at once, but amid its next write to disk. */
      readonly kind: "crash";
      readonly who: ProcessName;
      readonly when: "now" | "writing";
      readonly downMs: number;
    }
  /** Dies just before or after its `effect`-th effect of the run. */
  | {
      readonly kind: "crash-at-effect";
      readonly who: ProcessName;
      readonly effect: number;
      readonly phase: "before" | "after";
      readonly downMs: number;
    }
  /** Dies, and once more `thenMs` after it was started again: amid its recovery. */
  | { readonly kind: "crash-twice"; readonly who: ProcessName; readonly downMs: number; readonly thenMs: number }
  /** A node's worker ends in order and is started again, as for an upgrade. */
  | { readonly kind: "upgrade"; readonly node: string; readonly downMs: number }
  /** Its event loop stands still for `pauseMs` in each `everyMs`. */
  | {
      readonly kind: "stalls";
      readonly who: ProcessName;
      readonly pauseMs: number;
      readonly everyMs: number;
      readonly forMs: number;
    }
  /** SIGSTOP and SIGCONT. */
  | { readonly kind: "pause"; readonly who: ProcessName; readonly forMs: number }
  /** The machine sleeps: its monotonic clock stands still. */
  | { readonly kind: "sleep"; readonly machine: string; readonly forMs: number }
  /** The machine loses its power: processes and containers end, nobody is told. Its wall clock is `wrongByMs` further ahead when it is back. */
  | { readonly kind: "power"; readonly machine: string; readonly downMs: number; readonly wrongByMs?: number }
  | { readonly kind: "wall-step"; readonly machine: string; readonly byMs: number }
  /** Nothing goes through in that direction; both when `both`. */
  | {
      readonly kind: "cut";
      readonly from: string;
      readonly to: string;
      readonly both: boolean;
      readonly forMs: number;
    }
  /** The nodes' links are cut one after the other, `stepMs` apart, and healed in another order (swizzle-clogging: FoundationDB). */
  | {
      readonly kind: "swizzle";
      readonly cuts: readonly string[];
      readonly heals: readonly string[];
      readonly stepMs: number;
    }
  /** A node's link is cut and healed again and again. */
  | {
      readonly kind: "flap";
      readonly node: string;
      readonly times: number;
      readonly downMs: number;
      readonly upMs: number;
    }
  /** These nodes lose the managers all at once. */
  | { readonly kind: "split"; readonly nodes: readonly string[]; readonly forMs: number }
  /** The network of everybody is slow, small or garbled. */
  | {
      readonly kind: "bad-network";
      readonly meanDelayMs: number;
      readonly capacity: number;
      readonly garbagePerMille: number;
      readonly forMs: number;
    }
  | {
      readonly kind: "disk";
      readonly who: ProcessName;
      readonly trouble: "full" | "unknown" | "slow";
      readonly forMs: number;
    }
  | { readonly kind: "journal-wipe"; readonly node: string }
  /**
   * The worker is down for `downMs`, and its journal is as it was `agoMs` before: somebody has put back a backup. Where `flipped` is given only so many records from
   * its end one is gone: a bit of it has flipped.
   */
  | {
      readonly kind: "journal-rollback";
      readonly node: string;
      readonly agoMs: number;
      readonly downMs: number;
      readonly flipped?: number;
    }
  /**
   * The store goes back to what it was at `toMs`; the manager is down for `downMs` meanwhile, and adopts when it is back if `adopt`. Otherwise it starts as always,
   * is refused, and adopts `adoptAfterMs` later, or when its operator comes.
   */
  | {
      readonly kind: "store-rollback";
      readonly toMs: number;
      readonly downMs: number;
      readonly adopt: boolean;
      readonly adoptAfterMs?: number;
    }
  | {
      readonly kind: "store-wipe";
      readonly downMs: number;
      readonly adopt: boolean;
      readonly adoptAfterMs?: number;
    }
  /**
   * Records of the store are damaged while the manager is down for `downMs`: it only reads until somebody, `forMs` later, puts a backup of that moment in its place,
   * or accepts the loss of them and lets it adopt.
   */
  | {
      readonly kind: "store-gap";
      readonly nth: number;
      readonly records: number;
      readonly how: Harm;
      readonly downMs: number;
      readonly forMs: number;
      readonly repair: "backup" | "accept-loss";
    }
  /** Another machine shows the node's key, as after its disk was copied. */
  | { readonly kind: "clone"; readonly node: string; readonly forMs: number }
  /** The same with all that its worker had on disk: a virtual machine that was copied. */
  | { readonly kind: "clone-disk"; readonly node: string; readonly forMs: number }
  /** A second manager is started on a copy of the first one's store. */
  | { readonly kind: "second-manager"; readonly forMs: number }
  /** The next such operation of the engine fails; `done`: it takes effect all the same. */
  | {
      readonly kind: "engine-error";
      readonly node: string;
      readonly operation: Operation;
      readonly failure: FailureKind;
      readonly done: boolean;
    }
  /** Requests to the engine are never answered; some are carried out once it wakes, whoever waits for them. */
  | { readonly kind: "engine-hang"; readonly node: string; readonly forMs: number }
  /** The same for requests of one kind, while all others are answered. */
  | { readonly kind: "engine-stuck"; readonly node: string; readonly operation: Operation; readonly forMs: number }
  /** The engine is away. `live`: its containers run on. */
  | { readonly kind: "engine-restart"; readonly node: string; readonly live: boolean; readonly forMs: number }
  /** Stops are confirmed and nothing dies. */
  | { readonly kind: "zombies"; readonly node: string; readonly forMs: number }
  /** Events of the engine are lost, late or told twice. */
  | { readonly kind: "bad-events"; readonly node: string; readonly forMs: number }
  /** Pulls do not end, are refused for now, or take long. */
  | {
      readonly kind: "registry";
      readonly node: string;
      readonly trouble: "hangs" | "limited" | "slow";
      readonly forMs: number;
    }
  /** The engine's disk is full: nothing can be pulled, created or started. */
  | { readonly kind: "engine-full"; readonly node: string; readonly forMs: number }
  /** What the engine shows is how things were `lagMs` ago. */
  | { readonly kind: "stale-sight"; readonly node: string; readonly lagMs: number; readonly forMs: number }
  /** The worker is started again on a machine that has another size, or bears another label. */
  | { readonly kind: "resize"; readonly node: string; readonly cpuMillis: number }
  | { readonly kind: "relabel"; readonly node: string; readonly zone: Zone }
  /** Probes fail; some of them when it `flaps`, and when they are `slow` they are answered too late. */
  | { readonly kind: "unwell"; readonly node: string; readonly forMs: number; readonly how?: "flaps" | "slow" }
  /** Somebody ends, or removes, the nth container of the node by hand; `silent`: the engine says nothing of it. */
  | {
      readonly kind: "hand";
      readonly node: string;
      readonly nth: number;
      readonly what: "kill" | "oom" | "remove";
      readonly silent: boolean;
    }
  | { readonly kind: "foreign"; readonly node: string; readonly hostPort: number }
  /**
   * It never comes back: not healed with the others, so that the core has to do without it. `mute`: nobody hears it; `deaf`: it hears nobody; `frozen`: its worker
   * stands still and its machine does not.
   */
  | {
      readonly kind: "gone";
      readonly node: string;
      readonly how: "cut" | "dead" | "power" | "mute" | "deaf" | "frozen";
    }
);

export type FaultKind = Fault["kind"];

/** A label of nodes, which jobs may ask for. */
export const ZONES = ["a", "b"] as const;
export type Zone = (typeof ZONES)[number];

/** How a submitted task behaves once it runs. */
export interface Behaviour {
  /** Mean life in ms; 0 runs on. */
  readonly lifeMs: number;
  readonly exitCode: number;
  /** How long it takes to end once it is told to; beyond its grace it is killed. */
  readonly stopMs: number;
  readonly pullMs: number;
  /** `refused`: it is there, and nothing can ever be made of it. */
  readonly image: "there" | "missing" | "refused";
}

/** What a user does. Jobs are named by the user; a step about a name that is not known does nothing. */
export type Step = { readonly atMs: number } & (
  | {
      readonly kind: "submit";
      readonly name: string;
      readonly count: number;
      readonly batch: boolean;
      readonly cpuMillis: number;
      readonly hostPort: number;
      readonly replace: boolean;
      readonly health: boolean;
      readonly volume: boolean;
      /** Only on nodes with that label. */
      readonly zone?: Zone;
      /** Where it is not the usual one: of a batch there is none. `onFailure`: not after a good end. */
      readonly restart?: { readonly onFailure: boolean; readonly attempts: number };
      /** How long a task may run while its worker has no manager. */
      readonly stopAfterMs?: number;
      /** How often it is sent, with one idempotency key. */
      readonly times: number;
      readonly behaviour: Behaviour;
    }
  | { readonly kind: "stop" | "start" | "restart" | "remove"; readonly name: string }
  | { readonly kind: "cordon" | "uncordon"; readonly node: string }
  | { readonly kind: "trust-loss" }
);

/** A machine of the cluster. */
export interface NodePlan {
  readonly name: string;
  readonly cpuMillis: number;
  readonly driftPpm: number;
  readonly skewMs: number;
  /** Who opens the link. */
  readonly dialledBy: "manager" | "worker";
  readonly zone?: Zone;
  /** In the manager's own process: the two live and die together, and nobody dials. */
  readonly local?: true;
}

/** Everything that a run is made of: with the same plan and the same code it is the same run, down to the hash of its trace. */
export interface Plan {
  readonly format: 1;
  readonly seed: number;
  readonly nodes: readonly NodePlan[];
  readonly manager: { readonly driftPpm: number; readonly skewMs: number; readonly scheduler: string };
  readonly network: { readonly minDelayMs: number; readonly meanDelayMs: number };
  /** Length of the phase with faults. */
  readonly durationMs: number;
  readonly faults: readonly Fault[];
  readonly steps: readonly Step[];
}

/** Nodes that are gone for good once the phase with faults is over. Pure. */
export function goneNodes({ faults, durationMs }: Plan): ReadonlySet<string> {
  return new Set(faults.flatMap((fault) => (fault.kind === "gone" && fault.atMs <= durationMs ? [fault.node] : [])));
}
