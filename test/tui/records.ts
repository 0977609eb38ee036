// Records for the UI's tests: one of each with every field, and a small cluster that shows every state.
import type {
  DecisionResource,
  EventResource,
  JobResource,
  ManagerResource,
  MetricsResource,
  NodeResource,
  TaskResource,
} from "../../src/client/resources.ts";
import { DEFAULT_TASK } from "../../src/core/spec.ts";
import type { Seed } from "./fake-client.ts";

/** A fixed moment: 2026-03-01 12:00:00 UTC. */
export const START_MS = 1_772_366_400_000;

const MIB = 1024 * 1024;

export const manager = (of: Partial<ManagerResource> = {}): ManagerResource => ({
  clusterId: "3f9ac27be1d04455",
  name: "laptop",
  version: "0.1.0",
  commit: "abcdef0",
  pid: 4711,
  scheduler: "epvm",
  revision: 100,
  startedMs: START_MS - 3_600_000,
  dataDir: "/var/lib/cube",
  health: "ok",
  problem: "",
  ...of,
});

export const node = (of: Partial<NodeResource> = {}): NodeResource => ({
  id: "node-id-a",
  name: "node-a",
  address: "127.0.0.1",
  local: true,
  os: "linux",
  arch: "x64",
  version: "0.1.0",
  labels: {},
  capacity: { cpuMillis: 4000, memoryBytes: 8192 * MIB, diskBytes: 100_000 * MIB },
  allocatable: { cpuMillis: 3800, memoryBytes: 7680 * MIB, diskBytes: 90_000 * MIB },
  allocated: { cpuMillis: 1250, memoryBytes: 1536 * MIB, diskBytes: 0 },
  tasks: 5,
  runtimes: [{ kind: "docker", version: "29.1", problem: "" }],
  state: "ready",
  availability: "eligible",
  reason: "",
  joinedMs: START_MS - 3_600_000,
  stateSinceMs: START_MS - 3_600_000,
  ...of,
});

export const task = (of: Partial<TaskResource> = {}): TaskResource => ({
  id: "task-web",
  jobId: "job-web",
  name: "web",
  service: "web",
  slot: 0,
  attempt: 1,
  current: true,
  nodeId: "node-id-a",
  nodeName: "node-a",
  runtime: "docker",
  image: "nginx:1.29",
  command: [],
  reserved: { cpuMillis: 250, memoryBytes: 256 * MIB, diskBytes: 0 },
  assumed: false,
  desired: "run",
  state: "running",
  health: "unknown",
  incarnation: 1,
  restarts: 0,
  containerId: "c0ffee123456",
  containerName: "cube-web-task-web-1",
  ports: [{ containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "" }],
  message: "",
  reason: "node-a has the lowest score of 2 candidates",
  restartInMs: null,
  exits: [],
  createdMs: START_MS - 600_000,
  updatedMs: START_MS - 300_000,
  startedMs: START_MS - 590_000,
  finishedMs: 0,
  ...of,
});

export const job = (of: Partial<JobResource> = {}): JobResource => ({
  id: "job-web",
  name: "web",
  kind: "service",
  version: 1,
  desired: "run",
  services: [
    {
      name: "web",
      count: 1,
      task: { ...DEFAULT_TASK, image: "nginx:1.29", env: { MODE: "production", TOKEN: "secret-value" } },
    },
  ],
  labels: {},
  states: { running: 1 },
  actor: "root",
  createdMs: START_MS - 600_000,
  updatedMs: START_MS - 600_000,
  ...of,
});

export const decision = (of: Partial<DecisionResource> = {}): DecisionResource => ({
  taskId: "task-web",
  jobId: "job-web",
  scheduler: "epvm",
  nodeId: "node-id-a",
  candidates: [
    {
      nodeId: "node-id-a",
      nodeName: "node-a",
      score: 1834,
      parts: [
        { name: "cpu", value: 1200 },
        { name: "memory", value: 600 },
        { name: "disk", value: 34 },
      ],
    },
    {
      nodeId: "node-id-b",
      nodeName: "node-b",
      score: 2950,
      parts: [
        { name: "cpu", value: 2100 },
        { name: "memory", value: 810 },
        { name: "disk", value: 40 },
      ],
    },
  ],
  candidateCount: 2,
  refusals: [{ nodeId: "node-id-c", nodeName: "node-c", filter: "memory", reason: "lacks 512 MiB memory" }],
  refusalCount: 1,
  summary: "node-a has the lowest score of 2 candidates; 1 node lacks 512 MiB memory",
  atMs: START_MS - 600_000,
  ...of,
});

export const metrics = (of: Partial<MetricsResource> = {}): MetricsResource => ({
  nodeId: "node-id-a",
  atMs: START_MS,
  cpuMillis: 1480,
  memoryUsedBytes: 3277 * MIB,
  memoryTotalBytes: 8192 * MIB,
  diskUsedBytes: 40_000 * MIB,
  diskTotalBytes: 100_000 * MIB,
  load: [0.9, 0.7, 0.4],
  tasks: [
    { taskId: "task-web", cpuMillis: 230, memoryBytes: 61 * MIB },
    { taskId: "task-db", cpuMillis: 1240, memoryBytes: 890 * MIB },
  ],
  progress: [{ taskId: "task-search", text: "pulling 41 MiB of 98 MiB" }],
  ...of,
});

