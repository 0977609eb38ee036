/** Invariants of who starts what again, and how often: S11, S12. */
import { type Cluster, slotKeyOf, specOf } from "../../core/cluster.ts";
import { backoffMs } from "../../core/restart.ts";
import { isBatch, type RestartPolicy } from "../../core/spec.ts";
import { isTerminal, type Task, type TaskFact } from "../../core/task.ts";
import type { Checker, Violate } from "../checker.ts";
import type { Container, SimEvent } from "../trace.ts";
import { whoLosesItsJournal } from "./journals.ts";
import { judgeReschedules } from "./reschedules.ts";
import { type Durable, storesOf } from "./stores.ts";

/** How far the durable moments of two decisions may lie nearer to each other than the decisions, in ms: a slow disk. */
const DISK_MS = 3_000;
/** Bounded error of a clock's rate. */
const RATE = 0.99;

/** S11: of each end comes at most one start. The worker restarts; the manager replaces only what is over, or out of reach for long enough. */
export const oneRestarter: Checker = {
  id: "S11",
  rule: "of each end comes at most one start, by the worker or by the manager",
  begin: (sim, violate) => {
    const stores = storesOf(sim);
    const counts = new Map<string, { starts: number; deaths: number }>();
    /** When nodes went out of reach, by manager. */
    const outMs = new Map<string, number>();
    stores.onDurable((durable) => {
      const { change, store, atMs } = durable;
      if (change.kind === "node.put") noteNode(outMs, `${store.manager}/${change.node.id}`, change.node.state, atMs);
      checkReplacement(durable, outMs, violate);
    });
    return { onEvent: (event) => countStart(counts, event, violate) };
  },
};

function noteNode(outMs: Map<string, number>, key: string, state: string, atMs: number): void {
  if (state === "ready") outMs.delete(key);
  else if (!outMs.has(key)) outMs.set(key, atMs);
}

function countStart(counts: Map<string, { starts: number; deaths: number }>, event: SimEvent, violate: Violate): void {
  if (event.kind !== "started" && event.kind !== "died") return;
  const { node, taskId, isForeign } = event.container;
  if (isForeign) return;
  const what = `${node}/${taskId}`;
  const count = counts.get(what) ?? { starts: 0, deaths: 0 };
  counts.set(what, count);
  if (event.kind === "died") count.deaths++;
  else count.starts++;
  if (count.starts > 1 + count.deaths)
    violate(`${what} was started ${count.starts} times`, `it ended ${count.deaths} times`);
}

/** A slot gets another attempt. */
function checkReplacement(durable: Durable, outMs: ReadonlyMap<string, number>, violate: Violate): void {
  const { store, change, logged, atMs } = durable;
  if (change.kind !== "slot.put" || store.isAdopting) return;
  const key = slotKeyOf(change.slot);
  const before = store.cluster.slots.get(key);
  if (before === undefined || change.slot.attempt === before.attempt) return;
  // An attempt that is on record already is found and not made.
  if (store.cluster.tasks.has(change.slot.taskId)) return;
  const isAsked = change.slot.startSerial !== before.startSerial;
  const done = isAsked ? undefined : doneIn(durable, before.taskId);
  if (done !== undefined)
    violate(`${store.manager} replaces ${done.id} at revision ${logged.revision}`, `it is ${done.fact.state} for good`);
  const live = attemptsOf(store.cluster, key).filter((task) => !isTerminal(task.fact.state));
  // Attempts beside the slot's own are doubles that were let live before, unless the task may never live twice.
  const counts = live.filter((one) => one.id === before.taskId || replaceAfterOf(store.cluster, one) === null);
  const task = counts.find((one) => !endsIn(durable, one));
  if (task === undefined) return;
  const replaceAfterMs = replaceAfterOf(store.cluster, task);
  const isOut = (store.cluster.nodes.get(task.nodeId ?? "")?.state ?? "lost") !== "ready";
  // A copied or restored store may know for long that a node is out.
  const sinceMs = outMs.get(`${store.manager}/${task.nodeId}`) ?? (isOut ? 0 : undefined);
  const where = `${store.manager} replaces ${task.id} at revision ${logged.revision}`;
  if (replaceAfterMs === null) violate(where, `it is ${task.fact.state} on ${task.nodeId} and is to stay there`);
  else if (sinceMs === undefined) violate(where, `it is ${task.fact.state} on ${task.nodeId}, which is in reach`);
  else if (atMs - sinceMs < replaceAfterMs * RATE - DISK_MS)
    violate(where, `${task.nodeId} is out of reach for ${atMs - sinceMs} ms, not for ${replaceAfterMs}`);
}

