/**
 * The book's Task as a job of one service and one slot, whichever way it comes: Tim Boring, "Build an Orchestrator in Go (From Scratch)", Manning 2024. What the
 * book's JSON says and a JobSpec cannot is kept in a label, so that a task is shown as it was posted. Pure.
 */

import { nameFrom } from "../core/names.ts";
import {
  DEFAULT_HEALTH_RHYTHM,
  DEFAULT_RESTART,
  DEFAULT_TASK,
  type JobSpec,
  type PortMapping,
  type RestartCondition,
  type TaskSpec,
} from "../core/spec.ts";
import { type BookTask, DecodeError, decodeTask, NIL_UUID } from "./book-decode.ts";
import { defaultName } from "./job-request.ts";

/** The book's five states. */
export const BOOK_STATE = { Pending: 0, Scheduled: 1, Running: 2, Completed: 3, Failed: 4 } as const;

/** Label of a job that came as a book's task: that task's JSON. */
const BOOK_LABEL = "cube.book";
/** Label of a job that was posted to a worker: that node's id. */
export const BOOK_WORKER_LABEL = "cube.book.worker";

const RESTART: Readonly<Record<string, RestartCondition>> = {
  "": "no",
  no: "no",
  always: "always",
  "unless-stopped": "unless-stopped",
  "on-failure": "on-failure",
};

/** The job that a posted task asks for. `onNode` keeps it on one node, as a worker that it was posted to. Throws DecodeError for what no job can be. */
export function bookJob(task: BookTask, onNode = ""): JobSpec {
  const name = task.Name === "" ? defaultName({ image: task.Image }) : nameFrom(task.Name);
  const labels = { [BOOK_LABEL]: JSON.stringify(task), ...(onNode && { [BOOK_WORKER_LABEL]: onNode }) };
  return { name, labels, services: [{ name, count: 1, task: taskSpec(task, onNode) }] };
}

/** The id to submit under; "" lets the manager derive one, for a task that names none. */
export function bookJobId(task: BookTask): string {
  return task.ID === NIL_UUID ? "" : task.ID;
}

/** The task as it was posted, of a job that came as one. */
export function postedTask(job: { readonly spec: Pick<JobSpec, "labels"> }): BookTask | undefined {
  const label = job.spec.labels[BOOK_LABEL];
  if (label === undefined) return undefined;
  try {
    return decodeTask(JSON.parse(label));
  } catch {
    // Anyone may set a label; then the specification speaks for itself.
    return undefined;
  }
}

function taskSpec(task: BookTask, onNode: string): TaskSpec {
  const condition = Object.hasOwn(RESTART, task.RestartPolicy) ? RESTART[task.RestartPolicy] : undefined;
  if (condition === undefined) {
    throw new DecodeError(`unknown RestartPolicy "${task.RestartPolicy}": "", always, unless-stopped or on-failure`);
  }
  return {
    ...DEFAULT_TASK,
    image: task.Image,
    resources: { cpuMillis: cpuMillis(task.Cpu), memoryBytes: task.Memory, diskBytes: task.Disk },
    ports: portMappings(task),
    restart: { ...DEFAULT_RESTART, condition },
    health: task.HealthCheck === "" ? null : { probe: healthProbe(task.HealthCheck), ...DEFAULT_HEALTH_RHYTHM },
    constraints: onNode ? [{ key: "node.id", operator: "==", value: onNode }] : [],
  };
}

/** A share too small to be counted is still a limit, not none. */
function cpuMillis(cores: number): number {
  return cores > 0 ? Math.max(1, Math.round(cores * 1_000)) : Math.round(cores * 1_000);
}

function healthProbe(path: string): { readonly kind: "http"; readonly path: string; readonly port: number } {
  return { kind: "http", path: path.startsWith("/") ? path : `/${path}`, port: 0 };
}

function portMappings(task: BookTask): PortMapping[] {
  const keys = new Set([...Object.keys(task.ExposedPorts ?? {}), ...Object.keys(task.PortBindings ?? {})]);
  return [...keys].map((key) => portMapping(key, task.PortBindings?.[key] ?? ""));
}

function portMapping(key: string, hostPort: string): PortMapping {
  const [, containerPort, protocol = "tcp"] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(key) ?? [];
  if (!containerPort) throw new DecodeError(`"${key}" is no port: 7777/tcp`);
  if (!/^\d{0,5}$/.test(hostPort)) throw new DecodeError(`"${hostPort}" is no host port`);
  return {
    containerPort: Number(containerPort),
    hostPort: Number(hostPort || 0),
    protocol: protocol === "udp" ? "udp" : "tcp",
    hostIp: "",
  };
}
