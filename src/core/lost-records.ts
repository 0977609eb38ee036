/** What a damaged store has lost is made again as far as the rest of it tells. Pure. */
import type { Cluster } from "./cluster.ts";
import type { Draft } from "./draft.ts";
import type { Node } from "./node.ts";
import { isTerminal } from "./task.ts";

const NOTHING = { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 };

/** Records of nodes that live tasks name and that have none: out of reach and without room until they come back and say who they are, or are removed. */
export function lostNodes(cluster: Cluster, nowMs: number): Draft[] {
  const lost = new Set<string>();
  for (const { nodeId, fact } of cluster.tasks.values())
    if (nodeId !== null && !isTerminal(fact.state) && !cluster.nodes.has(nodeId)) lost.add(nodeId);
  return [...lost].map((id) => ({
    change: { kind: "node.put", node: unseen(id, nowMs) },
    actor: "manager",
    text: `node ${nameOf(id)} was not on record any more: tasks name it, so it is waited for`,
  }));
}

function unseen(id: string, nowMs: number): Node {
  return {
    id,
    name: nameOf(id),
    machineId: "",
    address: "",
    os: "",
    arch: "",
    version: "",
    labels: {},
    capacity: NOTHING,
    reserved: NOTHING,
    runtimes: [],
    local: false,
    state: "disconnected",
    availability: "eligible",
    reason: "its record was lost with a damaged store",
    joinedMs: nowMs,
    stateSinceMs: nowMs,
  };
}

function nameOf(nodeId: string): string {
  return nodeId.slice(0, 8);
}