function attemptsOf(cluster: Cluster, key: string): Task[] {
  return [...(cluster.attempts.get(key) ?? [])].flatMap((id) => cluster.tasks.get(id) ?? []);
}

/** Whether the same batch ends it. */
function endsIn({ batch }: Durable, task: Task): boolean {
  return batch.some(
    ({ change }) =>
      (change.kind === "task.put" && change.task.id === task.id && isTerminal(change.task.fact.state)) ||
      (change.kind === "task.remove" && change.taskId === task.id),
  );
}

/** The task where nothing may follow it unless somebody asks: it has done its work, or runs once and has failed. As it is on record once the batch counts. */
function doneIn({ store, batch }: Durable, taskId: string): Task | undefined {
  const puts = batch.flatMap(({ change }) =>
    change.kind === "task.put" && change.task.id === taskId ? change.task : [],
  );
  const task = puts.at(-1) ?? store.cluster.tasks.get(taskId);
  if (task === undefined) return undefined;
  const spec = specOf(store.cluster, task);
  const isFinal =
    task.fact.state === "complete" || (task.fact.state === "failed" && spec !== undefined && isBatch(spec));
  return isFinal ? task : undefined;
}

/** null for a task that stays with its node. */
function replaceAfterOf(cluster: Cluster, task: Task): number | null {
  const spec = specOf(cluster, task);
  if (spec === undefined) return 0;
  const stays = !spec.disconnect.replace || spec.mounts.some(({ kind, source }) => kind === "volume" && source !== "");
  return stays ? null : spec.disconnect.replaceAfterMs;
}

/** Jitter of a back-off, in thousandths. */
const JITTER = 250;
/** In health for so long the back-off begins anew, in ms. */
const HEALTHY_MS = 600_000;
/** Without a manager a task past its budget is tried again after so long, at least, in ms. */
const ALONE_MS = 119_000;

/** What a node has made of a task so far. */
interface Story {
  /** Ends in a row without a long life; never more than its worker counts. */
  streak: number;
  startedMs: number;
  incarnation: number;
  /** Its worker has gone on to the next incarnation while it lived: an engine that shows how things were some time ago made it believe so. */
  isGivenUp: boolean;
  /** null while it lives. */
  diedMs: number | null;
  /** The incarnation whose container somebody has taken away by hand; 0 for none. */
  takenAway: number;
  /** When it ended and was started again by its worker, oldest first. */
  restartsMs: number[];
}

/**
 * S12: a task that ends by itself is started again after its back-off, not more often than its budget allows, and not at all where its policy says so. The manager's
 * own back-off between attempts is judged with it.
 */
export const restartsKeepTheirPolicy: Checker = {
  id: "S12",
  rule: "restarts keep to the back-off and to the budget of their policy",
  begin: (sim, violate) => {
    const stories = new Map<string, Story>();
    const commands = new Commands();
    storesOf(sim).onDurable((durable) => commands.hear(durable));
    storesOf(sim).onDurable(judgeReschedules(violate));
    return {
      onEvent: (event, atMs) => {
        const loser = whoLosesItsJournal(event);
        const forgotten = loser === null ? [] : forgetNode(stories, loser);
        if (event.kind === "fault" && event.fault.kind === "journal-rollback")
          for (const taskId of forgotten) commands.askAgain(taskId);
        if (event.kind === "journaled") readJournal(stories, event);
        if (event.kind !== "started" && event.kind !== "died" && event.kind !== "removed") return;
        const { container } = event;
        if (container.isForeign) return;
        const key = `${container.node}/${container.taskId}`;
        const story = stories.get(key);
        if (event.kind === "removed") {
          if (story !== undefined && event.by === "hand") story.takenAway = container.incarnation;
        } else if (event.kind === "died") {
          if (story !== undefined) story.diedMs = atMs;
        } else if (story?.diedMs == null) {
          const { incarnation } = container;
          stories.set(key, {
            streak: 0,
            startedMs: atMs,
            incarnation,
            isGivenUp: false,
            diedMs: null,
            takenAway: 0,
            restartsMs: [],
          });
        } else {
          // Of what is taken away by hand in the second before its start is journaled, while its worker is dead, no trace is left; what runs once is journaled before.
          const isForgotten = story.takenAway === container.incarnation && container.spec.restart.condition !== "no";
          if (!isForgotten) judgeRestart(story, { container, atMs, commands }, violate);
          Object.assign(story, {
            startedMs: atMs,
            incarnation: container.incarnation,
            isGivenUp: false,
            diedMs: null,
          });
        }
      },
    };
  },
};

