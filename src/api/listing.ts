/** Pages of lists. Pure. A cursor is opaque and names the last item seen by its sort key, so items that come or go between pages neither repeat nor hide others. */
import { ClientError, type ListQuery, type Page } from "../client/cluster-client.ts";

/** Items on a page when the query names no limit, and the most that it may ask for. */
const PAGE = { usual: 500, most: 5_000 } as const;

/** Sorts by `keyOf` (unique, compared as text) and cuts the page out. Throws ClientError `invalid` for a cursor or limit that cannot be. */
export function page<T>(
  items: Iterable<T>,
  query: ListQuery,
  view: { readonly keyOf: (item: T) => string; readonly revision: number },
): Page<T> {
  const limit = limitOf(query.limit);
  const after = query.cursor ? decodeCursor(query.cursor) : "";
  const rows: { readonly key: string; readonly item: T }[] = [];
  for (const item of items) {
    const key = view.keyOf(item);
    if (key > after) rows.push({ key, item });
  }
  rows.sort((a, b) => (a.key < b.key ? -1 : 1));
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const cursor = last && rows.length > limit ? encodeCursor(last.key) : "";
  return { items: shown.map((row) => row.item), cursor, revision: view.revision };
}

/** A page of something else made of the same items. */
export function mapPage<T, U>(from: Page<T>, map: (item: T) => U): Page<U> {
  return { ...from, items: from.items.map(map) };
}

/** Sort key for oldest first. */
export function byTime(ms: number, id: string): string {
  return `${String(ms).padStart(16, "0")}/${id}`;
}

/** Sort key for newest first. */
export function byTimeDown(ms: number, id: string): string {
  return byTime(Number.MAX_SAFE_INTEGER - ms, id);
}

/** The limit to use: absent is the usual one, more than the most is the most. Throws ClientError `invalid` below 1. */
export function limitOf(limit: number | undefined): number {
  if (limit === undefined) return PAGE.usual;
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new ClientError("invalid", "limit: a whole number from 1 on", "");
  return Math.min(limit, PAGE.most);
}

const CURSOR_VERSION = "1:";

function encodeCursor(key: string): string {
  return Buffer.from(CURSOR_VERSION + key).toString("base64url");
}

function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, "base64url").toString();
  if (text.startsWith(CURSOR_VERSION)) return text.slice(CURSOR_VERSION.length);
  throw new ClientError("invalid", "cursor: not one that a list has given", "leave it out to begin at the first page");
}
