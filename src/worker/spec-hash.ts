/**
 * A digest of a task's specification, put on its container so that a worker can tell what an instance was made from.
 * It recognises, it does not protect: 64 bits, not a cryptographic hash.
 */
import type { TaskSpec } from "../core/spec.ts";

/** Specifications never change, and one is asked for at every step of its task. */
const HASHES = new WeakMap<TaskSpec, string>();

/** 16 hex digits; the same for specifications that differ in the order of keys only. Pure. */
export function specHash(spec: TaskSpec): string {
  let hash = HASHES.get(spec);
  if (hash === undefined) {
    const text = canonical(spec);
    hash = hex(fnv1a(text, 0x811c9dc5)) + hex(fnv1a(text, 0x01000193));
    HASHES.set(spec, hash);
  }
  return hash;
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}

/** FNV-1a over UTF-16 code units, two octets each (Fowler, Noll, Vo). */
function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return hash >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
