// The simulator's engine behind the port of the real runtimes, so that the same suite runs on it: each call drives virtual time until it is answered.
import { ok, type Result } from "../../src/core/failure.ts";
import { asEnvironment } from "../../src/sim/behaviour.ts";
import { SimEngine } from "../../src/sim/engine.ts";
import type { EngineEffect } from "../../src/sim/engine-answers.ts";
import type { Behaviour } from "../../src/sim/faults.ts";
import { EventQueue } from "../../src/sim/queue.ts";
import { Streams } from "../../src/sim/random.ts";
import type { CreateRequest, WorkerEvent } from "../../src/worker/effects.ts";
import type { Runtime, RuntimeEvent } from "../../src/worker/ports.ts";
import { answered } from "./model-store.ts";

type Answered = Extract<WorkerEvent, { readonly result: unknown }>;
type ResultOf<Kind extends Answered["kind"]> = Extract<Answered, { readonly kind: Kind }>["result"];

/** So late is an event of an engine at most, in virtual ms. */
const TOLD_MS = 10;

/** How a program of the suite behaves, for a task's environment. */
export function behaves(behaviour: Partial<Behaviour>): Readonly<Record<string, string>> {
  return asEnvironment({ lifeMs: 0, exitCode: 0, stopMs: 10, pullMs: 10, image: "there", ...behaviour });
}

/** The engines of some nodes, by node: the model is one engine a node. */
export class ModelEngines {
  readonly #queue = new EventQueue();
  readonly #engines = new Map<string, ModelEngine>();

  open(nodeId: string): Runtime {
    let engine = this.#engines.get(nodeId);
    if (engine === undefined) {
      engine = new ModelEngine(nodeId, this.#queue);
      this.#engines.set(nodeId, engine);
    }
    return engine.runtime();
  }
}

class ModelEngine {
  readonly #queue: EventQueue;
  readonly #engine: SimEngine;
  readonly #watchers = new Set<(event: RuntimeEvent) => void>();
  #pulls = 0;

  constructor(nodeId: string, queue: EventQueue) {
    this.#queue = queue;
    this.#engine = new SimEngine(nodeId, queue, new Streams(1), () => {});
    this.#engine.watch((event) => {
      if (event.kind === "died") for (const watcher of this.#watchers) watcher(event);
      if (event.kind === "resync") for (const watcher of this.#watchers) watcher({ kind: "resync" });
    });
  }

  runtime(): Runtime {
    const of = (instanceId: string) => ({ taskId: instanceId, incarnation: 1 });
    const common = (instanceId: string) => ({ of: of(instanceId), runtime: "docker", instanceId }) as const;
    return {
      kind: "docker",
      probe: async () => this.#engine.probe(),
      list: () => this.#ask<"listed">({ kind: "list" }),
      pull: (spec, _progress, signal) => this.#pull(spec, signal),
      create: (request) => this.#ask<"created">({ kind: "create", request }),
      start: (instanceId) => this.#ask<"started">({ kind: "start", ...common(instanceId) }),
      stop: (instanceId, options) => this.#ask<"stopped">({ kind: "stop", ...common(instanceId), ...options }),
      remove: (instanceId) => this.#ask<"removed">({ kind: "remove", ...common(instanceId) }),
      inspect: (instanceId) => this.#ask<"inspected">({ kind: "inspect", ...common(instanceId) }),
      inspectRaw: async () => ok({}),
      logs: () => ({ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }) }),
      exec: () => Promise.reject(new Error("nobody runs commands in a model")),
      usage: async () => new Map(),
      watch: (onEvent) => {
        this.#watchers.add(onEvent);
        return { [Symbol.dispose]: () => void this.#watchers.delete(onEvent) };
      },
      close: async () => {},
    };
  }

  async #ask<Kind extends Answered["kind"]>(effect: EngineEffect): Promise<ResultOf<Kind>> {
    const event = await answered<WorkerEvent>(this.#queue, (answer) => this.#engine.perform(effect, answer));
    // Deaths are told a little later, and time goes by in calls only.
    const toldMs = this.#queue.nowMs + TOLD_MS;
    while (this.#queue.step(toldMs));
    return (event as Answered).result as ResultOf<Kind>;
  }

  async #pull(spec: CreateRequest["spec"], signal: AbortSignal): Promise<Result<null>> {
    const of = { taskId: `pull-${++this.#pulls}`, incarnation: 1 };
    const request = { ...of, jobId: "", name: "", service: "", slot: 0, spec, specHash: "" };
    const event = await answered<WorkerEvent>(this.#queue, (answer) => {
      this.#engine.perform({ kind: "pull", request }, answer);
      if (signal.aborted) this.#engine.perform({ kind: "abort", of }, answer);
    });
    return (event as Answered).result as ResultOf<"pulled">;
  }
}
