/** One checker on a run that never begins: a test tells it what happens, and when, and hears what it finds. */
import type { Change } from "../../src/core/change.ts";
import type { TaskSpec } from "../../src/core/spec.ts";
import type { Task } from "../../src/core/task.ts";
import type { ManagerIdentity } from "../../src/protocol/messages.ts";
import { CHECKERS } from "../../src/sim/checks.ts";
import type { NodePlan, Plan } from "../../src/sim/faults.ts";
import { MANAGER, Simulation } from "../../src/sim/simulation.ts";
import type { Container, SimEvent } from "../../src/sim/trace.ts";
import type { WorkerEffect } from "../../src/worker/effects.ts";
import { aSpec } from "../core/records.ts";

const traits = { driftPpm: 0, skewMs: 0 };

/** A plan without faults and users. */
export function aPlan(overrides: Partial<Plan> = {}): Plan {
  const nodes = ["n1", "n2"].map((name): NodePlan => ({ name, cpuMillis: 1_000, ...traits, dialledBy: "worker" }));
  return {
    format: 1,
    seed: 1,
    nodes,
    manager: { ...traits, scheduler: "epvm" },
    network: { minDelayMs: 0, meanDelayMs: 1 },
    durationMs: 60_000,
    faults: [],
    steps: [],
    ...overrides,
  };
}

/** What a manager says of itself. */
export function identity(overrides: Partial<ManagerIdentity> = {}): ManagerIdentity {
  return { clusterId: "c", instanceId: "m1.1", term: 1, lineage: "a", revision: 0, ...overrides };
}

export class CheckBench {
  readonly sim = new Simulation(aPlan());
  /** What was found, by the checker's id. */
  readonly found: string[] = [];
  readonly #recount: () => void;
  #revision = 0;

  constructor(id: string) {
    const checker = CHECKERS.find((one) => one.id === id);
    if (checker === undefined) throw new Error(`no checker ${id}`);
    const { onEvent, recount } = checker.begin(this.sim, (...facts) => this.found.push(facts.join(", ")));
    this.sim.watch(onEvent);
    this.#recount = recount ?? (() => {});
  }

  tell(...events: readonly SimEvent[]): void {
    for (const event of events) this.sim.tell(event);
  }

  /** The whole run's time goes on. */
  passes(ms: number): void {
    this.sim.runUntil(this.sim.nowMs + ms);
  }

  recount(): void {
    this.#recount();
  }

  /** One batch becomes durable, by the scheduler unless somebody else is named. */
  keep(
    changes: readonly Change[],
    how: { readonly actor?: string; readonly text?: string; readonly manager?: string } = {},
  ) {
    const { actor = "scheduler", text = "", manager = MANAGER } = how;
    const logged = changes.map((change) => ({ revision: ++this.#revision, atMs: 0, actor, text, change }));
    this.tell({ kind: "durable", manager, changes: logged });
  }

  keepTask(task: Task, actor = "scheduler"): void {
    this.keep([{ kind: "task.put", task }], { actor });
  }

  /** A worker's machine asks for something. */
  effect(effect: WorkerEffect, node = "n1"): void {
    this.tell({ kind: "effect", node, effect });
  }

  /** Goes on with another revision than the next. */
  skipTo(revision: number): void {
    this.#revision = revision;
  }
}

/** A container of task "t" on n1. */
export function aContainer(overrides: Partial<Container> & { readonly env?: TaskSpec["env"] } = {}): Container {
  const { taskId = "t", incarnation = 1, node = "n1" } = overrides;
  return {
    instanceId: `${taskId}-${incarnation}`,
    node,
    taskId,
    incarnation,
    jobId: "web",
    service: "web",
    slot: 0,
    spec: aSpec(),
    specHash: "",
    isForeign: false,
    status: "running",
    exitCode: null,
    oomKilled: false,
    startedMs: 0,
    finishedMs: 0,
    ...overrides,
  };
}

export function started(container: Container): SimEvent {
  return { kind: "started", container };
}

export function died(container: Container, cause: "exit" | "kill" | "stop" = "exit"): SimEvent {
  return { kind: "died", container, cause };
}
