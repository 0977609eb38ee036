/**
 * The Runtime port on a container engine: Docker, or podman's compatible socket. A start costs exactly three calls (create, start, inspect). Touches only
 * containers that carry its own node's label; restarts nothing, decides nothing: the worker's machine does.
 */
import { containerName } from "../core/container-name.ts";
import { type Failure, fail, ok, type Result } from "../core/failure.ts";
import type { NodeRuntime } from "../core/node.ts";
import type { TaskSpec } from "../core/spec.ts";
import type { CreateRequest, Instance } from "../worker/effects.ts";
import type { ExecRequest, ExecSession, LogChunk, LogQuery, Runtime, RuntimeEvent } from "../worker/ports.ts";
import { resolveContext, resolvePaths, swapped } from "./bind-paths.ts";
import { type CreateBody, createBody } from "./docker-body.ts";
import { Engine, type EngineAddress, engineAddress } from "./docker-engine.ts";
import { bodyText, isImageMissing, isLate, isNameTaken, refused } from "./docker-errors.ts";
import { watchEvents } from "./docker-events.ts";
import { execInContainer } from "./docker-exec.ts";
import { type Inspected, inspected, LABEL, labelled, toInstance } from "./docker-instance.ts";
import { type Listed, listed, listedInstance } from "./docker-list.ts";
import { containerLogs } from "./docker-logs.ts";
import { Images } from "./docker-pull.ts";
import { short, stopContainer } from "./docker-stop.ts";
import { UsageReader } from "./docker-usage.ts";
import { type RuntimePolicy, refusal } from "./policy.ts";

/** How to reach the engine, as whom, and what tasks may do. */
export interface DockerRuntimeOptions {
  readonly nodeId: string;
  /** Asked at each create: a node may learn its cluster after it starts. */
  readonly clusterId: () => string;
  readonly policy: RuntimePolicy;
  /** unix:///path, tcp://host:port or a socket's path; without it DOCKER_HOST, then the usual sockets. */
  readonly host?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Longest waits while listing, ms: 15,000 for the list itself, 3,000 for each inspection when left out. */
  readonly patience?: { readonly listMs: number; readonly inspectMs: number };
}

const PROBE_TIMEOUT_MS = 3_000;
/** For a list and its late inspections together: less than the 30 s that a worker waits. */
const PATIENCE = { listMs: 15_000, inspectMs: 3_000 } as const;
/** Inspections in flight while listing. */
const LIST_WIDTH = 8;
/** After so many turns with a late one the list's own word is taken for the rest. */
const LIST_LATE_TURNS = 3;
const STUCK = "docker answers its ping but not its lists or inspections: restart the engine";
/** Waits for a removal that is under way, ms. */
const REMOVE_WAITS_MS = [20, 50, 100, 250, 500, 1_000, 2_000, 4_000] as const;
/** Containers known to be ours; past it the oldest is looked at anew when it is needed. */
const OWN_MAX = 10_000;

/** What is remembered of a container made or seen here: never more than can be asked again. */
interface Own {
  /** Real paths of its binds, looked at again before the start. */
  readonly binds: readonly string[];
  /** True until the first attempt to start it: only then is it surely a first start. */
  fresh: boolean;
}

/** The docker runtime. Never fails: an unusable address shows in `probe` and in every call. */
export function createDockerRuntime(options: DockerRuntimeOptions): Runtime {
  return new DockerRuntime(options);
}

class DockerRuntime implements Runtime {
  readonly kind = "docker";
  readonly #options: DockerRuntimeOptions;
  readonly #own = new Map<string, Own>();
  /** Removed here, or about to be: the engine's word of it is no news. */
  readonly #removed = new Set<string>();
  readonly #images: Images;
  readonly #usage: UsageReader;
  readonly #watches = new Set<Disposable>();
  readonly #problem: Failure | null;
  readonly #given: string;
  #engine: Engine;
  /** "" while unknown. Once known, a probe only pings: for its version an engine starts programs of its own, 5 ms of CPU each time. */
  #version = "";
  /** The last list, or every inspection for it, got no answer in time, whatever the ping says. */
  #stuck = false;

