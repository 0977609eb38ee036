/** Sizes and cores as people write them, read into integers: bytes and thousandths of a core. Pure. */
import { WrongValue } from "./wrong-value.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const SIZE = /^(\d+(?:\.\d+)?|\.\d+)\s*([bkmgt]?)(?:i?b)?$/i;
const CORES = /^(\d+(?:\.\d+)?|\.\d+)$/;

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
