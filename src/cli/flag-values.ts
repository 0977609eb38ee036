/** Values of flags read into numbers, each refused by the flag's name. Pure. */

import type { Flags } from "../config/sources.ts";
import { parseCpus, parseDuration, parseSize } from "../core/quantities.ts";
import { UsageError } from "./cli-error.ts";
import { textFlag } from "./command-spec.ts";

/** A whole number from 0 on. Throws UsageError. */
export function readWholeNumber(flag: string, text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new UsageError(`${flag} "${text}" is no whole number`);
  return number;
}

/** A size in bytes. Throws UsageError; `hint` helps where a flag is easily mistaken for another one. */
export function readSize(flag: string, text: string, hint = ""): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new UsageError(`${flag} "${text}" is no size such as 512m or 1.5g`, hint);
  return bytes;
}

/** Cores in thousandths. Throws UsageError. */
export function readCores(flag: string, text: string): number {
  const millis = parseCpus(text);
  if (millis === undefined) throw new UsageError(`${flag} "${text}" is no number of cores such as 0.5 or 2`);
  return millis;
}

/** Milliseconds; a bare number is seconds, as with docker. Throws UsageError. */
export function readTime(flag: string, text: string): number {
  const ms = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  if (ms === undefined) throw new UsageError(`${flag} "${text}" is no time such as 10s or 1m30s`);
  return ms;
}

/** A flag's value through its reader, or undefined when it was not given. */
export function readFlag<T>(
  flags: Flags,
  at: { key: string; flag: string },
  read: (flag: string, text: string) => T,
): T | undefined {
  const text = textFlag(flags, at.key);
  return text === undefined ? undefined : read(at.flag, text);
}

/** Without the keys whose value is undefined. */
export function given<T extends object>(record: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> };
}
