/** Filters of lists: exact words, refused when they cannot match anything. Pure. */

import { ClientError } from "../client/cluster-client.ts";
import { didYouMean } from "../core/closest.ts";

/** `value` when it is one of `words` or absent. Throws ClientError `invalid` with the nearest word. */
export function oneOf(name: string, value: string | undefined, words: readonly string[]): string | undefined {
  if (value === undefined || words.includes(value)) return value;
  throw new ClientError("invalid", `${name}: "${value}" is none of ${words.join(", ")}`, didYouMean(value, words));
}
