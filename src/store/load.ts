/**
 * Reads a whole store and judges it: what the rows add up to is held against the head row, so a hole that LevelDB skipped is found.
 * A damaged store is handed over for reading, with its problem named; it must never pass for an empty or a smaller cluster.
 */
import type { Change, LoggedChange } from "../core/change.ts";
import { fail, ok, type Result } from "../core/failure.ts";
import type { StoreContents, TakeOver } from "../manager/ports.ts";
import { replaceInDigest, rowHash } from "./digest.ts";
import { decodeHead, encodeHead, type Head, withOpening } from "./head.ts";
import { HEAD_KEY, LOG_END, LOG_START, logKey, revisionOfKey } from "./keys.ts";
import { Ledger } from "./ledger.ts";
import { LOG_STRIDE, LogWindow } from "./log-window.ts";
import { refuseNewer, STORE_FORMAT } from "./migrate.ts";
import { fromLogValue, fromRow } from "./rows.ts";
import type { DamagedRows, Rows } from "./rows-port.ts";

/** How to load. */
export interface LoadOptions {
  /** The store, for messages. */
  readonly name: string;
  /** Go on with what is left of a damaged store, under a new lineage. */
  readonly acceptLoss: boolean;
  readonly takeOver?: TakeOver;
  /** Term of a store that has none yet. Default 1. */
  readonly firstTerm?: number | undefined;
}

/** A loaded store. */
export interface Loaded {
  readonly contents: StoreContents;
  readonly ledger: Ledger;
}

interface Found {
  readonly records: readonly Change[];
  readonly hashes: Map<string, bigint>;
  readonly digest: bigint;
  /** Keys of rows that could not be read, and why the first one could not. */
  readonly unreadable: readonly string[];
  readonly firstError: string;
}

interface Judgement {
  readonly head: Head;
  readonly problem: string;
  readonly notice: string;
  /** Rows to delete: those that cannot be read, once their loss is accepted. */
  readonly drop: readonly string[];
}

/** Reads everything and raises the term. Throws `DamagedRows` when the engine cannot read its own data. */
export async function loadRows(rows: Rows, options: LoadOptions): Promise<Result<Loaded>> {
  const [headValue] = await rows.getMany([HEAD_KEY]);
  const head = headValue === undefined ? null : decodeHead(headValue);
  const refusal = head === null ? null : refuseNewer(`the store in ${options.name}`, head.format, STORE_FORMAT);
  if (refusal !== null) return { ok: false, failure: refusal };
  const found = await readRecords(rows);
  const log = await readLogWindow(rows, head?.revision ?? 0);
  const judged = opened(judge(rows, { head, found, log: log.newest }, options), head);
  const ledger = new Ledger(judged.head, { hashes: found.hashes, log: log.window });
  const unclaimed = await claim(rows, judged);
  const problem = joinLines(judged.problem, unclaimed);
  const retry = judged.problem === "" && unclaimed !== "";
  const notice = joinLines(rows.notice, judged.notice);
  const { lineage, term, revision, past } = judged.head;
  return ok({ ledger, contents: { lineage, term, revision, past, records: found.records, problem, retry, notice } });
}

/** This opening is the newest of the store's; a new lineage begins with it. */
function opened(judged: Judgement, before: Head | null): Judgement {
  const { lineage, term, revision } = judged.head;
  const earlier = before?.lineage === lineage ? before.past : [];
  const past = withOpening(earlier, { term, revision, mark: crypto.randomUUID().slice(0, 8) });
  return { ...judged, head: { ...judged.head, past } };
}

/** Makes the new term durable, and notes the lineage beside the rows. "" or what failed; the store is then only for reading. */
async function claim(rows: Rows, { head, drop }: Judgement): Promise<string> {
  const deletions = drop.map((key) => ({ type: "del", key }) as const);
  const outcome = await rows.write([...deletions, { type: "put", key: HEAD_KEY, value: encodeHead(head) }]);
  if (outcome.kind !== "committed") return `the store takes no writes: ${outcome.reason}`;
  try {
    if (rows.lineage !== head.lineage) await rows.noteLineage(head.lineage);
    return "";
  } catch (error) {
    return `the store takes no writes: ${String(error)}`;
  }
}

async function readRecords(rows: Rows): Promise<Found> {
  const records: Change[] = [];
  const hashes = new Map<string, bigint>();
  let digest = 0n;
  const unreadable: string[] = [];
  let firstError = "";
  for (const range of [
    { gte: "", lt: LOG_START },
    { gte: LOG_END, lt: "\uffff" },
  ]) {
    for await (const page of rows.scan(range)) {
      for (const [key, value] of page) {
        if (key === HEAD_KEY) continue;
        const after = rowHash(key, value);
        hashes.set(key, after);
        digest = replaceInDigest(digest, { before: 0n, after });
        try {
          records.push(fromRow(key, value));
        } catch (error) {
          unreadable.push(key);
          firstError ||= String(error);
        }
      }
    }
  }
  return { records, hashes, digest, unreadable, firstError };
}

