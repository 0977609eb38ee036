// What the workload asks of the manager, as data: the same whether chance has drawn it or a schedule holds it. Pure.
import type { Book, Entry } from "./book.ts";
import type { Dice } from "./dice.ts";

/** Service tasks that are kept alive; more than the least that runs when a fault comes. */
const WANTED_TASKS = 24;
/** How many more there may be while nothing may end. */
const MORE_TASKS = 10;
/** Jobs that have ended or were stopped and are kept, so that the story does not only grow. */
const KEPT_ENDED = 12;

/** A new job. */
export interface Submission {
  readonly do: "submit";
  /** Its name, unique in a run. */
  readonly job: string;
  /** A batch task ends by itself, once. */
  readonly kind: "service" | "batch";
  readonly count: number;
  /** False: it may never have two live containers, whatever happens. */
  readonly replace: boolean;
}

/** Something that is asked of the manager. `repeat`: the job's submission once more, as a client does that has not heard the answer. */
export type Ask = Submission | { readonly do: "repeat" | "stop" | "start" | "remove"; readonly job: string };

/** With its moment: ms since its part of the run began, in which the workload was not told to rest. */
export type TimedAsk = Ask & { readonly atMs: number };

/** The next by chance; nothing where it is time for a rest. Without `mayEnd` services are submitted, and that is all. */
export function drawAsk(dice: Dice, book: Book, mayEnd: boolean): Ask | null {
  const settled = book.known.filter(({ isUnsure }) => !isUnsure);
  const services = settled.filter(({ kind, told }) => kind === "service" && told === "run");
  const ended = settled.filter(({ kind, told }) => kind === "batch" || told === "stop");
  const chance = dice.next();
  if (book.lasting < WANTED_TASKS) return submission(dice, book, "service");
  if (!mayEnd) {
    return chance < 0.3 && book.lasting < WANTED_TASKS + MORE_TASKS ? submission(dice, book, "service") : null;
  }
  const [oldest] = ended;
  if (oldest && ended.length > KEPT_ENDED) return { do: "remove", job: oldest.name };
  if (chance < 0.25) return submission(dice, book, "batch");
  // Rarely enough that most jobs live through a fault: what is removed at once is never replaced, nor lost.
  if (chance < 0.28 && services.length > 0) return { do: "remove", job: dice.pick(services).name };
  if (chance < 0.31 && services.length > 0) return { do: "stop", job: dice.pick(services).name };
  const stopped = settled.filter(({ told }) => told === "stop");
  if (chance < 0.37 && stopped.length > 0) return { do: "start", job: dice.pick(stopped).name };
  const repeatable = settled.filter(({ keyIsKnown }) => keyIsKnown);
  if (chance < 0.42 && repeatable.length > 0) return { do: "repeat", job: dice.pick(repeatable).name };
  return null;
}

/**
 * Whether it makes sense as the book is. `never`: what it is about was left out of the schedule, or took another way this time; an answer that says so would
 * be no fault of the manager's.
 */
export function fitOf(ask: Ask, book: Book, mayEnd: boolean): "now" | "later" | "never" {
  const entry = book.entries.find(({ name }) => name === ask.job);
  if (ask.do === "submit") {
    if (entry) return "never";
    return mayEnd || ask.kind === "service" ? "now" : "later";
  }
  if (!entry) return "never";
  if (entry.isUnsure || !mayEnd) return "later";
  return isSensible(ask.do, entry) ? "now" : "never";
}

function isSensible(what: Exclude<Ask["do"], "submit">, { told, kind, keyIsKnown }: Entry): boolean {
  const isKnown = told === "run" || told === "stop";
  switch (what) {
    case "repeat":
      return isKnown && keyIsKnown;
    case "remove":
      return isKnown;
    case "stop":
      return told === "run" && kind === "service";
    case "start":
      return told === "stop";
  }
}

function submission(dice: Dice, book: Book, kind: Submission["kind"]): Submission {
  const job = `${kind === "batch" ? "b" : "s"}${book.entries.length + 1}`;
  const count = kind === "batch" ? 1 : dice.between(1, 3);
  return { do: "submit", job, kind, count, replace: dice.chance(0.67) };
}
