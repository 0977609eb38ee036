/**
 * A container engine in memory: it takes its time, answers late or never, loses events, keeps zombies, and holds containers that are nobody's business.
 * It lives and dies on its own: a crash of the worker does not touch it. What containers do is in their specification's environment (`behaviour`).
 */
import { type Failure, type FailureKind, fail, ok, type Result } from "../core/failure.ts";
import type { NodeRuntime } from "../core/node.ts";
import type { TaskSpec } from "../core/spec.ts";
import type { CreateRequest, Instance, WorkerEvent } from "../worker/effects.ts";
import { behaviourOf } from "./behaviour.ts";
import { type EngineCall, type EngineEffect, failed, identity, keyOf, newContainer, sight } from "./engine-answers.ts";
import { type EngineTrouble, NO_TROUBLE, probed } from "./engine-trouble.ts";
import type { Operation } from "./faults.ts";
import { LateCalls } from "./late-calls.ts";
import type { EventQueue } from "./queue.ts";
import type { Dice, Streams } from "./random.ts";
import type { Container, DeathCause, SimEvent } from "./trace.ts";

/** Means of how long things take, in ms. */
const TIMES = { list: 15, pull: 0, create: 40, start: 60, stop: 0, remove: 30, inspect: 8, probe: 10 } as const;
/** How late an event is when events are bad, at most, in ms. */
const LATE_MS = 20_000;
/** Operations that write to the engine's disk. */
const WRITING: ReadonlySet<string> = new Set(["pull", "create", "start"]);
/** How long a pull takes from a slow registry, at least, in ms. */
const SLOW_PULL_MS = 90_000;

type Reply = (event: WorkerEvent) => void;

export class SimEngine {
  readonly trouble: EngineTrouble = { ...NO_TROUBLE };
  /** Requests that it has not answered. */
  readonly late: LateCalls;
  readonly containers = new Map<string, Container>();
  readonly #node: string;
  readonly #queue: EventQueue;
  readonly #dice: Dice;
  readonly #tell: (event: SimEvent) => void;
  readonly #errors: { readonly operation: Operation; readonly failure: FailureKind; readonly done: boolean }[] = [];
  /** Pulls under way, by incarnation, with how they end before their time. */
  readonly #pulls = new Map<string, (failure: Failure) => void>();
  /** Pulls that have been asked for and not begun, and those of them that are not wanted any more. */
  readonly #asked = new Set<string>();
  readonly #aborted = new Set<string>();
  /** Pulls that wait for a registry that does not answer. */
  #stuck: (() => void)[] = [];
  /** How a container was before its last change, and when that was. */
  readonly #before = new WeakMap<Container, { readonly atMs: number; readonly sight: Instance }>();
  /** Images that were pulled. */
  readonly #images = new Set<string>();
  /** What the machine's wall clock showed at a moment of the run; nobody looks when it is left as it is. */
  wallAt: (ms: number) => number = (ms) => ms;
  #watcher: ((event: WorkerEvent) => void) | null = null;
  #foreigners = 0;
  #made = 0;
  #probes = 0;
  /** When the newest start of each container is carried out. */
  readonly #startedMs = new Map<string, number>();

  constructor(node: string, queue: EventQueue, streams: Streams, tell: (event: SimEvent) => void) {
    this.#node = node;
    this.#queue = queue;
    this.#dice = streams.of(`engine/${node}`);
    this.late = new LateCalls(queue, streams.of(`engine-late/${node}`));
    this.#tell = tell;
  }

  /** Who hears of deaths from now on; null for nobody. */
  watch(watcher: ((event: WorkerEvent) => void) | null): void {
    this.#watcher = watcher;
  }

  live(): Container[] {
    return [...this.containers.values()].filter((one) => one.status === "running");
  }

  failNext(operation: Operation, failure: FailureKind, done: boolean): void {
    this.#errors.push({ operation, failure, done });
  }

  /** Whether it works, as its worker finds it. */
  probe(): NodeRuntime {
    const isAway = this.trouble.down || this.trouble.hung;
    return { kind: "docker", version: "20.10", problem: isAway ? "it does not answer" : "" };
  }

  /** Everything works from now on; its worker is told to look for itself only where it could not know what it has missed. */
  heal(): void {
    const { down, hung, badEvents } = this.trouble;
    this.#errors.length = 0;
    Object.assign(this.trouble, NO_TROUBLE);
    this.registryIsBack();
    this.late.carryOut();
    if (down || hung || badEvents) this.back();
  }

