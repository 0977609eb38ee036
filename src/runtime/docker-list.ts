/**
 * What the list of an engine says of its containers by itself, for those that cannot be inspected. A container that is on the list is never left out:
 * its worker would take it for gone and start it a second time. Pure.
 */
import type { Instance } from "../worker/effects.ts";
import { type Inspected, toInstance } from "./docker-instance.ts";

interface ListedPort {
  readonly IP?: string;
  readonly PrivatePort?: number;
  readonly PublicPort?: number;
  readonly Type?: string;
}

/** An entry of the engine's list, as far as Cube reads it; every part but the id may be missing on some engine. */
export interface Listed {
  readonly Id: string;
  readonly State?: string;
  /** For people: "Exited (137) 3 minutes ago". */
  readonly Status?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Ports?: readonly ListedPort[] | null;
  readonly HostConfig?: { readonly NetworkMode?: string };
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string } | null>> };
}

/** Reads the body of a list; null when it is none. */
export function listed(body: unknown): readonly Listed[] | null {
  if (!Array.isArray(body)) return null;
  return body.every((one) => typeof (one as Listed | null)?.Id === "string") ? (body as readonly Listed[]) : null;
}

/** The instance as the list knows it: no times, no out-of-memory mark, no published port that is not bound. Null for a foreign container. */
export function listedInstance(entry: Listed, nodeId: string): Instance | null {
  const seen: Inspected = {
    Id: entry.Id,
    State: stateOf(entry),
    Config: { Labels: entry.Labels ?? null },
    HostConfig: { ...entry.HostConfig, PortBindings: bindingsOf(entry.Ports ?? []) },
    NetworkSettings: { Networks: entry.NetworkSettings?.Networks ?? null },
  };
  const instance = toInstance(seen, nodeId);
  if (instance === null || instance.status !== "exited") return instance;
  return { ...instance, exitCode: exitCodeOf(entry.Status ?? "") };
}

/** Whatever is not surely without a process counts as running: to be wrong that way costs time, the other way a second run. */
function stateOf(entry: Listed): NonNullable<Inspected["State"]> {
  const state = (entry.State ?? "").toLowerCase();
  return { Status: state === "created" || state === "exited" ? state : "running" };
}

function exitCodeOf(status: string): number | null {
  const code = /^Exited \((\d+)\)/i.exec(status)?.[1];
  return code === undefined ? null : Number(code);
}

/** Bound ports as an inspection names them; IPv6 twins of a binding on all addresses are passed over. */
function bindingsOf(ports: readonly ListedPort[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { IP = "", PrivatePort, PublicPort, Type = "tcp" } of ports) {
    if (!PrivatePort || !PublicPort || IP === "::") continue;
    const key = `${PrivatePort}/${Type}`;
    bindings[key] ??= [];
    bindings[key].push({ HostIp: IP === "0.0.0.0" ? "" : IP, HostPort: String(PublicPort) });
  }
  return bindings;
}
