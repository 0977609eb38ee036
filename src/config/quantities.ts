/** Sizes and cores in the configuration, with what would have been right where they are none. Pure. */
import { parseCpus, parseSize } from "../core/quantities.ts";
import { WrongValue } from "./wrong-value.ts";

/** Bytes from `512m`, `1.5g`, `64MiB` or a plain number; units are binary, as Docker's. Throws WrongValue. */
export function readBytes(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new WrongValue("a size such as 512m or 1.5g");
  return bytes;
}

/** Thousandths of a core from `0.5` or `2`, at least one. Throws WrongValue. */
export function readCpus(text: string): number {
  const millis = parseCpus(text);
  if (millis === undefined || millis < 1) throw new WrongValue("a number of cores such as 0.5 or 2");
  return millis;
}
