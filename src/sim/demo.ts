/**
 * The cluster of `cube demo`: the real manager and the real workers on a virtual clock, with a dozen machines, some two hundred tasks, and things that fail and
 * come back. Whoever owns it lets time pass; with the same seed and nobody who meddles it is the same story. It never touches anything real.
 */
import type { LoggedChange } from "../core/change.ts";
import type { CommandResult } from "../manager/commands.ts";
import { demoJobs } from "./demo-jobs.ts";
import { demoFacts, demoNodes } from "./demo-nodes.ts";
import { DemoStory } from "./demo-story.ts";
import { demoUse } from "./demo-usage.ts";
import type { Fault, Plan } from "./faults.ts";
import { Injector } from "./inject.ts";
import { BEGIN_MS } from "./machine-clock.ts";
import { MANAGER, Simulation } from "./simulation.ts";
import type { Container, SimEvent } from "./trace.ts";

/** Time that has passed when somebody first looks, in ms: everything runs by then, and a little has happened. */
const BEFORE_MS = 4 * 60_000;
/** When the jobs are submitted and the story begins, in ms: nodes need a moment to join. */
const SUBMIT_MS = 3_000;
const STORY_MS = 150_000;
const AGAIN_MS = 2_000;
/** Longest time that is lived through for an answer or a write under way, in ms. */
const SETTLE_MS = 5_000;

export interface DemoOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Called before anything happens, for whoever wants to see all of it. */
  readonly onStage?: (sim: Simulation) => void;
}

export class DemoCluster {
  readonly sim: Simulation;
  readonly story: DemoStory;
  /** What became durable before anybody could listen, oldest first. */
  readonly changes: readonly LoggedChange[];
  /** Wall clock of when each link came up that is up by then. */
  readonly linkedSince: ReadonlyMap<string, number>;
  readonly #injector: Injector;
  /** Nodes that a fault holds until that moment of the run. */
  readonly #held = new Map<string, number>();

  constructor({ seed, nodes, onStage }: DemoOptions) {
    const plan = planOf(seed, nodes);
    const places = new Map(plan.nodes.map(({ name }, at) => [name, at]));
    this.sim = new Simulation(plan, {
      facts: ({ name }) => demoFacts(places.get(name) ?? 0),
      measure: demoUse,
    });
    this.#injector = new Injector(this.sim);
    this.story = new DemoStory({ sim: this.sim, begin: (fault) => this.begin(fault), whole: () => this.#whole() });
    onStage?.(this.sim);
    const past = new Past();
    this.changes = past.changes;
    this.linkedSince = past.linkedSince;
    this.sim.watch((event, atMs) => past.hear(event, this.wallAt(atMs)));
    this.sim.begin();
    for (const spec of demoJobs(nodes)) {
      this.#submit({ kind: "job.submit", id: spec.name, spec, idempotencyKey: `demo ${spec.name}` }, SUBMIT_MS);
    }
    this.sim.queue.after(STORY_MS, () => this.story.start());
    this.advance(BEFORE_MS);
    past.isOver = true;
  }

  /** The wall clock of all its machines, ms since 1970: always of the same day, so that a seed is the same story on every day. */
  get wallMs(): number {
    return this.wallAt(this.sim.nowMs);
  }

  /** The wall clock at a moment of the run. */
  wallAt(ms: number): number {
    return Math.floor(BEGIN_MS + ms);
  }

  /** Lets so much time pass, and what the manager is writing then become durable. */
  advance(ms: number): void {
    this.sim.runUntil(this.sim.nowMs + ms);
    this.settle(() => !this.sim.manager.manager.isCommitting);
  }

  /** Lets a little time pass until that is so; gives up after some seconds of it. */
  settle(isSo: () => boolean): void {
    if (!isSo()) this.sim.runUntil(this.sim.nowMs + SETTLE_MS, isSo);
  }

  /** Brings a fault about now. */
  begin(fault: Fault): void {
    const [node, forMs] = heldBy(fault);
    if (node !== "") this.#held.set(node, Math.max(this.#held.get(node) ?? 0, this.sim.nowMs + forMs));
    this.#injector.begin(fault);
  }

  /** Whether a fault that was begun here still holds the node. */
  isHeld(node: string): boolean {
    return (this.#held.get(node) ?? 0) > this.sim.nowMs;
  }

  /** The containers of a task on its node, oldest first. */
  containersOf(node: string, taskId: string): readonly Container[] {
    const all = [...(this.sim.nodes.get(node)?.engine.containers.values() ?? [])];
    return all.filter((one) => one.taskId === taskId).sort((one, other) => one.incarnation - other.incarnation);
  }

  /** Ends the running container of a task as if somebody had killed it; false when none runs. */
  kill(node: string, taskId: string): boolean {
    const one = this.containersOf(node, taskId).find(({ status }) => status === "running");
    if (one === undefined) return false;
    this.sim.nodes.get(node)?.engine.die(one, { cause: "hand", exitCode: 137 });
    return true;
  }

  #whole(): readonly string[] {
    return [...this.sim.nodes.keys()].filter((name) => !this.isHeld(name));
  }

  #submit(command: Parameters<Simulation["manager"]["manager"]["execute"]>[0], inMs: number): void {
    const again = (result: CommandResult): void => {
      if (!result.ok) this.#submit(command, AGAIN_MS);
    };
    this.sim.queue.after(inMs, () => this.sim.manager.manager.execute(command, again, "demo"));
  }
}

/** Remembers what whoever looks first will want to know. */
class Past {
  readonly changes: LoggedChange[] = [];
  readonly linkedSince = new Map<string, number>();
  isOver = false;

  hear(event: SimEvent, wallMs: number): void {
    if (this.isOver) return;
    if (event.kind === "durable") this.changes.push(...event.changes);
    else if (event.kind === "linked") this.linkedSince.set(event.node, wallMs);
    else if (event.kind === "unlinked") this.linkedSince.delete(event.node);
  }
}

function planOf(seed: number, nodes: number): Plan {
  return {
    format: 1,
    seed,
    nodes: demoNodes(nodes),
    manager: { driftPpm: 0, skewMs: 0, scheduler: "epvm" },
    network: { minDelayMs: 1, meanDelayMs: 3 },
    durationMs: Number.MAX_SAFE_INTEGER,
    faults: [],
    steps: [],
  };
}

/** The node that a fault takes away, and for how long; "" for none. */
function heldBy(fault: Fault): readonly [string, number] {
  if (fault.kind === "crash") return [fault.who === MANAGER ? "" : fault.who, fault.downMs];
  if (fault.kind === "cut") return [fault.from === MANAGER ? fault.to : fault.from, fault.forMs];
  return fault.kind === "power" && fault.machine !== MANAGER ? [fault.machine, fault.downMs] : ["", 0];
}
