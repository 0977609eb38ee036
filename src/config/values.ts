/**
 * Readers of single values. One value may be text (flag, variable) or JSON (file); both are read here into one type, so that no later code asks where it came from.
 * A reader says what it expected by WrongValue and never where the value was written.
 */
import { parseAddress } from "../core/address.ts";
import { isObject } from "../core/json.ts";
import type { Resources } from "../core/spec.ts";
import { readBytes, readCpus } from "./quantities.ts";
import { WrongValue } from "./wrong-value.ts";

/** Reads one raw value; throws WrongValue. */
export type Reader<T> = (raw: unknown) => T;

/** Any text that is not empty. */
export function readText(raw: unknown): string {
  if (typeof raw !== "string" || raw.trim() === "") throw new WrongValue("a text that is not empty");
  return raw.trim();
}

/** HOST:PORT, or the path of a socket; `unix://PATH` is another way to write a path. */
export function readManager(raw: unknown): string {
  const text = readText(raw);
  const path = text.startsWith("unix://") ? text.slice("unix://".length) : null;
  if (path === "") throw new WrongValue("HOST:PORT, or the path of a socket such as unix:///run/cube.sock");
  return path === null || path.includes("/") ? (path ?? text) : `./${path}`;
}

/** Where to listen: HOST:PORT, or a host alone. Port 0 is a free one. */
export function readListen(raw: unknown): { readonly host: string; readonly port?: number } {
  const { host, port } =
    /^(?<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?<port>\d{1,5}))?$/.exec(readText(raw))?.groups ?? {};
  if (host === undefined || Number(port ?? 0) > 65_535)
    throw new WrongValue("HOST:PORT such as 127.0.0.1:5555, or 0.0.0.0:5555 for all of this machine's addresses");
  return { host: host.replace(/^\[|\]$/g, ""), ...(port !== undefined && { port: Number(port) }) };
}

/** Where somebody else listens: HOST:PORT, or a host alone. */
export function readPeer(raw: unknown): string {
  const text = readText(raw);
  // Which port is meant where none is named, who dials knows.
  if (parseAddress(text, 1).ok) return text;
  throw new WrongValue("HOST:PORT such as 10.0.0.2:5556");
}

/** A node's name: as a machine's, so that it needs no quotes anywhere and is never taken for a flag. */
export function readNodeName(raw: unknown): string {
  const text = readText(raw);
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return text;
  throw new WrongValue("at most 63 letters, digits, dots, dashes and underscores, a letter or digit first");
}

/** A cluster's id in full: a shorter one would not keep an impostor out. */
export function readClusterId(raw: unknown): string {
  const text = typeof raw === "string" ? raw.trim() : "";
  if (/^[a-z2-7]{52}$/.test(text)) return text;
  throw new WrongValue("a cluster's id: 52 letters and digits, as `cube node token` and `cube token create` show it");
}

/** true or false, 1 or 0, yes or no, on or off. */
export function readSwitch(raw: unknown): boolean {
  if (typeof raw === "boolean") return raw;
  const text = String(raw).toLowerCase();
  if (["true", "1", "yes", "on"].includes(text)) return true;
  if (["false", "0", "no", "off"].includes(text)) return false;
  throw new WrongValue("true or false");
}

/** A TCP port; 0, a free one chosen by the system, where `zero` allows it. */
export function portReader(zero: boolean): Reader<number> {
  const lowest = zero ? 0 : 1;
  return (raw) => {
    const port = typeof raw === "number" ? raw : /^\d+$/.test(String(raw)) ? Number(raw) : Number.NaN;
    if (Number.isInteger(port) && port >= lowest && port <= 65_535) return port;
    throw new WrongValue(`a port from ${lowest} to 65535`);
  };
}

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): Reader<T> {
  return (raw) => {
    const word = words.find((candidate) => candidate === raw);
    if (word === undefined) throw new WrongValue(alternatives(words));
    return word;
  };
}

/** Several values, each taken whole from an array (a repeated flag); only text is divided at its commas. For what may hold a comma itself. */
export function wholeListOf<T>(read: Reader<T>): Reader<readonly T[]> {
  return (raw) => (Array.isArray(raw) ? raw : splitText(raw)).map((item) => read(item));
}

/** Several values: an array, or text with commas. */
export function listOf<T>(read: Reader<T>): Reader<readonly T[]> {
  return (raw) => {
    const items = Array.isArray(raw) ? raw.flatMap(splitText) : splitText(raw);
    return items.map((item) => read(item));
  };
}

/** Labels from an object of texts, or from `key=value` texts. A key alone has the value "". */
export function readLabels(raw: unknown): Readonly<Record<string, string>> {
  const pairs = isObject(raw) ? Object.entries(raw) : wholeListOf(readText)(raw).map(splitPair);
  const labels: [string, string][] = pairs.map(([key, value]) => [labelKey(key), labelValue(value)]);
  return Object.fromEntries(labels);
}

/** Kept back for the system when nobody says otherwise. */
export const SYSTEM_RESERVE: Resources = { cpuMillis: 100, memoryBytes: 256 * 2 ** 20, diskBytes: 2 ** 30 };

/** Resources from `cpu=0.5,memory=512m,disk=1g`, or an object of those. What is left out is kept back as it is by default: a word on cores gives no memory away. */
export function readReserve(raw: unknown): Resources {
  const pairs = isObject(raw) ? Object.entries(raw) : listOf(readText)(raw).map(splitPair);
  const found: Record<string, number> = {};
  for (const [key, value] of pairs) found[key] = readAmount(key, String(value));
  const { cpuMillis, memoryBytes, diskBytes } = SYSTEM_RESERVE;
  return {
    cpuMillis: found.cpu ?? cpuMillis,
    memoryBytes: found.memory ?? memoryBytes,
    diskBytes: found.disk ?? diskBytes,
  };
}

/** `a`, `b` or `c`, for error texts. */
function alternatives(words: readonly string[]): string {
  if (words.length <= 1) return words.join();
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function readAmount(key: string, text: string): number {
  if (key === "cpu") return readCpus(text);
  if (key === "memory" || key === "disk") return readBytes(text);
  throw new WrongValue("cpu=CORES, memory=SIZE and disk=SIZE, such as cpu=0.5,memory=512m");
}

function labelKey(key: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$/.test(key)) return key;
  throw new WrongValue("labels as key=value; a key has letters, digits, dots, dashes, slashes and underscores");
}

function labelValue(value: unknown): string {
  if (typeof value === "string") return value;
  throw new WrongValue("labels whose values are texts");
}

function splitPair(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function splitText(raw: unknown): unknown[] {
  if (typeof raw !== "string") return [raw];
  return raw
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
