/** Sizes, cores and times as people write them, read into integers: bytes, thousandths of a core, milliseconds. Pure. */
import { WrongValue } from "./wrong-value.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const SIZE = /^(\d+(?:\.\d+)?|\.\d+)\s*([bkmgt]?)(?:i?b)?$/i;
const CORES = /^(\d+(?:\.\d+)?|\.\d+)$/;
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Bytes from `512m`, `1.5g`, `64MiB` or a plain number; units are binary, as Docker's. Throws WrongValue. */
export function readBytes(text: string): number {
  const [, number, unit] = SIZE.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(number) * (UNITS[(unit ?? "").toLowerCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) throw new WrongValue("a size such as 512m or 1.5g");
  return bytes;
}

/** Thousandths of a core from `0.5` or `2`. Throws WrongValue. */
export function readCpus(text: string): number {
  const millis = CORES.test(text.trim()) ? Math.round(Number(text) * 1000) : Number.NaN;
  if (!Number.isSafeInteger(millis) || millis < 1) throw new WrongValue("a number of cores such as 0.5 or 2");
  return millis;
}

/** Milliseconds from `500ms`, `10s`, `1m30s`, `2h`, `7d`; a bare number is seconds. Throws WrongValue. */
export function readDuration(text: string): number {
  const trimmed = text.trim();
  if (/^\d+$/.test(trimmed)) return Number(trimmed) * 1000;
  if (!DURATION.test(trimmed)) throw new WrongValue("a time such as 10s, 1m30s or 2h");
  let ms = 0;
  for (const [, number, unit] of trimmed.matchAll(PART)) ms += Number(number) * (MILLISECONDS[unit ?? ""] ?? 0);
  return Math.round(ms);
}