export const event = (of: Partial<EventResource> = {}): EventResource => ({
  revision: 1,
  atMs: START_MS - 60_000,
  actor: "manager",
  text: "web placed on node-a",
  kind: "task.put",
  jobId: "job-web",
  taskId: "task-web",
  nodeId: "node-id-a",
  ...of,
});

const named = (name: string, of: Partial<TaskResource> = {}): TaskResource =>
  task({ id: `task-${name}`, jobId: `job-${name}`, name, service: name, ports: [], ...of });

/** Eight tasks in eight states on three nodes. */
export function smallCluster(): Seed {
  const tasks = [
    named("web", { health: "healthy", ports: [{ containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "" }] }),
    named("db", {
      image: "postgres:17",
      health: "unhealthy",
      restarts: 3,
      message: "health check: connection refused",
      exits: [{ incarnation: 2, code: 137, oomKilled: true, reason: "killed: out of memory", atMs: START_MS - 90_000 }],
    }),
    named("search", {
      state: "pulling",
      startedMs: 0,
      image: "opensearch:3.1",
      nodeId: "node-id-b",
      nodeName: "node-b",
    }),
    named("cache", { image: "valkey:9" }),
    named("import-2026-03-batch-of-the-night", {
      state: "pending",
      nodeId: "",
      nodeName: "",
      startedMs: 0,
      reason: "3 nodes: 2 lack 512 MiB memory, 1 is cordoned",
    }),
    named("report", { state: "failed", message: "exit code 2", restarts: 5, nodeId: "node-id-b", nodeName: "node-b" }),
    named("worker", { state: "accepted", restartInMs: 12_000, message: "exit code 1", restarts: 2 }),
    named("sleeper", { runtime: "process", image: "", command: ["sleep", "600"] }),
  ];
  return {
    tasks,
    jobs: tasks.map((each) =>
      job({
        id: each.jobId,
        name: each.name,
        services: [
          {
            name: each.service,
            count: 1,
            task: { ...DEFAULT_TASK, image: each.image, env: { MODE: "production", TOKEN: "secret-value" } },
          },
        ],
      }),
    ),
    nodes: [
      node(),
      node({ id: "node-id-b", name: "node-b", local: false, tasks: 2 }),
      node({ id: "node-id-c", name: "node-c", local: false, tasks: 0, availability: "cordoned" }),
    ],
    events: [
      event(),
      event({ atMs: START_MS - 50_000, text: "web is healthy", task: tasks[0] as TaskResource }),
      event({ atMs: START_MS - 40_000, text: "db is unhealthy: connection refused", task: tasks[1] as TaskResource }),
      event({
        atMs: START_MS - 30_000,
        text: "report failed for good: exit code 2 (5 restarts)",
        task: tasks[5] as TaskResource,
      }),
      event({ atMs: START_MS - 20_000, text: "node-c cordoned", actor: "root", kind: "node.put" }),
    ],
    decisions: [
      decision(),
      decision({ taskId: "task-db", jobId: "job-db" }),
      decision({
        taskId: "task-import-2026-03-batch-of-the-night",
        nodeId: null,
        candidates: [],
        candidateCount: 0,
        refusalCount: 3,
        summary: "3 nodes: 2 lack 512 MiB memory, 1 is cordoned",
        refusals: [
          { nodeId: "node-id-a", nodeName: "node-a", filter: "memory", reason: "lacks 512 MiB memory" },
          { nodeId: "node-id-b", nodeName: "node-b", filter: "memory", reason: "lacks 512 MiB memory" },
          { nodeId: "node-id-c", nodeName: "node-c", filter: "state", reason: "is cordoned" },
        ],
      }),
    ],
    metrics: [
      metrics(),
      metrics({ nodeId: "node-id-b", cpuMillis: 3500, memoryUsedBytes: 7300 * MIB, tasks: [], progress: [] }),
      metrics({ nodeId: "node-id-c", cpuMillis: 90, memoryUsedBytes: 900 * MIB, tasks: [], progress: [] }),
    ],
    logs: Array.from({ length: 60 }, (_, i) => ({
      stream: i % 9 === 8 ? ("stderr" as const) : ("stdout" as const),
      atMs: START_MS + i * 1000,
      text: i === 30 ? "needle in line 30" : `line ${i} of the log`,
    })),
  };
}

/** A cluster that has one node and nothing to do. */
export function emptyCluster(of: Partial<NodeResource> = {}): Seed {
  return {
    tasks: [],
    jobs: [],
    nodes: [node({ tasks: 0, allocated: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 }, ...of })],
    events: [],
    decisions: [],
    metrics: [metrics({ tasks: [], progress: [] })],
  };
}

/** As many tasks as asked for. */
export function largeCluster(count: number): Seed {
  const tasks = Array.from({ length: count }, (_, i) => named(`task-${String(i).padStart(4, "0")}`));
  return { ...smallCluster(), tasks, jobs: [], events: [] };
}

/** Names that would break a careless screen. */
export function hostileCluster(): Seed {
  const seed = smallCluster();
  const names = [
    "emoji 🚀✅👨‍👩‍👧 name",
    "{red-fg}tags{/}",
    "line\nbreak\ttab",
    `${"long".repeat(2500)}`,
    "\x1b[2J\x1b[31mescape",
    "中文名字",
  ];
  return {
    ...seed,
    tasks: names.map((name, i) => task({ id: `t${i}`, jobId: `j${i}`, name })),
    logs: [{ stream: "stdout", atMs: START_MS, text: "x".repeat(10_000) }],
  };
}