  constructor(options: DockerRuntimeOptions) {
    this.#options = options;
    const env = options.env ?? process.env;
    this.#given = options.host ?? env.DOCKER_HOST ?? "";
    const address = engineAddress(this.#given, env);
    this.#problem = address.ok ? null : address.failure;
    this.#engine = new Engine(address.ok ? address.value : { kind: "unix", path: "/var/run/docker.sock" });
    this.#images = new Images(() => this.#engine);
    this.#usage = new UsageReader(() => this.#engine);
  }

  async probe(): Promise<NodeRuntime> {
    if (this.#problem) return { kind: "docker", version: "", problem: this.#problem.message };
    const known = this.#version;
    const asked = await this.#engine.call("GET", known === "" ? "/version" : "/_ping", { timeoutMs: PROBE_TIMEOUT_MS });
    this.#version = "";
    if (!asked.ok) {
      this.#lookElsewhere();
      return { kind: "docker", version: "", problem: asked.failure.message };
    }
    const { status, body } = asked.value;
    if (status !== 200)
      return { kind: "docker", version: "", problem: refused("the container engine", status, body).message };
    this.#version = known || versionOf(body);
    // Only a list that comes back shows that it works again.
    if (this.#stuck) await this.list();
    return { kind: "docker", version: this.#version, problem: this.#stuck ? STUCK : "" };
  }

  async list(): Promise<Result<readonly Instance[]>> {
    const filters = JSON.stringify({ label: [`${LABEL.node}=${this.#options.nodeId}`] });
    const path = `/containers/json?all=1&filters=${encodeURIComponent(filters)}`;
    const asked = await this.#call("GET", path, (this.#options.patience ?? PATIENCE).listMs);
    if (!asked.ok) {
      this.#stuck = isLate(asked.failure);
      return asked;
    }
    const entries = listed(asked.value.body);
    if (entries === null) return fail("transient", "the container engine's list makes no sense");
    const looked = await this.#lookAt(entries);
    this.#stuck = looked.late > 1 && looked.answered === 0;
    return ok(looked.instances);
  }

  /** Each container as an inspection shows it, or as the list does when none comes. */
  async #lookAt(entries: readonly Listed[]): Promise<{ instances: Instance[]; late: number; answered: number }> {
    const looked = { instances: [] as Instance[], late: 0, answered: 0 };
    const { inspectMs } = this.#options.patience ?? PATIENCE;
    let lateTurns = 0;
    for (let at = 0; at < entries.length; at += LIST_WIDTH) {
      const turn = entries.slice(at, at + LIST_WIDTH);
      const asks = lateTurns < LIST_LATE_TURNS;
      const found = await Promise.all(turn.map((one) => (asks ? this.#look(one.Id, inspectMs) : null)));
      const lateBefore = looked.late;
      for (const [index, entry] of turn.entries()) {
        const result = found[index] ?? null;
        if (result !== null && !result.ok && isLate(result.failure)) looked.late++;
        else if (result !== null) looked.answered++;
        if (result !== null && !result.ok && result.failure.kind === "not_found") continue;
        const instance = result?.ok ? result.value : listedInstance(entry, this.#options.nodeId);
        if (instance !== null) looked.instances.push(instance);
      }
      if (looked.late > lateBefore) lateTurns++;
    }
    return looked;
  }

  pull(spec: TaskSpec, progress: (text: string) => void, signal: AbortSignal): Promise<Result<null>> {
    if (this.#problem) return Promise.resolve({ ok: false, failure: this.#problem });
    return this.#images.ensure(spec, progress, signal);
  }

  async create(request: CreateRequest): Promise<Result<{ readonly instanceId: string }>> {
    const body = await this.#judgedBody(request);
    if (!body.ok) return body;
    const name = containerName(request);
    const made = await this.#post(name, body.value);
    if (!made.ok && made.failure.kind === "image_not_found" && request.spec.pull !== "never") {
      // The image went away after it was seen: once more, with a pull.
      this.#images.forget(request.spec.image);
      const pulled = await this.#images.ensure(request.spec, () => {}, new AbortController().signal);
      return pulled.ok ? this.#adoptIfTaken(await this.#post(name, body.value), request) : pulled;
    }
    return this.#adoptIfTaken(made, request);
  }

  async start(instanceId: string): Promise<Result<Instance>> {
    const known = this.#own.get(instanceId);
    if (!known?.fresh) {
      // An engine would start an ended container a second time; an incarnation runs at most once.
      const seen = await this.inspect(instanceId);
      if (!seen.ok || seen.value.status !== "created") return seen;
    }
    const own = this.#own.get(instanceId);
    if (own) own.fresh = false;
    const changed = await swapped(own?.binds ?? []);
    if (changed !== "")
      return fail("denied", `${changed}: it became a link after it was checked, so it is not mounted`);
    const started = await this.#call("POST", `/containers/${instanceId}/start`);
    return started.ok ? this.inspect(instanceId) : started;
  }

  async stop(
    instanceId: string,
    options: { readonly signal: string; readonly graceMs: number },
  ): Promise<Result<null>> {
    const ours = await this.#ours(instanceId);
    if (!ours.ok) return ours.failure.kind === "not_found" ? ok(null) : ours;
    return stopContainer(this.#engine, { instanceId, nodeId: this.#options.nodeId, ...options });
  }

  async remove(instanceId: string): Promise<Result<null>> {
    const ours = await this.#ours(instanceId);
    if (!ours.ok) return ours.failure.kind === "not_found" ? ok(null) : ours;
    if (this.#removed.size >= OWN_MAX) this.#removed.clear();
    this.#removed.add(instanceId);
    for (const waitMs of REMOVE_WAITS_MS) {
      const removed = await this.#call("DELETE", `/containers/${instanceId}?v=1`);
      if (removed.ok || removed.failure.kind === "not_found") {
        this.#own.delete(instanceId);
        return ok(null);
      }
      if (!/already in progress/i.test(removed.failure.message)) return removed;
      await Bun.sleep(waitMs);
    }
    return fail("transient", `container ${short(instanceId)}: its removal does not end; look at the engine's log`);
  }

  inspect(instanceId: string): Promise<Result<Instance>> {
    return this.#look(instanceId);
  }

  async #look(instanceId: string, timeoutMs?: number): Promise<Result<Instance>> {
    const container = await this.#inspect(instanceId, timeoutMs);
    if (!container.ok) return container;
    const instance = toInstance(container.value, this.#options.nodeId);
    if (instance === null) return fail("not_found", `container ${short(instanceId)}: not one of this node's`);
    this.#remember(container.value);
    return ok(instance);
  }

  async inspectRaw(instanceId: string): Promise<Result<unknown>> {
    const container = await this.#inspect(instanceId);
    if (!container.ok || toInstance(container.value, this.#options.nodeId)) return container;
    return fail("not_found", `container ${short(instanceId)}: not one of this node's`);
  }

  async *logs(instanceId: string, query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk> {
    const container = await this.#inspect(instanceId);
    if (!container.ok || !toInstance(container.value, this.#options.nodeId)) return;
    const tty = container.value.Config?.Tty ?? false;
    yield* containerLogs(this.#engine, { instanceId, tty }, query, signal);
  }

  async exec(instanceId: string, request: ExecRequest): Promise<Result<ExecSession>> {
    const ours = await this.#ours(instanceId);
    return ours.ok ? execInContainer(this.#engine, instanceId, request) : ours;
  }

  async usage(
    instances: readonly Instance[],
  ): Promise<ReadonlyMap<string, { cpuMillis: number; memoryBytes: number }>> {
    const running = instances.filter((instance) => instance.status === "running").map((i) => i.instanceId);
    this.#usage.keepOnly(new Set(running));
    await Promise.all(running.filter((id) => !this.#usage.knows(id)).map((id) => this.#inspect(id)));
    const result = new Map<string, { cpuMillis: number; memoryBytes: number }>();
    for (const id of running) {
      const use = this.#usage.read(id);
      if (use) result.set(id, use);
    }
    return result;
  }

  watch(onEvent: (event: RuntimeEvent) => void): Disposable {
    const watch = watchEvents({
      engine: () => this.#engine,
      nodeId: this.#options.nodeId,
      onEvent: (event) => {
        // The connection was cut: the engine that answers now may be another.
        if (event.kind === "resync") this.#version = "";
        onEvent(event);
      },
      removing: (id) => this.#removed.has(id),
    });
    this.#watches.add(watch);
    return {
      [Symbol.dispose]: () => {
        this.#watches.delete(watch);
        watch[Symbol.dispose]();
      },
    };
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#watches.clear();
    this.#engine.close();
  }

  /** The final body, resolved and allowed. */
  async #judgedBody(request: CreateRequest): Promise<Result<CreateBody>> {
    const wanted = createBody(request, this.#options.nodeId, this.#options.clusterId());
    if (!wanted.ok) return wanted;
    const hasPaths = request.spec.mounts.some((m) => m.kind === "bind") || request.spec.privileges.devices.length > 0;
    if (hasPaths && !this.#engine.local) {
      return fail("denied", `bind mounts and devices need an engine on this machine, and ${this.#engine.place} is not`);
    }
    const body = hasPaths ? await resolvePaths(wanted.value) : wanted;
    if (!body.ok) return body;
    const { address } = this.#engine;
    const context = { policy: this.#options.policy, engineSocket: address.kind === "unix" ? address.path : "" };
    const denied = refusal(body.value, hasPaths ? await resolveContext(context) : context);
    return denied ? { ok: false, failure: denied } : body;
  }

  async #post(name: string, body: CreateBody): Promise<Result<{ readonly instanceId: string }>> {
    if (this.#problem) return { ok: false, failure: this.#problem };
    const asked = await this.#engine.call("POST", `/containers/create?name=${name}`, { body });
    if (!asked.ok) return asked;
    const { status, body: answer } = asked.value;
    const id = (answer as { readonly Id?: unknown } | null)?.Id;
    if (status === 201 && typeof id === "string") {
      this.#keep(id, { binds: bindSources(body.HostConfig.Mounts), fresh: true });
      return ok({ instanceId: id });
    }
    const text = bodyText(answer);
    if (isNameTaken(status, text)) return fail("conflict", `container ${name}: ${text}`);
    if (isImageMissing(status, text)) return fail("image_not_found", `image ${body.Image}: not on this node`);
    return { ok: false, failure: refused(`container ${name}`, status, answer) };
  }

  /** A name that is taken is ours when the labels say so: the reply to an earlier create got lost. */
  async #adoptIfTaken(
    made: Result<{ readonly instanceId: string }>,
    request: CreateRequest,
  ): Promise<Result<{ readonly instanceId: string }>> {
    if (made.ok || made.failure.kind !== "conflict") return made;
    const name = containerName(request);
    const found = await this.#inspect(name);
    if (!found.ok) return found;
    const identity = labelled(found.value.Config?.Labels);
    const same = identity?.taskId === request.taskId && identity.incarnation === request.incarnation;
    if (same && identity.nodeId === this.#options.nodeId) return ok({ instanceId: found.value.Id });
    return fail("conflict", `container ${name} is there already and is not this node's: rename or remove it`);
  }

  async #ours(instanceId: string): Promise<Result<null>> {
    if (this.#own.has(instanceId)) return ok(null);
    const found = await this.inspect(instanceId);
    return found.ok ? ok(null) : found;
  }

  async #inspect(instanceId: string, timeoutMs?: number): Promise<Result<Inspected>> {
    const asked = await this.#call("GET", `/containers/${encodeURIComponent(instanceId)}/json`, timeoutMs);
    if (!asked.ok) return asked;
    const container = inspected(asked.value.body);
    if (container === null)
      return fail("transient", `container ${short(instanceId)}: the engine's answer makes no sense`);
    const pid = container.State?.Pid ?? 0;
    if (pid > 0) this.#usage.learn(container.Id, pid);
    return ok(container);
  }

  #remember(container: Inspected): void {
    if (this.#own.has(container.Id)) return;
    this.#keep(container.Id, { binds: bindSources(container.HostConfig?.Mounts ?? []), fresh: false });
  }

  #keep(instanceId: string, own: Own): void {
    const oldest = this.#own.size >= OWN_MAX ? this.#own.keys().next().value : undefined;
    if (oldest !== undefined) this.#own.delete(oldest);
    this.#own.set(instanceId, own);
  }

  /** A call whose status of 400 or more is a failure; 304 (done already) is not. */
  async #call(method: string, path: string, timeoutMs?: number): Promise<Result<{ readonly body: unknown }>> {
    if (this.#problem) return { ok: false, failure: this.#problem };
    const asked = await this.#engine.call(method, path, timeoutMs === undefined ? {} : { timeoutMs });
    if (!asked.ok || asked.value.status < 400) return asked;
    const id = /^\/containers\/([^/?]+)/.exec(path)?.[1] ?? "";
    return {
      ok: false,
      failure: refused(`container ${short(decodeURIComponent(id))}`, asked.value.status, asked.value.body),
    };
  }

  /** No answer where none was named: the engine may listen at another of the usual places by now. */
  #lookElsewhere(): void {
    if (this.#given !== "") return;
    const found = engineAddress("", this.#options.env ?? process.env);
    if (!found.ok || sameAddress(found.value, this.#engine.address)) return;
    this.#engine.close();
    this.#engine = new Engine(found.value);
  }
}

function sameAddress(a: EngineAddress, b: EngineAddress): boolean {
  return a.kind === "unix" && b.kind === "unix" && a.path === b.path;
}

function bindSources(mounts: readonly { readonly Type?: string; readonly Source?: string }[] | undefined): string[] {
  return (mounts ?? []).flatMap((mount) => (mount.Type === "bind" && mount.Source ? [mount.Source] : []));
}

/** "20.10.24", or "podman 4.3.1". */
function versionOf(body: unknown): string {
  const answer = body as { Version?: string; Components?: readonly { Name?: string; Version?: string }[] } | null;
  const podman = answer?.Components?.find((component) => /podman/i.test(component.Name ?? ""));
  return podman ? `podman ${podman.Version ?? ""}`.trim() : (answer?.Version ?? "unknown");
}
