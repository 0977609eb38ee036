/** Which manager a command speaks to, and the token for it. Reads the token's file; nothing is connected here. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isLoopback } from "../core/address.ts";
import { absolute, type Place, socketPath } from "./directories.ts";
import { ConfigError } from "./wrong-value.ts";

/** A manager's address. `token` is "" where none is known; a socket needs none. */
export type Target =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly token: string };

/** What decides on the target. `manager` and `tokenFile` are "" when nobody gave them. */
export interface TargetChoice {
  readonly manager: string;
  readonly tokenFile: string;
  readonly dataDir: string;
}

/** The port of a manager's API, as the book has it. */
export const DEFAULT_PORT = 5555;

/** The target of a choice; the data directory's socket when no manager was named. Throws ConfigError. */
export function targetOf(choice: TargetChoice, place: Place): Target {
  const { manager } = choice;
  if (manager === "") return { kind: "unix", path: socketPath(choice.dataDir) };
  if (manager.startsWith("unix://")) return { kind: "unix", path: absolute(manager.slice("unix://".length), place) };
  if (manager.includes("/") && !manager.includes("://")) return { kind: "unix", path: absolute(manager, place) };
  const { host, port } = readAddress(manager, DEFAULT_PORT);
  return { kind: "tcp", host, port, token: tokenFor(host, choice, place) };
}

/** `HOST:PORT`, `HOST`, `[::1]:5555` or `http://HOST:PORT`. Throws ConfigError. */
export function readAddress(text: string, defaultPort: number): { host: string; port: number } {
  const bare = text.replace(/^http:\/\//, "").replace(/\/$/, "");
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(bare);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (match?.[1] === undefined || port > 65_535) throw wrongAddress(text);
  return { host: match[1].replace(/^\[|\]$/g, ""), port };
}

function tokenFor(host: string, choice: TargetChoice, place: Place): string {
  const given = (place.env.CUBE_TOKEN ?? "").trim();
  if (given !== "") return given;
  if (choice.tokenFile !== "") return readToken(choice.tokenFile, true);
  return isLoopback(host) ? readToken(join(choice.dataDir, "api-token"), false) : "";
}

function readToken(path: string, mustExist: boolean): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (!mustExist) return "";
    throw new ConfigError(`cannot read the token file ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function wrongAddress(text: string): ConfigError {
  return new ConfigError(
    `"${text}" is no manager's address`,
    "write HOST:PORT such as 127.0.0.1:5555, or the path of a socket such as ./cube.sock",
  );
}
