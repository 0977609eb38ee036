/**
 * The head row: what the store is (lineage, format), who may write to it (term), and what all other rows must add up to.
 * It travels in the same atomic write as the rows it describes, so the two can only differ when something was lost.
 */
import type { Opening } from "../protocol/messages.ts";
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
  /** The newest openings, the present one last. */
  readonly past: readonly Opening[];
}

/** Openings that are kept: a worker that was away for longer judges by term and revision alone. They are written with every commit, so they are few. */
const PAST_KEPT = 32;

/** The openings with one more. */
export function withOpening(past: readonly Opening[], opening: Opening): readonly Opening[] {
  return [...past, opening].slice(-PAST_KEPT);
}

/** The head row's value. Pure. */
export function encodeHead(head: Head): string {
  const { lineage, term, revision, rows, digest } = head;
  const past = head.past.map((each) => [each.term, each.revision, each.mark]);
  return JSON.stringify({ v: STORE_FORMAT, lineage, term, revision, rows, digest: digestText(digest), past });
}

/** The head in a row's value; only the format counts when it is newer than ours. null when no Cube wrote this. Pure. */
export function decodeHead(value: string): Head | null {
  const parsed = parse(value);
  if (parsed === null || typeof parsed.v !== "number") return null;
  const { v: format, lineage, term, revision, rows, digest } = parsed;
  if (format > STORE_FORMAT) return { format, lineage: "", term: 0, revision: 0, rows: 0, digest: 0n, past: [] };
  if (typeof lineage !== "string" || typeof digest !== "string" || !/^[0-9a-f]{16}$/.test(digest)) return null;
  if (typeof term !== "number" || typeof revision !== "number" || typeof rows !== "number") return null;
  return { format, lineage, term, revision, rows, digest: BigInt(`0x${digest}`), past: openingsOf(parsed.past) };
}

/** Heads of before there were openings have none. */
function openingsOf(value: unknown): readonly Opening[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((each: unknown) => {
    const [term, revision, mark] = Array.isArray(each) ? (each as unknown[]) : [];
    const isOne = typeof term === "number" && typeof revision === "number" && typeof mark === "string";
    return isOne ? [{ term, revision, mark }] : [];
  });
}

function parse(value: string): { readonly [field: string]: unknown; readonly v?: unknown } | null {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null ? (parsed as { [field: string]: unknown }) : null;
  } catch {
    return null;
  }
}
