/** `cube node`: the nodes in the book's columns; and taking one out of placement, or back in. What else is done about one is in node-changes.ts. */
import type { NodeResource } from "../../client/resources.ts";
import type { Availability } from "../../core/node.ts";
import { allPages } from "../all-pages.ts";
import type { CommandSpec, Context } from "../command-spec.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../common-options.ts";
import { boldFor } from "../io.ts";
import { gibibytes, mebibytes } from "../quantities.ts";
import { type Column, renderTable } from "../table.ts";
import { clean, jsonText } from "../text.ts";
import { forEachArgument } from "./each-argument.ts";
import { INSPECT, REMOVE, TRUST_LOSS } from "./node-changes.ts";
import { ADD, FORGET, JOIN_TOKEN, vainDials } from "./node-join.ts";

const CORDON: CommandSpec = availabilityCommand({
  name: "cordon",
  summary: "place no more tasks on nodes; what runs there stays",
  availability: "cordoned",
});

const UNCORDON: CommandSpec = availabilityCommand({
  name: "uncordon",
  summary: "place tasks on nodes again",
  availability: "eligible",
});

export const NODE: CommandSpec = {
  name: "node",
  aliases: ["nodes"],
  usage: [
    "[OPTIONS]",
    "inspect NAME        everything that is known of it",
    "cordon NAME...      place no more tasks there",
    "uncordon NAME...    place tasks there again",
    "token               what a new node needs",
    "add HOST:PORT...    dial a worker that waits for its manager",
    "forget HOST:PORT... dial it no more",
    "rm NAME...          take it out of the cluster",
    "trust-loss          the nodes that are out are really gone",
  ],
  summary: "list nodes",
  parameters: [],
  groups: [{ title: "Options:", options: [JSON_OPTION] }, TARGET_OPTIONS],
  children: [INSPECT, JOIN_TOKEN, ADD, FORGET, CORDON, UNCORDON, REMOVE, TRUST_LOSS],
  run: runNode,
};

const COLUMNS: readonly Column[] = [
  { title: "NAME", shrink: 16 },
  { title: "MEMORY (MiB)" },
  { title: "DISK (GiB)" },
  { title: "ROLE", shrink: 12 },
  { title: "TASKS" },
];

async function runNode(context: Context): Promise<number> {
  const { io } = context;
  const client = await context.client();
  const nodes = await allPages((page) => client.nodes(page));
  const [addresses, { caution = "" }] = await Promise.all([client.dialled(), client.manager()]);
  if (context.flags.json === true) {
    io.stdout.write(`${jsonText(nodes)}\n`);
    io.stderr.write(vainDials(addresses));
    return 0;
  }
  const width = io.stdout.isTTY ? io.stdout.columns : null;
  io.stdout.write(nodeTable(nodes, { width, bold: boldFor(io) }));
  io.stderr.write(
    refusals(nodes) + runtimeProblems(nodes) + namesakes(nodes) + vainDials(addresses) + cautionOn(nodes, caution),
  );
  return 0;
}

/** The table of nodes; a node that is not simply ready says so beside its role. Pure. */
function nodeTable(
  nodes: readonly NodeResource[],
  options: { readonly width: number | null; readonly bold?: (text: string) => string },
): string {
  const rows = nodes.map((node) => [
    node.name,
    mebibytes(node.capacity.memoryBytes),
    gibibytes(node.capacity.diskBytes),
    roleText(node),
    String(node.tasks),
  ]);
  return renderTable(COLUMNS, rows, options);
}

/** A line for each node that is ready and does not follow the manager, with the way out. Pure. */
function refusals(nodes: readonly NodeResource[]): string {
  return nodes
    .filter(({ state, availability, reason }) => state === "ready" && availability === "eligible" && reason !== "")
    .map(({ name, reason }) => `cube: ${clean(`${name} ${reason}`)}\n`)
    .join("");
}

/** Why nothing is done about the nodes that are out; "" while none is. Pure. */
function cautionOn(nodes: readonly NodeResource[], caution: string): string {
  return caution === "" || nodes.every(({ state }) => state === "ready") ? "" : `cube: ${clean(caution)}\n`;
}

/** A line for each runtime that cannot run tasks now: its node is ready all the same, so the table does not show it. Pure. */
function runtimeProblems(nodes: readonly NodeResource[]): string {
  const lines = nodes.flatMap(({ name, runtimes }) =>
    runtimes.flatMap(({ kind, problem }) =>
      problem === "" ? [] : [`cube: ${clean(`${name}: ${kind}: ${problem}`)}\n`],
    ),
  );
  return lines.join("");
}

/** A line for each name that several nodes have: by it none of them can be meant. Pure. */
function namesakes(nodes: readonly NodeResource[]): string {
  return [...Map.groupBy(nodes, ({ name }) => name)]
    .filter(([, called]) => called.length > 1)
    .map(([name, called]) => {
      const ids = called.map(({ id }) => id.slice(0, 8)).join(", ");
      return `cube: ${clean(`${called.length} nodes are called ${name} (${ids}): start all but one with another --name; until then name them by id`)}\n`;
    })
    .join("");
}

function roleText(node: NodeResource): string {
  const state = [node.state, node.availability].filter((word) => word !== "ready" && word !== "eligible");
  if (state.length > 0) return `worker (${state.join(", ")})`;
  if (node.awaited === true) return "worker (not linked yet)";
  // A node that is ready and yet has a reason: its worker does not do what it is told.
  const [what = ""] = node.reason.split(":");
  return what === "" ? "worker" : `worker (${clean(what)})`;
}

function availabilityCommand(at: { name: string; summary: string; availability: Availability }): CommandSpec {
  return {
    name: at.name,
    usage: ["NAME..."],
    summary: at.summary,
    parameters: ["<node...>"],
    groups: [TARGET_OPTIONS],
    completes: "node",
    run: (context) =>
      forEachArgument(context, async (client, ref) => {
        const { name, availability } = await client.setAvailability(ref, at.availability);
        return `${name} is ${availability}`;
      }),
  };
}
