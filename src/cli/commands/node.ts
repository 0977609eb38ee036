/** `cube node`: the nodes in the book's columns; and taking one out of placement, or back in. */
import type { NodeResource } from "../../client/resources.ts";
import type { Availability } from "../../core/node.ts";
import { allPages } from "../all-pages.ts";
import type { CommandSpec, Context } from "../command-spec.ts";
import { boldFor } from "../io.ts";
import { gibibytes, mebibytes } from "../quantities.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../shared-options.ts";
import { type Column, renderTable } from "../table.ts";
import { clean, jsonText } from "../text.ts";

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
  usage: ["[OPTIONS]", "cordon NAME...      place no more tasks there", "uncordon NAME...    place tasks there again"],
  summary: "list nodes",
  parameters: [],
  groups: [{ title: "Options:", options: [JSON_OPTION] }, TARGET_OPTIONS],
  children: [CORDON, UNCORDON],
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
  if (context.flags.json === true) {
    io.stdout.write(`${jsonText(nodes)}\n`);
    return 0;
  }
  const width = io.stdout.isTTY ? io.stdout.columns : null;
  io.stdout.write(nodeTable(nodes, { width, bold: boldFor(io) }));
  io.stderr.write(runtimeProblems(nodes));
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

/** A line for each runtime that cannot run tasks now: its node is ready all the same, so the table does not show it. Pure. */
function runtimeProblems(nodes: readonly NodeResource[]): string {
  const lines = nodes.flatMap(({ name, runtimes }) =>
    runtimes.flatMap(({ kind, problem }) =>
      problem === "" ? [] : [`cube: ${clean(`${name}: ${kind}: ${problem}`)}\n`],
    ),
  );
  return lines.join("");
}

function roleText(node: NodeResource): string {
  const state = [node.state, node.availability].filter((word) => word !== "ready" && word !== "eligible");
  return state.length === 0 ? "worker" : `worker (${state.join(", ")})`;
}

function availabilityCommand(at: { name: string; summary: string; availability: Availability }): CommandSpec {
  return {
    name: at.name,
    usage: ["NAME..."],
    summary: at.summary,
    parameters: ["<node...>"],
    groups: [TARGET_OPTIONS],
    completes: "node",
    run: async (context) => {
      const client = await context.client();
      for (const name of context.args) {
        const node = await client.setAvailability(name, at.availability);
        context.io.stdout.write(`${clean(node.name)} is ${node.availability}\n`);
      }
      return 0;
    },
  };
}
