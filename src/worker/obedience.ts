/** Which manager this worker obeys and which of its numbered sets it holds. Judges and remembers; `fence.ts` has the rules. */

import { amnesia, isNewManager, type Remembered, refusal } from "../protocol/fence.ts";
import type { ManagerIdentity, ManagerMessage, Opening } from "../protocol/messages.ts";
import { runningLeftOut } from "./assignments.ts";
import type { TaskRun } from "./task-run.ts";

type AssignmentSet = Extract<ManagerMessage, { readonly kind: "assignments" }>;

/** `ask_again`: it changes a set that is not held here; a hello gets a whole one. */
export type SetVerdict = "take" | "ignore" | "ask_again";

/** What a worker says whose data was copied: everything in it is about containers of another machine. */
const COPY =
  "this worker's data was copied from another machine, so nothing is started, restarted or stopped by what it says: remove its data directory, " +
  "so that it makes a key of its own and joins; if this machine takes the other one's place, `cube node rm` there, then join anew with a token";

/** Who is told of what, and where this is. */
interface Surroundings {
  readonly change: (isNew: boolean) => void;
  readonly refusal: (reason: string) => void;
  /** Id of the machine; "" when it is not known. */
  readonly machineId: () => string;
}

export class Obedience {
  #manager: Remembered | null = null;
  #held = { instanceId: "", number: 0 };
  #refused = "";
  /** The instance whose greeting was refused. Its revision rises with everything that it does, so its sets would soon pass where it did not. */
  #turnedAway = "";
  /** A hello has gone out: its answer is a whole set, whatever its number. */
  #expectsWhole = false;
  readonly #on: Surroundings;

  constructor(on: Surroundings) {
    this.#on = on;
  }

  /** The highest manager obeyed, as it is to be kept. */
  get manager(): Remembered | null {
    return this.#manager;
  }

  /** The same, as managers are told of it. */
  get seen(): ManagerIdentity | null {
    if (this.#manager === null) return null;
    const { doubted: _doubted, machineId: _machineId, ...seen } = this.#manager;
    return seen;
  }

  /** Number of the set held; 0 for none in this process. */
  get setNumber(): number {
    return this.#held.number;
  }

  /** Why the present manager is not obeyed; "" when it is. */
  get refused(): string {
    return this.#refused || (this.isCopy ? COPY : "");
  }

  /** What is remembered was copied from another machine, and no manager has taken this one for that node since. */
  get isCopy(): boolean {
    const [here, there] = [this.#on.machineId(), this.#manager?.machineId ?? ""];
    return here !== "" && there !== "" && here !== there;
  }

  /** A hello goes out. */
  said(): void {
    this.#expectsWhole = true;
  }

  restore(manager: Remembered | null): void {
    this.#manager = manager;
    if (this.isCopy) this.#on.refusal(COPY);
  }

  /** A greeting is judged and remembered; another store is believed only by its first whole set. False when it is refused. */
  greet(manager: ManagerIdentity, past: readonly Opening[] = []): boolean {
    this.#turnedAway = "";
    if (this.#refuses(refusal(this.#manager, manager, past))) {
      this.#turnedAway = manager.instanceId;
      this.#doubt(manager);
      return false;
    }
    if (this.#manager === null || this.#manager.lineage === manager.lineage) this.#remember(manager, false);
    return true;
  }

  /** Judges a set; one that is to be taken is held from now on. */
  takeSet(set: AssignmentSet, runs: ReadonlyMap<string, TaskRun>, journalIsBehind: boolean): SetVerdict {
    if (set.manager.instanceId === this.#turnedAway || this.#refuses(refusal(this.#manager, set.manager)))
      return "ignore";
    const known = set.manager.instanceId === this.#held.instanceId;
    const answersHello = set.base === 0 && this.#expectsWhole;
    if (known && set.number <= this.#held.number && !answersHello) return "ignore";
    if (set.base !== 0 && (!known || set.base !== this.#held.number)) return "ask_again";
    const leftOut = runningLeftOut(runs.values(), set, journalIsBehind);
    if (set.base === 0 && this.#refuses(amnesia(this.#manager, set.manager, leftOut))) return "ignore";
    this.#refused = "";
    this.#remember(set.manager, set.base === 0);
    this.#expectsWhole = false;
    this.#held = { instanceId: set.manager.instanceId, number: set.number };
    return "take";
  }

  /** A refusal stands until a set is taken: what comes in between says nothing new. */
  #refuses(reason: string | null): boolean {
    if (reason === null) return false;
    if (reason !== this.#refused) this.#on.refusal(reason);
    this.#refused = reason;
    return true;
  }

  /** Its store is the known one, yet it is not the known manager: a copy, perhaps an older one, is about. */
  #doubt(manager: ManagerIdentity): void {
    const known = this.#manager;
    if (known === null || known.doubted === true || known.lineage !== manager.lineage) return;
    this.#manager = { ...known, doubted: true };
    this.#on.change(true);
  }

  #remember(manager: ManagerIdentity, isCertain: boolean): void {
    const before = this.#manager;
    const machineId = this.#on.machineId();
    const isNew = isNewManager(before, manager) || this.isCopy;
    const doubted = before?.doubted === true && !isCertain;
    const isSame = before?.revision === manager.revision && (before.doubted === true) === doubted;
    if (!isNew && isSame && before.machineId === machineId) return;
    this.#manager = { ...manager, ...(doubted && { doubted }), machineId };
    this.#on.change(isNew);
  }
}
