/** Where Cube keeps its files, by the XDG base directory specification. Pure: nothing is created here. */
import { isAbsolute, join, resolve } from "node:path";
import { ConfigError } from "./wrong-value.ts";

/** Absolute paths. With a data directory of one's own, logs and runtime files lie in it too, so that two clusters never share them. */
export interface Directories {
  readonly data: string;
  readonly config: string;
  /** Logs. */
  readonly state: string;
  readonly runtime: string;
}

/** What is known of the surroundings: the user's home and the directory that relative paths start from. */
export interface Place {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly cwd: string;
}

/** The kernel's limit on a socket's path, less the closing zero: 108 bytes on Linux, 104 on macOS; the smaller one, so that a directory works on both. */
const SOCKET_PATH_BYTES = 103;

/** The directory that holds config.json. */
export function configDirectory(place: Place): string {
  return join(xdg(place, "XDG_CONFIG_HOME", ".config"), "cube");
}

/** All directories; `dataDir` is the user's own choice, "" for none. */
export function directories(place: Place, dataDir: string): Directories {
  const config = configDirectory(place);
  if (dataDir !== "") {
    const data = absolute(dataDir, place);
    return { data, config, state: data, runtime: data };
  }
  const data = join(xdg(place, "XDG_DATA_HOME", join(".local", "share")), "cube");
  const state = join(xdg(place, "XDG_STATE_HOME", join(".local", "state")), "cube");
  const own = place.env.XDG_RUNTIME_DIR ?? "";
  return { data, config, state, runtime: isAbsolute(own) ? join(own, "cube") : data };
}

/** The manager's local socket in a data directory. Throws ConfigError when the system could not bind such a path. */
export function socketPath(dataDir: string): string {
  const path = join(dataDir, "cube.sock");
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES) return path;
  throw new ConfigError(
    `the data directory's path is too long for a socket: ${path} (at most ${SOCKET_PATH_BYTES} bytes)`,
    "choose a shorter one by --data-dir or CUBE_DATA_DIR",
  );
}

/** An absolute path; `~/` is the home directory. */
export function absolute(path: string, place: Pick<Place, "home" | "cwd">): string {
  if (path === "~" || path.startsWith("~/")) return join(place.home, path.slice(1));
  return resolve(place.cwd, path);
}

/** The specification says that a relative path in these variables is to be ignored. */
function xdg(place: Place, variable: string, fallback: string): string {
  const value = place.env[variable] ?? "";
  return isAbsolute(value) ? value : join(place.home, fallback);
}
