/**
 * Performs the machine's effects on runtimes and turns each outcome into its event. A call that does not come back in time counts as `unavailable`:
 * its outcome is unknown, and the machine looks again. Decides nothing.
 */
import { unreachable } from "../core/assert.ts";
import { fail, type Result, wordsOf } from "../core/failure.ts";
import type { RuntimeKind } from "../core/spec.ts";
import type { Incarnation, WorkerEffect, WorkerEvent } from "./effects.ts";
import { CALL_MS, LOOK_MS } from "./host-limits.ts";
import type { Runtime } from "./ports.ts";
import { runProbe } from "./probe.ts";
import { keyOf } from "./task-run.ts";

/** Effects that call a runtime. */
export type RuntimeEffect = Extract<
  WorkerEffect,
  { readonly kind: "list" | "pull" | "create" | "start" | "stop" | "remove" | "inspect" | "abort" | "probe" }
>;

export class Calls {
  readonly #runtimes: ReadonlyMap<RuntimeKind, Runtime>;
  readonly #emit: (event: WorkerEvent) => void;
  readonly #pulls = new Map<string, AbortController>();

  constructor(runtimes: readonly Runtime[], emit: (event: WorkerEvent) => void) {
    this.#runtimes = new Map(runtimes.map((runtime) => [runtime.kind, runtime]));
    this.#emit = emit;
  }

  runtime(kind: RuntimeKind): Runtime | undefined {
    return this.#runtimes.get(kind);
  }

  perform(effect: RuntimeEffect): void {
    switch (effect.kind) {
      case "list":
        for (const runtime of this.#runtimes.values()) this.#list(runtime);
        return;
      case "abort":
        this.#pulls.get(keyOf(effect.of))?.abort();
        return;
      case "probe":
        void this.#probe(effect);
        return;
      case "pull":
        void this.#pull(effect);
        return;
      case "create":
        void this.#create(effect);
        return;
      case "start":
      case "stop":
      case "remove":
      case "inspect":
        void this.#operate(effect);
        return;
      default:
        unreachable(effect);
    }
  }

  /** Aborts what only waits; instances stay as they are. */
  close(): void {
    for (const pull of this.#pulls.values()) pull.abort();
  }

  #list(runtime: Runtime): void {
    void bounded(runtime.list(), LOOK_MS, `${runtime.kind} list`).then((result) =>
      this.#emit({ kind: "listed", runtime: runtime.kind, result }),
    );
  }

  async #pull({ request }: Extract<WorkerEffect, { readonly kind: "pull" }>): Promise<void> {
    const of = identity(request);
    const controller = new AbortController();
    this.#pulls.set(keyOf(of), controller);
    const result = await this.#with(request.spec.runtime, (runtime) =>
      runtime.pull(request.spec, (text) => this.#emit({ kind: "progress", of, text }), controller.signal),
    );
    this.#pulls.delete(keyOf(of));
    this.#emit({ kind: "pulled", of, result });
  }

  async #create({ request }: Extract<WorkerEffect, { readonly kind: "create" }>): Promise<void> {
    const call = this.#with(request.spec.runtime, (runtime) => runtime.create(request));
    this.#emit({ kind: "created", of: identity(request), result: await bounded(call, CALL_MS, "create") });
  }

  async #operate(
    effect: Extract<RuntimeEffect, { readonly kind: "start" | "stop" | "remove" | "inspect" }>,
  ): Promise<void> {
    const { of, instanceId } = effect;
    switch (effect.kind) {
      case "start": {
        const call = this.#with(effect.runtime, (runtime) => runtime.start(instanceId));
        return this.#emit({ kind: "started", of, result: await bounded(call, CALL_MS, "start") });
      }
      case "stop": {
        const { signal, graceMs } = effect;
        const call = this.#with(effect.runtime, (runtime) => runtime.stop(instanceId, { signal, graceMs }));
        return this.#emit({ kind: "stopped", of, result: await bounded(call, graceMs + CALL_MS, "stop") });
      }
      case "remove": {
        const call = this.#with(effect.runtime, (runtime) => runtime.remove(instanceId));
        return this.#emit({ kind: "removed", of, result: await bounded(call, CALL_MS, "remove") });
      }
      case "inspect": {
        const call = this.#with(effect.runtime, (runtime) => runtime.inspect(instanceId));
        return this.#emit({ kind: "inspected", of, result: await bounded(call, LOOK_MS, "inspect") });
      }
      default:
        return unreachable(effect);
    }
  }

  async #probe({ of, instance, spec }: Extract<WorkerEffect, { readonly kind: "probe" }>): Promise<void> {
    const runtime = this.#runtimes.get(instance.runtime);
    const missing = { kind: "unavailable", message: `no runtime ${instance.runtime}` } as const;
    this.#emit({
      kind: "probed",
      of,
      failure: runtime === undefined ? missing : await runProbe(runtime, instance, spec),
    });
  }

  async #with<T>(kind: RuntimeKind, call: (runtime: Runtime) => Promise<Result<T>>): Promise<Result<T>> {
    const runtime = this.#runtimes.get(kind);
    if (runtime === undefined) return fail("unavailable", `this node has no runtime ${kind}`);
    try {
      return await call(runtime);
    } catch (error) {
      // A runtime never throws for an operating error; whatever this is, its outcome is unknown.
      return fail("unavailable", `${kind}: ${wordsOf(error)}`);
    }
  }
}

async function bounded<T>(call: Promise<Result<T>>, limitMs: number, what: string): Promise<Result<T>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Result<T>>((resolve) => {
    const message = `${what}: no answer within ${Math.round(limitMs / 1000)} s`;
    timer = setTimeout(() => resolve(fail("unavailable", message)), limitMs);
  });
  const failed = (error: unknown): Result<T> => fail("unavailable", wordsOf(error));
  const result = await Promise.race([call.catch(failed), late]);
  clearTimeout(timer);
  return result;
}

function identity({ taskId, incarnation }: Incarnation): Incarnation {
  return { taskId, incarnation };
}
