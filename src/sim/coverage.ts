/**
 * Marks of coverage: situations that a long enough series of runs must have met, or it has proved little (TigerBeetle's idea). Read off what really happened; a
 * mark that no run can hit yet stands in not-yet.ts.
 */
import type { LoggedChange } from "../core/change.ts";
import { type Cluster, slotKeyOf, slotKeyOfTask } from "../core/cluster.ts";
import { isTerminal, type Task } from "../core/task.ts";
import { type Durable, storesOf } from "./checks/stores.ts";
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
    sim.watch((event) => watch.hear(event));
  }
}

class RunMarks {
  readonly #hit: (mark: Mark) => void;
  /** Containers that a worker asked for again and found. */
  readonly #adopted = new Set<Container>();
  readonly #signalled = new Set<Container>();
  readonly #spent = new Set<string>();
  /** The newest revision that a watcher of that manager has seen. */
  readonly #watched = new Map<string, number>();

  constructor(hit: (mark: Mark) => void) {
    this.#hit = hit;
  }

  hear(event: SimEvent): void {
    switch (event.kind) {
      case "fault":
        if (event.fault.kind === "wall-step") this.#hit("clock-step");
        return;
      case "created":
      case "started":
      case "signalled":
      case "died":
      case "removed":
        this.#container(event.kind === "created" && event.isAdopted, event);
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
      case "took-over":
        // A watcher that has seen more than there is now has to begin anew.
        if (event.identity.revision < (this.#watched.get(event.manager) ?? 0)) this.#hit("watch-gap→resync");
        this.#watched.set(event.manager, event.identity.revision);
        return;
      default:
    }
  }

  durable({ store, change, logged }: Durable): void {
    this.#watched.set(store.manager, logged.revision);
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

  #container(isFound: boolean, event: Extract<SimEvent, { readonly container: Container }>): void {
    const { container } = event;
    if (isFound) {
      this.#hit("409-name-conflict");
      this.#adopted.add(container);
    }
    if (event.kind === "started" && this.#adopted.has(container)) this.#hit("adopt-after-lost-create-reply");
    if (event.kind === "signalled") {
      if (this.#signalled.has(container)) this.#hit("kill-then-zombie");
      this.#signalled.add(container);
    }
    if (event.kind !== "died" && event.kind !== "removed") return;
    this.#signalled.delete(container);
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
