/**
 * The manager's other, short life: with `--adopt` it asks its workers what they hold before it decides anything, and makes records of it. A pure machine like
 * the manager's own. It gives no orders and judges nobody; whoever does not answer is left as he is.
 */
import { type AdoptionPlan, planAdoption } from "../core/adopt.ts";
import { type HeldTask, recognize } from "../core/adopt-task.ts";
import { apply, type Cluster } from "../core/cluster.ts";
import type { Draft } from "../core/draft.ts";
import { ingestFacts, stepBack } from "../core/ingest.ts";
import type { NodeFacts } from "../core/node.ts";
import { isTerminal, type TaskFact } from "../core/task.ts";
import type { WorkerMessage } from "../protocol/messages.ts";
import type { ManagerEffect } from "./sessions.ts";

/** Who is to be heard. */
export interface AdoptionOptions {
  readonly clusterId: string;
  /** Who asked for it. */
  readonly actor: string;
  /** Whether a worker in this process is to answer, and whether any other can. */
  readonly localWorker: boolean;
  readonly remoteWorkers: boolean;
  /** Whether the local worker goes on taking tasks beside others. */
  readonly keepLocalWorker: boolean;
}

/** What one node said. */
export interface NodeAnswer {
  readonly name: string;
  /** The store did not know the node: it is taken back because it has proved that it had joined. */
  readonly isNew: boolean;
  /** Names of the tasks that live there. */
  readonly alive: readonly string[];
  /** How many tasks it holds that have ended. */
  readonly ended: number;
  /** Ids of tasks that run there and that neither its worker nor the store knows: nothing can be made of them. */
  readonly strays: readonly string[];
}

/** The outcome, for people and for the store. */
export interface Adopted extends AdoptionPlan {
  readonly nodes: readonly NodeAnswer[];
  /** Names of stored nodes that did not answer. */
  readonly silent: readonly string[];
  /** The highest term that a worker has seen. */
  readonly aboveTerm: number;
}

interface Witness {
  readonly linkId: string;
  readonly facts: NodeFacts;
  readonly held: HeldTask[];
  readonly strays: TaskFact[];
  isDone: boolean;
}

/** Collects answers. `cluster` is what the store holds; it is the adoption's own from now on. */
export class Adoption {
  readonly #cluster: Cluster;
  readonly #options: AdoptionOptions;
  readonly #witnesses = new Map<string, Witness>();
  #aboveTerm = 0;

