/**
 * The head row: what the store is (lineage, format), who may write to it (term), and what all other rows must add up to.
 * It travels in the same atomic write as the rows it describes, so the two can only differ when something was lost.
 */
import { digestText } from "./digest.ts";
import { STORE_FORMAT } from "./migrate.ts";

/** The head row's content. */
export interface Head {
  readonly format: number;
  readonly lineage: string;
  readonly term: number;
  /** Revision of the newest committed change. */
  readonly revision: number;
  /** Live rows of records; log and head are not counted. */
  readonly rows: number;
  /** Sum of the hashes of those rows. */
  readonly digest: bigint;
}

/** The head row's value. Pure. */
export function encodeHead(head: Head): string {
  const { lineage, term, revision, rows, digest } = head;
  return JSON.stringify({ v: STORE_FORMAT, lineage, term, revision, rows, digest: digestText(digest) });
}

/** The head in a row's value; only the format counts when it is newer than ours. null when no Cube wrote this. Pure. */
export function decodeHead(value: string): Head | null {
  const parsed = parse(value);
  if (parsed === null || typeof parsed.v !== "number") return null;
  const { v: format, lineage, term, revision, rows, digest } = parsed;
  if (format > STORE_FORMAT) return { format, lineage: "", term: 0, revision: 0, rows: 0, digest: 0n };
  if (typeof lineage !== "string" || typeof digest !== "string" || !/^[0-9a-f]{16}$/.test(digest)) return null;
  if (typeof term !== "number" || typeof revision !== "number" || typeof rows !== "number") return null;
  return { format, lineage, term, revision, rows, digest: BigInt(`0x${digest}`) };
}

function parse(value: string): { readonly [field: string]: unknown; readonly v?: unknown } | null {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null ? (parsed as { [field: string]: unknown }) : null;
  } catch {
    return null;
  }
}
