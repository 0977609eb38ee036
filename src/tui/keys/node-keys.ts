/** The keys of nodes as data. Pure. */
import { type Binding, ON_NODE } from "./binding.ts";
import { needsNode, needsOut, nodeIs } from "./reasons.ts";

/** What can be done with nodes, in the order of footer and help. */
export const NODE_KEYS: readonly Binding[] = [
  {
    keys: ["enter"],
    action: "node-detail",
    where: ["nodes"],
    short: "detail",
    help: "everything about the node: link, heartbeat, runtimes, why it is as it is",
    group: "Nodes",
    disabled: needsNode,
  },
  {
    keys: ["f"],
    action: "node-tasks",
    where: ON_NODE,
    short: "its tasks",
    help: "show only the tasks of the node",
    group: "Nodes",
    disabled: needsNode,
  },
  {
    keys: ["a"],
    action: "node-add",
    where: ["nodes"],
    short: "add",
    help: "add a node: dial a worker that waits, from now on",
    group: "Nodes",
    changes: true,
  },
  {
    keys: ["c"],
    action: "cordon",
    where: ON_NODE,
    short: "cordon",
    help: "place no new tasks on the node; running ones stay",
    group: "Nodes",
    changes: true,
    disabled: nodeIs("cordoned"),
  },
  {
    keys: ["u"],
    action: "uncordon",
    where: ON_NODE,
    short: "uncordon",
    help: "place tasks on the node again",
    group: "Nodes",
    changes: true,
    disabled: nodeIs("eligible"),
  },
  {
    keys: ["D"],
    action: "node-remove",
    where: ON_NODE,
    short: "remove",
    help: "take a node that is out of reach out of the cluster (asks)",
    group: "Nodes",
    changes: true,
    disabled: needsOut,
  },
  { keys: ["o"], action: "node-sort", where: ["nodes"], short: "", help: "sort by the next column", group: "Nodes" },
  { keys: ["O"], action: "node-sort-reverse", where: ["nodes"], short: "", help: "reverse the order", group: "Nodes" },
];
