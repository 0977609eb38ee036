import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AddressBook, openAddressBook } from "../../src/roles/dialled-addresses.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cube-addresses-"));
  file = join(directory, "node-addresses");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(path: string | null = file): AddressBook {
  const opened = openAddressBook(path);
  if (!opened.ok) throw new Error(opened.failure.message);
  return opened.value;
}

test("roles/addresses: what was added is there after a restart, once, and for its owner only", () => {
  const book = open();
  expect(book.list()).toEqual([]);
  for (const address of ["a:5556", "[::1]:5556", "a:5556"]) expect(book.add(address).ok).toBe(true);
  expect(open().list()).toEqual(["a:5556", "[::1]:5556"]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(book.remove("a:5556").ok).toBe(true);
  expect(open().list()).toEqual(["[::1]:5556"]);
});

test("roles/addresses: what cannot be kept is refused, and the list stays as it was", () => {
  const book = open();
  book.add("a:5556");
  rmSync(file);
  mkdirSync(join(file, "in-the-way"), { recursive: true });
  expect(book.add("b:5556")).toMatchObject({ ok: false, failure: { kind: "transient" } });
  expect(book.remove("a:5556")).toMatchObject({ ok: false, failure: { kind: "transient" } });
  expect(book.list()).toEqual(["a:5556"]);
});

test("roles/addresses: a file that others may read is refused with the way out", () => {
  open().add("a:5556");
  chmodSync(file, 0o644);
  expect(openAddressBook(file)).toMatchObject({
    ok: false,
    failure: { message: expect.stringContaining("chmod 600") },
  });
});

test("roles/addresses: without a file they are kept for as long as the process lives", () => {
  const book = open(null);
  book.add("a:5556");
  expect(book.list()).toEqual(["a:5556"]);
});