  constructor(cluster: Cluster, options: AdoptionOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  /** Takes in one message; gives what is to be sent at once. */
  receive(linkId: string, message: WorkerMessage): ManagerEffect[] {
    if (message.kind === "hello") return this.#hello(linkId, message);
    if (message.kind !== "held") return [];
    const witness = [...this.#witnesses.values()].find((one) => one.linkId === linkId);
    if (!witness || witness.isDone) return [];
    const nodeId = witness.facts.id;
    for (const one of message.held) witness.held.push({ nodeId, ...one });
    for (const fact of message.strays) {
      const known = recognize(this.#cluster, nodeId, fact);
      if (known) witness.held.push(known);
      else witness.strays.push(fact);
    }
    witness.isDone = message.last;
    return [];
  }

  /**
   * True once everybody who is known of has answered. While no node elsewhere is known of, or somebody holds a job that the store has forgotten, there may
   * always be one more, unless none can come.
   */
  get isComplete(): boolean {
    const { localWorker, remoteWorkers } = this.#options;
    const done = [...this.#witnesses.values()].filter((witness) => witness.isDone);
    if (localWorker && !done.some((witness) => witness.facts.local)) return false;
    const known = [...this.#cluster.nodes.values()].filter(
      (node) => node.state !== "lost" && (localWorker || !node.local),
    );
    // A store that was emptied knows at most the worker beside it: the others may be on their way.
    if (known.every((node) => node.local) && (remoteWorkers || !localWorker)) return false;
    // Where jobs were forgotten nodes may have been too: those that joined anew since say nothing of the others.
    if (remoteWorkers && done.some((witness) => this.#surprises(witness))) return false;
    return known.every((node) => this.#witnesses.get(node.id)?.isDone);
  }

  #surprises({ held }: Witness): boolean {
    return held.some(({ assignment, fact }) => !isTerminal(fact.state) && !this.#cluster.jobs.has(assignment.jobId));
  }

  /** Makes the plan; called once. What a node had not finished saying counts as not said. */
  finish(nowMs: number): Adopted {
    const witnesses = [...this.#witnesses.values()].filter((witness) => witness.isDone);
    const joined = witnesses.some(({ facts }) => !facts.local && !this.#cluster.nodes.has(facts.id));
    const unknown = new Set(witnesses.map(({ facts }) => facts.id).filter((id) => !this.#cluster.nodes.has(id)));
    const nodes = witnesses.flatMap(({ facts }) => this.#record(ingestFacts(this.#cluster, facts, nowMs)));
    if (joined && !this.#options.keepLocalWorker) nodes.push(...this.#record(stepBack(this.#cluster)));
    const held = witnesses.flatMap((witness) => witness.held);
    const { clusterId, actor } = this.#options;
    const heard = new Set(witnesses.map(({ facts }) => facts.id));
    const plan = planAdoption({ cluster: this.#cluster, clusterId, actor, nowMs, answered: heard }, held);
    const silent = [...this.#cluster.nodes.values()].filter((node) => !heard.has(node.id)).map((node) => node.name);
    const drafts = [...nodes, ...plan.drafts];
    const answers = witnesses.map((witness) => answerOf(witness, unknown.has(witness.facts.id)));
    return { ...plan, drafts, nodes: answers, silent, aboveTerm: this.#aboveTerm };
  }

  #hello(linkId: string, hello: Extract<WorkerMessage, { kind: "hello" }>): ManagerEffect[] {
    const { facts, seen } = hello;
    this.#aboveTerm = Math.max(this.#aboveTerm, seen?.term ?? 0);
    if (seen && seen.clusterId !== this.#options.clusterId) return [];
    this.#witnesses.set(facts.id, { linkId, facts, held: [], strays: [], isDone: false });
    return [{ kind: "send", linkId, message: { kind: "tell" } }];
  }

  #record(drafts: Draft[]): Draft[] {
    for (const { change } of drafts) apply(this.#cluster, change);
    return drafts;
  }
}

function answerOf({ facts, held, strays }: Witness, isNew: boolean): NodeAnswer {
  const alive = held.filter(({ fact }) => !isTerminal(fact.state)).map(({ assignment }) => assignment.name);
  return {
    name: facts.name,
    isNew: isNew && !facts.local,
    alive,
    ended: held.length - alive.length,
    strays: strays.map((fact) => fact.taskId),
  };
}

/** Names in a line; the others are only counted. */
const NAMES_SHOWN = 20;

/** What was found and what became of it, line by line, for people. Pure. */
export function adoptionLines(adopted: Adopted): string[] {
  const lines = adopted.nodes.map(({ name, alive, ended }) => {
    const more = alive.length > NAMES_SHOWN ? `, and ${alive.length - NAMES_SHOWN} more` : "";
    const names = alive.length === 0 ? "" : `: ${alive.slice(0, NAMES_SHOWN).join(", ")}${more}`;
    return `node ${name} runs ${count(alive.length, "task")}${names}${ended === 0 ? "" : ` (and keeps ${ended} that ended)`}`;
  });
  for (const { name } of adopted.nodes.filter(({ isNew }) => isNew)) {
    lines.push(
      `node ${name} is taken back: the store did not know it, and it has proved that it belongs here. Was it removed, \`cube node rm ${name}\` does so again`,
    );
  }
  for (const { name, strays } of adopted.nodes) {
    if (strays.length === 0) continue;
    lines.push(
      `node ${name} also runs ${strays.join(", ")} without knowing what for: its journal was lost. While it does, it refuses any manager that does not know them; stop their containers there by hand`,
    );
  }
  for (const name of adopted.silent) {
    lines.push(
      `node ${name} did not answer: what runs there is left alone until --adopt is given again while it is linked`,
    );
  }
  for (const { nodeId, taskId } of adopted.doubles) {
    lines.push(
      `task ${taskId} runs on another node too and stays there: its copy on node ${nodeId.slice(0, 8)} is ended`,
    );
  }
  for (const conflict of adopted.conflicts) lines.push(`${conflict}: it is left alone`);
  if (adopted.newJobs > 0)
    lines.push("no worker knows the API's tokens, nor jobs that never ran: if the store has lost such, make them anew");
  lines.push(summaryOf(adopted));
  return lines;
}

/** The outcome in one sentence. Pure. */
export function summaryOf({ newJobs, newTasks, nodes }: Adopted): string {
  const from = count(nodes.length, "node");
  if (newJobs + newTasks === 0) return `adopted ${from}: the store knew every job and task already`;
  return `adopted from ${from}: ${count(newJobs, "job")} and ${count(newTasks, "task")} that the store did not know`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
