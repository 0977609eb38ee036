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
  const pager = new Pager(query, view.keyOf);
  for (const item of items) pager.add(item);
  return pager.page(view.revision);
}

/** How many times a page's rows are held before all but the first of them are let go. */
const SLACK = 4;

/** Makes a page of items that come one by one, in any order; it never holds more than a few times the page. */
export class Pager<T> {
  readonly #keyOf: (item: T) => string;
  readonly #limit: number;
  readonly #after: string;
  #rows: { readonly key: string; readonly item: T }[] = [];
  /** Nothing from this key on can be on the page any more; null while that is not known. */
  #before: string | null = null;

  /** `keyOf` is unique, and compared as text. Throws ClientError `invalid` for a cursor or limit that cannot be. */
  constructor(query: ListQuery, keyOf: (item: T) => string) {
    this.#keyOf = keyOf;
    this.#limit = limitOf(query.limit);
    this.#after = query.cursor ? decodeCursor(query.cursor) : "";
  }

  add(item: T): void {
    const key = this.#keyOf(item);
    if (key <= this.#after || (this.#before !== null && key >= this.#before)) return;
    this.#rows.push({ key, item });
    if (this.#rows.length >= SLACK * (this.#limit + 1)) this.#cut();
  }

  /** The first items behind the cursor, in order. */
  page(revision: number): Page<T> {
    this.#cut();
    const shown = this.#rows.slice(0, this.#limit);
    const last = shown.at(-1);
    const cursor = last && this.#rows.length > this.#limit ? encodeCursor(last.key) : "";
    return { items: shown.map((row) => row.item), cursor, revision };
  }

  /** Keeps one more than the page, which says that there is another. */
  #cut(): void {
    this.#rows.sort((a, b) => (a.key < b.key ? -1 : 1));
    if (this.#rows.length <= this.#limit) return;
    this.#rows.length = this.#limit + 1;
    this.#before = this.#rows.at(-1)?.key ?? null;
  }
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
