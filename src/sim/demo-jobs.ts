/** What runs in the demo: some fifteen services with the names and sizes that such things have, about two hundred tasks on a dozen nodes. Pure data. */
import { type Constraint, DEFAULT_RESTART, DEFAULT_TASK, type JobSpec, type TaskSpec } from "../core/spec.ts";
import { asEnvironment } from "./behaviour.ts";
import type { Behaviour } from "./faults.ts";

/** Nodes for which the counts below are. */
const NODES = 12;
const MIB = 1024 ** 2;

/** A service before it is scaled to the cluster. */
interface Service {
  readonly name: string;
  readonly image: string;
  readonly count: number;
  readonly cpuMillis: number;
  readonly memoryMib: number;
  /** Port that is asked whether it is well; left out, nobody asks. */
  readonly health?: number;
  /** Taken on the node itself: one task a node. */
  readonly hostPort?: number;
  readonly volume?: true;
  readonly constraints?: readonly Constraint[];
  readonly behaviour?: Partial<Behaviour>;
  /** However many nodes there are. */
  readonly fixed?: true;
}

const ON_SSD: readonly Constraint[] = [{ key: "disk", operator: "==", value: "ssd" }];

/** Jobs by name, each with its services. */
const JOBS: Readonly<Record<string, readonly Service[]>> = {
  edge: [{ name: "proxy", image: "caddy:2.9", count: 12, cpuMillis: 200, memoryMib: 128, health: 443, hostPort: 443 }],
  shop: [
    { name: "web", image: "shop/web:4.12.1", count: 24, cpuMillis: 250, memoryMib: 256, health: 8_080 },
    { name: "api", image: "shop/api:4.12.1", count: 30, cpuMillis: 400, memoryMib: 384, health: 8_080 },
  ],
  checkout: [{ name: "pay", image: "shop/checkout:2.3.0", count: 10, cpuMillis: 300, memoryMib: 256, health: 8_080 }],
  queue: [{ name: "worker", image: "shop/worker:4.12.1", count: 38, cpuMillis: 300, memoryMib: 320 }],
  search: [
    { name: "index", image: "opensearch:2.19", count: 12, cpuMillis: 900, memoryMib: 2_048, constraints: ON_SSD },
  ],
  media: [{ name: "thumbs", image: "media/thumbs:1.8", count: 14, cpuMillis: 450, memoryMib: 512 }],
  sessions: [{ name: "redis", image: "redis:7.4", count: 6, cpuMillis: 200, memoryMib: 1_024, health: 6_379 }],
  db: [
    {
      name: "postgres",
      image: "postgres:17",
      count: 3,
      cpuMillis: 1_500,
      memoryMib: 6_144,
      health: 5_432,
      volume: true,
      constraints: ON_SSD,
      behaviour: { stopMs: 2_500 },
      fixed: true,
    },
  ],
  bus: [
    {
      name: "redpanda",
      image: "redpanda:24.3",
      count: 5,
      cpuMillis: 600,
      memoryMib: 2_048,
      volume: true,
      constraints: ON_SSD,
      fixed: true,
    },
  ],
  mail: [{ name: "sender", image: "shop/mailer:1.4", count: 4, cpuMillis: 100, memoryMib: 128 }],
  metrics: [{ name: "agent", image: "telemetry/agent:0.92", count: 12, cpuMillis: 50, memoryMib: 96 }],
  logs: [{ name: "shipper", image: "vector:0.44", count: 12, cpuMillis: 60, memoryMib: 128 }],
  feeds: [
    {
      name: "importer",
      image: "shop/importer:0.3",
      count: 3,
      cpuMillis: 200,
      memoryMib: 256,
      // It crashes now and then, and its worker starts it again.
      behaviour: { lifeMs: 6 * 60_000, exitCode: 1 },
      fixed: true,
    },
  ],
  // Nobody has pushed this one yet.
  recommender: [
    {
      name: "recommender",
      image: "shop/recommender:2.0-rc1",
      count: 1,
      cpuMillis: 500,
      memoryMib: 1_024,
      behaviour: { image: "missing" },
      fixed: true,
    },
  ],
  // No node has such a label: it waits, and says why.
  ml: [
    {
      name: "train",
      image: "ml/train:5",
      count: 2,
      cpuMillis: 4_000,
      memoryMib: 16_384,
      constraints: [{ key: "gpu", operator: "==", value: "h100" }],
      fixed: true,
    },
  ],
};

/** Everything that is submitted at the beginning, for a cluster of that many nodes. */
export function demoJobs(nodes: number): readonly JobSpec[] {
  return Object.entries(JOBS).map(([name, services]) => ({
    name,
    labels: { team: services.some(({ image }) => image.startsWith("shop/")) ? "shop" : "platform" },
    services: services.map((service) => ({
      name: service.name,
      count: service.fixed ? service.count : Math.max(1, Math.round((service.count * nodes) / NODES)),
      task: taskOf(service),
    })),
  }));
}

/** A job that comes, runs once, and is over after a minute or two. */
export function demoBatch(number: number, count: number): JobSpec {
  const task = taskOf({
    name: "report",
    image: "shop/report:3.1",
    count,
    cpuMillis: 500,
    memoryMib: 512,
    behaviour: { lifeMs: 80_000, exitCode: 0 },
  });
  const once = { ...task, restart: { ...DEFAULT_RESTART, condition: "no" as const } };
  return {
    name: `report-${number}`,
    labels: { team: "shop" },
    services: [{ name: "page", count, task: once }],
  };
}

function taskOf(service: Service): TaskSpec {
  const { name, image, cpuMillis, memoryMib, health, hostPort, volume, constraints = [], behaviour } = service;
  return {
    ...DEFAULT_TASK,
    image,
    env: asEnvironment({ lifeMs: 0, exitCode: 0, stopMs: 400, pullMs: 5_000, image: "there", ...behaviour }),
    resources: { cpuMillis, memoryBytes: memoryMib * MIB, diskBytes: 0 },
    constraints,
    ports: hostPort === undefined ? [] : [{ hostIp: "", hostPort, containerPort: hostPort, protocol: "tcp" }],
    mounts: volume ? [{ kind: "volume", source: `${name}-data`, target: "/var/lib/data", readOnly: false }] : [],
    health:
      health === undefined
        ? null
        : { probe: { kind: "tcp", port: health }, intervalMs: 10_000, timeoutMs: 3_000, retries: 3, startPeriodMs: 0 },
  };
}
