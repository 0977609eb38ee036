/** Adoption, task by task: which node has it, and how what its worker says and what the store says become one record. Pure. */
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
  /** Wall clock, ms since 1970. */
  readonly nowMs: number;
}

/** One claim for each task. Where two nodes hold it, or the store has it running elsewhere, the one that is further on keeps it; the other is named and left alone. */
export function settleClaims(
  { cluster, clusterId }: AdoptionContext,
  held: readonly HeldTask[],
  conflicts: string[],
): HeldTask[] {
  const byTask = new Map<string, HeldTask>();
  const nameOf = (nodeId: string) => cluster.nodes.get(nodeId)?.name ?? nodeId;
  for (const claim of held) {
    const { taskId: id, name } = claim.assignment;
    if (!isOurs(clusterId, claim)) {
      conflicts.push(`${name} (${id}) on ${nameOf(claim.nodeId)} is not what its id says`);
      continue;
    }
    const other = byTask.get(id);
    if (!other || prefers(claim.fact, other.fact)) byTask.set(id, claim);
    if (other) conflicts.push(`${name} (${id}) is held by ${nameOf(other.nodeId)} and by ${nameOf(claim.nodeId)}`);
  }
  return [...byTask.values()].filter((claim) => {
    const known = cluster.tasks.get(claim.assignment.taskId);
    if (!known || !runsElsewhere(known, claim.nodeId)) return true;
    const { name } = claim.assignment;
    conflicts.push(
      `${name} (${known.id}) is held by ${nameOf(claim.nodeId)}, but belongs to ${nameOf(known.nodeId ?? "")}`,
    );
    return false;
  });
}

/** Far more slots than a job can have: a number beyond it is no memory but damage, or malice. */
const MAX_SLOTS = 10_000;

/** An id is derived from what it stands for, so that nobody can claim to run a task under another's id. */
function isOurs(clusterId: string, { assignment, fact }: HeldTask): boolean {
  const { jobId, service, slot, attempt, jobCreatedMs } = assignment;
  const id = taskId({ clusterId, jobId, service, slot, attempt, jobCreatedMs });
  return assignment.taskId === id && fact.taskId === id && slot < MAX_SLOTS && attempt > 0;
}

/** What is alive before what has ended, then what is further on. */
function prefers(a: TaskFact, b: TaskFact): boolean {
  if (isTerminal(a.state) !== isTerminal(b.state)) return isTerminal(b.state);
  return supersedes(a, b);
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
