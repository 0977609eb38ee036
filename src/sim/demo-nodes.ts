/** The machines of the demo: names that people can tell apart, three zones, three sizes. Pure: the same number of nodes is always the same machines. */
import type { NodeFacts } from "../core/node.ts";
import type { NodePlan } from "./faults.ts";

const NAMES = [
  "alder",
  "birch",
  "cedar",
  "elder",
  "fir",
  "hazel",
  "larch",
  "maple",
  "oak",
  "pine",
  "rowan",
  "willow",
  "acacia",
  "ash",
  "aspen",
  "beech",
  "cherry",
  "cypress",
  "ebony",
  "elm",
  "juniper",
  "linden",
  "spruce",
  "yew",
] as const;

const DATACENTRES = ["a", "b", "c"] as const;
const GIB = 1024 ** 3;

interface Size {
  readonly name: string;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly disk: "ssd" | "hdd";
  readonly arch: string;
}

const LARGE: Size = size("large", { cores: 16, memoryGiB: 64, diskGiB: 960, disk: "ssd", arch: "x64" });
const MEDIUM: Size = size("medium", { cores: 8, memoryGiB: 32, diskGiB: 480, disk: "ssd", arch: "x64" });
const SMALL: Size = size("small", { cores: 4, memoryGiB: 16, diskGiB: 240, disk: "hdd", arch: "arm64" });
/** By turns, so that every zone has some of each. */
const SIZES = [LARGE, MEDIUM, MEDIUM, SMALL] as const;

function size(
  name: string,
  of: {
    readonly cores: number;
    readonly memoryGiB: number;
    readonly diskGiB: number;
    readonly disk: "ssd" | "hdd";
    readonly arch: string;
  },
): Size {
  const { cores, memoryGiB, diskGiB, disk, arch } = of;
  return { name, cpuMillis: cores * 1_000, memoryBytes: memoryGiB * GIB, diskBytes: diskGiB * GIB, disk, arch };
}

/** So many machines. */
export function demoNodes(count: number): readonly NodePlan[] {
  return Array.from({ length: count }, (_, i) => ({
    name: NAMES[i] ?? `node-${i + 1}`,
    cpuMillis: sizeOf(i).cpuMillis,
    driftPpm: 0,
    skewMs: 0,
    dialledBy: i % 4 === 3 ? ("worker" as const) : ("manager" as const),
  }));
}

/** What a machine says of itself beyond its plan; `at` is its place in the list. */
export function demoFacts(at: number): Partial<NodeFacts> {
  const { name, cpuMillis, memoryBytes, diskBytes, disk, arch } = sizeOf(at);
  return {
    address: demoAddress(at),
    arch,
    version: "demo",
    labels: { zone: zoneOf(at), disk, size: name },
    capacity: { cpuMillis, memoryBytes, diskBytes },
    reserved: { cpuMillis: 200, memoryBytes: GIB / 2, diskBytes: 10 * GIB },
  };
}

/** Host and port at which a machine would be found, were it one. TEST-NET-1 (RFC 5737): nobody has such an address. */
export function demoAddress(at: number): string {
  return `192.0.2.${(at % 250) + 1}:5556`;
}

function sizeOf(at: number): Size {
  return SIZES[at % SIZES.length] ?? SMALL;
}

function zoneOf(at: number): string {
  return DATACENTRES[at % DATACENTRES.length] ?? "a";
}
