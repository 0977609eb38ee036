// Which manager a command speaks to beyond this machine, whom it trusts there and with which token.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/config.ts";
import {
  addressKey,
  forgetManager,
  knownManagersFile,
  readKnownManagers,
  rememberManager,
} from "../../src/config/known-managers.ts";
import type { Flags } from "../../src/config/sources.ts";
import { ConfigError } from "../../src/config/wrong-value.ts";

const ID = "a".repeat(52);
const OTHER = "b".repeat(52);
let home = "";
let file = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "cube-known-"));
  file = knownManagersFile(join(home, ".config", "cube"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function target(flags: Flags, env: Record<string, string> = {}) {
  return loadConfig({ env, home, cwd: "/srv" }, { flags, role: "client" }).target;
}

function problem(run: () => unknown): string {
  try {
    run();
    return "no problem";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return `${error.message} | ${error.hint}`.replaceAll(home, "~");
  }
}

test("config/known: what is written down is read again, by address, and only its owner may read it", () => {
  rememberManager(file, "n1:5555", { clusterId: ID, token: "t" });
  rememberManager(file, addressKey({ host: "FE80::1", port: 1 }), { clusterId: OTHER, token: "" });
  expect([...readKnownManagers(file)]).toEqual([
    ["n1:5555", { clusterId: ID, token: "t" }],
    ["[fe80::1]:1", { clusterId: OTHER, token: "" }],
  ]);
  expect([statSync(file).mode & 0o777, statSync(join(file, "..")).mode & 0o777]).toEqual([0o600, 0o700]);
  expect([forgetManager(file, "n1:5555"), forgetManager(file, "n1:5555")]).toEqual([true, false]);
  expect([...readKnownManagers(file).keys()]).toEqual(["[fe80::1]:1"]);
});

test("config/known: a file that others may read, or that is damaged, is refused with the way out", () => {
  rememberManager(file, "n1:5555", { clusterId: ID, token: "t" });
  chmodSync(file, 0o644);
  expect(problem(() => target({ manager: "n1" }))).toBe(
    "others may read ~/.config/cube/known-managers.json, which holds tokens | chmod 600 ~/.config/cube/known-managers.json",
  );
  chmodSync(file, 0o600);
  for (const text of ["", "{", "[]", "{}", '{"version":1,"managers":{"n1:5555":{"clusterId":5}}}']) {
    writeFileSync(file, text);
    expect(problem(() => target({ manager: "n1" }))).toContain("is damaged | delete it, and log in anew");
  }
  writeFileSync(file, '{"version":2,"managers":{}}');
  expect(problem(() => target({ manager: "n1" }))).toContain("has version 2, this Cube knows 1");
});

test("config/known: beyond loopback it is always TLS, with the pin that was given or remembered, else with none", () => {
  const tls = { kind: "tls", host: "n1", port: 5555, token: "" } as const;
  expect(target({ manager: "n1" })).toEqual({ ...tls, clusterId: "" });
  expect(target({ manager: "n1", clusterId: ID })).toEqual({ ...tls, clusterId: ID });
  expect(target({ manager: "n1" }, { CUBE_CLUSTER_ID: ID })).toEqual({ ...tls, clusterId: ID });
  rememberManager(file, "n1:5555", { clusterId: ID, token: "remembered" });
  expect(target({ manager: "N1" })).toEqual({ ...tls, host: "N1", clusterId: ID, token: "remembered" });
  expect(target({ manager: "n1" }, { CUBE_TOKEN: "given" })).toEqual({ ...tls, clusterId: ID, token: "given" });
  expect(target({ manager: "https://n1:80" })).toEqual({ ...tls, port: 80, clusterId: "" });
});

test("config/known: on loopback it is plain unless somebody says otherwise; this machine's token goes to no other manager", () => {
  const data = join(home, "data");
  rememberManager(join(data, "x"), "y", { clusterId: ID, token: "" });
  writeFileSync(join(data, "api-token"), "local");
  const flags = { dataDir: data, manager: "127.0.0.1:7" };
  expect(target(flags)).toEqual({ kind: "tcp", host: "127.0.0.1", port: 7, token: "local" });
  const tls = { kind: "tls", host: "127.0.0.1", port: 7, clusterId: ID, token: "" } as const;
  expect(target({ ...flags, clusterId: ID })).toEqual(tls);
  expect(target({ ...flags, manager: "https://127.0.0.1:7" })).toEqual({ ...tls, clusterId: "" });
  rememberManager(file, "127.0.0.1:7", { clusterId: ID, token: "" });
  expect(target(flags)).toEqual(tls);
  expect(target({ ...flags, manager: "http://127.0.0.1:7" })).toMatchObject({ kind: "tcp", token: "local" });
});

test("config/known: what contradicts itself, or would show a token to everybody, is refused", () => {
  rememberManager(file, "n1:5555", { clusterId: ID, token: "t" });
  expect(problem(() => target({ manager: "n1", clusterId: OTHER }))).toBe(
    "WARNING: n1:5555 is known as another cluster than the one that --cluster-id names | only if the manager there was really set up anew: cube logout n1:5555",
  );
  expect(problem(() => target({ manager: "http://n1" }))).toContain("n1:5555 cannot be spoken to in clear");
  expect(problem(() => target({ manager: "http://127.0.0.1", clusterId: ID }))).toContain(
    "cannot be spoken to in clear",
  );
  expect(problem(() => target({ clusterId: ID }))).toContain("a cluster's id is for a manager at HOST:PORT");
  expect(problem(() => target({ manager: "n1", clusterId: ID.slice(1) }))).toContain("a cluster's id: 52 letters");
});

test("config/known: reading the configuration makes nothing", () => {
  target({ manager: "n1" });
  expect(existsSync(join(home, ".config"))).toBe(false);
});