/** Restarts that people asked for and that no start has answered yet. A task's restart by command keeps no policy. */
class Commands {
  readonly #open = new Map<string, number>();

  hear({ store, change }: Durable): void {
    if (change.kind !== "task.put") return;
    const before = store.cluster.tasks.get(change.task.id)?.restartSerial ?? 0;
    const raised = change.task.restartSerial - before;
    if (raised > 0) this.#open.set(change.task.id, (this.#open.get(change.task.id) ?? 0) + raised);
  }

  /** Who has answered the last one may not know of it any more. */
  askAgain(taskId: string): void {
    if (this.#open.has(taskId)) this.#open.set(taskId, Math.max(1, this.#open.get(taskId) ?? 0));
  }

  isOpen(taskId: string): boolean {
    return (this.#open.get(taskId) ?? 0) > 0;
  }

  /** One is answered. */
  take(taskId: string): void {
    this.#open.set(taskId, (this.#open.get(taskId) ?? 0) - 1);
  }
}

function judgeRestart(
  story: Story,
  start: { readonly container: Container; readonly atMs: number; readonly commands: Commands },
  violate: Violate,
): void {
  const { container, atMs, commands } = start;
  const { restart } = container.spec;
  const diedMs = story.diedMs ?? atMs;
  const what = `${container.node}/${container.taskId}.${container.incarnation}`;
  // An end that is seen late counts from then on: the worker may have been stopped itself.
  const streak = atMs - story.startedMs >= HEALTHY_MS * RATE ? 0 : story.streak;
  const leastMs = backoffMs(restart, streak) * (1 - JITTER / 1000) * RATE - 1;
  // Of an end that was believed before it came the back-off is counted from then on; from one start to the next it is kept in any case.
  const isEarly = atMs - (story.isGivenUp ? story.startedMs : diedMs) < leastMs || restart.condition === "no";
  const isCommand = commands.isOpen(container.taskId);
  story.streak = isCommand ? streak : streak + 1;
  if (isEarly && isCommand) commands.take(container.taskId);
  if (isCommand) return;
  if (restart.condition === "no") violate(`${what} is started`, "its policy has no restart");
  else if (isEarly)
    violate(`${what} is started ${atMs - diedMs} ms after the end before`, `its back-off is ${Math.round(leastMs)} ms`);
  if (atMs - diedMs < ALONE_MS) judgeBudget(story, { what, restart, diedMs }, violate);
}

function judgeBudget(
  story: Story,
  at: { readonly what: string; readonly restart: RestartPolicy; readonly diedMs: number },
  violate: Violate,
): void {
  const { what, restart, diedMs } = at;
  story.restartsMs = [...story.restartsMs, diedMs].slice(-restart.attempts - 2);
  const first = story.restartsMs[0] ?? diedMs;
  // The last decision of a window may be about an end that came before the first of them was made.
  if (story.restartsMs.length === restart.attempts + 2 && diedMs - first < restart.windowMs * RATE)
    violate(`${what} is started again`, `after ${restart.attempts + 1} restarts within ${diedMs - first} ms`);
}

/** What a worker has removed with all that belonged to it begins anew, should it ever come back; and what it gives up it starts again after a back-off. */
function readJournal(stories: Map<string, Story>, { node, records }: Extract<SimEvent, { kind: "journaled" }>): void {
  for (const record of records) {
    if (record.kind === "forget") stories.delete(`${node}/${record.taskId}`);
    if (record.kind !== "task") continue;
    const story = stories.get(`${node}/${record.taskId}`);
    const { fact } = record.value as { readonly fact: TaskFact };
    if (story?.diedMs === null && fact.incarnation > story.incarnation) story.isGivenUp = true;
  }
}

/** Gives the tasks of which nothing is known any more. */
function forgetNode(stories: Map<string, Story>, node: string): string[] {
  const forgotten = [...stories.keys()].filter((key) => key.startsWith(`${node}/`));
  for (const key of forgotten) stories.delete(key);
  return forgotten.map((key) => key.slice(node.length + 1));
}