  /** The engine is back after it was away, or answers again: what was being pulled is not. */
  back(): void {
    for (const end of [...this.#pulls.values()]) end({ kind: "unavailable", message: "the connection is lost" });
    this.#watcher?.({ kind: "resync", runtime: "docker" });
  }

  /** Its registry answers again: what was being pulled goes on. */
  registryIsBack(): void {
    this.trouble.registry = "works";
    for (const goOn of this.#stuck.splice(0)) goOn();
  }

  /** All that runs ends, as when the machine loses its power or the engine is restarted without live-restore. */
  endAll(): void {
    this.late.forget();
    for (const one of this.live()) this.die(one, { cause: "engine", exitCode: 137, silent: true });
  }

  /** A container that is not Cube's comes to run; not where its port is taken. */
  addForeign(hostPort: number): void {
    const instanceId = `foreign-${++this.#foreigners}`;
    const spec = { ports: [{ hostPort, containerPort: hostPort, protocol: "tcp", hostIp: "" }] } as unknown as TaskSpec;
    const container = this.#newContainer({ instanceId, spec, isForeign: true });
    if (!this.#portTaken(container)) container.status = "running";
  }

  die(
    one: Container,
    how: {
      readonly cause: DeathCause;
      readonly exitCode: number | null;
      readonly silent?: boolean;
      readonly oom?: boolean;
    },
  ): void {
    if (one.status !== "running") return;
    this.#changes(one);
    one.status = "exited";
    one.exitCode = how.exitCode;
    one.oomKilled = how.oom === true;
    one.finishedMs = this.#queue.nowMs;
    this.#tell({ kind: "died", container: one, cause: how.cause });
    if (how.silent !== true && !one.isForeign) this.#announce(one);
  }

  /** Somebody removes it, whatever it does. */
  removeByHand(one: Container, silent: boolean): void {
    this.die(one, { cause: "hand", exitCode: 137, silent });
    this.containers.delete(one.instanceId);
    this.#tell({ kind: "removed", container: one, by: "hand" });
  }

  /** Performs an effect; the answer comes later, or never. */
  perform(effect: EngineEffect, reply: Reply): void {
    if (effect.kind === "abort") {
      const end = this.#pulls.get(keyOf(effect.of));
      if (end !== undefined) end({ kind: "aborted", message: "aborted" });
      else if (this.#asked.has(keyOf(effect.of))) this.#aborted.add(keyOf(effect.of));
      return;
    }
    if (effect.kind === "pull") this.#asked.add(keyOf(effect.request));
    if (effect.kind !== "pull" && (this.trouble.hung || this.trouble.stuck === effect.kind)) {
      const { nowMs } = this.#queue;
      // A start that hangs has the container's lock: a later one that has come through has waited for it.
      const isDone = () => effect.kind === "start" && (this.containers.get(effect.instanceId)?.startedMs ?? 0) > nowMs;
      this.late.take(() => isDone() || this.#carryOut(effect, reply));
      return;
    }
    this.#carryOut(effect, reply);
  }

  #carryOut(effect: EngineCall, reply: Reply): void {
    const error = this.#errorOf(effect.kind);
    const tookMs = 1 + this.#dice.exponential(TIMES[effect.kind] || 1);
    this.#queue.after(effect.kind === "start" ? this.#inOrder(effect.instanceId, tookMs) : tookMs, () => {
      if (effect.kind === "pull" && this.#isAborted(effect.request, reply)) return;
      if (this.trouble.down) {
        this.#answer(effect, { kind: "unavailable", message: "the engine is away" }, reply);
        return;
      }
      if (this.trouble.full && WRITING.has(effect.kind)) {
        this.#answer(effect, { kind: "transient", message: "no space left on device" }, reply);
        return;
      }
      if (error !== null && !error.done) {
        this.#answer(effect, { kind: error.failure, message: `${effect.kind} fails` }, reply);
        return;
      }
      this.#act(effect, (event) => {
        if (error === null && !this.trouble.down) this.#later(event, reply);
        else this.#answer(effect, { kind: error?.failure ?? "unavailable", message: `${effect.kind} fails` }, reply);
      });
    });
  }

  /** Starts of one container wait for each other, as its lock has it: what the next worker asks for comes at once after what a dead one has asked for. */
  #inOrder(instanceId: string, tookMs: number): number {
    const { nowMs } = this.#queue;
    const earlierMs = this.#startedMs.get(instanceId) ?? 0;
    const atMs = earlierMs > nowMs ? earlierMs : nowMs + tookMs;
    this.#startedMs.set(instanceId, atMs);
    return atMs - nowMs;
  }

  /** Nobody wants that pull any more, and it is answered. */
  #isAborted(request: CreateRequest, reply: Reply): boolean {
    const key = keyOf(request);
    this.#asked.delete(key);
    if (!this.#aborted.delete(key)) return false;
    this.#later({ kind: "pulled", of: identity(request), result: fail("aborted", "aborted") }, reply);
    return true;
  }

  #later(event: WorkerEvent, reply: Reply): void {
    this.#queue.after(1, () => {
      // A pull is one long answer that has begun already; nobody limits how long it takes.
      if (!this.trouble.hung || event.kind === "pulled") reply(event);
    });
  }

  #answer(effect: EngineEffect, failure: Failure, reply: Reply): void {
    const event = failed(effect, failure);
    if (event !== null) this.#later(event, reply);
  }

  #errorOf(kind: string): { readonly failure: FailureKind; readonly done: boolean } | null {
    const at = this.#errors.findIndex((one) => one.operation === kind);
    return at < 0 ? null : (this.#errors.splice(at, 1)[0] ?? null);
  }

  #act(effect: Exclude<EngineEffect, { kind: "abort" }>, reply: Reply): void {
    switch (effect.kind) {
      case "list": {
        const own = [...this.containers.values()].filter((one) => !one.isForeign);
        reply({ kind: "listed", runtime: "docker", result: ok(own.map((one) => this.#sight(one))) });
        return;
      }
      case "pull":
        this.#pull(effect.request, reply);
        return;
      case "create":
        this.#create(effect.request, reply);
        return;
      case "start":
        this.#start(effect, reply);
        return;
      case "stop":
        this.#stop(effect, reply);
        return;
      case "remove":
        this.#remove(effect, reply);
        return;
      case "inspect": {
        const one = this.containers.get(effect.instanceId);
        const result = one === undefined ? fail("not_found", "no such container") : ok(this.#sight(one));
        reply({ kind: "inspected", of: effect.of, result });
        return;
      }
      default:
        this.#probe(effect, reply);
    }
  }

  #probe(effect: Extract<EngineEffect, { kind: "probe" }>, reply: Reply): void {
    const runs = this.containers.get(effect.instance.instanceId)?.status === "running";
    const { isWell, lateMs } = probed(this.trouble, ++this.#probes);
    const failure: Failure | null = isWell && runs ? null : { kind: "transient", message: "status 500" };
    const answer = (): void => reply({ kind: "probed", of: effect.of, failure });
    if (lateMs > 0) this.#queue.after(lateMs, answer);
    else answer();
  }

  #pull(request: CreateRequest, reply: Reply): void {
    const { image, pullMs } = behaviourOf(request.spec);
    const of = identity(request);
    const end = (result: Result<null>): void => {
      if (this.#pulls.get(keyOf(of)) !== breakOff) return;
      this.#pulls.delete(keyOf(of));
      reply({ kind: "pulled", of, result });
    };
    const breakOff = (failure: Failure): void => end({ ok: false, failure });
    this.#pulls.set(keyOf(of), breakOff);
    if (this.#images.has(request.spec.image)) {
      this.#queue.after(0, () => end(ok(null)));
      return;
    }
    const slowMs = this.trouble.registry === "slow" ? SLOW_PULL_MS : 0;
    const finish = (): void => {
      if (this.trouble.registry === "hangs") this.#stuck.push(finish);
      else if (this.trouble.registry === "limited") end(fail("transient", "too many requests"));
      else if (image === "missing") end(fail("image_not_found", `no such image: ${request.spec.image}`));
      else {
        this.#images.add(request.spec.image);
        end(ok(null));
      }
    };
    this.#queue.after(slowMs + this.#dice.exponential(pullMs), finish);
  }

  #create(request: CreateRequest, reply: Reply): void {
    if (behaviourOf(request.spec).image === "refused") {
      reply({ kind: "created", of: identity(request), result: fail("invalid", "the image is for another machine") });
      return;
    }
    // By its name; the id is never given twice.
    const { taskId, incarnation } = request;
    const known = [...this.containers.values()].find((one) => one.taskId === taskId && one.incarnation === incarnation);
    const instanceId = known?.instanceId ?? `${taskId}-${incarnation}-${++this.#made}`;
    const container = known ?? this.#newContainer({ ...request, instanceId, isForeign: false });
    this.#tell({ kind: "created", container, isAdopted: known !== undefined });
    reply({ kind: "created", of: identity(request), result: ok({ instanceId }) });
  }

  #start(effect: Extract<EngineEffect, { kind: "start" }>, reply: Reply): void {
    const one = this.containers.get(effect.instanceId);
    const answer = (result: Result<Instance>): void => reply({ kind: "started", of: effect.of, result });
    if (one === undefined) answer(fail("not_found", "no such container"));
    else if (one.status !== "running" && this.#portTaken(one)) answer(fail("port_taken", "port is already allocated"));
    else {
      if (one.status !== "running") this.#run(one);
      answer(ok(sight(one, this.wallAt)));
    }
  }

  #run(one: Container): void {
    this.#changes(one);
    one.status = "running";
    one.exitCode = null;
    one.startedMs = this.#queue.nowMs;
    this.#tell({ kind: "started", container: one });
    const { lifeMs, exitCode } = behaviourOf(one.spec);
    if (lifeMs === 0) return;
    const startedMs = one.startedMs;
    this.#queue.after(this.#dice.exponential(lifeMs), () => {
      if (one.startedMs === startedMs) this.die(one, { cause: "exit", exitCode });
    });
  }

  #stop(effect: Extract<EngineEffect, { kind: "stop" }>, reply: Reply): void {
    const one = this.containers.get(effect.instanceId);
    const confirm = (): void => reply({ kind: "stopped", of: effect.of, result: ok(null) });
    if (one?.status !== "running") {
      confirm();
      return;
    }
    this.#tell({ kind: "signalled", container: one, signal: effect.signal, graceMs: effect.graceMs });
    const { stopMs } = behaviourOf(one.spec);
    const obeys = stopMs <= effect.graceMs;
    this.#queue.after(obeys ? stopMs : effect.graceMs, () => {
      if (!this.trouble.zombies) {
        this.die(one, obeys ? { cause: "stop", exitCode: 143 } : { cause: "kill", exitCode: 137 });
      }
      confirm();
    });
  }

  #remove(effect: Extract<EngineEffect, { kind: "remove" }>, reply: Reply): void {
    const one = this.containers.get(effect.instanceId);
    if (one?.status === "running") {
      reply({ kind: "removed", of: effect.of, result: fail("conflict", "the container runs") });
      return;
    }
    this.containers.delete(effect.instanceId);
    if (one !== undefined) this.#tell({ kind: "removed", container: one, by: "worker" });
    reply({ kind: "removed", of: effect.of, result: ok(null) });
  }

  /** A host port that another live container has, whoever made it. */
  #portTaken(wanting: Container): boolean {
    const wanted = wanting.spec.ports.map((port) => port.hostPort).filter((port) => port > 0);
    if (wanted.length === 0) return false;
    return this.live().some((one) => one !== wanting && one.spec.ports.some((port) => wanted.includes(port.hostPort)));
  }

  /** Tells the worker of a death, as well as it can. */
  #announce(one: Container): void {
    const event: WorkerEvent = { kind: "died", of: identity(one), runtime: "docker", instanceId: one.instanceId };
    const isBad = this.trouble.badEvents;
    const times = isBad ? this.#dice.between(0, 2) : 1;
    for (let i = 0; i < times; i++) {
      const lateMs = isBad ? this.#dice.between(0, LATE_MS) : this.#dice.between(0, 5);
      this.#queue.after(lateMs, () => {
        if (!this.trouble.down) this.#watcher?.(event);
      });
    }
  }

  #changes(one: Container): void {
    this.#before.set(one, { atMs: this.#queue.nowMs, sight: sight(one, this.wallAt) });
  }

  /** How it is, or was just now. */
  #sight(one: Container): Instance {
    const before = this.#before.get(one);
    const isOld = before !== undefined && this.#queue.nowMs - before.atMs < this.trouble.lagMs;
    return isOld ? before.sight : sight(one, this.wallAt);
  }

  #newContainer(of: Parameters<typeof newContainer>[1]): Container {
    const container = newContainer(this.#node, of);
    this.containers.set(container.instanceId, container);
    return container;
  }
}
