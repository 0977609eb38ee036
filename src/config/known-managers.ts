/**
 * Managers elsewhere that somebody has vouched for: known-managers.json in the configuration directory, as ssh keeps known_hosts. By address the id of the cluster that
 * has to answer there, and the token for it; hence nobody else may read the file. Written by `cube login`, never on the way of another command.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Address, addressText } from "../core/address.ts";
import { isObject } from "../core/json.ts";
import { ConfigError } from "./wrong-value.ts";

/** What is known of the manager at an address. */
export interface KnownManager {
  readonly clusterId: string;
  /** "" for none. */
  readonly token: string;
}

/** By address, as `addressKey` writes it. */
export type KnownManagers = ReadonlyMap<string, KnownManager>;

const VERSION = 1;

/** The file in a configuration directory. */
export function knownManagersFile(configDirectory: string): string {
  return join(configDirectory, "known-managers.json");
}

/** How an address is named in the file and in messages. */
export function addressKey({ host, port }: Address): string {
  return addressText({ host: host.toLowerCase(), port });
}

/** Everything in the file; nothing when there is none. Throws ConfigError for one that others may read, or that is damaged. */
export function readKnownManagers(file: string): KnownManagers {
  const text = readPrivate(file);
  if (text === null) return new Map();
  const parsed = parse(file, text);
  return new Map(Object.entries(parsed.managers));
}

/** Writes an address down, or another pin or token for it. Throws ConfigError. */
export function rememberManager(file: string, address: string, manager: KnownManager): void {
  write(file, new Map([...readKnownManagers(file), [address, manager]]));
}

/** Takes an address out; false when it was not there. Throws ConfigError. */
export function forgetManager(file: string, address: string): boolean {
  const known = new Map(readKnownManagers(file));
  if (!known.delete(address)) return false;
  write(file, known);
  return true;
}

function readPrivate(file: string): string | null {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new ConfigError(`${file} cannot be read: ${code}`);
  }
  try {
    if ((fstatSync(handle).mode & 0o077) === 0) return readFileSync(handle, "utf8");
  } finally {
    closeSync(handle);
  }
  throw new ConfigError(`others may read ${file}, which holds tokens`, `chmod 600 ${file}`);
}

function parse(file: string, text: string): { readonly managers: Readonly<Record<string, KnownManager>> } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw damaged(file);
  }
  if (!isObject(parsed) || !isObject(parsed.managers)) throw damaged(file);
  if (parsed.version !== VERSION)
    throw new ConfigError(`${file} has version ${parsed.version}, this Cube knows ${VERSION}`);
  const entries = Object.entries(parsed.managers).map(([address, manager]) => {
    if (!isObject(manager) || typeof manager.clusterId !== "string" || typeof manager.token !== "string")
      throw damaged(file);
    return [address, { clusterId: manager.clusterId, token: manager.token }] as const;
  });
  return { managers: Object.fromEntries(entries) };
}

function damaged(file: string): ConfigError {
  return new ConfigError(`${file} is damaged`, "delete it, and log in anew: cube login HOST:PORT");
}

/** Beside it and renamed, so that a crash leaves the old or the new one. */
function write(file: string, managers: KnownManagers): void {
  const draft = `${file}.${process.pid}.new`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const content = { version: VERSION, managers: Object.fromEntries(managers) };
    writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    renameSync(draft, file);
  } catch (error) {
    throw new ConfigError(`${file} cannot be written: ${(error as NodeJS.ErrnoException).code}`);
  }
}
