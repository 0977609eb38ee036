/**
 * The Runtime port on plain child processes, for a machine without a container engine. Each instance is a directory `<task>-<incarnation>`; making it and
 * claiming its only start are what makes an incarnation run at most once, and reading it is how a new worker finds what an old one left running.
 * Isolates nothing and limits nothing: whatever would need that is refused.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { type Failure, fail, ok, type Result, wordsOf } from "../core/failure.ts";
import type { NodeRuntime } from "../core/node.ts";
import type { TaskSpec } from "../core/spec.ts";
import type { CreateRequest, Instance } from "../worker/effects.ts";
import type { ExecRequest, ExecSession, LogChunk, LogQuery, Runtime, RuntimeEvent } from "../worker/ports.ts";
import { execBeside } from "./process-exec.ts";
import { forgetOutput, keepOutput, processLogs } from "./process-logs.ts";
import { argumentsOf, checkProcessSpec, environmentOf, MARK, signalNumber } from "./process-spec.ts";
import {
  isProcessId,
  type ProcessRecord,
  type ProcessState,
  processId,
  readRecord,
  readState,
  toProcessInstance,
  writeRecord,
} from "./process-state.ts";
import { stopProcess, sweep } from "./process-stop.ts";
import { claimStart, supervise } from "./process-supervisor.ts";
import { ProcessUsage } from "./process-usage.ts";

/** Where the instances live, and whose they are. */
export interface ProcessRuntimeOptions {
  /** Made when it is not there; nothing else may be kept in it. */
  readonly directory: string;
  readonly nodeId: string;
}

/** Between two looks at all running processes: output is stamped and moved, and ends of adopted ones are noticed. */
const LOOK_MS = 250;
/** Between two looks at one that is about to start or to end. */
const SOON_MS = 2;
/** How long "about to" may last. */
const SOON_MAX_MS = 5_000;

/** The process runtime. Never fails: what keeps it from working shows in `probe`. */
export function createProcessRuntime(options: ProcessRuntimeOptions): Runtime {
  return new ProcessRuntime(options);
}

interface Found {
  readonly directory: string;
  readonly record: ProcessRecord;
}

class ProcessRuntime implements Runtime {
  readonly kind = "process";
  readonly #options: ProcessRuntimeOptions;
  readonly #usage = new ProcessUsage();
  readonly #watchers = new Set<(event: RuntimeEvent) => void>();
  /** Instances that ran at the last look. */
  readonly #live = new Set<string>();
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(options: ProcessRuntimeOptions) {
    this.#options = options;
  }

  async probe(): Promise<NodeRuntime> {
    const version = `${process.platform} ${release()}`;
    if (process.platform !== "linux")
      return { kind: "process", version, problem: "plain processes need Linux: use Docker here" };
    if (Bun.which("setsid") === null) {
      return { kind: "process", version, problem: "the program setsid is missing: install util-linux" };
    }
    try {
      mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
      return { kind: "process", version, problem: "" };
    } catch (error) {
      return { kind: "process", version, problem: `no directory for processes: ${wordsOf(error)}` };
    }
  }

