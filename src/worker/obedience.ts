/** Which manager this worker obeys and which of its numbered sets it holds. Judges and remembers; `fence.ts` has the rules. */
import type { ManagerIdentity, ManagerMessage } from "../protocol/messages.ts";
import { runningLeftOut } from "./assignments.ts";
import { amnesia, isNewManager, refusal } from "./fence.ts";
import type { TaskRun } from "./task-run.ts";

type AssignmentSet = Extract<ManagerMessage, { readonly kind: "assignments" }>;

/** `ask_again`: it changes a set that is not held here; a hello gets a whole one. */
export type SetVerdict = "take" | "ignore" | "ask_again";

export class Obedience {
  #manager: ManagerIdentity | null = null;
  #held = { instanceId: "", number: 0 };
  #refused = "";
  /** A hello has gone out: its answer is a whole set, whatever its number. */
  #expectsWhole = false;
  readonly #onChange: (isNew: boolean) => void;
  readonly #onRefusal: (reason: string) => void;

  constructor(on: { readonly change: (isNew: boolean) => void; readonly refusal: (reason: string) => void }) {
    this.#onChange = on.change;
    this.#onRefusal = on.refusal;
  }

  /** The highest manager seen. */
  get manager(): ManagerIdentity | null {
    return this.#manager;
  }

  /** Number of the set held; 0 for none in this process. */
  get setNumber(): number {
    return this.#held.number;
  }

  /** Why the present manager is not obeyed; "" when it is. */
  get refused(): string {
    return this.#refused;
  }

  /** A hello goes out. */
  said(): void {
    this.#expectsWhole = true;
  }

  restore(manager: ManagerIdentity | null): void {
    this.#manager = manager;
  }

  /** A greeting is judged and remembered; another store is believed only by its first whole set. */
  greet(manager: ManagerIdentity): void {
    if (!this.#judge(refusal(this.#manager, manager))) return;
    if (this.#manager === null || this.#manager.lineage === manager.lineage) this.#remember(manager);
  }

  /** Judges a set; one that is to be taken is held from now on. */
  takeSet(set: AssignmentSet, runs: ReadonlyMap<string, TaskRun>): SetVerdict {
    if (!this.#judge(refusal(this.#manager, set.manager))) return "ignore";
    const known = set.manager.instanceId === this.#held.instanceId;
    const answersHello = set.base === 0 && this.#expectsWhole;
    if (known && set.number <= this.#held.number && !answersHello) return "ignore";
    if (set.base !== 0 && (!known || set.base !== this.#held.number)) return "ask_again";
    const leftOut = runningLeftOut(runs.values(), set);
    if (set.base === 0 && !this.#judge(amnesia(this.#manager, set.manager, leftOut))) return "ignore";
    this.#remember(set.manager);
    this.#expectsWhole = false;
    this.#held = { instanceId: set.manager.instanceId, number: set.number };
    return "take";
  }

  #judge(reason: string | null): boolean {
    if (reason !== null && reason !== this.#refused) this.#onRefusal(reason);
    this.#refused = reason ?? "";
    return reason === null;
  }

  #remember(manager: ManagerIdentity): void {
    const isNew = isNewManager(this.#manager, manager);
    if (!isNew && this.#manager?.revision === manager.revision) return;
    this.#manager = manager;
    this.#onChange(isNew);
  }
}
