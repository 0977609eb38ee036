/** The short words of a job request, as people know them from `docker run`: sizes, durations, ports, mounts, constraints. Pure; undefined means that it cannot be. */
import type { Constraint, Mount, PortMapping } from "../core/spec.ts";

const KIB = 1024;
const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: KIB,
  m: KIB ** 2,
  g: KIB ** 3,
  t: KIB ** 4,
};
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Bytes of `512m`, `1g`, `1.5GiB`, or of a number of bytes. Units are of 1024, as in Docker. */
export function parseSize(size: string | number): number | undefined {
  if (typeof size === "number") return safe(size);
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(size.trim());
  const unit = SIZE_UNITS[match?.[2]?.toLowerCase() ?? "none"];
  if (!match || unit === undefined) return undefined;
  return safe(Math.round(Number(match[1]) * unit));
}

/** Milliseconds of `10s`, `1m30s`, `500ms`, or of a number of milliseconds. */
export function parseDuration(duration: string | number): number | undefined {
  if (typeof duration === "number") return safe(duration);
  const text = duration.trim();
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    ms += Number(count) * (DURATION_UNITS[unit ?? ""] ?? 0);
  return safe(Math.round(ms));
}

/** Thousandths of a core of a number of cores such as 0.5. Above 0 and below a thousandth is undefined: it would mean no limit. */
export function parseCpus(cpus: string | number): number | undefined {
  const cores = typeof cpus === "number" ? cpus : /^\d+(\.\d+)?$/.test(cpus.trim()) ? Number(cpus) : Number.NaN;
  const millis = safe(Math.round(cores * 1_000));
  return millis === 0 && cores !== 0 ? undefined : millis;
}

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

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
