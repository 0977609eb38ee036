/**
 * What a user asks for: a job of services, each a number of identical tasks. Pure data, no behaviour beyond defaults and small readings of it.
 * Everything that is submitted (a book task, `cube run`, a form, later a Compose file) becomes a JobSpec before anything else looks at it.
 */

/** What runs a task on its node: a container engine, or plain child processes. */
export type RuntimeKind = "docker" | "process";

/** When to pull the image: `missing` pulls only if the node lacks it. */
export type PullPolicy = "always" | "missing" | "never";

/** Docker's words. `no` makes a batch task; the others a service. `unless-stopped` equals `always`: a stopped job never returns by itself. */
export type RestartCondition = "no" | "on-failure" | "always" | "unless-stopped";

/** How the worker restarts an ended task. Past `attempts` restarts within `windowMs` it gives up with state `failed`. */
export interface RestartPolicy {
  readonly condition: RestartCondition;
  /** Restarts allowed within the window. */
  readonly attempts: number;
  readonly windowMs: number;
  /** First delay; doubles each time up to `maxDelayMs`, with 25 % jitter either way. */
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

/** One port of the container. `hostPort` 0 lets the engine choose a free one. */
export interface PortMapping {
  readonly containerPort: number;
  readonly hostPort: number;
  readonly protocol: "tcp" | "udp";
  /** Address on the node to bind; "" means all of them. */
  readonly hostIp: string;
}

/** A container's port as engines and the book write it: `7777/tcp`. */
export function portKey(port: Pick<PortMapping, "containerPort" | "protocol">): string {
  return `${port.containerPort}/${port.protocol}`;
}

/** Storage that the task sees. `source` is a path (bind), a volume name (volume) or "" (tmpfs). */
export interface Mount {
  readonly kind: "bind" | "volume" | "tmpfs";
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** How the worker asks a running task whether it is well. */
export type HealthProbe =
  /** GET on the task's published port; healthy means a status of exactly 200. `port` is the container's port, 0 the first mapped one. */
  | { readonly kind: "http"; readonly path: string; readonly port: number }
  /** A connection to the task's published port. */
  | { readonly kind: "tcp"; readonly port: number }
  /** A command inside the task; exit code 0 is healthy. */
  | { readonly kind: "exec"; readonly command: readonly string[] };

/** A probe and its rhythm; failures within `startPeriodMs` of the start do not count. */
export interface HealthCheck {
  readonly probe: HealthProbe;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive failures that make a task unhealthy. */
  readonly retries: number;
  readonly startPeriodMs: number;
}

/** CPU in thousandths of a core, memory and disk in bytes. 0 means the user said nothing. */
export interface Resources {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** What happens to a task when its node is out of reach. Times count from when the node has missed its heartbeats, while its manager acts on absences. */
export interface DisconnectPolicy {
  /** False for a task that stays with its node whatever happens; so does one with a named volume. */
  readonly replace: boolean;
  /** Another attempt is placed; the original may still come back and be kept. */
  readonly replaceAfterMs: number;
  /** The original is lost for good. */
  readonly lostAfterMs: number;
  /** The worker stops the task itself after this long without a manager, and nothing takes its place before that has surely happened; null never. */
  readonly stopAfterMs: number | null;
  readonly reconcile: "keep_original" | "keep_replacement";
}

/** A condition on a node's labels or facts: `node.id`, `node.hostname`, `node.platform.os`, `node.platform.arch`, or a label's key. */
export interface Constraint {
  readonly key: string;
  readonly operator: "==" | "!=";
  readonly value: string;
}

/** What a task asks for beyond the sandbox. Refused by a worker unless its flags allow it. */
export interface Privileges {
  readonly privileged: boolean;
  readonly network: "bridge" | "host" | "none";
  /** Host namespaces to share, beside the network. */
  readonly hostNamespaces: readonly ("pid" | "ipc" | "uts")[];
  /** Device paths on the node. */
  readonly devices: readonly string[];
  readonly capAdd: readonly string[];
}

/** The body of a task: everything that its node needs to run it. Immutable; a changed one is a new job version. */
export interface TaskSpec {
  readonly runtime: RuntimeKind;
  /** Image reference; "" for a process. */
  readonly image: string;
  /** Arguments that replace the image's CMD; for a process, program and arguments. */
  readonly command: readonly string[];
  /** Replaces the image's ENTRYPOINT; null keeps it. */
  readonly entrypoint: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user: string;
  /** Limits, and what is reserved on the node. */
  readonly resources: Resources;
  readonly ports: readonly PortMapping[];
  readonly mounts: readonly Mount[];
  readonly restart: RestartPolicy;
  readonly pull: PullPolicy;
  readonly health: HealthCheck | null;
  /** Signal name such as SIGTERM; "" is the image's own, or SIGTERM. */
  readonly stopSignal: string;
  readonly stopGraceMs: number;
  readonly disconnect: DisconnectPolicy;
  readonly labels: Readonly<Record<string, string>>;
  readonly constraints: readonly Constraint[];
  readonly privileges: Privileges;
}

/** `count` identical tasks, in slots 0 to count − 1. */
export interface ServiceSpec {
  readonly name: string;
  readonly count: number;
  readonly task: TaskSpec;
}

/** What is submitted. A lone task is a job of one service with one slot. */
export interface JobSpec {
  readonly name: string;
  readonly services: readonly ServiceSpec[];
  readonly labels: Readonly<Record<string, string>>;
}

/** What a task counts for, in placement and scoring, when its specification says nothing. Never a limit in the engine. */
export const ASSUMED: Resources = { cpuMillis: 100, memoryBytes: 64 * 1024 * 1024, diskBytes: 0 };

/** Five restarts in ten minutes, from one second doubling to a minute. */
export const DEFAULT_RESTART: RestartPolicy = {
  condition: "always",
  attempts: 5,
  windowMs: 600_000,
  delayMs: 1_000,
  maxDelayMs: 60_000,
};

/** Replace after 5 s out of reach, give the original up after 5 min. */
export const DEFAULT_DISCONNECT: DisconnectPolicy = {
  replace: true,
  replaceAfterMs: 5_000,
  lostAfterMs: 300_000,
  stopAfterMs: null,
  reconcile: "keep_original",
};

/** The rhythm of a health check that names none. */
export const DEFAULT_HEALTH_RHYTHM = { intervalMs: 10_000, timeoutMs: 3_000, retries: 3, startPeriodMs: 0 } as const;

/** A sandboxed task on the bridge network. */
export const NO_PRIVILEGES: Privileges = {
  privileged: false,
  network: "bridge",
  hostNamespaces: [],
  devices: [],
  capAdd: [],
};

/** A docker task with every default; callers spread their own fields over it. */
export const DEFAULT_TASK: TaskSpec = {
  runtime: "docker",
  image: "",
  command: [],
  entrypoint: null,
  env: {},
  workingDir: "",
  user: "",
  resources: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
  ports: [],
  mounts: [],
  restart: DEFAULT_RESTART,
  pull: "missing",
  health: null,
  stopSignal: "",
  stopGraceMs: 10_000,
  disconnect: DEFAULT_DISCONNECT,
  labels: {},
  constraints: [],
  privileges: NO_PRIVILEGES,
};

/** True for a task that runs once: its end, good or bad, is final unless its node is lost. */
export function isBatch(task: TaskSpec): boolean {
  return task.restart.condition === "no";
}

/** What a task counts for on its node: its own figures, or the assumed ones where it has none. */
export function reservation(task: TaskSpec): Resources {
  const { cpuMillis, memoryBytes, diskBytes } = task.resources;
  return {
    cpuMillis: cpuMillis || ASSUMED.cpuMillis,
    memoryBytes: memoryBytes || ASSUMED.memoryBytes,
    diskBytes: diskBytes || ASSUMED.diskBytes,
  };
}
