/**
 * Marks of coverage: situations that a long enough series of runs must have met, or it has proved little (TigerBeetle's idea). Read off what really happened; a
 * mark that no run can hit yet stands in not-yet.ts.
 */
import type { LoggedChange } from "../core/change.ts";
import { type Cluster, slotKeyOf, slotKeyOfTask } from "../core/cluster.ts";
import { isTerminal, type Task } from "../core/task.ts";
import { behaviourOf } from "./behaviour.ts";
import { type Durable, storesOf } from "./checks/stores.ts";
import { followerOf } from "./follower.ts";
import type { Simulation } from "./simulation.ts";
import type { Container, SimEvent } from "./trace.ts";

/** All marks of the specification, in its order, and then those that came since. */
export const MARKS = [
  "adopt-after-lost-create-reply",
  "409-name-conflict",
  "kill-then-zombie",
  "reconnect-with-longer-history",
  "stale-term-refused",
  "amnesia-refused",
  "duplicate-submit-deduped",
  "replacement-then-original-returns",
  "update-paused-by-unrelated-failure",
  "rollback",
  "progress-deadline",
  "drain-deadline",
  "budget-spent→reschedule",
  "store-gap→read-only",
  "watch-gap→resync",
  "slow-consumer-dropped",
  "capacity-shrink",
  "clock-step",
  "store-gone-back-refused",
  "strayed-store-refused",
] as const;

/** Longest difference that slews, late commits and rounding explain, in ms. */
const STEP_MS = 10_000;

export type Mark = (typeof MARKS)[number];

/** What runs have met so far. */
export class Coverage {
  readonly #hit = new Set<Mark>();

  get hit(): ReadonlySet<Mark> {
    return this.#hit;
  }

  /** Begins to watch a run that has not begun yet. */
  listen(sim: Simulation): void {
    const watch = new RunMarks((mark) => this.#hit.add(mark));
    storesOf(sim).onDurable((durable) => watch.durable(durable));
    followerOf(sim).onResync(() => this.#hit.add("watch-gap→resync"));
    sim.watch((event, atMs) => watch.hear(event, atMs));
  }
}

class RunMarks {
  readonly #hit: (mark: Mark) => void;
  /** Containers that a worker asked for again and found. */
  readonly #adopted = new Set<Container>();
  /** Since when each would have to be dead that was told to end, ms of the run. */
  readonly #overdueMs = new Map<Container, number>();
  readonly #spent = new Set<string>();
  /** When each manager last kept something, in ms of the run, and by its own wall clock. */
  readonly #kept = new Map<string, { readonly atMs: number; readonly wallMs: number }>();

  constructor(hit: (mark: Mark) => void) {
    this.#hit = hit;
  }

  hear(event: SimEvent, atMs: number): void {
    switch (event.kind) {
      case "created":
      case "started":
      case "signalled":
      case "died":
      case "removed":
        this.#container(event.kind === "created" && event.isAdopted, event, atMs);
        return;
      case "effect":
        if (event.effect.kind === "log") this.#log(event.effect.text);
        return;
      case "answered":
        if (event.command.kind === "job.submit" && event.result.ok && !event.result.created)
          this.#hit("duplicate-submit-deduped");
        return;
      case "unlinked":
        if (event.reason.includes("does not take what it is sent")) this.#hit("slow-consumer-dropped");
        return;
      case "read-only":
        this.#hit("store-gap→read-only");
        return;
      default:
    }
  }

  durable({ store, change, logged, atMs }: Durable): void {
    this.#clock(store.manager, { atMs, wallMs: logged.atMs });
    if (change.kind === "node.put") {
      const before = store.cluster.nodes.get(change.node.id)?.capacity.cpuMillis ?? 0;
      if (change.node.capacity.cpuMillis < before) this.#hit("capacity-shrink");
    }
    if (change.kind === "slot.put") {
      const before = store.cluster.slots.get(slotKeyOf(change.slot));
      if (before !== undefined && before.attempt < change.slot.attempt && this.#spent.has(before.taskId))
        this.#hit("budget-spent→reschedule");
    }
    if (change.kind === "task.put") this.#task(store.cluster, change.task, logged);
  }

  #task(cluster: Cluster, task: Task, { actor }: LoggedChange): void {
    const before = cluster.tasks.get(task.id);
    const { fact } = task;
    if (fact.state === "failed" && fact.message.startsWith("budget spent")) this.#spent.add(task.id);
    if (before === undefined) return;
    if (actor.startsWith("worker:") && fact.incarnation > before.fact.incarnation + 1)
      this.#hit("reconnect-with-longer-history");
    if (before.desired === "run" && task.desired === "stop" && hasLiveTwin(cluster, task))
      this.#hit("replacement-then-original-returns");
  }

  /** A manager has kept something by a clock that was stepped since it last did. */
  #clock(manager: string, now: { readonly atMs: number; readonly wallMs: number }): void {
    const before = this.#kept.get(manager);
    this.#kept.set(manager, now);
    if (before === undefined) return;
    const passedMs = now.atMs - before.atMs;
    if (Math.abs(now.wallMs - before.wallMs - passedMs) > STEP_MS + passedMs / 100) this.#hit("clock-step");
  }

  #container(isFound: boolean, event: Extract<SimEvent, { readonly container: Container }>, atMs: number): void {
    const { container } = event;
    if (isFound) {
      this.#hit("409-name-conflict");
      this.#adopted.add(container);
    }
    if (event.kind === "started" && this.#adopted.has(container)) this.#hit("adopt-after-lost-create-reply");
    if (event.kind === "signalled") {
      const { stopMs } = behaviourOf(container.spec);
      // It is told again, and lives: that it was over has been said.
      if (atMs > (this.#overdueMs.get(container) ?? atMs)) this.#hit("kill-then-zombie");
      if (!this.#overdueMs.has(container)) this.#overdueMs.set(container, atMs + Math.min(stopMs, event.graceMs));
    }
    if (event.kind !== "died" && event.kind !== "removed") return;
    this.#overdueMs.delete(container);
    this.#adopted.delete(container);
  }

  /** In the words of protocol/fence.ts. */
  #log(text: string): void {
    if (!text.startsWith("orders refused:")) return;
    if (text.includes("of an older term") || text.includes("a second manager of term")) this.#hit("stale-term-refused");
    if (text.includes("that does not know")) this.#hit("amnesia-refused");
    if (text.includes("has gone back")) this.#hit("store-gone-back-refused");
    if (text.includes("does not go back to what this node has seen")) this.#hit("strayed-store-refused");
  }
}

/** Whether another attempt of its slot is to run on. */
function hasLiveTwin(cluster: Cluster, task: Task): boolean {
  if (cluster.jobs.get(task.jobId)?.desired !== "run") return false;
  return [...(cluster.attempts.get(slotKeyOfTask(task)) ?? [])].some((id) => {
    const other = cluster.tasks.get(id);
    return other !== undefined && id !== task.id && other.desired === "run" && !isTerminal(other.fact.state);
  });
}
