/** Which manager a command speaks to, and the token for it. Reads the token's file; nothing is connected here. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isLoopback, MANAGER_PORT } from "../core/address.ts";
import type { Target } from "../core/target.ts";
import { absolute, type Place, socketPath } from "./directories.ts";
import { fileReason } from "./file-reason.ts";
import { addressKey, knownManagersFile, readKnownManagers } from "./known-managers.ts";
import { ConfigError } from "./wrong-value.ts";

/** What decides on the target. Each is "" when nobody gave it. */
export interface TargetChoice {
  readonly manager: string;
  readonly tokenFile: string;
  readonly clusterId: string;
  readonly dataDir: string;
  readonly configDir: string;
}

/** The target of a choice; the data directory's socket when no manager was named. Throws ConfigError. */
export function targetOf(choice: TargetChoice, place: Place): Target {
  const path = socketOf(choice, place);
  if (path === null) return remoteTarget(choice, place);
  if (choice.clusterId === "") return { kind: "unix", path };
  throw new ConfigError(
    "a cluster's id is for a manager at HOST:PORT",
    "name it by --manager, or leave --cluster-id out",
  );
}

function socketOf({ manager, dataDir }: TargetChoice, place: Place): string | null {
  if (manager === "") return socketPath(dataDir);
  return namesSocket(manager) ? absolute(manager, place) : null;
}

/** True for a manager that is named by the path of its socket. Pure. */
export function namesSocket(manager: string): boolean {
  return manager.includes("/") && !manager.includes("://");
}

/** In clear only on loopback, and there only while nobody says otherwise: by a cluster id, by https, or by having logged in. */
function remoteTarget(choice: TargetChoice, place: Place): Target {
  const { manager } = choice;
  const { host, port } = readAddress(manager, MANAGER_PORT);
  const inClear = manager.startsWith("http://");
  const known = inClear
    ? undefined
    : readKnownManagers(knownManagersFile(choice.configDir)).get(addressKey({ host, port }));
  if (inClear && (choice.clusterId !== "" || !isLoopback(host))) throw neverInClear({ host, port });
  if (known && choice.clusterId !== "" && known.clusterId !== choice.clusterId) throw otherCluster({ host, port });
  const clusterId = choice.clusterId || (known?.clusterId ?? "");
  const secure = clusterId !== "" || manager.startsWith("https://") || !isLoopback(host);
  if (!secure) return { kind: "tcp", host, port, token: givenToken(choice, place) ?? localToken(choice) };
  return { kind: "tls", host, port, clusterId, token: givenToken(choice, place) ?? known?.token ?? "" };
}

/** `HOST:PORT`, `HOST`, `[::1]:5555`, `http://HOST:PORT` or `https://HOST:PORT`. Throws ConfigError. */
export function readAddress(text: string, defaultPort: number): { host: string; port: number } {
  const bare = text.replace(/^https?:\/\//, "").replace(/\/$/, "");
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(bare);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (match?.[1] === undefined || port > 65_535) throw wrongAddress(text);
  return { host: match[1].replace(/^\[|\]$/g, ""), port };
}

function givenToken({ tokenFile }: TargetChoice, place: Place): string | undefined {
  const given = (place.env.CUBE_TOKEN ?? "").trim();
  if (given !== "") return given;
  return tokenFile === "" ? undefined : readToken(tokenFile, true);
}

/** The token of this machine's own manager; it is never shown to another one. */
function localToken({ dataDir }: TargetChoice): string {
  return readToken(join(dataDir, "api-token"), false);
}

function neverInClear(at: { readonly host: string; readonly port: number }): ConfigError {
  return new ConfigError(
    `${addressKey(at)} cannot be spoken to in clear: everybody on the way could read the token`,
    "leave http:// out: beyond this machine Cube speaks TLS",
  );
}

/** As loud as ssh: two who vouch for different keys at one address are not both right. */
function otherCluster(at: { readonly host: string; readonly port: number }): ConfigError {
  return new ConfigError(
    `WARNING: ${addressKey(at)} is known as another cluster than the one that --cluster-id names`,
    `only if the manager there was really set up anew: cube logout ${addressKey(at)}`,
  );
}

function readToken(path: string, mustExist: boolean): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (!mustExist) return "";
    throw new ConfigError(`cannot read the token file ${path}: ${fileReason((error as NodeJS.ErrnoException).code)}`);
  }
}

function wrongAddress(text: string): ConfigError {
  return new ConfigError(
    `"${text}" is no manager's address`,
    "write HOST:PORT such as 127.0.0.1:5555, or the path of a socket such as ./cube.sock",
  );
}
