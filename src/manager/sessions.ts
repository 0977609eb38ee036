/** The manager's side of its links: which link speaks for which node, and what that node has been told. Pure; kept in memory only, made anew by each hello. */
import type { Double } from "../core/adopt-task.ts";
import { assignmentOf, assignmentsOf, concernsNode } from "../core/assign.ts";
import type { Assignment } from "../core/assignment.ts";
import type { Change } from "../core/change.ts";
import type { Cluster } from "../core/cluster.ts";
import type { Task } from "../core/task.ts";
import type { ManagerIdentity, ManagerMessage } from "../protocol/messages.ts";
import type { CommandResult } from "./commands.ts";

/** What the host is to do once the tick's changes are durable. */
export type ManagerEffect =
  | { readonly kind: "send"; readonly linkId: string; readonly message: ManagerMessage }
  /** The link is of no use any more: the worker comes back with a new hello. */
  | { readonly kind: "close"; readonly linkId: string }
  | { readonly kind: "reply"; readonly ticket: number; readonly result: CommandResult };

interface Session {
  readonly linkId: string;
  readonly nodeId: string;
  /** Number of the last set sent; 0 before the first, which is a full one. */
  number: number;
  /** Tasks whose assignment changed since. */
  readonly dirty: Set<string>;
}

/** Assignments sent in one tick, and messages that hold them. */
const ASSIGNED_PER_TICK = 300;
const SETS_PER_TICK = 100;

interface Content {
  readonly put: Assignment[];
  readonly remove: string[];
}

function changes(cluster: Cluster, session: Session, most: number): Content {
  const content: Content = { put: [], remove: [] };
  for (const id of session.dirty) {
    if (content.put.length + content.remove.length >= most) break;
    session.dirty.delete(id);
    const assignment = assignmentOf(cluster, id);
    if (assignment) content.put.push(assignment);
    else content.remove.push(id);
  }
  return content;
}

/** All sessions, by link and by node. A node has one link: a newer hello takes the place of an older. */
export class Sessions {
  readonly #byLink = new Map<string, Session>();
  readonly #byNode = new Map<string, Session>();
  readonly #waiting = new Set<Session>();
  /** Number of the newest set sent to anybody: it rises for as long as this manager lives, so that no older set can pass for a newer one. */
  #newest = 0;
  readonly #doubles: readonly Double[];

  /** `doubles`: what was found on two nodes. A whole set names them: what it leaves out without a word may be what this manager has forgotten. */
  constructor(doubles: readonly Double[] = []) {
    this.#doubles = doubles;
  }

  get hasWork(): boolean {
    return this.#waiting.size > 0;
  }

  nodeOf(linkId: string): string | undefined {
    return this.#byLink.get(linkId)?.nodeId;
  }

  linkOf(nodeId: string): string | undefined {
    return this.#byNode.get(nodeId)?.linkId;
  }

  /** A hello: the node is to get its whole set. */
  open(linkId: string, nodeId: string): void {
    const older = this.#byNode.get(nodeId);
    if (older) this.#forget(older);
    const session: Session = { linkId, nodeId, number: 0, dirty: new Set() };
    this.#byLink.set(linkId, session);
    this.#byNode.set(nodeId, session);
    this.#waiting.add(session);
  }

  /** The node that was behind the link; undefined when it never said hello, or has another link by now. */
  close(linkId: string): string | undefined {
    const session = this.#byLink.get(linkId);
    if (session) this.#forget(session);
    return session?.nodeId;
  }

  /** Notes which nodes have to be told of a change. */
  follow(change: Change, before: Task | undefined): void {
    if (change.kind === "task.remove") this.#mark(before?.nodeId, change.taskId);
    if (change.kind === "task.put" && concernsNode(before, change.task)) this.#mark(change.task.nodeId, change.task.id);
  }

  /**
   * One numbered message for each node that has to be told something: the whole set after a hello, then what changed. No further node is begun past the bound, and
   * what changed for one may take several ticks; a whole set is never cut, since what is not in it is to stop.
   */
  assignments(cluster: Cluster, manager: ManagerIdentity): ManagerEffect[] {
    const effects: ManagerEffect[] = [];
    let told = 0;
    for (const session of this.#waiting) {
      if (told >= ASSIGNED_PER_TICK || effects.length >= SETS_PER_TICK) break;
      const { put, remove } =
        session.number === 0 ? this.#wholeSet(cluster, session) : changes(cluster, session, ASSIGNED_PER_TICK - told);
      told += put.length + remove.length;
      const base = session.number;
      session.number = ++this.#newest;
      const message = { kind: "assignments", manager, number: session.number, base, put, remove } as const;
      effects.push({ kind: "send", linkId: session.linkId, message });
      if (session.dirty.size === 0) this.#waiting.delete(session);
    }
    return effects;
  }

  #wholeSet(cluster: Cluster, { nodeId, dirty }: Session): Content {
    dirty.clear();
    const doubles = this.#doubles.filter((one) => one.nodeId === nodeId);
    const left = doubles.filter(({ taskId }) => cluster.tasks.get(taskId)?.nodeId !== nodeId);
    return { put: assignmentsOf(cluster, nodeId), remove: left.map(({ taskId }) => taskId) };
  }

  #mark(nodeId: string | null | undefined, taskId: string): void {
    const session = nodeId ? this.#byNode.get(nodeId) : undefined;
    if (!session) return;
    session.dirty.add(taskId);
    this.#waiting.add(session);
  }

  #forget(session: Session): void {
    this.#byLink.delete(session.linkId);
    if (this.#byNode.get(session.nodeId) === session) this.#byNode.delete(session.nodeId);
    this.#waiting.delete(session);
  }
}
