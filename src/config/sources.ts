/**
 * The three places a setting can come from, in rising order: config.json, CUBE_* variables, flags. Each value is read at once, and a wrong one is refused with
 * the place where it was written. Paths in the file start at the file's directory, all others at the current one.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { closest, editDistance } from "../core/closest.ts";
import { isObject } from "../core/json.ts";
import { absolute, configDirectory, type Place } from "./directories.ts";
import {
  flagOf,
  PLAIN_VARIABLES,
  SETTING_KEYS,
  SETTINGS,
  type SettingKey,
  type Values,
  variableOf,
} from "./settings.ts";
import { ConfigError, WrongValue } from "./wrong-value.ts";

/** Flags as given on the command line, by the keys of the settings. `config` names another file. */
export type Flags = Readonly<Record<string, unknown>>;

type Mutable = { -readonly [Key in SettingKey]?: unknown };
const PATHS: readonly SettingKey[] = ["tokenFile", "dataDir", "logFile", "allowBind"];

/** All values that somebody gave. Throws ConfigError. */
export function gather(place: Place, flags: Flags): Values {
  return { ...fromFile(place, flags), ...fromVariables(place), ...fromFlags(place, flags) };
}

function fromFile(place: Place, flags: Flags): Values {
  const named = String(flags.config ?? place.env.CUBE_CONFIG ?? "");
  const path = named === "" ? join(configDirectory(place), "config.json") : absolute(named, place);
  const text = readIfThere(path, named !== "");
  if (text === null || text.trim() === "") return {};
  const values: Mutable = {};
  for (const [key, raw] of Object.entries(parseObject(path, text))) {
    if (!isKey(key)) throw unknownKey(path, key);
    values[key] = read(key, raw, `${path}: "${key}"`);
  }
  return withPaths(values, { home: place.home, cwd: dirname(path) });
}

function fromVariables(place: Place): Values {
  const values: Mutable = {};
  for (const key of SETTING_KEYS) {
    const raw = place.env[variableOf(key)];
    if (raw !== undefined && raw !== "") values[key] = read(key, raw, variableOf(key));
  }
  refuseMisspelled(place.env);
  return withPaths(values, place);
}

function fromFlags(place: Place, flags: Flags): Values {
  const values: Mutable = {};
  for (const key of SETTING_KEYS) {
    const raw = flags[key];
    if (raw !== undefined) values[key] = read(key, raw, flagOf(key));
  }
  return withPaths(values, place);
}

function read(key: SettingKey, raw: unknown, where: string): unknown {
  try {
    return SETTINGS[key](raw);
  } catch (error) {
    if (!(error instanceof WrongValue)) throw error;
    throw new ConfigError(`${where} is ${JSON.stringify(raw)}, but must be ${error.message}`);
  }
}

/** An explicitly named file must be there; the default one need not. */
function readIfThere(path: string, mustExist: boolean): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (!mustExist && (code === "ENOENT" || code === "ENOTDIR")) return null;
    const why = code === "EISDIR" ? "it is a directory" : code === "ENOENT" ? "there is no such file" : String(code);
    throw new ConfigError(`cannot read the configuration ${path}: ${why}`);
  }
}

function parseObject(path: string, text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(
      `${path} is not JSON: ${(error as Error).message}`,
      'it holds one object, such as {"port": 5555}',
    );
  }
  if (isObject(parsed)) return parsed;
  throw new ConfigError(`${path} must hold one JSON object`, 'such as {"port": 5555}');
}

function unknownKey(path: string, key: string): ConfigError {
  const meant = closest(key, SETTING_KEYS);
  const hint = meant === null ? `known keys: ${SETTING_KEYS.join(", ")}` : `did you mean "${meant}"?`;
  return new ConfigError(`${path}: unknown key "${key}"`, hint);
}

/** Other programs may have CUBE_ variables of their own, so only one that is hardly different from a setting's is taken for a mistake. */
function refuseMisspelled(env: Place["env"]): void {
  const known = [...SETTING_KEYS.map(variableOf), ...PLAIN_VARIABLES].map((name) => name.slice("CUBE_".length));
  for (const [name, value] of Object.entries(env)) {
    const word = name.slice("CUBE_".length);
    if (!name.startsWith("CUBE_") || value === undefined || known.includes(word)) continue;
    const meant = closest(word, known);
    if (meant === null || editDistance(word, meant) > Math.max(1, Math.floor(word.length / 4))) continue;
    throw new ConfigError(`unknown variable ${name}`, `did you mean CUBE_${meant}?`);
  }
}

function withPaths(values: Mutable, place: Pick<Place, "home" | "cwd">): Values {
  for (const key of PATHS) {
    const value = values[key];
    if (typeof value === "string") values[key] = absolute(value, place);
    if (Array.isArray(value)) values[key] = value.map((path) => absolute(String(path), place));
  }
  return values as Values;
}

function isKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}