/** The kept log: its first revision, the age of every thousandth entry, and its last revision. */
async function readLogWindow(rows: Rows, revision: number) {
  let oldest = revision + 1;
  for await (const page of rows.scan({ gte: LOG_START, lt: LOG_END, limit: 1 })) {
    const key = page[0]?.[0];
    if (key !== undefined) oldest = revisionOfKey(key);
  }
  const window = new LogWindow(oldest);
  const keys: string[] = [];
  for (let at = Math.ceil(oldest / LOG_STRIDE) * LOG_STRIDE; at <= revision; at += LOG_STRIDE) keys.push(logKey(at));
  for (const value of await rows.getMany(keys)) {
    const logged = value === undefined ? null : readLogged(value);
    if (logged !== null) window.note(logged.revision, logged.atMs);
  }
  return { window, newest: await newestLogged(rows, revision) };
}

/** A log row that cannot be read costs one note of age and a gap in the log, nothing more. */
function readLogged(value: string): LoggedChange | null {
  try {
    return fromLogValue(value);
  } catch {
    return null;
  }
}

/** Revisions beyond the head's, which exist only when the head row was lost. */
async function newestLogged(rows: Rows, revision: number): Promise<number> {
  let newest = revision;
  for await (const page of rows.scan({ gte: logKey(revision + 1), lt: LOG_END })) {
    const last = page.at(-1);
    if (last !== undefined) newest = Math.max(newest, revisionOfKey(last[0]));
  }
  return newest;
}

/** Holds what was found against the head: the head to go on with (its term raised) and what is wrong. */
function judge(
  rows: Rows,
  read: { readonly head: Head | null; readonly found: Found; readonly log: number },
  options: LoadOptions,
): Judgement {
  const { head, found } = read;
  const damage = damageOf(rows, head, found);
  const actual = { format: STORE_FORMAT, rows: found.hashes.size, digest: found.digest };
  if (damage === "") {
    const base = head ?? { lineage: crypto.randomUUID(), term: (options.firstTerm ?? 1) - 1, revision: 0, past: [] };
    const lineage = options.takeOver ? crypto.randomUUID() : base.lineage;
    return { head: { ...base, ...actual, lineage, term: nextTerm(base, options) }, problem: "", notice: "", drop: [] };
  }
  const revision = Math.max(head?.revision ?? 0, read.log);
  if (options.acceptLoss) {
    const left = {
      ...actual,
      ...forget(found),
      lineage: crypto.randomUUID(),
      term: nextTerm(head, options),
      revision,
      past: [],
    };
    const notice = `${damage}. The loss was accepted; the store has a new lineage`;
    return { head: left, problem: "", notice, drop: found.unreadable };
  }
  // Without a head any digest but the true one keeps the problem alive at the next opening.
  const wrong = BigInt.asUintN(64, found.digest + 1n);
  const kept = head ?? { ...actual, digest: wrong, lineage: rows.lineage, term: 0, revision, past: [] };
  return { head: { ...kept, term: kept.term + 1 }, problem: explain(damage, options.name), notice: "", drop: [] };
}

function nextTerm(head: { readonly term: number } | null, { takeOver }: LoadOptions): number {
  return Math.max(head?.term ?? 0, takeOver?.aboveTerm ?? 0) + 1;
}

/** Takes the unreadable rows out of what was found: their number and the digest without them. */
function forget(found: Found): { readonly rows: number; readonly digest: bigint } {
  let { digest } = found;
  for (const key of found.unreadable) {
    digest = replaceInDigest(digest, { before: found.hashes.get(key) ?? 0n, after: 0n });
    found.hashes.delete(key);
  }
  return { rows: found.hashes.size, digest };
}

/** "" for a sound store, else what is wrong with it. */
function damageOf(rows: Rows, head: Head | null, found: Found): string {
  const count = found.hashes.size;
  if (head === null) {
    return rows.fresh && count === 0 ? "" : `the head row is missing or unreadable (${count} records are there)`;
  }
  const acked = rows.acked(head.lineage);
  if (head.revision < acked) return `it ends at revision ${head.revision}, but ${acked} had been committed`;
  if (head.rows !== count) return `${head.rows} records were committed, ${count} are there`;
  if (head.digest !== found.digest)
    return `the digest of its ${count} records does not match: some are lost or altered`;
  return found.unreadable.length === 0
    ? ""
    : `${found.unreadable.length} of ${count} records are unreadable (${found.firstError})`;
}

function explain(damage: string, name: string): string {
  return (
    `the store in ${name} is damaged: ${damage}. Cube only reads it now: nothing is started or stopped, tasks go on. ` +
    "Restore a backup of the directory, or start once with --accept-loss to go on with what is left, and --adopt to take in what the workers still run"
  );
}

function joinLines(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(". ");
}

/** A failure to load as a value, for damage that could not be repaired. */
export function damagedBeyondRepair(error: DamagedRows, name: string): Result<never> {
  return fail("invalid", `the store in ${name} cannot be read: ${error.message}. Restore a backup of the directory`);
}