  async list(): Promise<Result<readonly Instance[]>> {
    try {
      mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
      const instances: Instance[] = [];
      for (const id of readdirSync(this.#options.directory)) {
        const instance = await this.inspect(id);
        if (instance.ok) instances.push(instance.value);
      }
      return ok(instances);
    } catch (error) {
      return fail("unavailable", `processes in ${this.#options.directory}: ${wordsOf(error)}`);
    }
  }

  async pull(_spec: TaskSpec, _progress: (text: string) => void, signal: AbortSignal): Promise<Result<null>> {
    return signal.aborted ? fail("aborted", "stopped on request") : ok(null);
  }

  async create(request: CreateRequest): Promise<Result<{ readonly instanceId: string }>> {
    const id = processId(request);
    if (!isProcessId(id)) return fail("invalid", `task ${request.taskId}: its id cannot name a directory`);
    const directory = join(this.#options.directory, id);
    const there = readRecord(directory);
    if (there) return this.#adopted(id, there);
    const checked = checkProcessSpec(request.spec, request.spec.workingDir || directory);
    if (!checked.ok) return checked;
    try {
      mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
      writeRecord(directory, { version: 1, nodeId: this.#options.nodeId, request });
      return ok({ instanceId: id });
    } catch (error) {
      return fail("transient", `directory ${directory}: ${wordsOf(error)}`);
    }
  }

  async start(instanceId: string): Promise<Result<Instance>> {
    const found = this.#find(instanceId);
    if (!found) return missing(instanceId);
    try {
      if (claimStart(found.directory)) this.#launch(instanceId, found);
    } catch (error) {
      return fail("transient", `process ${instanceId}: ${wordsOf(error)}`);
    }
    return this.inspect(instanceId);
  }

  async stop(
    instanceId: string,
    options: { readonly signal: string; readonly graceMs: number },
  ): Promise<Result<null>> {
    const found = this.#find(instanceId);
    if (!found) return ok(null);
    await settled(found.directory);
    const { spec } = found.record.request;
    const signal = signalNumber(options.signal || spec.stopSignal);
    if (signal === null) return fail("invalid", `signal ${options.signal}: there is no such signal`);
    const mark = this.#mark(instanceId);
    const stopped = await stopProcess({ directory: found.directory, mark, signal, graceMs: options.graceMs });
    this.#look(instanceId);
    return stopped;
  }

  async remove(instanceId: string): Promise<Result<null>> {
    const found = this.#find(instanceId);
    if (!found) return ok(null);
    const state = await settled(found.directory);
    if (state.kind !== "exited" && state.kind !== "created")
      return fail("conflict", `process ${instanceId} runs: stop it first`);
    this.#look(instanceId);
    try {
      rmSync(found.directory, { recursive: true, force: true });
    } catch (error) {
      return fail("transient", `directory ${found.directory}: ${wordsOf(error)}`);
    }
    forgetOutput(found.directory);
    this.#usage.forget(instanceId);
    return ok(null);
  }

  async inspect(instanceId: string): Promise<Result<Instance>> {
    const found = this.#find(instanceId);
    if (!found) return missing(instanceId);
    const state = await settled(found.directory);
    if (state.kind === "running") this.#keepLooking(instanceId);
    return ok(toProcessInstance(instanceId, found.record, state));
  }

  async inspectRaw(instanceId: string): Promise<Result<unknown>> {
    const instance = await this.inspect(instanceId);
    const found = this.#find(instanceId);
    if (!instance.ok || !found) return missing(instanceId);
    const { status, exitCode } = instance.value;
    const state = readState(found.directory);
    const Pid = state.kind === "running" ? state.main.pid : 0;
    const Cmd = argumentsOf(found.record.request.spec);
    return ok({
      Id: instanceId,
      Config: { Cmd },
      State: { Status: status, Running: status === "running", Pid, ExitCode: exitCode },
    });
  }

  async *logs(instanceId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk> {
    const found = this.#find(instanceId);
    if (!found) return;
    const ended = () => this.#find(instanceId) === null || readState(found.directory).kind === "exited";
    yield* processLogs(found.directory, query, { signal, ended });
  }

  async exec(instanceId: string, request: ExecRequest): Promise<Result<ExecSession>> {
    const found = this.#find(instanceId);
    if (!found) return missing(instanceId);
    if ((await settled(found.directory)).kind !== "running")
      return fail("conflict", `process ${instanceId} does not run`);
    const { spec } = found.record.request;
    return execBeside(
      { cwd: workingDirectory(found), env: { ...environmentOf(spec), [MARK]: this.#markValue(instanceId) } },
      request,
    );
  }

  async usage(
    instances: readonly Instance[],
  ): Promise<ReadonlyMap<string, { cpuMillis: number; memoryBytes: number }>> {
    const result = new Map<string, { cpuMillis: number; memoryBytes: number }>();
    for (const { instanceId } of instances) {
      const found = this.#find(instanceId);
      const state = found ? readState(found.directory) : null;
      const use = state?.kind === "running" ? this.#usage.read(instanceId, state.main.pid) : null;
      if (use) result.set(instanceId, use);
    }
    return result;
  }

  watch(onEvent: (event: RuntimeEvent) => void): Disposable {
    const watcher = (event: RuntimeEvent) => onEvent(event);
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => this.#watchers.delete(watcher) };
  }

  async close(): Promise<void> {
    this.#watchers.clear();
    this.#live.clear();
    this.#rest();
  }

  #adopted(id: string, record: ProcessRecord): Result<{ readonly instanceId: string }> {
    if (record.nodeId === this.#options.nodeId) return ok({ instanceId: id });
    return fail("conflict", `process ${id} is there already and is not this node's`);
  }

  #launch(id: string, found: Found): void {
    const { spec } = found.record.request;
    const { exited } = supervise({
      directory: found.directory,
      command: argumentsOf(spec),
      cwd: workingDirectory(found),
      env: environmentOf(spec),
      mark: this.#markValue(id),
    });
    this.#keepLooking(id);
    void exited.then(() => this.#look(id));
  }

  #find(id: string): Found | null {
    if (!isProcessId(id)) return null;
    const directory = join(this.#options.directory, id);
    const record = readRecord(directory);
    return record?.nodeId === this.#options.nodeId ? { directory, record } : null;
  }

  #markValue(id: string): string {
    return `${this.#options.nodeId}/${id}`;
  }

  #mark(id: string): string {
    return `${MARK}=${this.#markValue(id)}`;
  }

  #keepLooking(id: string): void {
    this.#live.add(id);
    this.#timer ??= setInterval(() => {
      for (const live of this.#live) this.#look(live);
      if (this.#live.size === 0) this.#rest();
    }, LOOK_MS);
    this.#timer.unref();
  }

  #rest(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Keeps the output of one that runs; tells of one that has ended since the last look, once. */
  #look(id: string): void {
    if (!this.#live.has(id)) return;
    const found = this.#find(id);
    if (found) keepOutput(found.directory);
    const state = found ? readState(found.directory) : null;
    if (state && state.kind !== "exited") return;
    this.#live.delete(id);
    if (!found) return;
    void sweep(found.directory, this.#mark(id));
    const { taskId, incarnation } = found.record.request;
    for (const watcher of this.#watchers) watcher({ kind: "died", of: { taskId, incarnation }, instanceId: id });
  }
}

/** Waits through the moments before a start and after an end. */
async function settled(directory: string): Promise<ProcessState> {
  const untilMs = performance.now() + SOON_MAX_MS;
  for (;;) {
    const state = readState(directory);
    if (state.kind !== "starting" && state.kind !== "ending") return state;
    if (performance.now() > untilMs) return state;
    await Bun.sleep(SOON_MS);
  }
}

function workingDirectory(found: Found): string {
  return found.record.request.spec.workingDir || join(found.directory, "work");
}

function missing(instanceId: string): { readonly ok: false; readonly failure: Failure } {
  return fail("not_found", `process ${instanceId}: not one of this node's`);
}
