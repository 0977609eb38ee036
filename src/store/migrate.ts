/**
 * The store's format version and the way from older ones to it. Rows carry the version they were written in and are brought
 * up to date when they are read, so opening an old store never rewrites it in one go; a newer store is refused, never guessed at.
 */
import { type Failure, fail } from "../core/failure.ts";
import type { Table } from "./keys.ts";

/** The format that this program writes. Raise it with every change of a record's shape, and add the step that leads to it. */
export const STORE_FORMAT = 1;

/** Brings one record from format `from` to the next one. Pure. */
export interface MigrationStep {
  readonly from: number;
  readonly upgrade: (table: Table, record: unknown) => unknown;
}

/** All steps, oldest first. Empty while there has only been one format. */
const STEPS: readonly MigrationStep[] = [];

/** The record in the newest format that the steps lead to. Pure; throws when it is newer than that. */
export function upgradeRecord(
  row: { readonly table: Table; readonly format: number; readonly record: unknown },
  steps: readonly MigrationStep[] = STEPS,
): unknown {
  const newest = steps.at(-1)?.from ?? STORE_FORMAT - 1;
  if (row.format > newest + 1) throw new Error(`a row of format ${row.format} in a store of format ${newest + 1}`);
  let { record } = row;
  for (const step of steps) {
    if (step.from >= row.format) record = step.upgrade(row.table, record);
  }
  return record;
}

/** Why a file or store of that format cannot be opened here; null when it can. `thing` begins the sentence. */
export function refuseNewer(thing: string, found: number, known: number): Failure | null {
  if (found <= known) return null;
  const message =
    `${thing} has format ${found}, written by a newer Cube; this one understands up to format ${known}. ` +
    "Nothing was changed. Start the newer Cube again, or choose another directory with --data-dir";
  return fail("invalid", message).failure;
}
