/** Reads a list to its end. */
import type { ListQuery, Page } from "../client/cluster-client.ts";

const PAGE = 500;

/** All items of all pages, in order. */
export async function allPages<T>(
  read: (page: Pick<ListQuery, "limit" | "cursor">) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor = "";
  do {
    const page = await read(cursor === "" ? { limit: PAGE } : { limit: PAGE, cursor });
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== "");
  return items;
}
