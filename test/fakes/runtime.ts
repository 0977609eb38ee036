/**
 * A Runtime in memory that follows the port's contract (test/contract/runtime.ts runs on it too). Deterministic: no timers, no clock of its own; programs
 * are data, and a test decides what fails, what waits and what ends. An engine may be shared by several nodes, and outlives its runtimes.
 */
import { type Failure, fail, ok, type Result } from "../../src/core/failure.ts";
import type { NodeRuntime } from "../../src/core/node.ts";
import type { PortMapping, RuntimeKind, TaskSpec } from "../../src/core/spec.ts";
import type { CreateRequest, Incarnation, Instance } from "../../src/worker/effects.ts";
import type { ExecRequest, ExecSession, LogChunk, LogQuery, Runtime, RuntimeEvent } from "../../src/worker/ports.ts";
import { type FakeCommand, FakeExec } from "./exec.ts";

/** What a task does once it is started. */
export interface FakeProgram {
  /** Printed at the start. */
  readonly output?: readonly { readonly stream: "stdout" | "stderr"; readonly text: string }[];
  /** Ends at once with this code; null or absent runs until it is stopped. */
  readonly exitCode?: number | null;
  /** Does not end on a signal other than SIGKILL: a stop uses up its grace. */
  readonly ignoresSignals?: boolean;
}

/** Methods whose failure or delay a test can order. */
export type FakeMethod = "probe" | "list" | "pull" | "create" | "start" | "stop" | "remove" | "inspect" | "exec";

/** What a test sets; everything has a quiet default. */
export interface FakeEngineOptions {
  readonly kind?: RuntimeKind;
  /** Wall clock, ms. Default: a counter that goes up by one at each reading. */
  readonly nowMs?: () => number;
  readonly program?: (spec: TaskSpec) => FakeProgram;
  /** Why a specification cannot work here; "" for nothing. Such a create fails as `invalid`. */
  readonly refuse?: (spec: TaskSpec) => string;
  readonly command?: (request: ExecRequest) => FakeCommand;
  /** How a grace passes; the default returns at once. */
  readonly sleep?: (ms: number) => Promise<void>;
}

/** A container as the fake keeps it. */
export interface FakeInstance {
  readonly nodeId: string;
  readonly request: CreateRequest;
  readonly program: FakeProgram;
  readonly logs: LogChunk[];
  /** How often it was really started: never more than once, or at-most-once is broken. */
  starts: number;
  instance: Instance;
}

interface Waiter {
  readonly method: FakeMethod;
  readonly gate: Promise<void>;
}

/** The fake engine: what a machine's Docker would be. */
export class FakeEngine {
  readonly kind: RuntimeKind;
  readonly instances = new Map<string, FakeInstance>();
  /** Every call, as `method id`, in order: "create t1#1", "start c-t1#1". */
  readonly calls: string[] = [];
  /** Images on the node; a pull adds one. */
  readonly images = new Set<string>();
  /** What `usage` answers, by instance id; default 0 and 0. */
  readonly usage = new Map<string, { readonly cpuMillis: number; readonly memoryBytes: number }>();
  readonly options: FakeEngineOptions;
  /** "" while it works; otherwise every call fails as `unavailable` with this text. */
  problem = "";
  /** Images that no registry has. */
  readonly missing = new Set<string>();
  readonly #failures = new Map<FakeMethod, Failure[]>();
  readonly #held: Waiter[] = [];
  readonly #watchers = new Map<(event: RuntimeEvent) => void, string>();
  readonly #changed = new Set<() => void>();
  #clock = 1_000;
  #nextPort = 32_768;

  constructor(options: FakeEngineOptions = {}) {
    this.options = options;
    this.kind = options.kind ?? "docker";
  }

  get nowMs(): number {
    if (this.options.nowMs) return this.options.nowMs();
    this.#clock += 1;
    return this.#clock;
  }

