/**
 * What happens in the demo while nobody does anything: now and then a task exits, a node goes away and comes back, a batch job is submitted. Drawn from the
 * run's own dice, so that a seed is one story. It can be hushed; the time of what it left out passes.
 */
import { demoBatch } from "./demo-jobs.ts";
import type { Fault } from "./faults.ts";
import type { Dice } from "./random.ts";
import { MANAGER, type Simulation } from "./simulation.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Batch jobs that are kept; older ones are removed. */
const BATCHES_KEPT = 2;

/** The least and the greatest time between two of a kind, in ms. */
const BETWEEN = {
  exit: [25 * SECOND, 110 * SECOND],
  node: [4 * MINUTE, 8 * MINUTE],
  batch: [3 * MINUTE, 5 * MINUTE],
} as const;

type Happening = keyof typeof BETWEEN;

/** What the story needs of its stage. */
export interface StoryStage {
  readonly sim: Simulation;
  readonly begin: (fault: Fault) => void;
  /** Nodes that nothing has happened to just now. */
  readonly whole: () => readonly string[];
}

export class DemoStory {
  readonly #stage: StoryStage;
  readonly #dice: Dice;
  readonly #batches: string[] = [];
  #number = 0;
  /** False hushes it. */
  isOn = true;

  constructor(stage: StoryStage) {
    this.#stage = stage;
    this.#dice = stage.sim.streams.of("story");
  }

  /** Lets it begin: the first of each kind comes soon, so that there is something to see. */
  start(): void {
    this.#plan("exit", 12 * SECOND);
    this.#plan("batch", 35 * SECOND);
    this.#plan("node", 80 * SECOND);
  }

  #plan(what: Happening, ms: number): void {
    this.#stage.sim.queue.after(ms, () => {
      const [least, most] = BETWEEN[what];
      this.#plan(what, this.#dice.between(least, most));
      if (this.isOn) this.#act(what);
    });
  }

  #act(what: Happening): void {
    if (what === "exit") this.#exit();
    else if (what === "node") this.#node();
    else this.#batch();
  }

  #exit(): void {
    const { sim } = this.#stage;
    const live = [...sim.nodes.values()].flatMap(({ engine }) => engine.live().map((one) => ({ engine, one })));
    if (live.length === 0) return;
    const { engine, one } = this.#dice.pick(live);
    const oom = this.#dice.chance(0.25);
    engine.die(one, { cause: "exit", exitCode: oom ? 137 : 1, oom });
  }

  #node(): void {
    const { whole, begin, sim } = this.#stage;
    const names = whole();
    // A cluster in which more is broken than this needs no story.
    if (names.length < 2 || names.length < sim.nodes.size - 1) return;
    const node = this.#dice.pick(names);
    const atMs = sim.nowMs;
    const kind = this.#dice.pick(["crash", "cut", "cut", "power"] as const);
    if (kind === "crash") begin({ atMs, kind, who: node, when: "now", downMs: 25 * SECOND });
    else if (kind === "cut") begin({ atMs, kind, from: node, to: MANAGER, both: true, forMs: MINUTE });
    else begin({ atMs, kind, machine: node, downMs: 75 * SECOND });
  }

  #batch(): void {
    const { manager } = this.#stage.sim.manager;
    // Nobody submits to a manager that is away.
    if (!manager.isOk || manager.parts.process.stopped) return;
    const spec = demoBatch(++this.#number, this.#dice.between(4, 9));
    const command = { kind: "job.submit", id: spec.name, spec, idempotencyKey: `demo ${spec.name}` } as const;
    manager.execute(
      command,
      (result) => {
        if (result.ok) this.#batches.push(result.jobId);
      },
      "cron",
    );
    while (this.#batches.length > BATCHES_KEPT) this.#remove(this.#batches.shift() ?? "");
  }

  #remove(jobId: string): void {
    this.#stage.sim.manager.manager.execute({ kind: "job.remove", jobId }, () => {}, "cron");
  }
}
