/**
 * The engine's create body for a request. Pure: what it returns is what policy.ts judges and the engine gets, unchanged. Defaults are
 * the safe ones: an init process, no new privileges, no raw sockets, bounded processes and logs, never a restart by the engine.
 */
import { fail, ok, type Result } from "../core/failure.ts";
import { type Mount, type PortMapping, portKey, type TaskSpec } from "../core/spec.ts";
import type { CreateRequest } from "../worker/effects.ts";
import { LABEL, LABEL_PREFIX } from "./docker-instance.ts";

/** A mount in the engine's words. */
export interface BodyMount {
  readonly Type: string;
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly VolumeOptions?: unknown;
}

/** The part of a create body that concerns the host. */
export interface HostConfig {
  readonly NetworkMode: string;
  readonly Mounts?: readonly BodyMount[];
  readonly [field: string]: unknown;
}

/** A create body. Fields beyond these are judged by their names in policy.ts. */
export interface CreateBody {
  readonly Image: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly HostConfig: HostConfig;
  readonly [field: string]: unknown;
}

/** Processes and threads of one task; a fork bomb ends here and not at the node's limit. */
const PIDS_LIMIT = 4096;
/** Output kept for each container: 3 files of 10 MB; the engine drops the oldest file first. */
const LOG_CONFIG = { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } };

const IMAGE = /^[A-Za-z0-9[][A-Za-z0-9._:/@[\]-]{0,511}$/;
const VOLUME_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;
const ENV_KEY = /^[^=\0\s][^=\0]*$/;

/** The create body; fails with `invalid` for what no engine could do. */
export function createBody(request: CreateRequest, nodeId: string, clusterId: string): Result<CreateBody> {
  const { spec } = request;
  const problem = problemOf(spec);
  if (problem !== "") return fail("invalid", problem);
  return ok({
    Image: spec.image,
    ...(spec.command.length > 0 ? { Cmd: [...spec.command] } : {}),
    ...(spec.entrypoint ? { Entrypoint: [...spec.entrypoint] } : {}),
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    ...(spec.workingDir ? { WorkingDir: spec.workingDir } : {}),
    ...(spec.user ? { User: spec.user } : {}),
    ...(spec.stopSignal ? { StopSignal: spec.stopSignal } : {}),
    Labels: { ...spec.labels, ...ownLabels(request, nodeId, clusterId) },
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [portKey(port), {}])),
    HostConfig: hostConfig(spec),
  });
}

function ownLabels(request: CreateRequest, nodeId: string, clusterId: string): Record<string, string> {
  return {
    [LABEL.cluster]: clusterId,
    [LABEL.node]: nodeId,
    [LABEL.task]: request.taskId,
    [LABEL.incarnation]: String(request.incarnation),
    [LABEL.spec]: request.specHash,
    [LABEL.job]: request.jobId,
    [LABEL.service]: request.service,
    [LABEL.slot]: String(request.slot),
  };
}

function hostConfig(spec: TaskSpec): HostConfig {
  const { resources, privileges } = spec;
  const { privileged, capAdd, devices, hostNamespaces } = privileges;
  return {
    NetworkMode: privileges.network,
    RestartPolicy: { Name: "no" },
    Init: true,
    PidsLimit: PIDS_LIMIT,
    LogConfig: LOG_CONFIG,
    CapAdd: [...capAdd],
    CapDrop: capAdd.some((cap) => /^(CAP_)?(NET_RAW|ALL)$/i.test(cap)) ? [] : ["NET_RAW"],
    ...(privileged ? { Privileged: true } : { SecurityOpt: ["no-new-privileges:true"] }),
    // Without swap beyond it, the limit is what its name says.
    ...(resources.memoryBytes > 0 ? { Memory: resources.memoryBytes, MemorySwap: resources.memoryBytes } : {}),
    ...(resources.cpuMillis > 0 ? { NanoCpus: resources.cpuMillis * 1_000_000 } : {}),
    ...(hostNamespaces.includes("pid") ? { PidMode: "host" } : {}),
    ...(hostNamespaces.includes("ipc") ? { IpcMode: "host" } : {}),
    ...(hostNamespaces.includes("uts") ? { UTSMode: "host" } : {}),
    Devices: devices.map((path) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rwm" })),
    Mounts: spec.mounts.map(bodyMount),
    PortBindings: portBindings(spec.ports),
  };
}

function bodyMount(mount: Mount): BodyMount {
  const source = mount.kind === "tmpfs" || mount.source === "" ? {} : { Source: mount.source };
  return { Type: mount.kind, ...source, Target: mount.target, ReadOnly: mount.readOnly };
}

function portBindings(ports: readonly PortMapping[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    const list = bindings[portKey(port)] ?? [];
    list.push({ HostIp: port.hostIp, HostPort: port.hostPort === 0 ? "" : String(port.hostPort) });
    bindings[portKey(port)] = list;
  }
  return bindings;
}

/** What is wrong with a specification for a container engine; "" for nothing. */
function problemOf(spec: TaskSpec): string {
  if (spec.image === "") return "no image: a docker task needs one, a command alone needs the runtime process";
  if (!IMAGE.test(spec.image)) return `image ${spec.image}: not an image reference such as name:tag`;
  const key = Object.keys(spec.env).find((name) => !ENV_KEY.test(name));
  if (key !== undefined) return `environment variable ${JSON.stringify(key)}: not a name`;
  const label = Object.keys(spec.labels).find((name) => name.startsWith(LABEL_PREFIX));
  if (label !== undefined) return `label ${label}: names beginning with ${LABEL_PREFIX} belong to Cube, choose another`;
  return mountProblem(spec.mounts) || portProblem(spec);
}

function mountProblem(mounts: readonly Mount[]): string {
  for (const { kind, source, target } of mounts) {
    if (!target.startsWith("/") || target === "/")
      return `mount target ${JSON.stringify(target)}: not a path inside the container`;
    if (kind === "bind" && !source.startsWith("/")) return `bind mount ${source}: not an absolute path on the node`;
    if (kind === "volume" && source !== "" && !VOLUME_NAME.test(source)) return `volume ${source}: not a volume's name`;
  }
  return "";
}

function portProblem(spec: TaskSpec): string {
  const [first] = spec.ports;
  if (first === undefined || spec.privileges.network === "bridge") return "";
  if (spec.privileges.network === "none") return `port ${first.containerPort}: network none publishes no ports`;
  const moved = spec.ports.find((port) => port.hostPort !== 0 && port.hostPort !== port.containerPort);
  return moved
    ? `port ${moved.hostPort}:${moved.containerPort}: on the host's network a port cannot be mapped to another`
    : "";
}
