/** Invariants of size and of secrecy: S24. */
import type { Change, LoggedChange } from "../../core/change.ts";
import { slotKeyOf } from "../../core/cluster.ts";
import { DECISIONS_KEPT } from "../../core/decision.ts";
import { AVOIDED_NODES } from "../../core/job.ts";
import { EXIT_HISTORY } from "../../core/task.ts";
import type { Checker, Violate } from "../checker.ts";
import { MESSAGES_OF_LINK } from "../manager-process.ts";
import { SECRET } from "../secret.ts";
import type { Simulation } from "../simulation.ts";
import type { SimEvent } from "../trace.ts";
import { storesOf } from "./stores.ts";

/** Attempts of a slot on record: five that have ended, what is its newest, and those that still have to be removed from their nodes. */
const ATTEMPTS = 40;
/** Records of a journal beside four for each task, and those that come before it is written anew. */
const JOURNAL_LEAST = 500;
const JOURNAL_PER_TASK = 4;
const JOURNAL_SLACK = 1_000;
/** What a session says before it is up, and to one that it turns away, with the pings before it: nobody asks then how much waits. */
const GREETING_FRAMES = 6;
/** Decisions are pruned a part at a time. */
const DECISIONS_SLACK = 1_000;

/** S24: whatever is kept has its bound, and no secret gets into what people read. */
export const everythingIsBounded: Checker = {
  id: "S24",
  rule: "histories, journals, inboxes and outboxes keep their bounds, and no secret is told",
  begin: (sim, violate) => {
    const stores = storesOf(sim);
    stores.onDurable(({ logged }) => checkLogged(logged, violate));
    return {
      onEvent: (event) => {
        checkWords(event, violate);
        // Inboxes are fullest while a commit is under way, and links end when an outbox is full.
        if (event.kind === "durable" || event.kind === "unlinked") checkQueues(sim, violate);
      },
      recount: () => {
        checkJournals(sim, violate);
        for (const name of sim.managers.keys()) {
          const { attempts, decisions } = stores.of(name).cluster;
          if (decisions.size > DECISIONS_KEPT + DECISIONS_SLACK) violate(`${name} keeps ${decisions.size} decisions`);
          for (const [key, of] of attempts) if (of.size > ATTEMPTS) violate(`slot ${key} keeps ${of.size} attempts`);
        }
      },
    };
  },
};

function checkLogged({ change, text, revision }: LoggedChange, violate: Violate): void {
  if (change.kind === "task.put" && change.task.fact.exits.length > EXIT_HISTORY)
    violate(`task ${change.task.id} keeps ${change.task.fact.exits.length} exits`, `${EXIT_HISTORY} are kept`);
  if (change.kind === "slot.put" && change.slot.avoid.length > AVOIDED_NODES)
    violate(`slot ${slotKeyOf(change.slot)} avoids ${change.slot.avoid.length} nodes`, `${AVOIDED_NODES} are kept`);
  if ([text, ...wordsOf(change)].some((words) => words.includes(SECRET)))
    violate(`revision ${revision} tells a secret`, text);
}

/** What of a record people see as words. */
function wordsOf(change: Change): string[] {
  switch (change.kind) {
    case "task.put":
      return [change.task.reason, change.task.fact.message, ...change.task.fact.exits.map(({ reason }) => reason)];
    case "node.put":
      return [change.node.reason];
    case "decision.put":
      return [change.decision.summary];
    default:
      return [];
  }
}

function checkWords(event: SimEvent, violate: Violate): void {
  const words =
    event.kind === "unlinked"
      ? event.reason
      : event.kind === "effect" && event.effect.kind === "log"
        ? event.effect.text
        : event.kind === "answered" && !event.result.ok
          ? `${event.result.message} ${event.result.hint}`
          : "";
  if (words.includes(SECRET)) violate(`a secret is told in ${event.kind}`, words);
}

function checkQueues({ managers, network }: Simulation, violate: Violate): void {
  for (const [name, { manager }] of managers) {
    const most = manager.machine?.waiting.mostOfLink ?? 0;
    if (most > MESSAGES_OF_LINK) violate(`${most} messages of one link wait for ${name}`, `${MESSAGES_OF_LINK} may`);
  }
  if (network.beyond > GREETING_FRAMES)
    violate(`a message is sent after ${network.beyond} frames more than may wait for the other end`);
}

function checkJournals(sim: Simulation, violate: Violate): void {
  for (const [name, { journal, worker }] of sim.nodes) {
    const tasks = worker.machine?.holdings().length ?? null;
    if (tasks === null || journal.isWriting) continue;
    const most = JOURNAL_LEAST + JOURNAL_PER_TASK * tasks + JOURNAL_SLACK;
    if (journal.size > most) violate(`the journal of ${name} has ${journal.size} records`, `of ${tasks} tasks`);
  }
}
