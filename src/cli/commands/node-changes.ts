/** `cube node rm|trust-loss|inspect`: what is done about a node that is out of reach, and everything that is known of one. */
import type { ClusterClient } from "../../client/cluster-client.ts";
import type { MetricsResource, NodeResource, TaskResource } from "../../client/resources.ts";
import { allPages } from "../all-pages.ts";
import type { CommandSpec, Context } from "../command-spec.ts";
import { JSON_OPTION, TARGET_OPTIONS } from "../common-options.ts";
import { ago, gibibytes, lasting, mebibytes } from "../quantities.ts";
import { clean, jsonText } from "../text.ts";
import { forEachArgument } from "./each-argument.ts";

export const REMOVE: CommandSpec = {
  name: "rm",
  usage: ["[--force] NAME..."],
  summary: "take nodes out of the cluster that are gone for good",
  details: [
    "A node that is there, or that tasks are bound to, is only removed by force:",
    "its tasks are then lost, and replaced elsewhere.",
  ],
  parameters: ["<node...>"],
  groups: [
    { title: "Options:", options: [{ flags: "--force", about: "even so; what it still runs is given up" }] },
    TARGET_OPTIONS,
  ],
  completes: "node",
  run: runRemove,
};

export const TRUST_LOSS: CommandSpec = {
  name: "trust-loss",
  usage: ["[-m HOST:PORT|SOCKET]"],
  summary: "say that the nodes that are out are really gone",
  details: [
    "When many nodes go at once, or all that there are elsewhere, a manager may be",
    "cut off itself and replaces nothing. This tells it that it is not: the tasks",
    "of the nodes that are out now are started elsewhere.",
  ],
  parameters: [],
  groups: [TARGET_OPTIONS],
  run: runTrustLoss,
};

export const INSPECT: CommandSpec = {
  name: "inspect",
  usage: ["[--json] NAME"],
  summary: "show everything that is known of a node",
  parameters: ["<node>"],
  groups: [{ title: "Options:", options: [JSON_OPTION] }, TARGET_OPTIONS],
  completes: "node",
  run: runInspect,
};

function runRemove(context: Context): Promise<number> {
  const force = context.flags.force === true;
  return forEachArgument(context, (client, name) => client.removeNode(name, { force }));
}

async function runTrustLoss(context: Context): Promise<number> {
  const client = await context.client();
  const out = (await allPages((page) => client.nodes(page))).filter((node) => node.state !== "ready");
  await client.trustLoss();
  const names = out.map((node) => clean(node.name)).join(", ");
  const text = out.length === 0 ? "no node is out: nothing to replace" : `taken for lost, and replaced: ${names}`;
  context.io.stdout.write(`${text}\n`);
  return 0;
}

/** What `--json` prints. */
interface Inspected {
  readonly node: NodeResource;
  /** The newest sample; null while there is none. */
  readonly metrics: MetricsResource | null;
  readonly tasks: readonly TaskResource[];
  /** Why absences are not acted on; "" when they are. */
  readonly caution: string;
}

async function runInspect(context: Context): Promise<number> {
  const { io } = context;
  const inspected = await inspect(await context.client(), context.args[0] ?? "");
  io.stdout.write(context.flags.json === true ? `${jsonText(inspected)}\n` : inspectText(inspected, io.nowMs()));
  return 0;
}

async function inspect(client: ClusterClient, ref: string): Promise<Inspected> {
  const node = await client.node(ref);
  const [samples, tasks, manager] = await Promise.all([
    client.metrics(),
    allPages((page) => client.tasks({ ...page, node: node.id })),
    client.manager(),
  ]);
  const metrics = samples.find((sample) => sample.nodeId === node.id) ?? null;
  return { node, metrics, tasks, caution: manager.caution ?? "" };
}

