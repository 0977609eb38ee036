// The file with the API's token.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadToken } from "../../src/api/token.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cube-token-"));
  path = join(directory, "api-token");
});
afterEach(() => rm(directory, { recursive: true }));

test("api: token: is made at the first start, for its owner's eyes, and stays", async () => {
  const token = await loadToken(path);
  expect([token.length, (await stat(path)).mode & 0o777, await loadToken(path)]).toEqual([43, 0o600, token]);
  expect((await readFile(path, "utf8")).trim()).toBe(token);
});

test("api: token: one that others may read is refused with the way out", async () => {
  await loadToken(path);
  await chmod(path, 0o640);
  await expect(loadToken(path)).rejects.toThrow(`chmod 600 ${path}`);
});

test("api: token: an empty file is no token", async () => {
  await writeFile(path, "\n", { mode: 0o600 });
  await expect(loadToken(path)).rejects.toThrow("too short to be one");
});

test("api: token: a directory in its place is named", async () => {
  await mkdir(path, { mode: 0o700 });
  await expect(loadToken(path)).rejects.toThrow(`${path} cannot be read`);
});
