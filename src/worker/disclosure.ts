/**
 * What a worker tells a manager that it may not obey: why not, and, asked for it, everything that it holds. The manager is its own cluster's (the link
 * has seen to that), so there is nothing to hide from it; and nothing that it learns here changes anything on the node.
 */
import { isTerminal, type TaskFact } from "../core/task.ts";
import { type Held, MAX_MESSAGE_BYTES, type WorkerMessage } from "../protocol/messages.ts";
import { factOf } from "./report.ts";
import { managed, type TaskRun } from "./task-run.ts";

type HeldMessage = Extract<WorkerMessage, { readonly kind: "held" }>;

/** UTF-16 units of JSON in a piece; a unit takes at most three bytes, and the rest is room for the message around it. */
const PIECE_UNITS = MAX_MESSAGE_BYTES / 4;

/** What is still to be said to the manager that was greeted last. */
export class Disclosure {
  #refusal = "";
  #said = "";
  #asked = false;

  /** A new manager, or the old one anew, which forgets what it was told before: nothing has been said to it yet. */
  greeted(): void {
    this.#refusal = "";
    this.#said = "";
    this.#asked = false;
  }

  /** Why the linked manager is not obeyed; "" when it is. */
  judged(refusal: string): void {
    this.#refusal = refusal;
  }

  /** The manager wants to know what is held here. */
  asked(): void {
    this.#asked = true;
  }

  /** The messages that are due. `mayTell`: the runtimes have been asked and what is known is on disk; a journal alone may be behind what runs. */
  take(
    runs: ReadonlyMap<string, TaskRun>,
    at: { readonly mayTell: boolean; readonly monoMs: number },
  ): readonly WorkerMessage[] {
    const messages: WorkerMessage[] = [];
    if (this.#refusal !== this.#said) messages.push({ kind: "refused", reason: this.#refusal });
    this.#said = this.#refusal;
    if (!this.#asked || !at.mayTell) return messages;
    this.#asked = false;
    return [...messages, ...heldMessages(managed(runs), at.monoMs)];
  }
}

/** The answer to `tell`: at least one message, the last of them marked. A task too large for a piece goes alone, as it came. */
function heldMessages(runs: Iterable<TaskRun>, nowMs: number): HeldMessage[] {
  const messages: HeldMessage[] = [];
  let held: Held[] = [];
  let strays: TaskFact[] = [];
  let units = 0;
  for (const run of runs) {
    const fact = factOf(run, nowMs);
    const { assignment } = run;
    if (assignment === null && (isTerminal(fact.state) || fact.state === "assigned")) continue;
    const entry = assignment === null ? null : { assignment, fact };
    const size = JSON.stringify(entry ?? fact).length;
    if (units > 0 && units + size > PIECE_UNITS) {
      messages.push({ kind: "held", held, strays, last: false });
      [held, strays, units] = [[], [], 0];
    }
    units += size;
    if (entry) held.push(entry);
    else strays.push(fact);
  }
  messages.push({ kind: "held", held, strays, last: true });
  return messages;
}