/** A line for each fact, and one for each task. Pure. */
function inspectText({ node, metrics, tasks, caution }: Inspected, nowMs: number): string {
  const lines = [...aboutNode(node, nowMs), ...aboutUse(node, metrics), ["Tasks", String(tasks.length)]];
  const warned = caution === "" || node.state === "ready" ? lines : [...lines, ["Caution", caution]];
  const width = Math.max(...warned.map(([title = ""]) => title.length)) + 2;
  const shown = warned.map(([title = "", text = ""]) => `${`${title}:`.padEnd(width)} ${clean(text)}`.trimEnd());
  const named = tasks.map((task) => `  ${clean(`${task.name} ${task.state}${task.message && `: ${task.message}`}`)}`);
  return [...shown, ...named].map((line) => `${line}\n`).join("");
}

function aboutNode(node: NodeResource, nowMs: number): string[][] {
  const { state, availability, reason } = node;
  const why = (applies: boolean): string => (applies && reason !== "" ? `: ${reason}` : "");
  return [
    ["Name", node.name],
    ["Id", node.id],
    ["State", `${state} ${lasting(node.stateSinceMs, nowMs)}${why(state !== "ready")}${awaitedText(node)}`],
    ["Placement", `${availability}${why(availability !== "eligible" && state === "ready")}`],
    ["Address", node.local ? "in the manager's process" : node.address],
    ...(node.dialledAt === undefined ? [] : [["Dialled at", node.dialledAt.join(", ")]]),
    ...aboutLink(node, nowMs),
    ["System", `${node.os} ${node.arch}, Cube ${node.version}`],
    ["Runtimes", node.runtimes.map(runtimeText).join("; ") || "none"],
    [
      "Labels",
      Object.entries(node.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(", ") || "none",
    ],
    ["Joined", ago(node.joinedMs, nowMs)],
  ];
}

function awaitedText({ awaited }: NodeResource): string {
  return awaited === true ? ", as the store has it: not linked since the manager's start" : "";
}

/** Its link and its last sign of life; what is not known is left out. */
function aboutLink(node: NodeResource, nowMs: number): string[][] {
  const { dialledBy, linkedSinceMs = nowMs, roundTripMs, protocol, heartbeatAgeMs } = node;
  const trip = roundTripMs === undefined ? "" : `, round trip ${milliseconds(roundTripMs)}`;
  const link = `dialled by the ${dialledBy}, up ${lasting(linkedSinceMs, nowMs)}${trip}, protocol ${protocol}`;
  return [
    ...(dialledBy === undefined ? [] : [["Link", link]]),
    ...(node.awaited === true ? [["Heartbeat", "-"]] : []),
    ...(heartbeatAgeMs === undefined ? [] : [["Heartbeat", `${(heartbeatAgeMs / 1_000).toFixed(1)} s ago`]]),
  ];
}

/** Short ones with a decimal: on one network they differ only there. */
function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function runtimeText({ kind, version, problem }: NodeResource["runtimes"][number]): string {
  return problem === "" ? `${kind} ${version}`.trimEnd() : `${kind} does not work: ${problem}`;
}

/** What there is, what tasks may have of it, what they have reserved; and what is in use by now. */
function aboutUse({ capacity, allocatable, allocated }: NodeResource, metrics: MetricsResource | null): string[][] {
  const cores = (millis: number): string => String(millis / 1_000);
  const line = (
    show: (amount: number) => string,
    of: "cpuMillis" | "memoryBytes" | "diskBytes",
    used: number | null,
  ) => {
    const inUse = used === null ? "" : `; ${show(used)} in use`;
    return `${show(capacity[of])}, ${show(allocatable[of])} for tasks, ${show(allocated[of])} reserved${inUse}`;
  };
  return [
    ["CPU (cores)", line(cores, "cpuMillis", metrics?.cpuMillis ?? null)],
    ["Memory (MiB)", line(mebibytes, "memoryBytes", metrics?.memoryUsedBytes ?? null)],
    ["Disk (GiB)", line(gibibytes, "diskBytes", metrics?.diskUsedBytes ?? null)],
    ...(metrics ? [["Load", metrics.load.join(" ")]] : []),
  ];
}
