/** An engine for the worker's driver: it answers at once, remembers every start, and fails as it is told. */
import { type Failure, fail, ok } from "../../src/core/failure.ts";
import type { Incarnation, Instance, WorkerEffect, WorkerEvent } from "../../src/worker/effects.ts";

interface Made {
  readonly of: Incarnation;
  readonly instanceId: string;
  status: Instance["status"];
  exitCode: number | null;
}

/** One engine: what it holds, and the failures that it is told to answer with. */
export class ScriptedEngine {
  readonly made = new Map<string, Made>();
  /** How often each instance was really started. */
  readonly starts = new Map<string, number>();
  readonly pulls: Incarnation[] = [];
  readonly #script: { readonly kind: string; readonly failure: Failure; readonly done: boolean }[] = [];
  /** Stops are confirmed and nothing dies. */
  zombies = false;
  /** Answers of these kinds never come. */
  readonly silent = new Set<string>();
  /** Exit code of everything that is started: it ends at once; null runs on. */
  exitsWith: number | null = null;
  down = false;

  /** The next operation of that kind fails; `done`: it takes effect all the same. */
  failNext(kind: string, failure: Failure, done = false): void {
    this.#script.push({ kind, failure, done });
  }

  /** All faults end. */
  heal(): void {
    this.#script.length = 0;
    this.zombies = false;
    this.down = false;
    this.silent.clear();
  }

  live(taskId?: string): Made[] {
    return [...this.made.values()].filter(
      (one) => one.status === "running" && (taskId === undefined || one.of.taskId === taskId),
    );
  }

  of(taskId: string): string[] {
    return [...this.made.values()]
      .filter((one) => one.of.taskId === taskId)
      .map((one) => `${one.of.incarnation}:${one.status}`);
  }

  /** An instance ends by itself; no event is sent. */
  die(taskId: string, exitCode: number | null): Incarnation {
    const [live] = this.live(taskId);
    if (live === undefined) throw new Error(`${taskId} does not run`);
    live.status = "exited";
    live.exitCode = exitCode;
    return live.of;
  }

  sight(made: Made): Instance {
    return {
      ...made.of,
      instanceId: made.instanceId,
      runtime: "docker",
      status: made.status,
      specHash: "",
      exitCode: made.exitCode,
      oomKilled: false,
      error: "",
      ports: [],
      address: "",
      startedMs: 0,
      finishedMs: 0,
    };
  }

  /** Performs one effect; the answer, or null when none comes. */
  perform(effect: WorkerEffect): WorkerEvent | null {
    if (this.silent.has(effect.kind)) return null;
    const failure = this.#failure(effect.kind);
    if (failure !== null && !failure.done) return answer(effect, failure.failure);
    const event = this.#act(effect);
    return failure === null ? event : answer(effect, failure.failure);
  }

  #failure(kind: string): { readonly failure: Failure; readonly done: boolean } | null {
    if (this.down) return { failure: { kind: "unavailable", message: "engine is away" }, done: false };
    const at = this.#script.findIndex((one) => one.kind === kind);
    return at < 0 ? null : (this.#script.splice(at, 1)[0] ?? null);
  }

  #act(effect: WorkerEffect): WorkerEvent | null {
    switch (effect.kind) {
      case "list":
        return { kind: "listed", runtime: "docker", result: ok([...this.made.values()].map((one) => this.sight(one))) };
      case "pull":
        this.pulls.push(effect.request);
        return { kind: "pulled", of: of(effect.request), result: ok(null) };
      case "create": {
        const instanceId = `${effect.request.taskId}-${effect.request.incarnation}`;
        if (!this.made.has(instanceId))
          this.made.set(instanceId, { of: of(effect.request), instanceId, status: "created", exitCode: null });
        return { kind: "created", of: of(effect.request), result: ok({ instanceId }) };
      }
      case "start":
        return this.#start(effect.of, effect.instanceId);
      case "stop": {
        const one = this.made.get(effect.instanceId);
        if (one !== undefined && !this.zombies && one.status === "running") {
          one.status = "exited";
          one.exitCode = 143;
        }
        return { kind: "stopped", of: effect.of, result: ok(null) };
      }
      case "remove":
        if (this.made.get(effect.instanceId)?.status === "running") throw new Error("a live instance was removed");
        this.made.delete(effect.instanceId);
        return { kind: "removed", of: effect.of, result: ok(null) };
      case "inspect": {
        const one = this.made.get(effect.instanceId);
        return {
          kind: "inspected",
          of: effect.of,
          result: one === undefined ? fail("not_found", "gone") : ok(this.sight(one)),
        };
      }
      default:
        return null;
    }
  }

  #start(incarnation: Incarnation, instanceId: string): WorkerEvent {
    const one = this.made.get(instanceId);
    if (one === undefined) return { kind: "started", of: incarnation, result: fail("not_found", "gone") };
    if (one.status !== "running") {
      this.starts.set(instanceId, (this.starts.get(instanceId) ?? 0) + 1);
      one.status = this.exitsWith === null ? "running" : "exited";
      one.exitCode = this.exitsWith;
    }
    return { kind: "started", of: incarnation, result: ok(this.sight(one)) };
  }
}

function of(request: Incarnation): Incarnation {
  return { taskId: request.taskId, incarnation: request.incarnation };
}

function answer(effect: WorkerEffect, failure: Failure): WorkerEvent | null {
  const result = { ok: false as const, failure };
  switch (effect.kind) {
    case "list":
      return { kind: "listed", runtime: "docker", result };
    case "pull":
      return { kind: "pulled", of: of(effect.request), result };
    case "create":
      return { kind: "created", of: of(effect.request), result };
    case "start":
      return { kind: "started", of: effect.of, result };
    case "stop":
      return { kind: "stopped", of: effect.of, result };
    case "remove":
      return { kind: "removed", of: effect.of, result };
    case "inspect":
      return { kind: "inspected", of: effect.of, result };
    default:
      return null;
  }
}
