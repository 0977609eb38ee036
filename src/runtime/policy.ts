/**
 * What a worker lets a container do to its node: a pure check of the final create body, after all paths are resolved (see bind-paths.ts). Default deny: a
 * field that this file does not know is refused, because an engine often has two fields for one thing. Volumes that an administrator has made by hand
 * are taken as meant; the body itself may not make one with driver options.
 */
import { type Failure, fail } from "../core/failure.ts";
import type { BodyMount, CreateBody } from "./docker-body.ts";

/** What the worker's flags allow beyond the sandbox. */
export interface RuntimePolicy {
  /** `--allow-bind PATH`: directories below which paths of the node may be mounted. */
  readonly allowBind: readonly string[];
  /** `--allow-privileged`. */
  readonly allowPrivileged: boolean;
  /** `--allow-host-network`. */
  readonly allowHostNetwork: boolean;
  /** `--allow-host-namespaces NAMES`. */
  readonly allowHostNamespaces: readonly ("pid" | "ipc" | "uts")[];
  /** `--allow-device PATH`. */
  readonly allowDevice: readonly string[];
  /** `--allow-cap NAME`, with or without CAP_ before it. */
  readonly allowCap: readonly string[];
  /** `--allow-engine-socket`: whoever has it owns the node. */
  readonly allowEngineSocket: boolean;
  /** Paths never mounted nor their parents, whatever is allowed: where Cube's own keys, tokens and settings are. */
  readonly protect: readonly string[];
}

/** Docker's default capabilities less NET_RAW (CVE-2021-32575: enough to spoof neighbours on the bridge). */
const CAPS = new Set(
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT".split(
    " ",
  ),
);
/** Mounting one of these, a path in it or a directory above it gives the node away. */
const SYSTEM_PATHS = [
  "/",
  "/etc",
  "/proc",
  "/sys",
  "/dev",
  "/boot",
  "/var/lib/docker",
  "/var/lib/containers",
  "/var/lib/containerd",
];
const SOCKETS = [
  "/var/run/docker.sock",
  "/run/docker.sock",
  "/run/podman",
  "/run/containerd",
  "/var/run/podman",
  "/var/run/containerd",
];

const BODY_FIELDS = new Set(
  "Image Cmd Entrypoint Env WorkingDir User StopSignal Labels ExposedPorts HostConfig Tty Volumes".split(" "),
);
const HOST_FIELDS = new Set(
  (
    "NetworkMode RestartPolicy Init PidsLimit LogConfig CapAdd CapDrop Privileged SecurityOpt Memory MemorySwap NanoCpus PidMode IpcMode UTSMode " +
    "UsernsMode Devices Mounts Binds Tmpfs PortBindings ReadonlyRootfs"
  ).split(" "),
);

const MOUNT_FIELDS = new Set(["Type", "Source", "Target", "ReadOnly", "VolumeOptions"]);

/** Where the engine listens ("" for elsewhere), as far as this node's paths are concerned. */
export interface PolicyContext {
  readonly policy: RuntimePolicy;
  readonly engineSocket: string;
}

/** Why this body is refused on this node, or null. Binds must have been resolved to real paths. */
export function refusal(body: CreateBody, context: PolicyContext): Failure | null {
  const { policy } = context;
  const reasons = [
    unknownField(body),
    privilegeRefusal(body, policy),
    namespaceRefusal(body, policy),
    capRefusal(body, policy),
    deviceRefusal(body, policy),
    ...canonicalMounts(body).map((mount) => mountRefusal(mount, context)),
  ];
  const reason = reasons.find((text) => text !== "");
  return reason ? fail("denied", reason).failure : null;
}

/** All mounts of a body in one list, whichever field they came from. */
function canonicalMounts(body: CreateBody): readonly BodyMount[] {
  const { HostConfig: host } = body;
  const binds = texts(host.Binds).map((bind): BodyMount => {
    const [source = "", target = ""] = bind.split(":");
    return { Type: source.startsWith("/") ? "bind" : "volume", Source: source, Target: target };
  });
  const tmpfs = Object.keys(record(host.Tmpfs)).map((target): BodyMount => ({ Type: "tmpfs", Target: target }));
  const volumes = Object.keys(record(body.Volumes)).map((target): BodyMount => ({ Type: "volume", Target: target }));
  return [...(host.Mounts ?? []), ...binds, ...tmpfs, ...volumes];
}

function unknownField(body: CreateBody): string {
  const field =
    Object.keys(body).find((name) => !BODY_FIELDS.has(name)) ??
    Object.keys(body.HostConfig).find((name) => !HOST_FIELDS.has(name));
  return field === undefined ? "" : `${field}: this worker does not know the field, so it refuses it`;
}

