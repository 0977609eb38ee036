/** Adoption, task by task: which node has it, and how what its worker says and what the store says become one record. Pure. */
import { assignmentFor } from "./assign.ts";
import type { Assignment } from "./assignment.ts";
import type { Cluster } from "./cluster.ts";
import { taskId } from "./ids.ts";
import type { Job } from "./job.ts";
import { DESIRED_STATES, type DesiredState, isTerminal, rank, supersedes, type Task, type TaskFact } from "./task.ts";

/** A task as its worker holds it. */
export interface HeldTask {
  readonly nodeId: string;
  readonly assignment: Assignment;
  readonly fact: TaskFact;
}

/** Who adopts, when, into what. The nodes are known already. */
export interface AdoptionContext {
  readonly cluster: Cluster;
  readonly clusterId: string;
  readonly actor: string;
  /** Nodes that have said all that they hold; left out when nobody is known to have. */
  readonly answered?: ReadonlySet<string>;
  /** Wall clock, ms since 1970. */
  readonly nowMs: number;
}

/** A task's copy on a node that another node, which has answered too, holds and keeps. */
export interface Double {
  readonly nodeId: string;
  readonly taskId: string;
}

/**
 * What a worker runs without knowing what for, since its journal was lost, with the store's word for it; undefined when the store does not know it either, or has
 * it as ended.
 */
export function recognize(cluster: Cluster, nodeId: string, fact: TaskFact): HeldTask | undefined {
  const task = cluster.tasks.get(fact.taskId);
  if (!task || isTerminal(task.fact.state)) return undefined;
  const assignment = assignmentFor(cluster, task);
  return assignment && { nodeId, assignment, fact };
}

/**
 * One claim for each task. Where two nodes hold it, the one that is further on keeps it, and the other one's copy is a double. One that the store has running on
 * a third node is named and left alone.
 */
export function settleClaims(
  { cluster, clusterId }: AdoptionContext,
  held: readonly HeldTask[],
  { conflicts, doubles }: { readonly conflicts: string[]; readonly doubles: Double[] },
): HeldTask[] {
  const nameOf = (nodeId: string) => cluster.nodes.get(nodeId)?.name ?? nodeId;
  const ours = held.filter((claim) => {
    const { taskId: id, name } = claim.assignment;
    const isTrue = isOurs(clusterId, claim);
    if (!isTrue) conflicts.push(`${name} (${id}) on ${nameOf(claim.nodeId)} is not what its id says`);
    return isTrue;
  });
  return [...Map.groupBy(ours, ({ assignment }) => assignment.taskId)].flatMap(([id, claims]) => {
    const known = cluster.tasks.get(id);
    const kept = claims.reduce((best, claim) => (prefers(claim, best, known?.nodeId ?? null) ? claim : best));
    const isElsewhere = known !== undefined && claims.every(({ nodeId }) => runsElsewhere(known, nodeId));
    if (!isElsewhere) {
      for (const { nodeId } of claims) if (nodeId !== kept.nodeId) doubles.push({ nodeId, taskId: id });
      return [kept];
    }
    for (const { nodeId, assignment } of claims) {
      conflicts.push(
        `${assignment.name} (${id}) is held by ${nameOf(nodeId)}, but belongs to ${nameOf(known.nodeId ?? "")} (is that gone for good, \`cube node rm\` it and adopt again)`,
      );
    }
    return [];
  });
}

/** Far more slots than a job can have: a number beyond it is no memory but damage, or malice. */
const MAX_SLOTS = 10_000;

/** An id is derived from what it stands for, so that nobody can claim to run a task under another's id. */
function isOurs(clusterId: string, { assignment, fact }: HeldTask): boolean {
  const { jobId, service, slot, attempt, jobCreatedMs, opening } = assignment;
  const id = taskId({ clusterId, jobId, service, slot, attempt, jobCreatedMs, opening });
  return assignment.taskId === id && fact.taskId === id && slot < MAX_SLOTS && attempt > 0;
}

/** What is alive before what has ended, then what is where the store has it, then what is further on. */
function prefers(a: HeldTask, b: HeldTask, home: string | null): boolean {
  if (isTerminal(a.fact.state) !== isTerminal(b.fact.state)) return isTerminal(b.fact.state);
  if ((a.nodeId === home) !== (b.nodeId === home)) return a.nodeId === home;
  return supersedes(a.fact, b.fact);
}

function runsElsewhere(known: Task, nodeId: string): boolean {
  if (known.nodeId === null || known.nodeId === nodeId) return false;
  return rank(known.fact.state) > rank("assigned") && !isTerminal(known.fact.state);
}

/** The task as it is from now on. */
export function mergeTask(context: AdoptionContext, job: Job | undefined, claim: HeldTask): Task {
  const { assignment, nodeId, fact } = claim;
  const before = context.cluster.tasks.get(assignment.taskId);
  if (before) {
    return {
      ...before,
      nodeId,
      desired: higher(before.desired, assignment.desired),
      restartSerial: Math.max(before.restartSerial, assignment.restartSerial),
      // Of a task that was never placed the store can say nothing that its worker does not know better.
      fact: before.nodeId === nodeId ? newer(before.fact, fact) : fact,
    };
  }
  return {
    id: assignment.taskId,
    jobId: assignment.jobId,
    jobVersion: job?.version ?? 1,
    service: assignment.service,
    slot: assignment.slot,
    attempt: assignment.attempt,
    ...(assignment.opening === undefined ? {} : { opening: assignment.opening }),
    nodeId,
    desired: assignment.desired,
    restartSerial: assignment.restartSerial,
    fact,
    reason: "adopted from its node",
    createdMs: fact.startedMs || context.nowMs,
    updatedMs: context.nowMs,
  };
}

function newer(stored: TaskFact, held: TaskFact): TaskFact {
  if (supersedes(held, stored)) return held;
  if (held.incarnation === stored.incarnation && held.state === stored.state) return held;
  // What was given up as lost still has to be removed by its name.
  return isTerminal(stored.state) && stored.containerId === "" ? { ...stored, containerId: held.containerId } : stored;
}

function higher(a: DesiredState, b: DesiredState): DesiredState {
  return DESIRED_STATES.indexOf(a) >= DESIRED_STATES.indexOf(b) ? a : b;
}