  /** The next call of this method fails so; several are used up in order. */
  failNext(method: FakeMethod, kind: Failure["kind"], message = `${method} fails as the test wants`): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), { kind, message }]);
  }

  /** Calls of this method wait until the returned function is called. */
  hold(method: FakeMethod): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { method, gate: promise };
    this.#held.push(waiter);
    return () => {
      this.#held.splice(this.#held.indexOf(waiter), 1);
      resolve();
    };
  }

  /** A running instance ends by itself; its node's watchers hear of it. */
  exit(
    of: Incarnation,
    exitCode: number | null,
    how: { readonly oomKilled?: boolean; readonly silent?: boolean } = {},
  ): void {
    const found = this.find(of);
    if (found?.instance.status !== "running") throw new Error(`${idOf(of)} does not run`);
    this.end(found, exitCode, how.oomKilled ?? false);
    if (!how.silent) this.tell(found.nodeId, { kind: "died", of, instanceId: found.instance.instanceId });
  }

  /** Output of a running instance. */
  print(of: Incarnation, text: string, stream: "stdout" | "stderr" = "stdout"): void {
    this.find(of)?.logs.push({ stream, atMs: this.nowMs, text });
    this.wake();
  }

  /** The event stream broke and is back. */
  resync(): void {
    for (const [onEvent] of this.#watchers) onEvent({ kind: "resync" });
  }

  find(of: Incarnation): FakeInstance | undefined {
    return [...this.instances.values()].find(
      ({ instance }) => instance.taskId === of.taskId && instance.incarnation === of.incarnation,
    );
  }

  /** What every call goes through: the record, the ordered delay, the ordered failure. */
  async enter(method: FakeMethod, subject: string): Promise<Failure | null> {
    this.calls.push(`${method} ${subject}`.trim());
    for (const { gate } of this.#held.filter((waiter) => waiter.method === method)) await gate;
    if (this.problem !== "") return { kind: "unavailable", message: this.problem };
    return this.#failures.get(method)?.shift() ?? null;
  }

  end(found: FakeInstance, exitCode: number | null, oomKilled = false): void {
    found.instance = { ...found.instance, status: "exited", exitCode, oomKilled, finishedMs: this.nowMs };
    this.wake();
  }

  tell(nodeId: string, event: RuntimeEvent): void {
    for (const [onEvent, watched] of this.#watchers) if (watched === nodeId) onEvent(event);
  }

  subscribe(nodeId: string, onEvent: (event: RuntimeEvent) => void): Disposable {
    this.#watchers.set(onEvent, nodeId);
    return { [Symbol.dispose]: () => this.#watchers.delete(onEvent) };
  }

  /** Resolves at the next change of any output or state. */
  change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) resolve();
    this.#changed.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    return promise;
  }

  wake(): void {
    for (const resolve of this.#changed) resolve();
    this.#changed.clear();
  }

  bind(ports: readonly PortMapping[]): readonly PortMapping[] {
    return ports.map((port) => (port.hostPort === 0 ? { ...port, hostPort: this.#nextPort++ } : port));
  }

  portTaken(ports: readonly PortMapping[]): number {
    const running = [...this.instances.values()].filter(({ instance }) => instance.status === "running");
    const taken = new Set(running.flatMap(({ instance }) => instance.ports.map((p) => `${p.hostPort}/${p.protocol}`)));
    return ports.find((port) => taken.has(`${port.hostPort}/${port.protocol}`))?.hostPort ?? 0;
  }
}

/** One node's view of a fake engine. */
export class FakeRuntime implements Runtime {
  readonly kind: RuntimeKind;
  readonly engine: FakeEngine;
  readonly nodeId: string;
  readonly #watches: Disposable[] = [];

  constructor(nodeId: string, engine: FakeEngine = new FakeEngine()) {
    this.nodeId = nodeId;
    this.engine = engine;
    this.kind = engine.kind;
  }

  async probe(): Promise<NodeRuntime> {
    const failure = await this.engine.enter("probe", "");
    return { kind: this.kind, version: failure ? "" : "1.0", problem: failure?.message ?? "" };
  }

  async list(): Promise<Result<readonly Instance[]>> {
    const failure = await this.engine.enter("list", "");
    if (failure) return { ok: false, failure };
    const own = [...this.engine.instances.values()].filter((found) => found.nodeId === this.nodeId);
    return ok(own.map((found) => found.instance));
  }

  async pull(spec: TaskSpec, progress: (text: string) => void, signal: AbortSignal): Promise<Result<null>> {
    const aborted = new Promise<Failure>((resolve) => {
      const stop = () => resolve({ kind: "aborted", message: `image ${spec.image}: the pull was stopped` });
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
    });
    const failure = await Promise.race([aborted, this.engine.enter("pull", spec.image)]);
    if (failure) return { ok: false, failure };
    if (this.kind === "process") return ok(null);
    const { images, missing } = this.engine;
    if (spec.pull !== "always" && images.has(spec.image)) return ok(null);
    if (spec.pull === "never") return fail("image_not_found", `image ${spec.image}: not on this node`);
    if (missing.has(spec.image)) return fail("image_not_found", `image ${spec.image}: the registry does not have it`);
    progress("pulling 50 %");
    images.add(spec.image);
    return ok(null);
  }

  async create(request: CreateRequest): Promise<Result<{ readonly instanceId: string }>> {
    const failure = await this.engine.enter("create", idOf(request));
    if (failure) return { ok: false, failure };
    const problem = this.engine.options.refuse?.(request.spec) ?? "";
    if (problem !== "") return fail("invalid", problem);
    const instanceId = `c-${idOf(request)}`;
    const taken = this.engine.instances.get(instanceId);
    if (taken && taken.nodeId !== this.nodeId) return fail("conflict", `${instanceId} is there already`);
    if (!taken) this.engine.instances.set(instanceId, this.#made(instanceId, request));
    return ok({ instanceId });
  }

  async start(instanceId: string): Promise<Result<Instance>> {
    const failure = await this.engine.enter("start", instanceId);
    if (failure) return { ok: false, failure };
    const found = this.#own(instanceId);
    if (!found) return gone(instanceId);
    if (found.instance.status !== "created") return ok(found.instance);
    const taken = this.engine.portTaken(found.request.spec.ports);
    if (taken) return fail("port_taken", `${instanceId}: port ${taken} is taken`);
    this.#run(found);
    return ok(found.instance);
  }

  async stop(
    instanceId: string,
    { signal, graceMs }: { readonly signal: string; readonly graceMs: number },
  ): Promise<Result<null>> {
    const failure = await this.engine.enter("stop", instanceId);
    if (failure) return { ok: false, failure };
    const found = this.#own(instanceId);
    if (found?.instance.status !== "running") return ok(null);
    const killed = signal === "SIGKILL" || found.program.ignoresSignals === true;
    if (killed && signal !== "SIGKILL") await this.engine.options.sleep?.(graceMs);
    if (this.#own(instanceId)?.instance.status !== "running") return ok(null);
    this.engine.exit(found.instance, killed ? 137 : 143);
    return ok(null);
  }

  async remove(instanceId: string): Promise<Result<null>> {
    const failure = await this.engine.enter("remove", instanceId);
    if (failure) return { ok: false, failure };
    const found = this.#own(instanceId);
    if (found?.instance.status === "running") return fail("conflict", `${instanceId} runs: stop it first`);
    if (found) this.engine.instances.delete(instanceId);
    return ok(null);
  }

  async inspect(instanceId: string): Promise<Result<Instance>> {
    const failure = await this.engine.enter("inspect", instanceId);
    if (failure) return { ok: false, failure };
    const found = this.#own(instanceId);
    return found ? ok(found.instance) : gone(instanceId);
  }

  async inspectRaw(instanceId: string): Promise<Result<unknown>> {
    const found = await this.inspect(instanceId);
    return found.ok ? ok({ Id: instanceId, State: { Status: found.value.status } }) : found;
  }

  async *logs(instanceId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk> {
    const found = this.#own(instanceId);
    if (!found) return;
    const wanted = (chunk: LogChunk) => query.sinceMs === null || chunk.atMs > query.sinceMs;
    const present = found.logs.filter(wanted);
    yield* query.tail === null ? present : present.slice(Math.max(0, present.length - query.tail));
    let at = found.logs.length;
    while (query.follow && !signal.aborted) {
      for (; at < found.logs.length; at++) {
        const chunk = found.logs[at];
        if (chunk && wanted(chunk)) yield chunk;
      }
      if (found.instance.status === "exited") return;
      await this.engine.change(signal);
    }
  }

  async exec(instanceId: string, request: ExecRequest): Promise<Result<ExecSession>> {
    const failure = await this.engine.enter("exec", instanceId);
    if (failure) return { ok: false, failure };
    const found = this.#own(instanceId);
    if (!found) return gone(instanceId);
    if (found.instance.status !== "running") return fail("conflict", `${instanceId} does not run`);
    return ok(new FakeExec(this.engine.options.command?.(request) ?? { exitCode: 0 }));
  }

  async usage(
    instances: readonly Instance[],
  ): Promise<ReadonlyMap<string, { cpuMillis: number; memoryBytes: number }>> {
    const running = instances.filter((instance) => this.#own(instance.instanceId)?.instance.status === "running");
    const none = { cpuMillis: 0, memoryBytes: 0 };
    return new Map(running.map(({ instanceId }) => [instanceId, this.engine.usage.get(instanceId) ?? none]));
  }

  watch(onEvent: (event: RuntimeEvent) => void): Disposable {
    const watch = this.engine.subscribe(this.nodeId, (event) => onEvent(event));
    this.#watches.push(watch);
    return watch;
  }

  async close(): Promise<void> {
    for (const watch of this.#watches.splice(0)) watch[Symbol.dispose]();
  }

  #own(instanceId: string): FakeInstance | undefined {
    const found = this.engine.instances.get(instanceId);
    return found?.nodeId === this.nodeId ? found : undefined;
  }

  #made(instanceId: string, request: CreateRequest): FakeInstance {
    const { taskId, incarnation, spec, specHash } = request;
    const instance: Instance = {
      taskId,
      incarnation,
      instanceId,
      runtime: this.kind,
      status: "created",
      specHash,
      exitCode: null,
      oomKilled: false,
      error: "",
      ports: spec.ports,
      address: this.kind === "process" ? "127.0.0.1" : "",
      startedMs: 0,
      finishedMs: 0,
    };
    const program = this.engine.options.program?.(spec) ?? {};
    return { nodeId: this.nodeId, request, program, logs: [], starts: 0, instance };
  }

  #run(found: FakeInstance): void {
    const { program } = found;
    found.starts += 1;
    const ports = this.engine.bind(found.request.spec.ports);
    found.instance = { ...found.instance, status: "running", ports, startedMs: this.engine.nowMs };
    for (const line of program.output ?? []) found.logs.push({ ...line, atMs: this.engine.nowMs });
    if (program.exitCode !== undefined && program.exitCode !== null) this.engine.exit(found.instance, program.exitCode);
  }
}

function idOf(of: Incarnation): string {
  return `${of.taskId}#${of.incarnation}`;
}

function gone(instanceId: string): { readonly ok: false; readonly failure: Failure } {
  return fail("not_found", `${instanceId}: not one of this node's`);
}