function privilegeRefusal(body: CreateBody, policy: RuntimePolicy): string {
  const { Privileged, SecurityOpt } = body.HostConfig;
  if (Privileged && !policy.allowPrivileged) return "privileged: start the worker with --allow-privileged to allow it";
  const loose = texts(SecurityOpt).find((option) => !/^no-new-privileges(:true)?$/.test(option));
  if (loose !== undefined && !policy.allowPrivileged) {
    return `security option ${loose}: start the worker with --allow-privileged to allow it`;
  }
  return "";
}

function namespaceRefusal(body: CreateBody, policy: RuntimePolicy): string {
  const { NetworkMode, PidMode, IpcMode, UTSMode, UsernsMode } = body.HostConfig;
  if (NetworkMode === "host") {
    return policy.allowHostNetwork ? "" : "the host's network: start the worker with --allow-host-network to allow it";
  }
  if (!["bridge", "none", "default"].includes(NetworkMode))
    return `network ${NetworkMode}: only bridge, none and host are known`;
  for (const [name, mode] of Object.entries({ pid: PidMode, ipc: IpcMode, uts: UTSMode, user: UsernsMode })) {
    if (mode === undefined || mode === "" || mode === "private") continue;
    if (mode !== "host") return `${name} namespace ${String(mode)}: joining another container's is not allowed`;
    if (!policy.allowHostNamespaces.some((allowed) => allowed === name))
      return `the host's ${name} namespace: start the worker with --allow-host-namespaces ${name} to allow it`;
  }
  return "";
}

function capRefusal(body: CreateBody, policy: RuntimePolicy): string {
  const allowed = new Set(policy.allowCap.map(capName));
  const refused = texts(body.HostConfig.CapAdd)
    .map(capName)
    .find((cap) => !CAPS.has(cap) && !allowed.has(cap));
  return refused ? `capability ${refused}: start the worker with --allow-cap ${refused} to allow it` : "";
}

function capName(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}

function deviceRefusal(body: CreateBody, policy: RuntimePolicy): string {
  const devices = Array.isArray(body.HostConfig.Devices) ? (body.HostConfig.Devices as unknown[]) : [];
  for (const device of devices) {
    const path = String(record(device).PathOnHost);
    if (!policy.allowDevice.includes(path))
      return `device ${path}: start the worker with --allow-device ${path} to allow it`;
  }
  return "";
}

function mountRefusal(mount: BodyMount, context: PolicyContext): string {
  const field = Object.keys(mount).find((name) => !MOUNT_FIELDS.has(name));
  if (field !== undefined)
    return `${field} of mount ${mount.Target}: this worker does not know the field, so it refuses it`;
  switch (mount.Type) {
    case "tmpfs":
      return "";
    case "volume":
      if (mount.VolumeOptions === undefined) return "";
      return `volume ${mount.Source ?? ""}: driver options can reach any path of the node, make the volume by hand`;
    case "bind":
      return bindRefusal(mount.Source ?? "", context);
    default:
      return `mount of kind ${mount.Type}: only bind, volume and tmpfs are known`;
  }
}

function bindRefusal(source: string, { policy, engineSocket }: PolicyContext): string {
  if (source.split("/").includes("..")) return `${source}: a path with .. in it is not mounted`;
  const secret = policy.protect.find((path) => touches(source, path));
  if (secret) return `${source} holds Cube's own data (${secret}): mount another directory`;
  const socket = [engineSocket, ...SOCKETS].find((path) => path !== "" && touches(source, path));
  if (socket && !policy.allowEngineSocket) {
    return `${source} gives away the container engine (${socket}): start the worker with --allow-engine-socket to allow it`;
  }
  if (socket && within(source, socket)) return "";
  const system = SYSTEM_PATHS.find((path) => (path !== "/" ? touches(source, path) : source === "/"));
  if (system && !policy.allowBind.some((allowed) => within(allowed, system) && within(source, allowed))) {
    return `${source} gives away the node (${system}): start the worker with --allow-bind for that very path to allow it`;
  }
  if (policy.allowBind.some((allowed) => within(source, allowed))) return "";
  return `${source}: this worker mounts ${places(policy.allowBind)}: start it with --allow-bind ${source} to allow it`;
}

function places(allowed: readonly string[]): string {
  return allowed.length === 0 ? "no paths of its node" : `only paths below ${allowed.join(", ")}`;
}

/** True when one of the two paths lies in the other. */
function touches(a: string, b: string): boolean {
  return within(a, b) || within(b, a);
}

/** True for the directory itself and everything below it. */
function within(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
