/**
 * The three places a setting can come from, in rising order: config.json, CUBE_* variables, flags. Each value is read at once, and a wrong one is refused with
 * the place where it was written. Paths in the file, that of a manager's socket among them, start at the file's directory, all others at the current one.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { closest, editDistance } from "../core/closest.ts";
import { isObject } from "../core/json.ts";
import { findJsonMistake } from "../core/json-mistake.ts";
import { absolute, configDirectory, type Place } from "./directories.ts";
import { fileReason } from "./file-reason.ts";
import {
  flagOf,
  PLAIN_VARIABLES,
  SETTING_KEYS,
  SETTINGS,
  type SettingKey,
  type Values,
  variableOf,
} from "./settings.ts";
import { namesSocket } from "./target.ts";
import { ConfigError, WrongValue } from "./wrong-value.ts";

/** Flags as given on the command line, by the keys of the settings. `config` names another file. */
export type Flags = Readonly<Record<string, unknown>>;

/** Where a setting was written, as messages name it; and whether that was the command line, which speaks of this one start. */
export interface Origin {
  readonly where: string;
  readonly isFlag: boolean;
}

/** Of each setting that somebody gave, where the value that counts was written. */
export type Origins = { readonly [Key in SettingKey | "adopt"]?: Origin };

/** Values and where they are from. */
export interface Gathered {
  readonly values: Values;
  readonly origins: Origins;
}

/** One of the three places. */
interface Source {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly isFlag: boolean;
  readonly where: (key: SettingKey) => string;
  /** Where relative paths start. */
  readonly base: Pick<Place, "home" | "cwd">;
}

type Mutable = { -readonly [Key in SettingKey]?: unknown };
const PATHS: readonly SettingKey[] = ["tokenFile", "dataDir", "logFile", "allowBind", "joinTokenFile"];

/** All values that somebody gave. Throws ConfigError. */
export function gather(place: Place, flags: Flags): Gathered {
  const all = [fromFile(place, flags), fromVariables(place), fromFlags(place, flags)].map(readAll);
  // By flag only: no file and no variable may have the workers adopted again and again.
  const adopt = flags.adopt === true ? { adopt: { where: "--adopt", isFlag: true } } : {};
  return {
    values: Object.assign({}, ...all.map(({ values }) => values)),
    origins: Object.assign({}, ...all.map(({ origins }) => origins), adopt),
  };
}

/** Absolute path of the file; it is there where somebody named it. */
export function configFile(place: Place, flags: Flags): string {
  const named = namedFile(place, flags);
  return named === "" ? join(configDirectory(place), "config.json") : absolute(named, place);
}

function namedFile(place: Place, flags: Flags): string {
  return String(flags.config ?? place.env.CUBE_CONFIG ?? "");
}

function fromFile(place: Place, flags: Flags): Source {
  const path = configFile(place, flags);
  const text = readIfThere(path, namedFile(place, flags) !== "") ?? "";
  const raw = text.trim() === "" ? {} : parseObject(path, text);
  const wrong = Object.keys(raw).find((key) => !isKey(key));
  if (wrong !== undefined) throw unknownKey(path, wrong);
  const base = { home: place.home, cwd: dirname(path) };
  return { raw, isFlag: false, where: (key) => `${path}: "${key}"`, base };
}

function fromVariables(place: Place): Source {
  const given = SETTING_KEYS.map((key) => [key, place.env[variableOf(key)]] as const);
  refuseMisspelled(place.env);
  return {
    raw: Object.fromEntries(given.filter(([, text]) => text !== "")),
    isFlag: false,
    where: variableOf,
    base: place,
  };
}

function fromFlags(place: Place, flags: Flags): Source {
  // Of a switch with two spellings the one that was written.
  const where = (key: SettingKey): string => (flags[key] === true ? flagOf(key).replace(/^--no-/, "--") : flagOf(key));
  return { raw: flags, isFlag: true, where, base: place };
}

function readAll({ raw, isFlag, where, base }: Source): Gathered {
  const values: Mutable = {};
  const origins: { -readonly [Key in keyof Origins]: Origins[Key] } = {};
  for (const key of SETTING_KEYS) {
    if (raw[key] === undefined) continue;
    values[key] = read(key, raw[key], where(key));
    origins[key] = { where: where(key), isFlag };
  }
  return splitListen({ values: withPaths(values, base), origins });
}

/** `listen` is host and port in one word. It counts as much as the place where it was written does; a host or a port of its own beside it counts more. */
function splitListen({ values: { listen, ...values }, origins }: Gathered): Gathered {
  const origin = origins.listen;
  if (listen === undefined || origin === undefined) return { values, origins };
  const at = { host: origin, ...(listen.port !== undefined && { port: origin }) };
  return { values: { ...listen, ...values }, origins: { ...at, ...origins } };
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
    throw new ConfigError(`cannot read the configuration ${path}: ${fileReason(code)}`);
  }
}

function parseObject(path: string, text: string): Record<string, unknown> {
  const mistake = findJsonMistake(text);
  if (mistake !== null) {
    const { line, column, expected } = mistake;
    throw new ConfigError(
      `${path}:${line}:${column} is not JSON: expected ${expected}`,
      'it holds one object, such as {"port": 5555}',
    );
  }
  const parsed: unknown = JSON.parse(text);
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
  const paths = namesSocket(String(values.manager ?? "")) ? [...PATHS, "manager" as const] : PATHS;
  for (const key of paths) {
    const value = values[key];
    if (typeof value === "string") values[key] = absolute(value, place);
    if (Array.isArray(value)) values[key] = value.map((path) => absolute(String(path), place));
  }
  return values as Values;
}

function isKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}
