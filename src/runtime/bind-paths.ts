/**
 * Resolves the paths of this node that a create body names, links included, so that policy.ts judges what will really be mounted; and looks again before
 * the start, because a link may have been swapped in between. Reads the file system, changes nothing.
 */
import { realpath } from "node:fs/promises";
import { fail, ok, type Result } from "../core/failure.ts";
import type { BodyMount, CreateBody } from "./docker-body.ts";
import type { PolicyContext } from "./policy.ts";

/** The body with every bind and device at its real path. Fails with `invalid` for a path that is not there. */
export async function resolvePaths(body: CreateBody): Promise<Result<CreateBody>> {
  const { Mounts = [], Devices } = body.HostConfig;
  const mounts: BodyMount[] = [];
  for (const mount of Mounts) {
    const resolved = mount.Type === "bind" ? await realPath(mount.Source ?? "") : ok("");
    if (!resolved.ok) return resolved;
    mounts.push(mount.Type === "bind" ? { ...mount, Source: resolved.value } : mount);
  }
  const devices: unknown[] = [];
  for (const device of (Devices ?? []) as readonly { readonly PathOnHost: string }[]) {
    const resolved = await realPath(device.PathOnHost);
    if (!resolved.ok) return resolved;
    devices.push({ ...device, PathOnHost: resolved.value });
  }
  return ok({ ...body, HostConfig: { ...body.HostConfig, Mounts: mounts, Devices: devices } });
}

async function realPath(path: string): Promise<Result<string>> {
  try {
    return ok(await realpath(path));
  } catch {
    return fail("invalid", `${path}: not there on this node, or not readable: create it first`);
  }
}

/** The policy and the engine's socket with their own paths resolved; those that do not exist (yet) stay as they are. */
export async function resolveContext({ policy, engineSocket }: PolicyContext): Promise<PolicyContext> {
  const one = (path: string) => realpath(path).catch(() => path);
  const all = (paths: readonly string[]) => Promise.all(paths.map(one));
  const [allowBind, allowDevice, protect, socket] = await Promise.all([
    all(policy.allowBind),
    all(policy.allowDevice),
    all(policy.protect),
    one(engineSocket),
  ]);
  return { policy: { ...policy, allowBind, allowDevice, protect }, engineSocket: socket };
}

/** The first of these real paths that has become a link to elsewhere, or "". */
export async function swapped(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    if ((await realpath(path).catch(() => "")) !== path) return path;
  }
  return "";
}
