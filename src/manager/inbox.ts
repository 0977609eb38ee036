/**
 * What has reached the manager and waits for its tick. Commands are few and people wait for them, so they never stand behind messages; the messages of a link keep
 * their order. How much one tick takes is bounded by what it makes the tick do, never by the clock, so that a replay takes the same. Pure.
 */
import type { WorkerMessage } from "../protocol/messages.ts";
import type { Command } from "./commands.ts";
import { Queue } from "./queue.ts";

/** What reaches the manager. `ticket` is the host's, to match a command with its reply. */
export type ManagerInput =
  | { readonly kind: "command"; readonly ticket: number; readonly command: Command; readonly actor: string }
  | { readonly kind: "message"; readonly linkId: string; readonly message: WorkerMessage }
  | { readonly kind: "closed"; readonly linkId: string };

type Report = Extract<WorkerMessage, { kind: "report" }>;

/** Commands in one tick. */
const COMMANDS_PER_TICK = 30;
/** Messages and closed links in one tick. */
const MESSAGES_PER_TICK = 60;
/** Hellos among them: each makes a node's record, its whole set, and a place in the scheduler's index. */
const HELLOS_PER_TICK = 25;
/** Facts in the reports of one tick; a larger report is taken in parts. */
const FACTS_PER_TICK = 150;
/** Messages of one link that may wait. Commands need no such bound: whoever asks waits for the answer, and the API bounds how many may ask. */
const MESSAGES_OF_LINK = 500;

/** How much waits, and how often a link was given up because too much of it did. */
export interface InboxFigures {
  readonly commands: number;
  readonly messages: number;
  /** Messages of the link that has most of them waiting. */
  readonly mostOfLink: number;
  readonly floods: number;
}

/**
 * Inputs in the order in which they are to be worked on. A link that sends faster than it is heard is given up: nothing more of it is taken, since a later report
 * that is answered would vouch for the one that was dropped, and its worker says all that it knows anew over the next link.
 */
export class Inbox {
  readonly #commands = new Queue<ManagerInput>();
  readonly #messages = new Queue<ManagerInput>();
  readonly #most: number;
  readonly #ofLink = new Map<string, number>();
  /** Links given up that have not been closed yet. */
  readonly #flooding = new Set<string>();
  #toClose: string[] = [];
  #floods = 0;

  /** `most`: messages of one link that may wait. */
  constructor(most = MESSAGES_OF_LINK) {
    this.#most = most;
  }

  get isEmpty(): boolean {
    return this.#commands.size === 0 && this.#messages.size === 0;
  }

  get figures(): InboxFigures {
    const mostOfLink = Math.max(0, ...this.#ofLink.values());
    return { commands: this.#commands.size, messages: this.#messages.size, mostOfLink, floods: this.#floods };
  }

  put(input: ManagerInput): void {
    if (input.kind === "command") this.#commands.push(input);
    else if (input.kind === "closed") {
      this.#flooding.delete(input.linkId);
      this.#messages.push(input);
    } else if (this.#isHeard(input.linkId)) {
      this.#count(input, 1);
      this.#messages.push(input);
    }
  }

  /** Links that were given up since the last time, to be closed. */
  takeFlooding(): readonly string[] {
    const links = this.#toClose;
    this.#toClose = [];
    return links;
  }

  #isHeard(linkId: string): boolean {
    if (this.#flooding.has(linkId)) return false;
    if ((this.#ofLink.get(linkId) ?? 0) < this.#most) return true;
    this.#flooding.add(linkId);
    this.#toClose.push(linkId);
    this.#floods++;
    return false;
  }

  #count(input: ManagerInput, sign: 1 | -1): void {
    if (input.kind !== "message") return;
    const waiting = (this.#ofLink.get(input.linkId) ?? 0) + sign;
    if (waiting > 0) this.#ofLink.set(input.linkId, waiting);
    else this.#ofLink.delete(input.linkId);
  }

  /** One tick's share. */
  take(): ManagerInput[] {
    const taken: ManagerInput[] = [];
    while (taken.length < COMMANDS_PER_TICK && this.#commands.size > 0)
      taken.push(this.#commands.shift() as ManagerInput);
    return [...taken, ...this.#takeMessages()];
  }

  #takeMessages(): ManagerInput[] {
    const taken: ManagerInput[] = [];
    let hellos = 0;
    let facts = 0;
    while (taken.length < MESSAGES_PER_TICK && hellos < HELLOS_PER_TICK && facts < FACTS_PER_TICK) {
      const input = this.#messages.shift();
      if (input === undefined) break;
      this.#count(input, -1);
      const report = reportOf(input);
      if (report === null) taken.push(input);
      else taken.push(this.#part(input, report, FACTS_PER_TICK - facts));
      if (report !== null) facts += report.facts.length + report.removed.length;
      if (input.kind === "message" && input.message.kind === "hello") hellos++;
    }
    return taken;
  }

  /** As much of a report as there is room for; the rest stays in front, and only with the last part is the report answered. */
  #part(input: ManagerInput, report: Report, room: number): ManagerInput {
    if (input.kind !== "message" || report.facts.length <= room) return input;
    this.#count(input, 1);
    this.#messages.unshift({ ...input, message: { ...report, facts: report.facts.slice(room) } });
    return {
      ...input,
      message: { ...report, facts: report.facts.slice(0, room), removed: [], full: false, number: 0 },
    };
  }
}

function reportOf(input: ManagerInput): Report | null {
  return input.kind === "message" && input.message.kind === "report" ? input.message : null;
}
