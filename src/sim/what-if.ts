/**
 * What would happen to a cluster if nodes joined, nodes died or jobs came: worked out by letting the real manager live through it on a virtual
 * clock, so that the answer is its own and not a copy of its rules. The picture stays as it is. Pure.
 */
import { staysWithNode } from "../core/absence.ts";
import { type Cluster, currentTask, specOf } from "../core/cluster.ts";
import { patience } from "../core/handover.ts";
import type { Node } from "../core/node.ts";
import { isTerminal } from "../core/task.ts";
import type { WhatIfAnswer, WhatIfQuestion } from "../core/what-if.ts";
import { compareMoments, momentOf } from "./what-if-compare.ts";
import { countHeadroom } from "./what-if-headroom.ts";
import { WhatIfManager } from "./what-if-manager.ts";

const STEP_MS = 1_000;
/** For this long time passes in small steps, then in steps of a twentieth of what has passed. */
const FINE_MS = 30_000;
const STEP_SHARE = 20;
/** How long is looked beyond the moment at which the last task should have been replaced: longer than any back-off of the manager. */
const PATIENCE_MS = 20 * 60_000;
/** The manager lets the tasks of at least five nodes be replaced in a minute. */
const BRAKE_MS_PER_NODE = 12_000;

const ALONE = "no other node elsewhere would be left to tell a dead node from a manager that is cut off";
const TRUST = "What is shown is after `cube node trust-loss`.";

/** The answer of the real manager. The same question has the same answer. */
export function whatIf(question: WhatIfQuestion): WhatIfAnswer {
  const { picture } = question;
  const manager = new WhatIfManager(picture);
  waitUntilDecided(manager, PATIENCE_MS);
  const before = momentOf(manager.cluster, []);
  const joined = newNodes(question);
  const notes = [...joinNodes(manager, joined), ...loseNodes(manager, question)];
  manager.submit(question.add.map((spec, index) => ({ id: `what-if-add-${index + 1}`, spec })));
  const after = momentOf(manager.cluster, question.without);
  const howMany = question.howMany && countHeadroom(manager, question.howMany);
  const compared = compareMoments({ before, after, question, joined: joined.map(({ id }) => id) });
  const isSpoilt = compared.tasks.some(
    ({ outcome, already }) => !already && outcome !== "moves" && outcome !== "starts",
  );
  return { ...compared, howMany, notes, fits: !isSpoilt && howMany?.copies !== 0 };
}

/** One more of each: the same machine under another name, with nothing on it. */
function newNodes({ picture, join }: WhatIfQuestion): Node[] {
  return join.flatMap((likeId, index) => {
    const like = picture.nodes.find(({ id }) => id === likeId);
    if (!like) return [];
    const name = `${like.name}-new${join.length === 1 ? "" : index + 1}`;
    const joinedMs = picture.nowMs + index;
    const fresh = { state: "ready", availability: "eligible", reason: "", joinedMs, stateSinceMs: joinedMs } as const;
    return [{ ...like, ...fresh, id: `what-if-node-${index + 1}`, name, machineId: "", local: false }];
  });
}

function joinNodes(manager: WhatIfManager, nodes: readonly Node[]): string[] {
  const own = [...manager.cluster.nodes.values()].find((node) => node.local && node.availability === "eligible");
  for (const node of nodes) manager.join(node);
  if (own === undefined || manager.cluster.nodes.get(own.id)?.availability === "eligible") return [];
  return [
    `${own.name}, the manager's own node, would take no more tasks: \`cube node uncordon ${own.name}\` opts it in.`,
  ];
}

/** The nodes die, and time passes until the manager has done what it does about it. */
function loseNodes(manager: WhatIfManager, { picture, without }: WhatIfQuestion): string[] {
  if (without.length === 0) return [];
  for (const nodeId of without) manager.drop(nodeId);
  const patienceMs = patienceFor(manager.cluster, without);
  const lost = picture.nodes.filter(({ id }) => without.includes(id));
  const isOut = lost.filter(({ state }) => state !== "ready").map(({ name }) => `${name} is out of reach already.`);
  const notes = [...lost.filter(({ local }) => local).map(noteOnOwnNode), ...isOut];
  if (waitUntilDecided(manager, patienceMs)) return notes;
  const why = hasWitness(manager) ? manager.machine.caution : ALONE;
  manager.trustLoss();
  waitUntilDecided(manager, patienceMs);
  return [...notes, `By itself the manager would replace nothing: ${why}. ${TRUST}`];
}

/** An absence counts only while somebody else elsewhere is there; see manager/presence.ts. */
function hasWitness(manager: WhatIfManager): boolean {
  return [...manager.cluster.nodes.values()].some((node) => !node.local && manager.isLinked(node.id));
}

function noteOnOwnNode({ name }: Node): string {
  return `${name} is the manager's own node: shown is that its worker goes. Without its manager nothing is replaced until that runs again.`;
}

/** Lets time pass until nothing is left to do about the nodes that are out; false when something still is after that long. */
function waitUntilDecided(manager: WhatIfManager, patienceMs: number): boolean {
  const startMs = manager.nowMs;
  while (!isDecided(manager)) {
    const passedMs = manager.nowMs - startMs;
    if (passedMs >= patienceMs) return false;
    manager.pass(passedMs < FINE_MS ? STEP_MS : Math.ceil(passedMs / STEP_SHARE));
  }
  return true;
}

/** True when every node that is silent counts as out, no slot waits, and none has its task on a node that is out and could be replaced. */
function isDecided(manager: WhatIfManager): boolean {
  const { cluster } = manager;
  for (const { id, state } of cluster.nodes.values()) if (state === "ready" && !manager.isLinked(id)) return false;
  for (const slot of cluster.slots.values()) {
    const job = cluster.jobs.get(slot.jobId);
    const task = currentTask(cluster, slot);
    if (job?.desired !== "run" || !task) continue;
    if (slot.waitMs > 0) return false;
    if (isTerminal(task.fact.state) || task.desired !== "run" || task.nodeId === null) continue;
    const spec = specOf(cluster, task);
    if (!manager.isLinked(task.nodeId) && spec && !staysWithNode(spec)) return false;
  }
  return true;
}

function patienceFor(cluster: Cluster, nodeIds: readonly string[]): number {
  let dueMs = 0;
  for (const id of nodeIds.flatMap((nodeId) => [...(cluster.tasksOfNode.get(nodeId) ?? [])])) {
    const task = cluster.tasks.get(id);
    const spec = task && specOf(cluster, task);
    if (spec === undefined) continue;
    const { replaceAfterMs, lostAfterMs } = patience(spec);
    dueMs = Math.max(dueMs, Math.min(replaceAfterMs, lostAfterMs));
  }
  return dueMs + PATIENCE_MS + nodeIds.length * BRAKE_MS_PER_NODE;
}
