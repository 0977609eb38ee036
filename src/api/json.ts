/** JSON from outside: bounded before it is parsed, and rid of keys that would reach into JavaScript's own objects. Pure. */
import { ClientError } from "../client/cluster-client.ts";
import { findJsonMistake, type JsonMistake } from "../core/json-mistake.ts";

/** Nesting that is still read. */
export const MAX_DEPTH = 64;
/** Bytes of one text in a body, roughly: UTF-16 units are counted here, exact bytes where a field's limit is checked. */
const MAX_STRING = 64 * 1024;

const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/** The value of a JSON text. Throws ClientError `invalid` with what is wrong and, for a syntax error, where. */
export function parseJson(text: string): unknown {
  if (text.trim() === "") throw new ClientError("invalid", "the body is empty", "send a JSON object");
  if (depthOf(text) > MAX_DEPTH) throw new ClientError("invalid", `nested deeper than ${MAX_DEPTH}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ClientError("invalid", `not valid JSON${placeOf(findJsonMistake(text))}`, "", error);
  }
  refuseDanger(value, "");
  return value;
}

function placeOf(mistake: JsonMistake | null): string {
  return mistake === null ? "" : `: line ${mistake.line}, column ${mistake.column}: expected ${mistake.expected}`;
}

/** Deepest nesting of brackets outside strings; counted without recursion, so that depth itself can do no harm. */
export function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}

function refuseDanger(value: unknown, path: string): void {
  if (typeof value === "string" && value.length > MAX_STRING) {
    throw new ClientError("invalid", `${path || "the body"}: longer than ${MAX_STRING} characters`);
  }
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuseDanger(item, `${path}[${index}]`);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    if (FORBIDDEN.has(key)) throw new ClientError("invalid", `${at}: not allowed as a key`);
    refuseDanger(item, at);
  }
}
