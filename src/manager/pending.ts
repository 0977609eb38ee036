/**
 * Tasks that wait for a node, in groups of equal needs. Where one of a group fits nowhere none of it does, so the group is parked until something changes that could
 * help, and costs nothing meanwhile. Open groups take turns: many tasks of one kind hold up no other. Pure.
 */
import type { Decision } from "../core/decision.ts";
import { type Need, needKey, readNeed } from "../core/schedule.ts";
import type { TaskSpec } from "../core/spec.ts";
import { Queue } from "./queue.ts";

/** Waiting tasks that any node serves alike. */
export interface PendingGroup {
  readonly key: string;
  readonly need: Need;
  /** Why they wait; null while they may still be placed. */
  refusal: Decision | null;
}

interface Group extends PendingGroup {
  /** Oldest first; some may be gone by now. */
  readonly tasks: Queue<string>;
  members: number;
  /** True while it is among those that have a turn. */
  isOpen: boolean;
  /** Those that are still to be told why they wait. */
  untold: Queue<string>;
  isTelling: boolean;
  /** The words that all have been told, or are being told; "" once there is somebody who was not. */
  told: string;
}

/** Every task without a node. */
export class Pending {
  readonly #groups = new Map<string, Group>();
  readonly #groupOf = new Map<string, Group>();
  readonly #turns = new Queue<Group>();
  readonly #telling = new Queue<Group>();
  /** Specifications are never changed in place, and thousands of tasks share one. */
  readonly #needs = new WeakMap<TaskSpec, { readonly key: string; readonly need: Need }>();

  get size(): number {
    return this.#groupOf.size;
  }

  /** True while a group could still be placed, or some task has not been told why it waits. */
  get hasWork(): boolean {
    // What is left in the queues once nobody waits is only found out when somebody does.
    return this.size > 0 && (this.#turns.size > 0 || this.#telling.size > 0);
  }

  /** What each waiting task needs, as the key of its group. */
  needs(): Map<string, string> {
    return new Map([...this.#groupOf].map(([taskId, { key }]) => [taskId, key]));
  }

  /** What such a task needs, worked out once. */
  needOf(spec: TaskSpec): Need {
    return this.#read(spec).need;
  }

  add(taskId: string, spec: TaskSpec): void {
    if (this.#groupOf.has(taskId)) return;
    const group = this.#groupFor(spec);
    group.members++;
    group.tasks.push(taskId);
    group.told = "";
    this.#groupOf.set(taskId, group);
    if (group.refusal !== null) this.park(group, group.refusal);
  }

  delete(taskId: string): void {
    const group = this.#groupOf.get(taskId);
    if (!group) return;
    this.#groupOf.delete(taskId);
    group.members--;
  }

  /** Everything is to be tried again. */
  unpark(): void {
    for (const group of this.#groups.values()) {
      if (group.members === 0) this.#groups.delete(group.key);
      else this.#open(group);
    }
  }

  /** The next group that has its turn, and its oldest task; undefined when there is none. */
  next(): { readonly group: PendingGroup; readonly taskId: string } | undefined {
    for (let group = this.#turns.shift(); group !== undefined; group = this.#turns.shift()) {
      group.isOpen = false;
      const taskId = group.refusal === null ? this.#oldest(group) : undefined;
      if (taskId === undefined) continue;
      group.isOpen = true;
      this.#turns.push(group);
      return { group, taskId };
    }
    return undefined;
  }

  /** The group fits nowhere: it rests, and all of it is to be told why. */
  park(parked: PendingGroup, refusal: Decision): void {
    const group = this.#groups.get(parked.key);
    if (!group) return;
    group.refusal = refusal;
    if (group.told !== refusal.summary) {
      group.told = refusal.summary;
      group.untold = new Queue();
      for (const id of group.tasks) group.untold.push(id);
    }
    if (group.isTelling || group.untold.size === 0) return;
    group.isTelling = true;
    this.#telling.push(group);
  }

  /** The next task that may not know why it waits; undefined when all do. */
  nextUntold(): { readonly taskId: string; readonly refusal: Decision } | undefined {
    for (let group = this.#telling.peek(); group !== undefined; group = this.#telling.peek()) {
      const taskId = group.refusal === null ? undefined : group.untold.shift();
      if (taskId === undefined || group.refusal === null) {
        group.isTelling = false;
        this.#telling.shift();
      } else if (this.#groupOf.get(taskId) === group) return { taskId, refusal: group.refusal };
    }
    return undefined;
  }

  #groupFor(spec: TaskSpec): Group {
    const { key, need } = this.#read(spec);
    const known = this.#groups.get(key);
    if (known) {
      if (known.refusal === null) this.#open(known);
      return known;
    }
    const waiting = { tasks: new Queue<string>(), members: 0, untold: new Queue<string>(), told: "" };
    const group: Group = { key, need, refusal: null, isOpen: false, isTelling: false, ...waiting };
    this.#groups.set(key, group);
    this.#open(group);
    return group;
  }

  #open(group: Group): void {
    group.refusal = null;
    if (group.isOpen) return;
    group.isOpen = true;
    this.#turns.push(group);
  }

  #oldest(group: Group): string | undefined {
    for (let id = group.tasks.peek(); id !== undefined; id = group.tasks.peek()) {
      if (this.#groupOf.get(id) === group) return id;
      group.tasks.shift();
    }
    return undefined;
  }

  #read(spec: TaskSpec): { readonly key: string; readonly need: Need } {
    const known = this.#needs.get(spec);
    if (known) return known;
    const need = readNeed(spec);
    const read = { key: needKey(need), need };
    this.#needs.set(spec, read);
    return read;
  }
}
