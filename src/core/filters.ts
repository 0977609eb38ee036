/**
 * Feasibility: the filters that rule a node out for a task, each with its reason in words.
 * The filters of the node's nature (state, runtime, labels) change rarely and are remembered for each class of task; those of its
 * room (CPU, memory, disk, ports) change with every placement. None of them ever lets a node be over-committed.
 */
import type { HostPort, Need, NodeView } from "./schedule-input.ts";
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

/** Filters that depend on what a node is. */
export const NATURE_FILTERS: readonly Filter[] = [
  { name: "state", object: ({ view }) => (view.refusal === "" ? null : { phrase: view.refusal, detail: "" }) },
  { name: "runtime", object: ({ view }, need) => objectToRuntime(view, need) },
  { name: "labels", object: ({ view }, need) => objectToLabels(view, need.constraints) },
];

/** Filters that depend on what is left of it. */
export const ROOM_FILTERS: readonly Filter[] = [
  {
    name: "cpu",
    object: (node, need) =>
      lack(
        "cores",
        (r) => r.cpuMillis,
        cores,
        node,
        need,
        (shown) => (shown === "1" ? "core" : "cores"),
      ),
  },
  { name: "memory", object: (node, need) => lackBytes("memory", (r) => r.memoryBytes, node, need) },
  { name: "disk", object: (node, need) => lackBytes("disk", (r) => r.diskBytes, node, need) },
  { name: "ports", object: ({ ports }, need) => objectToPorts(ports, need.hostPorts) },
];

/** Every filter, in the order in which they are asked; the first to object names the reason. */
export const FILTERS: readonly Filter[] = [...NATURE_FILTERS, ...ROOM_FILTERS];

/** The phrase for several nodes: `is draining` becomes `are draining`. Pure. */
export function pluralPhrase(phrase: string): string {
  const space = phrase.indexOf(" ");
  const verb = space < 0 ? phrase : phrase.slice(0, space);
  const plural = { is: "are", has: "have", does: "do", lacks: "lack" }[verb];
  return plural === undefined ? phrase : plural + phrase.slice(verb.length);
}

/** What a constraint's key stands for on this node; undefined when it has no such label. Pure. */
export function readAttribute(view: NodeView, key: string): string | undefined {
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

const LABEL_PREFIX = "node.labels.";

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

type Show = (amount: number, up: boolean) => string;

function lackBytes(what: string, of: (r: Resources) => number, node: Standing, need: Need): Objection | null {
  return lack(what, of, showBytes, node, need, () => what);
}

function lack(
  what: string,
  of: (r: Resources) => number,
  show: Show,
  node: Standing,
  need: Need,
  unit: (shown: string) => string,
): Objection | null {
  const capacity = of(node.view.allocatable);
  const free = capacity - of(node.allocated);
  const wanted = of(need.resources);
  // Nothing wanted always fits, also on a node that has shrunk below what runs on it.
  if (wanted === 0 || wanted <= free) return null;
  const shown = show(wanted, true);
  const detail = `${show(Math.max(0, free), false)} of ${show(capacity, false)} ${what} free`;
  return { phrase: `lacks ${shown} ${unit(shown)}`, detail };
}

/** Thousandths of a core as cores. */
function cores(cpuMillis: number): string {
  return String(cpuMillis / 1000);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Bytes with at most one decimal; wants are rounded up and room is rounded down, so that the words never contradict the refusal. */
function showBytes(bytes: number, up: boolean): string {
  let power = 0;
  while (power < UNITS.length - 1 && bytes >= 1024 ** (power + 1)) power++;
  const tenths = (bytes / 1024 ** power) * 10;
  return `${(up ? Math.ceil(tenths) : Math.floor(tenths)) / 10} ${UNITS[power]}`;
}

/** The host ports taken on one node. Counted, since recovered tasks may share one that they should not. */
export class PortBook {
  readonly #addresses = new Map<number, string[]>();

  /** True when the port is taken on that address, on all of them, or on any when all are wanted. */
  isTaken(wanted: HostPort): boolean {
    const taken = this.#addresses.get(portKey(wanted));
    if (taken === undefined) return false;
    const address = normalAddress(wanted.hostIp);
    return address === "" || taken.includes(address) || taken.includes("");
  }

  take(port: HostPort): void {
    const key = portKey(port);
    const taken = this.#addresses.get(key);
    if (taken === undefined) this.#addresses.set(key, [normalAddress(port.hostIp)]);
    else taken.push(normalAddress(port.hostIp));
  }

  /** Undoes one `take` of the same port. */
  free(port: HostPort): void {
    const key = portKey(port);
    const taken = this.#addresses.get(key);
    const index = taken?.indexOf(normalAddress(port.hostIp)) ?? -1;
    if (taken === undefined || index < 0) return;
    taken.splice(index, 1);
    if (taken.length === 0) this.#addresses.delete(key);
  }
}

function portKey(port: HostPort): number {
  return port.port * 2 + (port.protocol === "udp" ? 1 : 0);
}

/** All addresses have one name. IPv4's and IPv6's are not told apart: refusing too much is safe. */
function normalAddress(hostIp: string): string {
  return hostIp === "0.0.0.0" || hostIp === "::" || hostIp === "[::]" ? "" : hostIp;
}
