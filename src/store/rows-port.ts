/**
 * What a key-value engine must do to carry a store. LevelDB and memory implement it; all that makes a store out of rows is shared.
 * An engine translates its library's errors: nothing of LevelDB is known beyond level.ts and its neighbours.
 */
import type { Result } from "../core/failure.ts";
import type { CommitOutcome } from "../manager/ports.ts";

/** One row to write or delete, in the shape that abstract-level takes. */
export type RowOperation =
  | { readonly type: "put"; readonly key: string; readonly value: string }
  | { readonly type: "del"; readonly key: string };

/** A range of keys, in byte order. */
export interface RowRange {
  readonly gte: string;
  readonly lt: string;
  readonly limit?: number;
}

/** Opened rows. Reads throw `DamagedRows` where the engine finds them unreadable. */
export interface Rows {
  /** True when this is the first opening, so that no rows at all is as it should be. */
  readonly fresh: boolean;
  /** The lineage noted beside the rows; "" when none is. */
  readonly lineage: string;
  /** What the engine did to open them, when people should know; "" otherwise. */
  readonly notice: string;
  /** The newest revision known to have been acknowledged in that lineage, from a source beside the rows; 0 when nothing is known. */
  acked(lineage: string): number;
  /** Notes a revision as acknowledged. Cheap, and allowed to get lost. */
  noteAcked(lineage: string, revision: number): void;
  getMany(keys: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Pages of rows in order. */
  scan(range: RowRange): AsyncIterable<readonly (readonly [key: string, value: string])[]>;
  /** All or nothing, durable when committed. Never rejects. */
  write(operations: readonly RowOperation[]): Promise<CommitOutcome>;
  /** Notes the lineage beside the rows: from now on missing rows are a loss, not a first start. */
  noteLineage(lineage: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens rows, and tries to save them when they cannot be read. */
export interface Engine {
  /** The directory or the like, for messages. */
  readonly name: string;
  /** Kinds: `conflict` when another process owns the rows, `transient` to retry, `invalid` and `denied` when people must act. */
  open(): Promise<Result<Rows>>;
  /** Called with the rows closed, after a read found them damaged. */
  repair(damage: string): Promise<Result<Rows>>;
}

/** The engine found its own data unreadable. */
export class DamagedRows extends Error {}
