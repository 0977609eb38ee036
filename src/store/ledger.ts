/**
 * The store's memory of what is on disk: each row's hash, their sum, term, revision and the kept part of the log. It plans a commit
 * as one list of row operations and takes the plan in only once it is durable, so a failed commit leaves no trace here.
 */
import type { LoggedChange } from "../core/change.ts";
import { replaceInDigest, rowHash } from "./digest.ts";
import { encodeHead, type Head } from "./head.ts";
import { HEAD_KEY, logKey } from "./keys.ts";
import type { LogWindow } from "./log-window.ts";
import { logValue, type RowChange, rowValue, toRow } from "./rows.ts";
import type { RowOperation } from "./rows-port.ts";

/** No hash is negative, so this one can stand for a removed row. */
const REMOVED = -1n;

/** One commit, ready to be written. */
export interface Plan {
  readonly operations: readonly RowOperation[];
  readonly head: Head;
  /** New hash of each touched row, or `REMOVED`. */
  readonly hashes: ReadonlyMap<string, bigint>;
  readonly changes: readonly LoggedChange[];
  readonly keepFrom: number;
}

/** What the rows on disk add up to. */
export class Ledger {
  head: Head;
  readonly log: LogWindow;
  readonly #hashes: Map<string, bigint>;

  constructor(head: Head, found: { readonly hashes: Map<string, bigint>; readonly log: LogWindow }) {
    this.head = head;
    this.log = found.log;
    this.#hashes = found.hashes;
  }

  /** The row operations for these changes, whose revisions follow the head's. Changes nothing. */
  plan(changes: readonly LoggedChange[], nowMs: number): Plan {
    const operations: RowOperation[] = [];
    const final = new Map<string, RowChange>();
    for (const logged of changes) {
      const row = toRow(logged.change);
      final.set(row.key, row);
      operations.push({ type: "put", key: logKey(logged.revision), value: logValue(logged, row) });
    }
    const { hashes, rows, digest } = this.#writeRows(final, operations);
    const newest = this.head.revision + changes.length;
    const keepFrom = this.log.keepFrom({ newest, changes: changes.length, nowMs });
    for (let revision = this.log.oldest; revision < keepFrom; revision += 1) {
      operations.push({ type: "del", key: logKey(revision) });
    }
    const head = { ...this.head, revision: newest, rows, digest };
    operations.push({ type: "put", key: HEAD_KEY, value: encodeHead(head) });
    return { operations, head, hashes, changes, keepFrom };
  }

  #writeRows(final: ReadonlyMap<string, RowChange>, operations: RowOperation[]) {
    const hashes = new Map<string, bigint>();
    let { rows, digest } = this.head;
    for (const [key, { table, record }] of final) {
      const value = record === null ? null : rowValue(table, record);
      operations.push(value === null ? { type: "del", key } : { type: "put", key, value });
      const before = this.#hashes.get(key);
      const after = value === null ? 0n : rowHash(key, value);
      rows += (value === null ? 0 : 1) - (before === undefined ? 0 : 1);
      digest = replaceInDigest(digest, { before: before ?? 0n, after });
      hashes.set(key, value === null ? REMOVED : after);
    }
    return { hashes, rows, digest };
  }

  /** The plan is durable. */
  accept(plan: Plan): void {
    this.head = plan.head;
    for (const [key, hash] of plan.hashes) {
      if (hash === REMOVED) this.#hashes.delete(key);
      else this.#hashes.set(key, hash);
    }
    for (const { revision, atMs } of plan.changes) this.log.note(revision, atMs);
    this.log.pruned(plan.keepFrom);
  }
}
