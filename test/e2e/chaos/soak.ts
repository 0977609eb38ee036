// A chaos run: step by step, faults while tasks run and submissions go on; then all is healed, and once the cluster has come to rest the books must balance.
// It ends at the first contradiction, with all that is needed to understand it and to run it again.
import { alwaysFalse, type Contradiction, contradictions } from "./balance.ts";
import { Dice } from "./dice.ts";
import { type Fault, type FaultKind, inWords } from "./fault.ts";
import { Foreigners } from "./foreigners.ts";
import { inflict, reviveAll } from "./inflict.ts";
import { ChaosCluster } from "./machines.ts";
import { damageStore } from "./operator.ts";
import { Recording } from "./recording.ts";
import type { Schedule } from "./schedule.ts";
import type { Tally } from "./tally.ts";
import { look, lookAtEngines } from "./view.ts";
import { Workload } from "./workload.ts";

/**
 * Longest wait until the books balance: a manager that settles (15 s), a worker's longest back-off (8 s), a hello (5 s), the engine asked again at last (30 s),
 * and the sweep for orphans (60 s); src/manager/presence.ts, src/transport/redial.ts, src/worker/listings.ts. With room for two slow cores.
 */
const REST_LIMIT_MS = 150_000;
const LOOK_MS = 400;
/** After it nothing that is wrong may still be on its way: nothing starts or stops any more. */
const WATCH_MS = 700;
const TOP_UP_LIMIT_MS = 60_000;
/** Tasks that run when faults come; a schedule that was cut down may ask for fewer. */
const LEAST_TASKS = 20;
/** Of what did not balance, as a schedule tells it. */
const WAS_LENGTH = 500;

/** What a run is to do. */
export interface SoakOptions {
  readonly seed: number;
  /** The faults of each step; the run ends with them, or when `isOver` says so. */
  readonly plan: Iterable<readonly Fault[]>;
  /** What is asked of the manager, step by step; by chance when left out. Its faults are not looked at. */
  readonly script?: Schedule;
  readonly isOver?: () => boolean;
  /** How long nothing may change at the end, when nobody asks for anything, ms. */
  readonly quietMs: number;
  readonly commit: string;
  readonly say: (line: string) => void;
  /** Told the run so far after each step, and at the end. */
  readonly keep?: (done: Schedule) => void;
}

/** What a run gave; `failure` is "" when nothing contradicted. */
export interface SoakOutcome {
  readonly tally: Tally;
  readonly failure: string;
  /** The run as it was. */
  readonly done: Schedule;
}

/** Runs the plan on a cluster of its own, which ends with `opened`. Fails only where there could be no cluster. */
export async function soak(options: SoakOptions, opened: AsyncDisposableStack): Promise<SoakOutcome> {
  const cluster = opened.use(await ChaosCluster.start());
  const run = new Run(cluster, options);
  try {
    await run.begin();
    let step = 0;
    for (const faults of options.plan) {
      if (options.isOver?.() || run.failure !== "") break;
      await run.step(++step, faults);
      options.keep?.(run.done());
    }
    if (run.failure === "") await run.stayQuiet(options.quietMs);
  } catch (error) {
    run.fail([{ kind: "story", text: `the run could not go on: ${error}` }]);
  } finally {
    await run.workload.end();
  }
  options.keep?.(run.done());
  return { tally: run.tally(), failure: run.failure, done: run.done() };
}

/** The same faults and the same requests again, in a time of their own. */
export function replay(
  script: Schedule,
  options: Omit<SoakOptions, "seed" | "plan" | "script" | "quietMs">,
  opened: AsyncDisposableStack,
): Promise<SoakOutcome> {
  const { seed, steps, quietMs } = script;
  return soak({ ...options, seed, plan: steps.map(({ faults }) => faults), script, quietMs }, opened);
}

/** One run, while it goes on. */
class Run {
  readonly workload: Workload;
  failure = "";
  readonly #cluster: ChaosCluster;
  readonly #options: SoakOptions;
  readonly #foreigners = new Foreigners();
  readonly #recording: Recording;
  readonly #beganMs = performance.now();
  readonly #faults: Partial<Record<FaultKind, number>> = {};
  readonly #found: Partial<Record<Contradiction["kind"], number>> = {};
  readonly #restSeconds: number[] = [];
  readonly #replacements = new Set<string>();
  readonly #restarted = new Map<string, number>();
  #writtenOff = 0;
  #endedAlone = 0;
  #step = 0;
  #now: readonly Fault[] = [];
  #was = "";

