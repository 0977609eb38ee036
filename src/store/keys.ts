/**
 * The keys of all rows. Zero-padded revisions keep the change log in order under LevelDB's byte-wise comparison.
 * A key's shape is part of the store's format: it must never change without a migration.
 */

/** The kinds of records, which are also the first part of their rows' keys. */
export const TABLES = ["job", "slot", "task", "node", "decision", "request", "access"] as const;
export type Table = (typeof TABLES)[number];

/** The one row that says what all others must add up to; written with every commit. */
export const HEAD_KEY = "meta/head";

/** Bounds of the change log's keys: from `LOG_START` to just below `LOG_END`. */
export const LOG_START = "log/";
export const LOG_END = "log0";

/** Digits that hold every safe integer. */
const REVISION_DIGITS = 16;

/** Key of a record's row. Ids may hold slashes; a lone surrogate is replaced, as UTF-8 would do it. */
export function rowKey(table: Table, id: string): string {
  return `${table}/${id}`.toWellFormed();
}

/** The table of a row's key; null for a key that is no record's. */
export function tableOfKey(key: string): Table | null {
  const name = key.slice(0, Math.max(0, key.indexOf("/")));
  return TABLES.find((table) => table === name) ?? null;
}

/** Key of a logged change. */
export function logKey(revision: number): string {
  return LOG_START + String(revision).padStart(REVISION_DIGITS, "0");
}

/** The revision in a log row's key; NaN for another key. */
export function revisionOfKey(key: string): number {
  return key.startsWith(LOG_START) ? Number(key.slice(LOG_START.length)) : Number.NaN;
}
