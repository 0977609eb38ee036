/**
 * Feasibility: the filters that rule a node out for a task, each with its reason in words.
 * The filters of the node's nature (state, runtime, labels) change rarely and are remembered for each class of task; those of its
 * room (CPU, memory, disk, ports) change with every placement. None of them ever lets a node be over-committed.
 */
import type { HostPort, Need, NodeView } from "./schedule-input.ts";
import type { PortBook } from "./schedule-ports.ts";
import type { Constraint, Resources } from "./spec.ts";

/** A node and what is left on it. */
export interface Standing {
  readonly view: NodeView;
  readonly allocated: Resources;
  readonly ports: PortBook;
}

/** Why a node cannot: `phrase` ends the sentence that its name begins and is the same for all nodes alike; `detail` is its own. */
export interface Objection {
  readonly phrase: string;
  readonly detail: string;
}

/** One rule of feasibility. Pure. */
export interface Filter {
  readonly name: string;
  /** null lets the node pass. */
  readonly object: (node: Standing, need: Need) => Objection | null;
}

const LABEL_PREFIX = "node.labels.";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Filters that depend on what a node is. */
export const NATURE_FILTERS: readonly Filter[] = [
  { name: "state", object: ({ view }) => (view.refusal === "" ? null : { phrase: view.refusal, detail: "" }) },
  { name: "runtime", object: ({ view }, need) => objectToRuntime(view, need) },
  { name: "labels", object: ({ view }, need) => objectToLabels(view, need.constraints) },
];

/** Filters that depend on what is left of it. */
export const ROOM_FILTERS: readonly Filter[] = [
  roomFilter({ name: "cpu", of: (r) => r.cpuMillis, show: showCores, unit: "CPU" }),
  roomFilter({ name: "memory", of: (r) => r.memoryBytes, show: showBytes, unit: "memory" }),
  roomFilter({ name: "disk", of: (r) => r.diskBytes, show: showBytes, unit: "disk" }),
  { name: "ports", object: ({ ports }, need) => objectToPorts(ports, need.hostPorts) },
];

/** The phrase for several nodes: `is draining` becomes `are draining`. Pure. */
export function pluralPhrase(phrase: string): string {
  const space = phrase.indexOf(" ");
  const verb = space < 0 ? phrase : phrase.slice(0, space);
  const plural = { is: "are", has: "have", does: "do", lacks: "lack" }[verb];
  return plural === undefined ? phrase : plural + phrase.slice(verb.length);
}

/** What a constraint's key stands for on this node; undefined when it has no such label. Pure. */
function readAttribute(view: NodeView, key: string): string | undefined {
  switch (key) {
    case "node.id":
      return view.id;
    case "node.hostname":
      return view.name;
    case "node.platform.os":
      return view.os;
    case "node.platform.arch":
      return view.arch;
  }
  const label = key.startsWith(LABEL_PREFIX) ? key.slice(LABEL_PREFIX.length) : key;
  return Object.hasOwn(view.labels, label) ? view.labels[label] : undefined;
}

function objectToRuntime(view: NodeView, need: Need): Objection | null {
  if (view.runtimes.includes(need.runtime)) return null;
  const others = view.runtimes.length === 0 ? "no runtime works" : `only ${view.runtimes.join(", ")}`;
  return { phrase: `has no working ${need.runtime} runtime`, detail: others };
}

/** A missing label equals nothing: `==` fails and `!=` holds. */
function objectToLabels(view: NodeView, constraints: readonly Constraint[]): Objection | null {
  for (const { key, operator, value } of constraints) {
    const found = readAttribute(view, key);
    if ((found === value) === (operator === "==")) continue;
    const detail = found === undefined ? `no ${key}` : `${key} is ${found}`;
    return { phrase: `does not meet ${key} ${operator} ${value}`, detail };
  }
  return null;
}

function objectToPorts(ports: PortBook, wanted: readonly HostPort[]): Objection | null {
  const taken = wanted.find((port) => ports.isTaken(port));
  if (taken === undefined) return null;
  return { phrase: `has port ${taken.port}/${taken.protocol} taken`, detail: "" };
}

/** A resource that is counted, and how it is said. */
interface Figure {
  readonly name: string;
  readonly of: (resources: Resources) => number;
  /** Wants are rounded up and room is rounded down, so that the words never contradict the refusal. */
  readonly show: (amount: number, rounding: "up" | "down") => string;
  readonly unit: string;
}

function roomFilter({ name, of, show, unit }: Figure): Filter {
  const object = ({ view, allocated }: Standing, need: Need): Objection | null => {
    const capacity = of(view.allocatable);
    const free = capacity - of(allocated);
    const wanted = of(need.resources);
    // Nothing wanted always fits, also on a node that has shrunk below what runs on it.
    if (wanted === 0 || wanted <= free) return null;
    const detail = `${show(Math.max(0, free), "down")} of ${show(capacity, "down")} ${unit} free`;
    return { phrase: `lacks ${show(wanted, "up")} ${unit}`, detail };
  };
  return { name, object };
}

function showCores(cpuMillis: number): string {
  return String(cpuMillis / 1000);
}

/** Bytes with at most one decimal. */
function showBytes(bytes: number, rounding: "up" | "down"): string {
  let power = 0;
  while (power < UNITS.length - 1 && bytes >= 1024 ** (power + 1)) power++;
  const tenths = (bytes / 1024 ** power) * 10;
  return `${(rounding === "up" ? Math.ceil(tenths) : Math.floor(tenths)) / 10} ${UNITS[power]}`;
}
