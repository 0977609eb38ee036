/**
 * The addresses of workers that people gave the manager while it ran, in a file of its data directory that only its owner may read: they are dialled again after
 * a restart. Written whole, and synced before anybody hears that it is done.
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { fail, ok, type Result, wordsOf } from "../core/failure.ts";
import { readSecret, replaceFile } from "../transport/secret-file.ts";

/** A list of addresses that outlives the process. */
export interface AddressBook {
  list(): readonly string[];
  /** Fails with `transient` when it cannot be kept; it is then not in the list. */
  add(address: string): Result<void>;
  /** As `add`; it is then still in the list. */
  remove(address: string): Result<void>;
}

/** Opens the list; `file` null for one that is only in memory. Fails when others may read the file, or nobody can. */
export function openAddressBook(file: string | null): Result<AddressBook> {
  const read = file === null ? ok(null) : readSecret(file);
  if (!read.ok) return read;
  const addresses = new Set((read.value ?? "").split("\n").filter((line) => line !== ""));
  const keep = (wanted: ReadonlySet<string>): Result<void> => (file === null ? ok(undefined) : write(file, wanted));
  return ok({
    list: () => [...addresses],
    add: (address) => {
      const kept = addresses.has(address) ? ok(undefined) : keep(new Set([...addresses, address]));
      if (kept.ok) addresses.add(address);
      return kept;
    },
    remove: (address) => {
      const kept = addresses.has(address)
        ? keep(new Set([...addresses].filter((each) => each !== address)))
        : ok(undefined);
      if (kept.ok) addresses.delete(address);
      return kept;
    },
  });
}

function write(file: string, addresses: ReadonlySet<string>): Result<void> {
  try {
    replaceFile(file, [...addresses].map((address) => `${address}\n`).join(""));
    sync(file);
    sync(dirname(file));
    return ok(undefined);
  } catch (error) {
    return fail("transient", `the addresses cannot be kept: ${wordsOf(error)}`);
  }
}

function sync(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
