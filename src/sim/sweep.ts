/**
 * Crashes a scripted scenario at its first, second, … n-th effect, and then at pairs of them (the loop of SQLite's crash tests). Each run has to keep every
 * invariant and, once healed, to end as the scenario ends without a crash. Pure: it gives the runs one by one, and whoever asks decides how many.
 */
import { type Cluster, emptyCluster } from "../core/cluster.ts";
import { slotKey } from "../core/job.ts";
import type { Checker } from "./checker.ts";
import { CHECKERS } from "./checks.ts";
import { type Fault, goneNodes, type Plan } from "./faults.ts";
import { hashText, Streams } from "./random.ts";
import { type Outcome, run } from "./run.ts";
import type { Scenario } from "./script.ts";
import type { Simulation } from "./simulation.ts";

/** How long a process that was crashed stays away, in ms: too short for anybody to be missed. */
const DOWN_MS = 1_000;

/** A place where a process may die. */
export interface CrashPoint {
  readonly who: string;
  /** From 1. */
  readonly effect: number;
  readonly phase: "before" | "after";
}

/** How a run has ended, and what there was in the end, in words that are the same for all runs that are the same to people. */
export interface Observed {
  readonly outcome: Outcome;
  readonly state: readonly string[];
  /** Effects of each process until all was healed. */
  readonly effects: ReadonlyMap<string, number>;
}

/** A crashed run: `problem` is "" when it is as it has to be. */
export interface Crashed {
  readonly points: readonly CrashPoint[];
  readonly plan: Plan;
  readonly outcome: Outcome;
  readonly problem: string;
}

/** Runs a plan and looks at its end. `meddle` sees the run before it begins. */
export function observe(plan: Plan, meddle: (sim: Simulation) => void = () => {}): Observed {
  const spy = new Spy(meddle);
  const outcome = run(plan, { checkers: [...CHECKERS, spy.checker] });
  return { outcome, state: spy.state(), effects: spy.effects };
}

/** Sees what an outcome does not tell. */
class Spy {
  effects: ReadonlyMap<string, number> = new Map();
  #sim: Simulation | null = null;
  readonly #meddle: (sim: Simulation) => void;

  constructor(meddle: (sim: Simulation) => void) {
    this.#meddle = meddle;
  }

  readonly checker: Checker = {
    id: "end",
    rule: "a run is looked at in its end",
    begin: (sim) => {
      this.#sim = sim;
      this.#meddle(sim);
      return {
        onEvent: (event) => {
          if (event.kind === "healed") this.effects = new Map(sim.effects);
        },
      };
    },
  };

  state(): string[] {
    return this.#sim === null ? [] : abstractState(this.#sim);
  }
}

/**
 * What people would say of a cluster: each job, what is wanted of it, and of each slot how it is and how often it really lives. Which attempt that is, and on
 * which node, may differ.
 */
function abstractState(sim: Simulation): string[] {
  const cluster = sim.manager.manager.machine?.cluster ?? emptyCluster();
  const gone = goneNodes(sim.plan);
  const live = [...sim.nodes].flatMap(([name, { engine }]) => (gone.has(name) ? [] : engine.live()));
  const lines = [...cluster.jobs.values()].flatMap((job) => {
    const slots = job.spec.services.flatMap(({ name, count }) =>
      Array.from({ length: count }, (_, index) => {
        const containers = live.filter((one) => one.jobId === job.id && one.service === name && one.slot === index);
        return `${job.spec.name}.${index}: ${stateOf(cluster, slotKey(job.id, name, index))}, ${containers.length} alive`;
      }),
    );
    return [`${job.spec.name}: to ${job.desired}`, ...slots];
  });
  const strays = live.filter((one) => !one.isForeign && !cluster.jobs.has(one.jobId));
  return [...lines, ...strays.map((one) => `a stray of ${one.service}`)].sort();
}

function stateOf(cluster: Cluster, key: string): string {
  const task = cluster.tasks.get(cluster.slots.get(key)?.taskId ?? "");
  return task === undefined ? "empty" : task.fact.state;
}

/** All single places where the scenario may be crashed, by process and in order. */
export function pointsOf({ effects }: Observed): CrashPoint[] {
  return [...effects].flatMap(([who, many]) =>
    Array.from({ length: many }, (_, i) => i + 1).flatMap((effect) => [
      { who, effect, phase: "before" as const },
      { who, effect, phase: "after" as const },
    ]),
  );
}

/** So many pairs of places, drawn from a seed; the second one may be amid the recovery from the first. */
export function pairsOf(observed: Observed, many: number, seed: number): (readonly [CrashPoint, CrashPoint])[] {
  const dice = new Streams(seed).of("pairs");
  const points = pointsOf(observed);
  if (points.length === 0) return [];
  return Array.from({ length: many }, () => [dice.pick(points), dice.pick(points)] as const);
}

/** Crashes the scenario at those places. */
export function crashAt({ plan }: Scenario, points: readonly CrashPoint[], without: Observed): Crashed {
  const faults: Fault[] = points.map((point) => ({ kind: "crash-at-effect", atMs: 0, downMs: DOWN_MS, ...point }));
  const crashed = { ...plan, faults: [...faults, ...plan.faults] };
  const { outcome, state } = observe(crashed);
  return { points, plan: crashed, outcome, problem: problemOf(outcome, state, without.state) };
}

function problemOf({ verdict, violation }: Outcome, state: readonly string[], expected: readonly string[]): string {
  if (verdict !== "passed") return `${verdict}: ${violation?.id ?? ""} ${violation?.facts.join("; ") ?? ""}`;
  const [mine, theirs] = [state.join("\n"), expected.join("\n")];
  return mine === theirs ? "" : `it ends as\n${mine}\nand without a crash as\n${theirs}`;
}

/** Takes about so many of the items, evenly spread from a beginning that the seed draws. */
export function sampleOf<T>(items: readonly T[], many: number, seed: number): T[] {
  if (items.length <= many) return [...items];
  const stride = items.length / many;
  const first = hashText("sample", seed) % Math.ceil(stride);
  return Array.from({ length: many }, (_, i) => items[Math.floor(first + i * stride) % items.length] as T);
}
