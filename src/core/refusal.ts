/** Nodes whose workers do not follow this manager, as people are told of them: in the node's record, as an event, and as the manager's caution. Pure. */
import type { Cluster } from "./cluster.ts";
import { type Draft, quiet } from "./draft.ts";
import type { Node } from "./node.ts";

const PREFIX = "refuses this manager: ";

/** A node's record says that it refuses, and why; with "" that it does no more. What an operator set on a node keeps its own reason. */
export function ingestRefusal(cluster: Cluster, nodeId: string, reason: string): Draft[] {
  const node = cluster.nodes.get(nodeId);
  if (!node) return [];
  const text =
    reason === ""
      ? `node ${node.name} follows this manager again`
      : `node ${node.name} ${PREFIX}${reason}. Its tasks go on as they are`;
  return [
    { change: { kind: "node.put", node: { ...node, reason: told(node, reason) } }, actor: `worker:${node.name}`, text },
  ];
}

/** The record of a node that still refuses goes on saying so when something else was made of it. */
export function keepRefusal(cluster: Cluster, nodeId: string, reason: string | undefined): Draft[] {
  const node = cluster.nodes.get(nodeId);
  if (!node || reason === undefined || node.reason === told(node, reason)) return [];
  return [quiet({ kind: "node.put", node: { ...node, reason: told(node, reason) } }, "manager")];
}

function told({ availability, reason: own }: Node, reason: string): string {
  if (availability !== "eligible") return own;
  return reason === "" ? "" : `${PREFIX}${reason}`;
}

/** One line on all that refuse; "" when none does. */
export function refusalCaution(cluster: Cluster, refusers: ReadonlyMap<string, string>): string {
  const [first] = refusers;
  if (!first) return "";
  const [nodeId, reason] = first;
  const name = cluster.nodes.get(nodeId)?.name ?? nodeId;
  const who = refusers.size === 1 ? `node ${name} refuses` : `${refusers.size} nodes (${name} and others) refuse`;
  return `${who} this manager: ${reason}. Nothing is stopped there, and nothing can be started`;
}
