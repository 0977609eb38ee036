/** In what order the nodes are listed: a column and a direction. Pure. Ties are broken by name and id, so that a row only moves when its own figure does. */
import type { NodeResource } from "../../client/resources.ts";
import { nodeMark } from "../views/signs.ts";
import { type Cluster, cpuPercent, memoryPercent } from "./cluster.ts";
import { compare } from "./rows.ts";

/** Columns that the nodes can be sorted by, in the order of the sort key. */
export const NODE_SORTS = ["name", "state", "cpu", "memory", "tasks"] as const;
export type NodeSortKey = (typeof NODE_SORTS)[number];

export interface NodeSort {
  readonly by: NodeSortKey;
  readonly reverse: boolean;
}

type Key = (node: NodeResource, cluster: Cluster) => string | number;

/** What is out comes first, then what takes no tasks. */
const STATE_ORDER = ["lost", "disconnected", "refuses", "draining", "cordoned", "ready"];

const KEYS: Readonly<Record<NodeSortKey, Key>> = {
  name: (node) => node.name,
  state: (node) => STATE_ORDER.indexOf(nodeMark(node).word),
  cpu: (node, cluster) => -cpuPercent(node, cluster.metrics.get(node.id)),
  memory: (node, cluster) => -memoryPercent(cluster.metrics.get(node.id)),
  tasks: (node) => -node.tasks,
};

/** All nodes in that order. */
export function nodeRows(cluster: Cluster, sort: NodeSort): NodeResource[] {
  const key = KEYS[sort.by];
  const sign = sort.reverse ? -1 : 1;
  return [...cluster.nodes.values()]
    .map((node) => ({ node, key: key(node, cluster) }))
    .sort((a, b) => sign * compare(a.key, b.key) || compare(a.node.name, b.node.name) || compare(a.node.id, b.node.id))
    .map(({ node }) => node);
}
