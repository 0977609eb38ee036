/** The short words of a job request, as people know them from `docker run`: ports, mounts, constraints. Pure; undefined means that it cannot be. */
import type { Constraint, Mount, PortMapping } from "../core/spec.ts";

/** `80`, `8080:80`, `127.0.0.1:8080:80/udp`, `[::1]:8080:80`. Without a host port the engine chooses one. */
export function parsePort(port: string | number): PortMapping | undefined {
  const match = /^(?:(?:(\[[0-9a-fA-F:]+\]|[^:[\]]*):)?(\d*):)?(\d+)(?:\/(tcp|udp))?$/.exec(String(port).trim());
  if (!match) return undefined;
  const [, hostIp = "", hostPort = "", containerPort, protocol = "tcp"] = match;
  return {
    containerPort: Number(containerPort),
    hostPort: Number(hostPort || 0),
    protocol: protocol === "udp" ? "udp" : "tcp",
    hostIp: hostIp.replace(/^\[|\]$/g, ""),
  };
}

/** `/on/node:/in/task[:ro]` binds, `name:/in/task[:ro]` is a volume. */
export function parseMount(mount: string): Mount | undefined {
  const [source, target, mode = "rw", ...rest] = mount.split(":");
  if (!source || !target || rest.length > 0 || !["ro", "rw"].includes(mode)) return undefined;
  return { kind: source.startsWith("/") ? "bind" : "volume", source, target, readOnly: mode === "ro" };
}

/** `node.hostname==n1` or `zone!=b`. */
export function parseConstraint(constraint: string): Constraint | undefined {
  const match = /^\s*([^\s=!]+)\s*(==|!=)\s*(.+?)\s*$/.exec(constraint);
  const [, key, operator, value] = match ?? [];
  if (!key || !operator || !value) return undefined;
  return { key, operator: operator === "!=" ? "!=" : "==", value };
}
