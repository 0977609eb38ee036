/**
 * What Cube writes on a container and reads back from it: labels, ports, state. Pure. A container without all of Cube's labels is not an instance,
 * whatever its name says.
 */
import type { PortMapping } from "../core/spec.ts";
import type { Incarnation, Instance } from "../worker/effects.ts";

/** Every label of Cube begins with this; users' labels may not. */
export const LABEL_PREFIX = "io.cube.";

/** Names of the labels. */
export const LABEL = {
  cluster: `${LABEL_PREFIX}cluster`,
  node: `${LABEL_PREFIX}node`,
  task: `${LABEL_PREFIX}task`,
  incarnation: `${LABEL_PREFIX}incarnation`,
  spec: `${LABEL_PREFIX}spec`,
  job: `${LABEL_PREFIX}job`,
  service: `${LABEL_PREFIX}service`,
  slot: `${LABEL_PREFIX}slot`,
} as const;

interface Binding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

type Bindings = Readonly<Record<string, readonly Binding[] | null>>;

/** The parts of an inspect answer that Cube reads; every one may be missing on some engine. */
export interface Inspected {
  readonly Id: string;
  readonly Name?: string;
  readonly State?: {
    readonly Status?: string;
    readonly Running?: boolean;
    readonly Pid?: number;
    readonly ExitCode?: number;
    readonly OOMKilled?: boolean;
    readonly Error?: string;
    readonly StartedAt?: string;
    readonly FinishedAt?: string;
  };
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null; readonly Tty?: boolean };
  readonly HostConfig?: {
    readonly NetworkMode?: string;
    readonly PortBindings?: Bindings | null;
    readonly Mounts?: readonly { readonly Type?: string; readonly Source?: string }[] | null;
  };
  readonly NetworkSettings?: {
    readonly IPAddress?: string;
    readonly Ports?: Bindings | null;
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string } | null>> | null;
  };
}

/** Reads an inspect answer; null when it is none. */
export function inspected(body: unknown): Inspected | null {
  if (typeof body !== "object" || body === null) return null;
  return typeof (body as { Id?: unknown }).Id === "string" ? (body as Inspected) : null;
}

/** Which incarnation on which node a container's labels name; null for a foreign one. */
export function labelled(
  labels: Readonly<Record<string, string>> | null | undefined,
): (Incarnation & { readonly nodeId: string }) | null {
  const taskId = labels?.[LABEL.task];
  const nodeId = labels?.[LABEL.node];
  const incarnation = Number(labels?.[LABEL.incarnation]);
  if (!taskId || !nodeId || !Number.isSafeInteger(incarnation)) return null;
  return { taskId, nodeId, incarnation };
}

/** The instance that a container is to its node; null for a foreign container. */
export function toInstance(container: Inspected, nodeId: string): Instance | null {
  const identity = labelled(container.Config?.Labels);
  if (identity === null || identity.nodeId !== nodeId) return null;
  const status = statusOf(container);
  const state = container.State ?? {};
  return {
    taskId: identity.taskId,
    incarnation: identity.incarnation,
    instanceId: container.Id,
    runtime: "docker",
    status,
    specHash: container.Config?.Labels?.[LABEL.spec] ?? "",
    exitCode: status === "exited" ? (state.ExitCode ?? null) : null,
    oomKilled: state.OOMKilled ?? false,
    error: state.Error ?? "",
    ports: boundPorts(container),
    address: addressOf(container),
    startedMs: wallMs(state.StartedAt),
    finishedMs: status === "exited" ? wallMs(state.FinishedAt) : 0,
  };
}

/** Docker says created, running, paused, restarting, removing, exited, dead; podman also configured, initialized, stopping, stopped. */
function statusOf(container: Inspected): Instance["status"] {
  switch (container.State?.Status) {
    case "created":
    case "configured":
    case "initialized":
      return "created";
    case "exited":
    case "dead":
    case "stopped":
    case "removing":
      return "exited";
    default:
      return container.State?.Running === false ? "exited" : "running";
  }
}

/** The ports that were asked for, with the numbers that the engine chose. */
function boundPorts(container: Inspected): PortMapping[] {
  const hostNetwork = container.HostConfig?.NetworkMode === "host";
  const ports: PortMapping[] = [];
  for (const [key, wanted] of Object.entries(container.HostConfig?.PortBindings ?? {})) {
    const [number, protocol] = key.split("/");
    const containerPort = Number(number);
    const free = [...(container.NetworkSettings?.Ports?.[key] ?? [])];
    for (const binding of wanted ?? []) {
      const hostIp = binding.HostIp ?? "";
      const hostPort = Number(binding.HostPort) || takeBound(free, hostIp) || (hostNetwork ? containerPort : 0);
      ports.push({ containerPort, hostPort, protocol: protocol === "udp" ? "udp" : "tcp", hostIp });
    }
  }
  return ports;
}

/** The port that the engine bound on this address; IPv6 twins of a binding on all addresses are passed over. */
function takeBound(free: Binding[], hostIp: string): number {
  const anywhere = hostIp === "" || hostIp === "0.0.0.0";
  const at = free.findIndex((b) => (anywhere ? b.HostIp === "0.0.0.0" || !b.HostIp : b.HostIp === hostIp));
  const [taken] = at < 0 ? [] : free.splice(at, 1);
  return Number(taken?.HostPort) || 0;
}

function addressOf(container: Inspected): string {
  if (container.HostConfig?.NetworkMode === "host") return "127.0.0.1";
  const networks = Object.values(container.NetworkSettings?.Networks ?? {});
  return container.NetworkSettings?.IPAddress || networks.find((n) => n?.IPAddress)?.IPAddress || "";
}

/** Wall clock of an RFC 3339 time, ms since 1970; 0 for the engine's year 1. */
function wallMs(text: string | undefined): number {
  const ms = text ? Date.parse(text) : Number.NaN;
  return Number.isFinite(ms) && ms > 0 ? ms : 0;
}