  constructor(cluster: ChaosCluster, options: SoakOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#recording = new Recording(options.script);
    this.workload = new Workload(cluster.manager, new Dice(options.seed, "workload"));
  }

  /** Foreign containers first, then tasks; the books balance before the first fault. */
  async begin(): Promise<void> {
    for (const node of this.#cluster.nodes) await this.#foreigners.settleOn(node);
    this.workload.turnTo(this.#recording.opening());
    this.workload.begin();
    await this.#topUp();
    await this.#comeToRest();
  }

  async step(number: number, faults: readonly Fault[]): Promise<void> {
    this.#step = number;
    this.#now = faults;
    this.#recording.step(faults);
    this.workload.turnTo(this.#recording.part("before"));
    this.workload.begin();
    await this.#topUp();
    this.workload.turnTo(this.#recording.part("meanwhile"));
    const beganMs = performance.now();
    const watch = this.#watch();
    for (const { kind, hit } of await this.#inflictAll(faults)) this.#faults[kind] = (this.#faults[kind] ?? 0) + hit;
    const ended = await reviveAll(this.#cluster);
    if (ended.length > 0) this.#options.say(`   ended by themselves: ${ended.join(", ")}`);
    this.#endedAlone += ended.length;
    const healedMs = performance.now();
    if (this.failure === "") await this.#comeToRest();
    await watch.end();
    const seconds = (from: number) => ((performance.now() - from) / 1000).toFixed(1);
    this.#options.say(`${number}: ${inWords(faults)}: ${seconds(beganMs)} s, balanced after ${seconds(healedMs)} s`);
  }

  /** At rest nothing moves: no container starts or ends, no record changes. */
  async stayQuiet(quietMs: number): Promise<void> {
    this.#now = [];
    const before = await this.#everything();
    await Bun.sleep(quietMs);
    const after = await this.#everything();
    const moved = [
      ...before.filter((line) => !after.includes(line)),
      ...after.filter((line) => !before.includes(line)),
    ];
    this.fail(moved.map((line) => ({ kind: "story", text: `changed although nobody asked for anything: ${line}` })));
    this.fail(await this.#contradictions());
  }

  /** Notes what contradicts, with the facts, the logs and how to see it again. */
  fail(found: readonly Contradiction[]): void {
    for (const { kind } of found) this.#found[kind] = (this.#found[kind] ?? 0) + 1;
    if (found.length === 0 || this.failure !== "") return;
    const { seed } = this.#options;
    this.failure = [
      `seed ${seed}, step ${this.#step}: ${inWords(this.#now)}`,
      ...found.map(({ kind, text }) => `${kind}: ${text}`),
      this.#cluster.logs(),
    ].join("\n");
    this.#was = `step ${this.#step}: ${found.map(({ kind, text }) => `${kind}: ${text}`).join("; ")}`.slice(
      0,
      WAS_LENGTH,
    );
  }

  /** What was done so far. */
  done(): Schedule {
    const { seed, commit, quietMs } = this.#options;
    return { was: this.#was, commit, seed, quietMs, ...this.#recording.done };
  }

  tally(): Tally {
    const { book, repeats } = this.workload;
    return {
      commit: this.#options.commit,
      seed: this.#options.seed,
      minutes: (performance.now() - this.#beganMs) / 60_000,
      steps: this.#restSeconds.length - 1,
      faults: this.#faults,
      jobs: book.entries.length,
      tasks: book.tasks,
      repeats,
      replacements: this.#replacements.size,
      restarts: [...this.#restarted.values()].reduce((sum, restarts) => sum + restarts, 0),
      writtenOff: this.#writtenOff,
      endedAlone: this.#endedAlone,
      restSeconds: this.#restSeconds.slice(1),
      found: this.#found,
    };
  }

  #inflictAll(faults: readonly Fault[]): Promise<{ kind: FaultKind; hit: number }[]> {
    return Promise.all(
      faults.map(async (fault) => {
        if (!fault.kind.startsWith("store-")) {
          const hit = await inflict(fault, this.#cluster, this.#foreigners);
          if (typeof hit !== "number") this.#recording.hit(fault, hit);
          return { kind: fault.kind, hit: typeof hit === "number" ? hit : hit.length };
        }
        const outcome = await damageStore(fault, this.#cluster, this.workload);
        this.#options.say(`   started ${outcome.starts.join(", then ")}; ${outcome.writtenOff} jobs written off`);
        this.#writtenOff += outcome.writtenOff;
        this.fail(outcome.contradictions);
        return { kind: fault.kind, hit: 1 };
      }),
    );
  }

  /** Waits until enough tasks run for a fault to be worth its while. */
  async #topUp(): Promise<void> {
    const deadline = performance.now() + TOP_UP_LIMIT_MS;
    let running = 0;
    const least = () => (this.#options.script ? Math.min(LEAST_TASKS, this.workload.book.lasting) : LEAST_TASKS);
    const isEnough = () => this.workload.isThrough && running >= least();
    for (let looks = 0; (looks === 0 || !isEnough()) && performance.now() < deadline; looks++) {
      await Bun.sleep(LOOK_MS);
      const tasks = await this.#cluster.manager.tasks().catch(() => []);
      running = tasks.filter(({ state }) => state === "running").length;
    }
    if (!isEnough()) this.fail([{ kind: "lost", text: `only ${running} tasks run, although more were submitted` }]);
  }

  async #comeToRest(): Promise<void> {
    const beganMs = performance.now();
    await this.workload.finish();
    let found: readonly Contradiction[] = [{ kind: "story", text: "the manager does not answer" }];
    // Twice in a row: a moment's balance could be chance.
    for (let balanced = 0; balanced < 2 && performance.now() < beganMs + REST_LIMIT_MS; ) {
      await Bun.sleep(LOOK_MS);
      found = await this.#contradictions().catch((error) => [{ kind: "story", text: String(error) }]);
      balanced = found.length === 0 ? balanced + 1 : 0;
    }
    this.fail(found);
    this.fail(this.workload.refusals.map((text) => ({ kind: "story", text: `refused: ${text}` })));
    this.#restSeconds.push((performance.now() - beganMs) / 1000);
  }

  async #contradictions(): Promise<Contradiction[]> {
    const { entries } = this.workload.book;
    const view = await look(this.#cluster);
    for (const { id, attempt, restarts } of view.tasks) {
      if (attempt > 1) this.#replacements.add(id);
      if (restarts > 0) this.#restarted.set(id, restarts);
    }
    return contradictions({ entries, view, foreigners: this.#foreigners.present });
  }

  async #everything(): Promise<string[]> {
    const { engines, tasks, manager } = await look(this.#cluster);
    const containers = engines.flatMap(({ node, containers }) =>
      (containers ?? []).map(({ id, name, state }) => `${node} ${name} ${id} ${state}`),
    );
    const told = tasks.map(({ id, name, state, incarnation }) => `${name} ${id} ${state} ${incarnation}`);
    return [...containers, ...told, `revision ${manager.revision}`];
  }

  /** Looks all the time for what must never be, also while the faults last. */
  #watch(): { readonly end: () => Promise<void> } {
    let isOver = false;
    const watching = (async () => {
      while (!isOver && this.failure === "") {
        await Bun.sleep(WATCH_MS);
        const found = await this.#seenTwice();
        if (found.length > 0) this.fail(found);
      }
    })();
    return {
      end: () => {
        isOver = true;
        return watching;
      },
    };
  }

  /** Engines are not asked at the same moment: what is there in two looks, one after the other, is no trick of that. */
  async #seenTwice(): Promise<Contradiction[]> {
    const first = await this.#neverTrue();
    if (first.length === 0) return [];
    const again = new Set((await this.#neverTrue()).map(({ text }) => text));
    return first.filter(({ text }) => again.has(text));
  }

  async #neverTrue(): Promise<Contradiction[]> {
    const before = this.#foreigners.present;
    const engines = await lookAtEngines(this.#cluster);
    const present = this.#foreigners.present.filter((one) => before.includes(one));
    return alwaysFalse(this.workload.book.entries, engines, present);
  }
}
